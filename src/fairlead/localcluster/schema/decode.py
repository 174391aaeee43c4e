"""Reading built-in kinds as the API server's Go structs do.

Decoding into a struct and printing it again changes an object: wrong types are errors, unknown fields vanish (and are
reported), nulls and empty values of optional fields vanish, required ones appear with their zero value, quantities take
their canonical form. :func:`decode` does all of it in one pass.
"""

from __future__ import annotations

import base64
import binascii
import re
from typing import TYPE_CHECKING, Any, Final

from fairlead.errors import InvalidSpecError
from fairlead.localcluster.schema.quantity import QuantityError, canonical_quantity
from fairlead.localcluster.schema.types import ANYTHING, Presence

if TYPE_CHECKING:
    from fairlead.localcluster.schema.types import Schema

__all__ = ["DecodeError", "decode", "decode_part", "strict_error"]

_QUANTITY: Final = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_RANGES: Final = {"int32": 2**31, "int64": 2**63}
_RFC3339: Final = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]\d\d:\d\d)")


class DecodeError(InvalidSpecError):
    """An object does not fit the types of its kind; the text is the API server's (answered with code 400)."""


def strict_error(problems: list[str]) -> str:
    """What ``fieldValidation=Strict`` answers for unknown and duplicate fields."""
    return f"strict decoding error: {', '.join(problems)}"


def decode(obj: dict[str, Any], schema: Schema) -> tuple[dict[str, Any], list[str]]:
    """The object as its Go struct holds it, and the unknown fields found (``unknown field "spec.foo"``).

    ``schema`` is that of a built-in kind; any other object comes back as it is. The result shares no container that
    defaulting may fill with ``obj``. Raises :class:`DecodeError`; the caller adds nothing to its text.
    """
    if schema.go_fields is None:
        return obj, []
    reader = _Reader()
    try:
        result = reader.struct(obj, schema)
    except _Mismatch as mismatch:
        version = str(obj.get("apiVersion", "")).rpartition("/")[2]
        kind = obj.get("kind")
        raise DecodeError(f'{kind} in version "{version}" cannot be handled as a {kind}: {mismatch}') from None
    return result, reader.unknown


def decode_part(value: Any, schema: Schema, go_type: str) -> tuple[dict[str, Any], list[str]]:
    """A part of an object that is a Go struct, such as the metadata of a custom resource, and its unknown fields'
    paths.
    """
    reader = _Reader()
    if not isinstance(value, dict):
        raise DecodeError(f"json: cannot unmarshal {_json_kind(value)} into Go value of type {go_type}")
    try:
        result = reader.struct(value, schema)
    except _Mismatch as mismatch:
        raise DecodeError(str(mismatch)) from None
    return result, [text.split('"')[1] for text in reader.unknown]


class _Mismatch(Exception):
    """The text of Go's decoder."""


def _json_kind(value: Any) -> str:
    if isinstance(value, bool):
        return "bool"
    if isinstance(value, (int, float)):
        return "number"
    if isinstance(value, str):
        return "string"
    return "object" if isinstance(value, dict) else "array"


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


class _Reader:
    """One decoding; knows where it is for the texts of errors."""

    def __init__(self) -> None:
        self.unknown: list[str] = []
        self._path: list[str] = []  # with list indices, for unknown fields
        self._names: list[str] = []  # with embedded structs, for wrong types
        self._struct = ""

    def struct(self, value: Any, schema: Schema) -> dict[str, Any]:
        fields = schema.go_fields or {}
        outer, self._struct = self._struct, schema.name.rpartition(".")[2]
        result: dict[str, Any] = {}
        for key, item in value.items():
            child = schema.properties.get(key)
            if child is None:
                self.unknown.append(f'unknown field "{"".join(self._path)}{"." if self._path else ""}{key}"')
                continue
            if item is None:
                continue
            field = fields[key]
            self._path.append(f".{key}" if self._path else key)
            self._names.append(f"{field.struct_name}.{key}" if field.struct_name else key)
            read = self.value(item, child, field.type_name.removeprefix("*"))
            self._path.pop()
            self._names.pop()
            # An empty list of owners is not the same as none: it asks to forget them.
            if read or field.presence is not Presence.IF_NOT_EMPTY or key == "managedFields":
                result[key] = read
        for key, zero in schema.go_always:
            if key not in result:
                result[key] = _copy(zero)
        self._struct = outer
        return result

    def value(self, value: Any, schema: Schema, go_type: str) -> Any:
        """One value that is not null."""
        if schema.type == "string":
            return self._string(value, schema, go_type)
        if schema.go_fields is not None:
            if not isinstance(value, dict):
                raise self._mismatch(value, go_type)
            return self.struct(value, schema)
        match schema.type:
            case "integer":
                return self._integer(value, schema.format or go_type, go_type)
            case "boolean":
                if not isinstance(value, bool):
                    raise self._mismatch(value, go_type)
                return value
            case "array":
                return self._array(value, schema, go_type)
            case "object":
                return self._map(value, schema, go_type)
            case "number":
                if isinstance(value, bool) or not isinstance(value, (int, float)):
                    raise self._mismatch(value, go_type)
                return value
        return self._special(value, schema)

    def _string(self, value: Any, schema: Schema, go_type: str) -> Any:
        if not isinstance(value, str):
            raise self._mismatch(value, go_type)
        if schema.format == "byte":
            return _base64(value)
        if schema.format == "date-time" and value and not _RFC3339.fullmatch(value):
            raise _Mismatch(f'parsing time "{value}" as "2006-01-02T15:04:05Z07:00": cannot parse "{value}" as "2006"')
        return value

    def _integer(self, value: Any, size: str, go_type: str) -> int:
        if isinstance(value, bool) or not isinstance(value, (int, float)):
            raise self._mismatch(value, go_type)
        limit = _RANGES.get(size, 2**63)
        if isinstance(value, float) or not -limit <= value < limit:
            raise self._mismatch(value, go_type, literal=f"number {value}")
        return value

    def _array(self, value: Any, schema: Schema, go_type: str) -> list[Any]:
        if not isinstance(value, list):
            raise self._mismatch(value, go_type)
        items = schema.items or ANYTHING
        inner = go_type.removeprefix("[]").removeprefix("*")
        result = []
        for index, item in enumerate(value):
            self._path.append(f"[{index}]")
            result.append(_zero(items) if item is None else self.value(item, items, inner))
            self._path.pop()
        return result

    def _map(self, value: Any, schema: Schema, go_type: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self._mismatch(value, go_type)
        inner = schema.extra
        if inner is None or inner.preserve_unknown:
            return value
        value_type = go_type.partition("]")[2].removeprefix("*") if go_type.startswith("map[") else go_type
        result = {}
        for key, item in value.items():
            if type(item) is str and inner.type == "string" and not inner.format:
                result[key] = item
                continue
            self._path.append(f"[{key}]")
            result[key] = _zero(inner) if item is None else self.value(item, inner, value_type)
            self._path.pop()
        return result

    def _special(self, value: Any, schema: Schema) -> Any:
        if schema.name == _QUANTITY:
            try:
                return canonical_quantity(value if isinstance(value, str) else str(value))
            except QuantityError as error:
                raise _Mismatch(str(error)) from None
        if schema.format == "int-or-string" and isinstance(value, (bool, float, dict, list)):
            raise self._mismatch(value, "int32", literal=f"number {value}" if isinstance(value, float) else "")
        return value

    def _mismatch(self, value: Any, go_type: str, literal: str = "") -> _Mismatch:
        path = ".".join(self._names)
        what = literal or _json_kind(value)
        return _Mismatch(f"json: cannot unmarshal {what} into Go struct field {self._struct}.{path} of type {go_type}")


def _zero(schema: Schema) -> Any:
    """What a null inside a list or map becomes."""
    if schema.go_fields is not None:
        return {key: _copy(zero) for key, zero in schema.go_always}
    return {"string": "", "integer": 0, "number": 0, "boolean": False}.get(schema.type)


def _base64(value: str) -> str:
    text = value.replace("\n", "").replace("\r", "")
    try:
        base64.b64decode(text, validate=True)
    except binascii.Error:
        good = re.match(r"[A-Za-z0-9+/]*", text)
        raise _Mismatch(f"illegal base64 data at input byte {len(good.group()) if good else 0}") from None
    return text
