"""Get and list: resource versions, pages, selectors."""

from __future__ import annotations

import base64
import binascii
from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.localcluster.server.selectors import Selection, select
from fairlead.localcluster.server.serving import list_bytes, object_bytes
from fairlead.localcluster.status import StatusError, bad_request, expired, not_found
from fairlead.localcluster.storage import Collection, CompactedError, Store, Stored

if TYPE_CHECKING:
    from fairlead.localcluster.server.negotiate import Form
    from fairlead.localcluster.server.registry import Resource
    from fairlead.localcluster.server.requests import ListOptions

__all__ = ["Reader", "too_large"]

_INCONSISTENT = (
    "The provided continue parameter is too old to display a consistent list result. You can start a new list without "
    "the continue parameter, or use the continue token in this response to retrieve the remainder of the results. "
    "Continuing with the provided token results in an inconsistent list - objects that were created, modified, or "
    "deleted between the time the first chunk was returned and now may show up in the list."
)


class Reader:
    def __init__(self, store: Store) -> None:
        self._store = store

    def get(
        self, resource: Resource, namespace: str, name: str, version: int | None, form: Form, include: str
    ) -> bytes:
        stored = self._store.collection(resource.collection).get(namespace, name)
        if version and version > self._store.version:
            raise too_large(version, self._store.version)
        if stored is None:
            raise not_found(resource.group, resource.plural, name)
        return object_bytes(resource, stored, form, include)

    def list(self, resource: Resource, namespace: str, options: ListOptions, form: Form, include: str) -> bytes:
        selection = select(resource, namespace, options.label_selector, options.field_selector)
        collection = self._store.collection(resource.collection)
        version, after = self._position(options)
        if version != self._store.version:
            try:
                collection = collection.at(version)
            except CompactedError as error:
                raise self._gone(options, version, after) from error
        items, rest = _page(collection, selection, after, options.limit)
        metadata: dict[str, Any] = {"resourceVersion": str(version)}
        if rest:
            metadata["continue"] = _token(version, items[-1].key)
            if selection.everything:
                metadata["remainingItemCount"] = rest
        return list_bytes(resource, items, metadata, form, include)

    def _position(self, options: ListOptions) -> tuple[int, str]:
        """The resource version to list at and the key to begin behind."""
        if options.continuation:
            version, after = _read_token(options.continuation)
            if options.version:
                raise bad_request("specifying resource version is not allowed when using continue")
            return (version if version > 0 else self._store.version), after
        if options.version and options.version > self._store.version:
            raise too_large(options.version, self._store.version)
        if options.version and (options.match == "Exact" or (options.limit and not options.match)):
            return options.version, ""
        return self._store.version, ""

    @staticmethod
    def _gone(options: ListOptions, version: int, after: str) -> StatusError:
        if options.continuation:
            error = expired(_INCONSISTENT)
            error.list_metadata = {"continue": _token(-1, after)}
            return error
        return expired("The resourceVersion for the provided list is too old.")


def _page(collection: Collection, selection: Selection, after: str, limit: int) -> tuple[list[Stored], int]:
    """The items of a page, and how many objects (matching or not) come after it."""
    if selection.name and selection.namespace and not limit:
        stored = collection.get(selection.namespace, selection.name)
        return ([stored] if stored and selection.matches(stored) else []), 0
    found = list(collection.scan(selection.namespace, after))
    if selection.everything:
        return (found[:limit], max(0, len(found) - limit)) if limit else (found, 0)
    items: list[Stored] = []
    for position, stored in enumerate(found):
        if limit and len(items) == limit:
            return items, len(found) - position
        if selection.matches(stored):
            items.append(stored)
    return items, 0


def _token(version: int, key: str) -> str:
    """As the real server: opaque, and the version is part of it."""
    body = msgspec.json.encode({"v": "meta.k8s.io/v1", "rv": version, "start": f"{key}\0"})
    return base64.urlsafe_b64encode(body).decode().rstrip("=")


def _read_token(token: str) -> tuple[int, str]:
    try:
        body = msgspec.json.decode(base64.urlsafe_b64decode(token + "=" * (-len(token) % 4)))
        if body["v"] != "meta.k8s.io/v1":
            raise bad_request(f"invalid continue token: continue key is not valid: incorrect version {body['v']}")
        return int(body["rv"]), str(body["start"]).rstrip("\0")
    except (binascii.Error, msgspec.DecodeError, UnicodeDecodeError, KeyError, TypeError, ValueError) as error:
        text = "invalid continue token: continue key is not valid: invalid character 'i' looking for beginning of value"
        raise bad_request(text) from error


def too_large(version: int, current: int) -> StatusError:
    details = {
        "causes": [{"reason": "ResourceVersionTooLarge", "message": "Too large resource version"}],
        "retryAfterSeconds": 1,
    }
    text = f"Timeout: Too large resource version: {version}, current: {current}"
    return StatusError(504, "Timeout", text, details, retry_after=1)
