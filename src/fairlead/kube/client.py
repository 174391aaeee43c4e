"""The Kubernetes API as the rest of Fairlead uses it: get, list, create, replace, patch, apply, delete, watch.

Objects are plain manifests (decoded JSON). One :class:`KubeClient` per cluster holds the connections; ``impersonate``
derives cheap ones that act as somebody else and share everything. Failures are :mod:`fairlead.kube.errors`; what a
repetition can heal has been repeated before they are raised.
"""

from __future__ import annotations

import asyncio
import contextlib
import random
from dataclasses import replace
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal, Self, TypeVar
from urllib.parse import quote

import msgspec

from fairlead.kube.discovery import Discovery, Resource
from fairlead.kube.errors import ApiError, NoMatchError, NotFoundError, ServerUnavailableError
from fairlead.kube.listing import ListResult, RawPage, Selection, further_page
from fairlead.kube.options import ClientOptions
from fairlead.kube.paths import (
    collection_path,
    identity_headers,
    object_path,
    query_text,
    require_place,
    subject_of,
    write_query,
)
from fairlead.kube.transport import JSON, Call, Transport
from fairlead.kube.watch import RawBatch, WatchEvent, read_events
from fairlead.objects.ref import GroupKind, ObjectRef, split_api_version

if TYPE_CHECKING:
    from collections import Counter
    from collections.abc import AsyncGenerator, Awaitable, Callable, Mapping

    from fairlead.kube.config import ClusterConfig
    from fairlead.objects.manifest import Manifest

__all__ = ["KubeClient", "ListResult", "PatchType", "RawPage"]

WATCH_GRACE_SECONDS = 30.0
"""A watch that the server does not end by then hangs on a dead connection."""

Propagation = Literal["Background", "Foreground", "Orphan"]


class PatchType(StrEnum):
    """The forms of a patch; the values are their media types."""

    JSON = "application/json-patch+json"
    MERGE = "application/merge-patch+json"
    STRATEGIC = "application/strategic-merge-patch+json"
    APPLY = "application/apply-patch+yaml"


_PAGE = msgspec.json.Decoder(RawPage)
_ANY: msgspec.json.Decoder[Any] = msgspec.json.Decoder()
T = TypeVar("T")


class KubeClient:
    """A client of one API server; use it as an async context manager (derived clients need not be closed)."""

    def __init__(
        self,
        config: ClusterConfig,
        options: ClientOptions | None = None,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.config = config
        self.options = options or ClientOptions()
        self._transport = Transport(config, self.options, sleep=sleep)
        self._identity = identity_headers(config.impersonate_user, config.impersonate_groups)
        self.discovery = Discovery(self._discover, min_interval=self.options.discovery_interval)

    async def __aenter__(self) -> Self:
        await self._transport.open()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._transport.close()

    def impersonate(self, user: str, groups: tuple[str, ...] = ()) -> KubeClient:
        """A client that acts as ``user``; connections, limits, statistics and discovery are shared with this one."""
        derived = object.__new__(type(self))
        derived.__dict__.update(self.__dict__)
        derived.config = replace(self.config, impersonate_user=user, impersonate_groups=groups)
        derived._identity = identity_headers(user, groups)
        return derived

    @property
    def stats(self) -> Counter[tuple[str, str]]:
        """Requests sent so far by (verb, plural resource), retries included; ``dry-run`` is a verb of its own."""
        return self._transport.requests

    @property
    def responses(self) -> Counter[tuple[str, str]]:
        """Answers so far by (HTTP method, status code)."""
        return self._transport.responses

    @property
    def host(self) -> str:
        return self._transport.host

    async def get(self, ref: ObjectRef, *, version: str | None = None) -> Manifest:
        """The live object; raises :class:`NotFoundError`, or :class:`NoMatchError` for an unknown kind."""
        resource = await self.discovery.resource(ref.group_kind, version)
        return await self._send_object(resource, "get", "GET", ref)

    async def list(
        self,
        kind: GroupKind,
        *,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        version: str | None = None,
    ) -> ListResult:
        """All objects of a kind (in one namespace), read in pages; items carry their apiVersion and kind."""
        resource = await self.discovery.resource(kind, version)
        items: list[Manifest] = []
        resource_version = ""
        selection = Selection(
            namespace=namespace, label_selector=label_selector, field_selector=field_selector, version=version
        )
        async for page in self.pages(kind, selection):
            resource_version = page.metadata.resource_version
            for raw in page.items or ():
                item: Manifest = msgspec.json.decode(raw)
                item["apiVersion"] = resource.api_version
                item["kind"] = resource.kind
                items.append(item)
        return ListResult(items, resource_version)

    async def pages(self, kind: GroupKind, selection: Selection) -> AsyncGenerator[RawPage, None]:
        """A list page by page, items undecoded; raises :class:`GoneError` when the list expires on the way.

        Items of built-in kinds come without apiVersion and kind, as the server sends them.
        """
        resource = await self.discovery.resource(kind, selection.version)
        query = {"labelSelector": selection.label_selector, "fieldSelector": selection.field_selector}
        query["limit"] = str(self.options.page_size)
        while True:
            path = collection_path(resource, selection.namespace) + query_text(query)
            subject = subject_of(kind, selection.namespace)
            call = Call(verb="list", method="GET", path=path, subject=subject, resource=resource.plural)
            answer = await self._send(call, resource)
            page = _decode(_PAGE, answer, call)
            yield page
            if not page.metadata.continue_:
                return
            query["continue"] = page.metadata.continue_
            query["limit"] = str(further_page(self.options, len(page.items or ()), len(answer)))

    async def create(self, manifest: Manifest, *, dry_run: bool = False, field_manager: str = "") -> Manifest:
        """POST. A lost answer is not repeated: the object may exist then."""
        resource = await self._resource_of(manifest)
        query = write_query(dry_run, field_manager)
        ref = ObjectRef.of(manifest)
        verb = "dry-run" if dry_run else "create"
        return await self._send_object(resource, verb, "POST", ref, query=query, body=manifest, idempotent=False)

    async def replace(
        self, manifest: Manifest, *, subresource: str = "", field_manager: str = "", dry_run: bool = False
    ) -> Manifest:
        """PUT; raises :class:`ConflictApiError` when the manifest has a resourceVersion that is not the newest."""
        resource = await self._resource_of(manifest)
        query = write_query(dry_run, field_manager)
        ref = ObjectRef.of(manifest)
        return await self._send_object(
            resource,
            "dry-run" if dry_run else "update",
            "PUT",
            ref,
            query=query,
            body=manifest,
            subresource=subresource,
        )

    async def patch(
        self,
        ref: ObjectRef,
        body: object,
        patch_type: PatchType,
        *,
        subresource: str = "",
        field_manager: str = "",
        force: bool = False,
        dry_run: bool = False,
        version: str | None = None,
    ) -> Manifest:
        """PATCH with a JSON-encodable body; only JSON patches are not repeated after a lost answer."""
        resource = await self.discovery.resource(ref.group_kind, version)
        query = write_query(dry_run, field_manager) | ({"force": "true"} if force else {})
        verb = "apply" if patch_type is PatchType.APPLY else "patch"
        return await self._send_object(
            resource,
            "dry-run" if dry_run else verb,
            "PATCH",
            ref,
            query=query,
            body=body,
            subresource=subresource,
            content_type=patch_type.value,
            idempotent=patch_type is not PatchType.JSON,
        )

    async def apply(
        self,
        manifest: Manifest,
        *,
        field_manager: str,
        force: bool = True,
        dry_run: bool = False,
        subresource: str = "",
    ) -> Manifest:
        """Server-side apply in the manifest's own version; ``force`` takes fields over from other managers."""
        return await self.patch(
            ObjectRef.of(manifest),
            manifest,
            PatchType.APPLY,
            subresource=subresource,
            field_manager=field_manager,
            force=force,
            dry_run=dry_run,
            version=_version_of(manifest),
        )

    async def delete(
        self,
        ref: ObjectRef,
        *,
        propagation: Propagation = "Background",
        uid: str | None = None,
        resource_version: str | None = None,
        dry_run: bool = False,
        version: str | None = None,
    ) -> None:
        """Ask for deletion; finalizers may keep the object for a while. ``uid`` protects a successor of that name."""
        resource = await self.discovery.resource(ref.group_kind, version)
        body: dict[str, Any] = {"apiVersion": "v1", "kind": "DeleteOptions", "propagationPolicy": propagation}
        preconditions = {"uid": uid, "resourceVersion": resource_version}
        if kept := {key: value for key, value in preconditions.items() if value is not None}:
            body["preconditions"] = kept
        if dry_run:
            body["dryRun"] = ["All"]
        await self._send_object(resource, "dry-run" if dry_run else "delete", "DELETE", ref, body=body)

    async def watch(
        self,
        kind: GroupKind,
        *,
        resource_version: str,
        namespace: str | None = None,
        label_selector: str = "",
        field_selector: str = "",
        version: str | None = None,
    ) -> AsyncGenerator[WatchEvent, None]:
        """Changes after ``resource_version``, until the server ends the watch (5 to 10 minutes); then call again.

        Raises :class:`GoneError` when the version is too old, and :class:`ServerUnavailableError` when the connection
        is lost; every event that was yielded counts, so continue from the last one's resource version.
        """
        selection = Selection(
            namespace=namespace, label_selector=label_selector, field_selector=field_selector, version=version
        )
        batches = self.watch_raw(kind, selection, resource_version=resource_version)
        async with contextlib.aclosing(batches):
            async for batch in batches:
                for event in batch:
                    yield WatchEvent(event.type, msgspec.json.decode(event.object))

    async def watch_raw(
        self, kind: GroupKind, selection: Selection, *, resource_version: str
    ) -> AsyncGenerator[RawBatch, None]:
        """As :meth:`watch`, in batches as they arrive and with objects undecoded: for stores that keep a part only.

        The first batch is empty: it says that the server has accepted the watch.
        """
        resource = await self.discovery.resource(kind, selection.version)
        low, high = self.options.watch_seconds
        seconds = random.uniform(low, high)  # noqa: S311 - spreads load, hides nothing
        query = {
            "labelSelector": selection.label_selector,
            "fieldSelector": selection.field_selector,
            "watch": "true",
            "resourceVersion": resource_version,
            "allowWatchBookmarks": "true",
            "timeoutSeconds": str(max(int(seconds), 1)),
        }
        path = collection_path(resource, selection.namespace) + query_text(query)
        subject = subject_of(kind, selection.namespace)
        call = Call(verb="watch", method="GET", path=path, subject=subject, resource=resource.plural)
        try:
            async with self._transport.stream(call, self._identity, seconds + WATCH_GRACE_SECONDS) as chunks:
                yield []
                async for batch in read_events(chunks, call.subject):
                    yield batch
        except NotFoundError as error:
            raise self._unknown_resource(error, resource) from error

    async def request(
        self,
        method: str,
        path: str,
        *,
        params: Mapping[str, str] | None = None,
        body: object = None,
        headers: Mapping[str, str] | None = None,
    ) -> Any:
        """A request by path, for what has no method here (openapi, version, tables, access reviews); decoded JSON."""
        headers = dict(headers or {})
        call = Call(
            verb=method.lower(),
            method=method,
            path=quote(path, safe="/:%") + query_text(params or {}),
            subject=path,
            resource=path.strip("/").split("/")[0],
            body=None if body is None else msgspec.json.encode(body),
            content_type=headers.pop("Content-Type", JSON),
            accept=headers.pop("Accept", JSON),
            idempotent=method in ("GET", "PUT", "DELETE"),
        )
        answer = await self._transport.send(call, (*self._identity, *headers.items()))
        return _decode(_ANY, answer, call)

    async def _discover(self, path: str, accept: str) -> Any:
        call = Call(verb="get", method="GET", path=path, subject=path, resource="discovery", accept=accept)
        return _decode(_ANY, await self._transport.send(call, ()), call)

    async def _resource_of(self, manifest: Manifest) -> Resource:
        group, version = split_api_version(manifest.get("apiVersion") or "")
        return await self.discovery.resource(GroupKind(group, manifest.get("kind") or ""), version)

    async def _send_object(
        self,
        resource: Resource,
        verb: str,
        method: str,
        ref: ObjectRef,
        *,
        query: Mapping[str, str] | None = None,
        body: object = None,
        subresource: str = "",
        content_type: str = JSON,
        idempotent: bool = True,
    ) -> Manifest:
        require_place(resource, ref, verb, method)
        path = object_path(resource, ref if method != "POST" else ref._replace(name=""), subresource)
        call = Call(
            verb=verb,
            method=method,
            path=path + query_text(query or {}),
            subject=str(ref),
            resource=resource.plural,
            body=None if body is None else msgspec.json.encode(body),
            content_type=content_type,
            idempotent=idempotent,
            secret=resource.kind == "Secret" and not resource.group,
        )
        answer: Manifest = _decode(_ANY, await self._send(call, resource), call)
        return answer

    async def _send(self, call: Call, resource: Resource) -> bytes:
        try:
            return await self._transport.send(call, self._identity)
        except NotFoundError as error:
            raise self._unknown_resource(error, resource) from error

    def _unknown_resource(self, error: NotFoundError, resource: Resource) -> ApiError | NoMatchError:
        """A 404 may mean that the kind itself has gone, with its CRD: then discovery is stale."""
        if error.about_object:
            return error
        self.discovery.invalidate(resource.group_kind)
        return NoMatchError(resource.group_kind)


def _decode(decoder: msgspec.json.Decoder[T], answer: bytes, call: Call) -> T:
    try:
        return decoder.decode(answer)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise ServerUnavailableError(
            call.subject, call.verb, reason="InvalidAnswer", message=f"the answer is not what we asked for: {error}"
        ) from error


def _version_of(manifest: Manifest) -> str:
    return split_api_version(manifest.get("apiVersion") or "")[1]
