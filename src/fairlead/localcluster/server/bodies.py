"""Request bodies: objects in JSON, YAML or protobuf, and what is wrong with others."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.localcluster.schema import data
from fairlead.localcluster.server.protobuf import MEDIA_TYPE, ProtobufError, read_protobuf
from fairlead.localcluster.status import StatusError, bad_request, invalid
from fairlead.objects import yaml
from fairlead.objects.ref import split_api_version

if TYPE_CHECKING:
    from aiohttp import web

    from fairlead.localcluster.server.registry import Resource

__all__ = ["check_kind", "delete_body", "read_object"]

Manifest = dict[str, Any]

_BODY_TYPES = ("application/json", "application/yaml", "application/vnd.kubernetes.protobuf")


def read_object(request: web.BaseRequest, body: bytes, kind: str) -> Manifest:
    """The object in a request's body, JSON or YAML."""
    media = request.content_type if "Content-Type" in request.headers else "application/json"
    if media == "application/yaml":
        try:
            value = yaml.load(body)
        except yaml.YamlError as error:
            raise _unrecognized(kind, f"yaml error: {yaml_problem(error)}", body) from error
    elif media == "application/json":
        try:
            value = msgspec.json.decode(body)
        except msgspec.DecodeError as error:
            raise _unrecognized(kind, _json_problem(error), body) from error
    elif media == MEDIA_TYPE:
        try:
            value = read_protobuf(body)
        except ProtobufError as error:
            text = f"the object provided is unrecognized (must be of type {kind}): {error}"
            raise bad_request(text) from error
    else:
        text = "the body of the request was in an unknown format - accepted media types include: "
        raise StatusError(415, "UnsupportedMediaType", text + ", ".join(_BODY_TYPES))
    if not isinstance(value, dict):
        name = {list: "array", str: "string", bool: "bool"}.get(type(value), "number")
        text = (
            f"json: cannot unmarshal {name} into Go value of type struct {{ APIVersion string "
            '"json:\\"apiVersion,omitempty\\""; Kind string "json:\\"kind,omitempty\\"" }'
        )
        raise _unrecognized(kind, text, body)
    return value


def _json_problem(error: msgspec.DecodeError) -> str:
    return "unexpected end of JSON input" if "truncated" in str(error) else str(error)


def _unrecognized(kind: str, problem: str, body: bytes) -> StatusError:
    shown = body.decode("utf-8", "replace") if body == b"{" else body[:1024].hex()
    return bad_request(
        f"the object provided is unrecognized (must be of type {kind}): couldn't get version/kind; "
        f"json parse error: {problem} ({shown})"
    )


def check_kind(resource: Resource, obj: Manifest) -> None:
    """A body must be of the kind of its path; absent names of built-in kinds are filled in."""
    if resource.custom is not None:
        _check_custom_kind(resource, obj)
        return
    kind, api_version = obj.get("kind") or resource.kind, obj.get("apiVersion") or resource.api_version
    if kind != resource.kind or api_version != resource.api_version:
        group, version = split_api_version(str(api_version))
        if (group, version, kind) in data.kinds() and resource.custom is None:
            package = (resource.group or "core").partition(".")[0]
            raise bad_request(
                f'{kind} in version "{version}" cannot be handled as a {resource.kind}: converting ({version}.{kind}) '
                f"to ({package}.{resource.kind}): unknown conversion"
            )
        raise bad_request(
            f'{kind} in version "{version}" cannot be handled as a {resource.kind}: no kind "{kind}" is registered for '
            f'version "{api_version}" in scheme "pkg/runtime/scheme.go:111"'
        )
    obj["kind"], obj["apiVersion"] = kind, api_version


def _check_custom_kind(resource: Resource, obj: Manifest) -> None:
    kind, api_version = obj.get("kind") or "", obj.get("apiVersion") or ""
    if not kind or not api_version:
        shown = json.dumps(obj)
        missing = "Kind" if not kind else "apiVersion"
        raise bad_request(
            f"the object provided is unrecognized (must be of type {resource.kind}): Object '{missing}' is missing in "
            f"'{shown}' ({shown[:30]} ...)"
        )
    if api_version != resource.api_version:
        raise bad_request(
            f"the API version in the data ({api_version}) does not match the expected API version "
            f"({resource.api_version})"
        )
    if kind != resource.kind:
        cause = ("FieldValueInvalid", f'Invalid value: "{kind}": must be {resource.kind}', "kind")
        raise invalid(resource.group, kind, (obj.get("metadata") or {}).get("name") or "", [cause])


def delete_body(request: web.BaseRequest, body: bytes) -> bytes:
    if body and request.content_type == MEDIA_TYPE:
        return msgspec.json.encode(read_object(request, body, "DeleteOptions"))
    if body and request.content_type == "application/yaml":
        return msgspec.json.encode(yaml.load(body))
    return body


def yaml_problem(error: yaml.YamlError) -> str:
    """The problem in the words of Go's YAML parser (v2), with the line that it would print."""
    number = error.go_lines[0]
    line = f"line {number}: " if number else ""
    return f"yaml: {line}{error.problem.removeprefix('yaml: ')}"
