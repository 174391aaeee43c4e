"""Reading objects that clients send as protobuf, which kubectl does for most of what it creates itself.

Answers are always JSON: every client that sends protobuf also accepts that. The numbers and names of fields are facts
of ``k8s.io/api``'s published ``.proto`` files, kept as data; the wire format is that of protocol buffers.
"""

from __future__ import annotations

import base64
import datetime
import json
import lzma
import struct
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.localcluster.schema import data
from fairlead.objects.ref import split_api_version

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["MEDIA_TYPE", "ProtobufError", "read_protobuf"]

MEDIA_TYPE = "application/vnd.kubernetes.protobuf"

Manifest = dict[str, Any]

_MAGIC = b"k8s\0"
_COMPONENT_PREFIX = "io.k8s."


class ProtobufError(ValueError):
    """The bytes are no object that can be read."""


@cache
def _messages() -> dict[str, dict[int, list[str]]]:
    """Message → field number → [JSON name, type, "list" or "map" or "", and "inline" where Go embeds it]."""
    packed = resources.files("fairlead.localcluster").joinpath("data/protobuf.json.xz").read_bytes()
    found: dict[str, dict[str, list[str]]] = json.loads(lzma.decompress(packed))
    return {name: {int(number): row for number, row in fields.items()} for name, fields in found.items()}


def read_protobuf(body: bytes) -> Manifest:
    """The object in a request's body, with ``apiVersion`` and ``kind``; raises :class:`ProtobufError`."""
    try:
        return _read(body)
    except (UnicodeDecodeError, TypeError) as error:  # text that is none, numbers in the place of bytes
        raise ProtobufError(f"proto: wrong wireType or text ({error})") from error


def _read(body: bytes) -> Manifest:
    if not body.startswith(_MAGIC):
        raise ProtobufError("provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]")
    api_version = kind = ""
    raw = b""
    for number, _, value in _fields(body[len(_MAGIC) :]):
        if number == 1:
            texts = {inner: bytes(text).decode() for inner, _, text in _fields(value)}
            api_version, kind = texts.get(1, ""), texts.get(2, "")
        elif number == 2:
            raw = bytes(value)
    group, version = split_api_version(api_version)
    component = data.kinds().get((group, version, kind)) or data.kinds().get(("", "v1", kind), "")
    message = component.removeprefix(_COMPONENT_PREFIX)
    if message not in _messages():
        raise ProtobufError(f'no kind "{kind}" is registered for version "{api_version}"')
    return {"apiVersion": api_version, "kind": kind, **_message(message, raw)}


def _varint(data: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        if at >= len(data) or shift > 63:
            raise ProtobufError("unexpected EOF")
        byte = data[at]
        at += 1
        value |= (byte & 0x7F) << shift
        if byte < 0x80:
            return value, at
        shift += 7


def _fields(data: bytes) -> Iterator[tuple[int, int, Any]]:
    """(number, wire type, value) of every field; a value is an integer or bytes."""
    at = 0
    while at < len(data):
        tag, at = _varint(data, at)
        number, wire = tag >> 3, tag & 7
        if wire == 0:
            value, at = _varint(data, at)
            yield number, wire, value
            continue
        if wire == 2:
            size, at = _varint(data, at)
        elif wire in (1, 5):
            size = 8 if wire == 1 else 4
        else:
            raise ProtobufError(f"illegal wire type {wire}")
        if at + size > len(data):
            raise ProtobufError("unexpected EOF")
        yield number, wire, data[at : at + size]
        at += size


def _message(name: str, data: bytes) -> Any:
    special = _SPECIAL.get(name)
    if special is not None:
        return special({number: value for number, _, value in _fields(data)})
    known = _messages()[name]
    if name.endswith((".ExtraValue", ".Verbs")):  # Go types that are lists of strings
        return [bytes(value).decode() for _, _, value in _fields(data)]
    result: Manifest = {}
    for number, _, value in _fields(data):
        row = known.get(number)
        if row is None:
            continue
        field, kind, shape, *inline = row
        if inline:
            result.update(_message(kind, value))
        elif shape == "list":
            result.setdefault(field, []).append(_value(kind, value))
        elif shape == "map":
            entry = {inner: item for inner, _, item in _fields(value)}
            key = bytes(entry.get(1, b"")).decode()
            result.setdefault(field, {})[key] = _value(kind, entry.get(2, b""))
        else:
            read = _value(kind, value)
            if read is not None:
                result[field] = read
    return result


def _value(kind: str, value: Any) -> Any:
    match kind:
        case "string":
            return bytes(value).decode()
        case "int":
            return value - (1 << 64) if value >= 1 << 63 else value
        case "bool":
            return bool(value)
        case "bytes":
            return base64.b64encode(value).decode()
        case "double":
            return struct.unpack("<d", value)[0]
        case _:
            return _message(kind, value)


def _time(fields: dict[int, Any]) -> str | None:
    if not fields.get(1):
        return None
    when = datetime.datetime.fromtimestamp(fields[1], datetime.UTC)
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _micro_time(fields: dict[int, Any]) -> str | None:
    text = _time(fields)
    return f"{text[:-1]}.{fields.get(2, 0) // 1000:06d}Z" if text else None


def _int_or_string(fields: dict[int, Any]) -> Any:
    if fields.get(1):
        return bytes(fields.get(3, b"")).decode()
    return _value("int", fields.get(2, 0))


def _quantity(fields: dict[int, Any]) -> str:
    return bytes(fields.get(1, b"")).decode() or "0"


def _raw_json(fields: dict[int, Any]) -> Any:
    return msgspec.json.decode(fields[1]) if fields.get(1) else None


def _duration(fields: dict[int, Any]) -> str:
    return f"{_value('int', fields.get(1, 0)) / 1e9:g}s"


_SPECIAL: dict[str, Callable[[dict[int, Any]], Any]] = {
    "apimachinery.pkg.apis.meta.v1.Time": _time,
    "apimachinery.pkg.apis.meta.v1.MicroTime": _micro_time,
    "apimachinery.pkg.apis.meta.v1.Duration": _duration,
    "apimachinery.pkg.apis.meta.v1.FieldsV1": _raw_json,
    "apimachinery.pkg.api.resource.Quantity": _quantity,
    "apimachinery.pkg.runtime.RawExtension": _raw_json,
    "apimachinery.pkg.util.intstr.IntOrString": _int_or_string,
}
