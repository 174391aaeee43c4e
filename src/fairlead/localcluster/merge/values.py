"""Small questions about JSON values that every merge step asks."""

from __future__ import annotations

from typing import Any

from fairlead.localcluster.merge.fieldset import canonical_json
from fairlead.localcluster.schema.types import MISSING, Schema

__all__ = ["MergeError", "equal", "item_element", "kind_of"]


class MergeError(ValueError):
    """Two values cannot be combined under their schema; the text is the API server's, ``code`` its status code."""

    def __init__(self, message: str, code: int = 500) -> None:
        super().__init__(message)
        self.code = code


def equal(left: Any, right: Any) -> bool:
    """Equality of JSON values; unlike Python's, it tells ``true`` from ``1``. Numbers compare by value."""
    if left is right:
        return True
    if left != right:
        return False
    if isinstance(left, dict):
        return all(equal(value, right[key]) for key, value in left.items())
    if isinstance(left, list):
        return all(map(equal, left, right))
    return isinstance(left, bool) is isinstance(right, bool)


def kind_of(value: Any, schema: Schema) -> str:
    """As what a value is merged: ``m`` map, ``s`` scalar or ``l`` list; null takes whatever the schema has first."""
    if isinstance(value, dict):
        if schema.is_map:
            return "m"
    elif isinstance(value, list):
        if schema.is_list:
            return "l"
    elif value is not None and schema.scalar:
        return "s"
    if schema.is_map:
        return "m"
    return "s" if schema.scalar else "l"


def item_element(item: Any, schema: Schema) -> str:
    """The path element of an item of an associative list; raises :class:`MergeError` when it has no identity."""
    if schema.keys:
        return _keyed_element(item, schema)
    if isinstance(item, dict):
        raise MergeError("associative list without keys has an element that's a map type")
    if isinstance(item, list):
        raise MergeError("not supported: associative list with lists as elements")
    if item is None:
        raise MergeError("associative list without keys has an element that's an explicit null")
    return f"v:{canonical_json(item)}"


def _keyed_element(item: Any, schema: Schema) -> str:
    if item is None:
        raise MergeError("associative list with keys may not have a null element")
    if not isinstance(item, dict):
        raise MergeError("associative list with keys may not have non-map elements")
    keys: dict[str, Any] = {}
    for key in schema.keys:
        value = item.get(key, MISSING)
        if value is MISSING and schema.items is not None:
            field = schema.items.properties.get(key)
            value = MISSING if field is None else field.default
        if value is not MISSING:
            keys[key] = value
    if not keys:
        names = " ".join(f'"{key}"' for key in schema.keys)
        raise MergeError(
            f"associative list with keys has an element that omits all key fields [{names}] "
            "(and doesn't have default values for any key fields)"
        )
    return f"k:{canonical_json(keys)}"
