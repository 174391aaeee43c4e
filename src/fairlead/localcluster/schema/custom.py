"""Custom resources on their way in: unknown fields go, defaults come, nulls that mean nothing go.

The order is the API server's: :func:`decode_custom` (metadata, pruning), merging of a patch or an apply, the same
again on the result, then :func:`apply_defaults`. All functions share what they do not change with their arguments.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING, Any

from fairlead.localcluster.schema.decode import DecodeError, decode_part
from fairlead.localcluster.schema.types import ANYTHING, MISSING

if TYPE_CHECKING:
    from fairlead.localcluster.schema.types import Schema

__all__ = ["apply_defaults", "decode_custom", "prune", "prune_value", "unknown_fields"]

_TYPE_META = ("apiVersion", "kind", "metadata")


def decode_custom(obj: dict[str, Any], schema: Schema) -> tuple[dict[str, Any], list[str]]:
    """The object without unknown fields and with tidy metadata, and what was unknown (``unknown field "spec.foo"``).

    Raises :class:`DecodeError` when the metadata, also of embedded resources, have wrong types.
    """
    pruning = _Pruning(str(obj.get("kind")), str(obj.get("apiVersion", "")).rpartition("/")[2])
    result = pruning.root(obj, schema)
    return result, [f'unknown field "{path}"' for path in sorted(pruning.unknown)]


def prune(obj: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """The object without the fields that its schema does not know."""
    return decode_custom(obj, schema)[0]


def unknown_fields(obj: dict[str, Any], schema: Schema) -> list[str]:
    """What strict field validation complains about: ``unknown field "spec.foo"``."""
    return decode_custom(obj, schema)[1]


def prune_value(value: Any, schema: Schema) -> Any:
    """The same for a value inside of an object."""
    return _Pruning("", "").value(value, schema, "")


class _Pruning:
    def __init__(self, kind: str, version: str) -> None:
        self.unknown: list[str] = []
        self._prefix = f'{kind} in version "{version}" cannot be handled as a {kind}: '

    def root(self, obj: dict[str, Any], schema: Schema) -> dict[str, Any]:
        result = dict(obj) if schema is ANYTHING else self._map(obj, schema, "", embedded=True)
        metadata = result.get("metadata")
        if metadata is not None:
            result = {**result, "metadata": self._metadata(metadata, schema, "")}
        return result

    def _metadata(self, metadata: Any, schema: Schema, path: str) -> dict[str, Any]:
        meta = schema.properties.get("metadata", ANYTHING)
        try:
            decoded, unknown = decode_part(metadata, meta, "v1.ObjectMeta")
        except DecodeError as error:
            place = f"{path}.metadata: Invalid value: {_compact(metadata)}: " if path else ""
            raise DecodeError(f"{self._prefix}{place}{error}") from None
        self.unknown += [f"{path}.metadata.{name}" if path else f"metadata.{name}" for name in unknown]
        return decoded

    def value(self, value: Any, schema: Schema, path: str) -> Any:
        if isinstance(value, dict):
            result = self._map(value, schema, path, embedded=schema.embedded_resource)
            if schema.embedded_resource and isinstance(result.get("metadata"), dict):
                result = {**result, "metadata": self._metadata(result["metadata"], schema, path)}
            return result
        if isinstance(value, list):
            items = schema.items
            if items is None or (schema.preserve_unknown and items.preserve_unknown):
                return value
            pruned = [self.value(item, items, f"{path}[{index}]") for index, item in enumerate(value)]
            return pruned if any(new is not old for new, old in zip(pruned, value, strict=True)) else value
        if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
            return int(value)  # JSON does not tell 1.0 from 1, and the server prints the latter
        return value

    def _map(self, value: dict[str, Any], schema: Schema, path: str, *, embedded: bool) -> dict[str, Any]:
        result: dict[str, Any] | None = None
        for key, item in value.items():
            if embedded and key in _TYPE_META:
                continue
            child = schema.properties.get(key) or schema.additional
            if child is None and schema.preserve_unknown:
                continue
            here = f"{path}.{key}" if path else key
            if child is None:
                self.unknown.append(here)
                result = dict(value) if result is None else result
                del result[key]
                continue
            pruned = self.value(item, child, here)
            if pruned is not item:
                result = dict(value) if result is None else result
                result[key] = pruned
        return value if result is None else result


def _compact(value: Any) -> str:
    return json.dumps(value, separators=(",", ":"), sort_keys=True)


def apply_defaults(obj: dict[str, Any], schema: Schema, *, drop_nulls: bool = True) -> dict[str, Any]:
    """The object with the defaults of its schema.

    Nulls go where null is neither allowed nor defaulted, except after an apply (``drop_nulls`` false): there the server
    leaves them for validation to refuse.
    """
    return _Defaulting(drop_nulls=drop_nulls).map(obj, schema)


class _Defaulting:
    def __init__(self, *, drop_nulls: bool) -> None:
        self._drop_nulls = drop_nulls

    def _value(self, value: Any, schema: Schema) -> Any:
        if isinstance(value, dict):
            return self.map(value, schema)
        if isinstance(value, list) and schema.items is not None and not schema.items.preserve_unknown:
            items = schema.items
            filled = [self._value(item, items) for item in value]
            return filled if any(new is not old for new, old in zip(filled, value, strict=True)) else value
        return value

    def map(self, value: dict[str, Any], schema: Schema) -> dict[str, Any]:
        if schema.go_fields is not None:
            return value  # metadata, which is not the definition's to default
        result: dict[str, Any] | None = None
        for key, child in schema.properties.items():
            present = value.get(key, MISSING)
            filled = self._field(present, child)
            if filled is present:
                continue
            result = dict(value) if result is None else result
            if filled is MISSING:
                del result[key]
            else:
                result[key] = filled
        return self._rest(value if result is None else result, schema)

    def _field(self, present: Any, schema: Schema) -> Any:
        """The field's value afterwards; MISSING for none."""
        if present is MISSING or (present is None and not schema.nullable):
            if schema.default is not MISSING:
                return self._value(copy.deepcopy(schema.default), schema)
            return MISSING if self._drop_nulls else present
        return self._value(present, schema)

    def _rest(self, value: dict[str, Any], schema: Schema) -> dict[str, Any]:
        """The values of ``additionalProperties``."""
        child = schema.additional
        if child is None or child is ANYTHING:
            return value
        result: dict[str, Any] | None = None
        for key, item in value.items():
            if key in schema.properties:
                continue
            filled = self._field(item, child)
            if filled is item:
                continue
            result = dict(value) if result is None else result
            if filled is MISSING:
                del result[key]
            else:
                result[key] = filled
        return value if result is None else result
