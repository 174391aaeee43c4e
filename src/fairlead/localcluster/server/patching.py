"""Patch: the four ways to change a part of an object, one of which (apply) may also create it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.localcluster.server import strategy
from fairlead.localcluster.server.bodies import yaml_problem
from fairlead.localcluster.server.pipeline import Pipeline, Written, check_namespace, timestamp
from fairlead.localcluster.server.requests import options_invalid
from fairlead.localcluster.server.serving import to_manifest
from fairlead.localcluster.status import StatusError, bad_request, invalid, not_found
from fairlead.objects import yaml
from fairlead.objects.ref import split_api_version

if TYPE_CHECKING:
    from fairlead.localcluster.server.registry import Resource
    from fairlead.localcluster.server.requests import WriteOptions

__all__ = ["APPLY", "PATCH_TYPES", "Patcher"]

Manifest = dict[str, Any]

APPLY = "application/apply-patch+yaml"
JSON = "application/json-patch+json"
MERGE = "application/merge-patch+json"
STRATEGIC = "application/strategic-merge-patch+json"
PATCH_TYPES = (JSON, MERGE, STRATEGIC, APPLY)


class Patcher:
    def __init__(self, pipeline: Pipeline) -> None:
        self._pipeline = pipeline

    def patch(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        media: str,
        body: bytes,
        options: WriteOptions,
        *,
        subresource: str = "",
        named_manager: bool = True,
    ) -> Written:
        """``named_manager`` says that the request itself names its field manager, which apply needs."""
        if media == APPLY:
            if not named_manager:
                text = "Required value: is required for apply patch"
                raise options_invalid("PatchOptions", "Required", text, "fieldManager")
            return self._apply(resource, namespace, name, body, options, subresource)
        if options.force:
            text = "Forbidden: may not be specified for non-apply patch"
            raise options_invalid("PatchOptions", "Forbidden", text, "force")
        if media == STRATEGIC and resource.custom is not None:
            text = "the body of the request was in an unknown format - accepted media types include: "
            raise StatusError(415, "UnsupportedMediaType", text + ", ".join((JSON, MERGE, APPLY)))
        if media not in PATCH_TYPES:
            raise StatusError(415, "UnsupportedMediaType", "415: Unsupported Media Type", {})
        return self._change(resource, namespace, name, media, body, options, subresource)

    def _change(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        media: str,
        body: bytes,
        options: WriteOptions,
        subresource: str,
    ) -> Written:
        rules = self._pipeline.rules
        stored = self._pipeline.live(resource, namespace, name)
        live = to_manifest(resource, stored.body)
        new = rules.patch(resource, live, body, media)
        check_namespace(resource, new, namespace)
        strategy.check_name_in_url(new, name)
        self._pipeline.check_version(resource, stored, new["metadata"])
        try:
            new = rules.decode(resource, new, options)
        except StatusError as error:
            raise _unfit(resource, new, body, media, error) from error
        return self._pipeline.replace(resource, stored, new, options, subresource=subresource)

    def _apply(
        self, resource: Resource, namespace: str, name: str, body: bytes, options: WriteOptions, subresource: str
    ) -> Written:
        applied = _read_applied(body)
        metadata = applied.setdefault("metadata", {})
        if metadata.get("managedFields"):
            raise bad_request("metadata.managedFields must be nil")
        _check_type(resource, applied)
        check_namespace(resource, applied, namespace)
        metadata.setdefault("name", name)
        strategy.check_name_in_url(applied, name)
        stored = self._pipeline.store.collection(resource.collection).get(namespace, name)
        if stored is None:
            if subresource:
                raise not_found(resource.group, resource.plural, name)
            metadata.pop("resourceVersion", None)
            new = self._pipeline.rules.apply(resource, None, applied, options, timestamp(), "")
            new = self._pipeline.rules.decode(resource, new, options)
            return self._pipeline.insert(resource, namespace, new, options, owned=True)
        live = to_manifest(resource, stored.body)
        self._pipeline.check_version(resource, stored, metadata)
        new = self._pipeline.rules.apply(resource, live, applied, options, timestamp(), subresource)
        new = self._pipeline.rules.decode(resource, new, options)
        return self._pipeline.replace(resource, stored, new, options, subresource=subresource, owned=True)


def _unfit(resource: Resource, patched: Manifest, body: bytes, media: str, error: StatusError) -> StatusError:
    """What the real server says of a patch whose result does not fit its type: it shows the result, or the patch."""
    problem = error.message.partition(f"cannot be handled as a {resource.kind}: ")[2] or error.message
    if media == STRATEGIC:
        shown = _as_go_prints(msgspec.json.decode(body))
    else:
        shown = msgspec.json.encode(dict(sorted(patched.items()))).decode()
    quoted = shown.replace("\\", "\\\\").replace('"', '\\"')
    return invalid("", "", "", [("FieldValueInvalid", f'Invalid value: "{quoted}": {problem}', "patch")])


def _as_go_prints(value: Any) -> str:
    if isinstance(value, dict):
        return f"map[{' '.join(f'{key}:{_as_go_prints(item)}' for key, item in sorted(value.items()))}]"
    if isinstance(value, list):
        return f"[{' '.join(map(_as_go_prints, value))}]"
    return {None: "<nil>", True: "true", False: "false"}.get(value, str(value)) if not isinstance(value, str) else value


def _check_type(resource: Resource, applied: Manifest) -> None:
    api_version, kind = applied.get("apiVersion") or "", applied.get("kind") or ""
    if (api_version, kind) != (resource.api_version, resource.kind):
        group, version = split_api_version(api_version)
        raise bad_request(f"invalid object type: {group}/{version}, Kind={kind}")


def _read_applied(body: bytes) -> Manifest:
    """The configuration of an apply request, which is YAML (and usually JSON)."""
    try:
        value = msgspec.json.decode(body)
    except msgspec.DecodeError:
        try:
            value = yaml.load(body)
        except yaml.YamlError as error:
            text = f"error decoding YAML: error converting YAML to JSON: {yaml_problem(error)}"
            raise bad_request(text) from error
    if not isinstance(value, dict):
        raise bad_request("error decoding YAML: json: cannot unmarshal into Go value of type map[string]interface {}")
    return value
