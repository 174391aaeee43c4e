"""Kubernetes' strategic merge patch: a merge patch that knows which lists merge, and by which key.

What merges is said by ``x-kubernetes-patch-strategy`` and ``-merge-key`` of built-in kinds; custom resources do not
have this patch. Behaviour and texts are those of ``apimachinery/pkg/util/strategicpatch`` (v0.35).
"""

from __future__ import annotations

from typing import Any, Final

from fairlead.localcluster.merge.patch_error import PatchError, not_an_object
from fairlead.localcluster.merge.values import equal
from fairlead.localcluster.schema.types import ANYTHING, Schema

__all__ = ["strategic_merge_patch"]

_DIRECTIVE: Final = "$patch"
_RETAIN_KEYS: Final = "$retainKeys"
_DELETE_FROM: Final = "$deleteFromPrimitiveList"
_ORDER: Final = "$setElementOrder"
_BAD_RETAIN_KEYS: Final = "invalid patch format of retainKeys"
_BAD_ORDER: Final = "invalid patch format of setElementOrder list"
_BAD_DELETE_FROM: Final = "invalid patch format of primitive list"


def strategic_merge_patch(doc: dict[str, Any], patch: Any, schema: Schema) -> dict[str, Any]:
    """``doc`` with the patch merged in; raises :class:`PatchError`."""
    if not isinstance(patch, dict):
        raise PatchError(not_an_object(patch), 400)
    return _merge_map(doc, patch, schema)


def _merge_map(original: dict[str, Any], patch: dict[str, Any], schema: Schema) -> dict[str, Any]:
    if _DIRECTIVE in patch:
        return _directed_map(patch)
    result = dict(original)
    patch = _retain_keys(result, patch)
    patch = _merge_ordered_lists(result, patch, schema)
    for name, value in patch.items():
        key, deletes = name, False
        if name.startswith(_DELETE_FROM):
            key, deletes = _target(name, _DELETE_FROM), True
        if value is None:
            result.pop(key, None)
            continue
        old = result.get(key)
        if old is None or type(old) is not type(value) or not isinstance(old, (dict, list)):
            if not deletes:
                _set(result, key, value)
            continue
        field = _field(schema, key)
        if isinstance(old, dict):
            replaces = "replace" in field.patch_strategies
            result[key] = value if replaces else _merge_map(old, value, field)
        else:
            result[key] = _merge_list(old, value, field, deletes=deletes)
    return result


def _field(schema: Schema, key: str) -> Schema:
    child = schema.child(key)
    if child is None:
        name = schema.name.rpartition(".")[2]
        raise PatchError(f'unable to find api field in struct {name} for the json field "{key}"', 500)
    return child


def _set(result: dict[str, Any], key: str, value: Any) -> None:
    cleaned, keep = _without_directives(value)
    if keep:
        result[key] = cleaned
    else:
        result.pop(key, None)


def _without_directives(value: Any) -> tuple[Any, bool]:
    """A value that meets nothing to merge with: nulls and directives mean nothing in it."""
    if isinstance(value, dict):
        if _DIRECTIVE in value:
            return None, False
        cleaned = {key: _without_directives(item) for key, item in value.items() if item is not None}
        return {key: item for key, (item, keep) in cleaned.items() if keep}, True
    if isinstance(value, list):
        return [item for item, keep in map(_without_directives, value) if keep], True
    return value, True


def _directed_map(patch: dict[str, Any]) -> dict[str, Any]:
    directive = patch[_DIRECTIVE]
    if directive == "replace":
        return {key: value for key, value in patch.items() if key != _DIRECTIVE}
    if directive == "delete":
        return {}
    raise PatchError(f"unknown patch type: {directive} in map: {_go(patch)}", 500)


def _retain_keys(result: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    if _RETAIN_KEYS not in patch:
        return patch
    keys = patch[_RETAIN_KEYS]
    if not isinstance(keys, list):
        raise PatchError(_BAD_RETAIN_KEYS, 400)
    rest = {key: value for key, value in patch.items() if key != _RETAIN_KEYS}
    for key, value in rest.items():
        if value is not None and not key.startswith((_DELETE_FROM, _ORDER)) and key not in keys:
            raise PatchError(_BAD_RETAIN_KEYS, 400)
    for key in [key for key in result if key not in keys]:
        del result[key]
    return rest


def _target(name: str, prefix: str) -> str:
    head, separator, key = name.partition("/")
    if not separator or head != prefix:
        raise PatchError(_BAD_ORDER if prefix == _ORDER else _BAD_DELETE_FROM, 400)
    return key


# ---- lists


def _merge_list(original: list[Any], patch: list[Any], field: Schema, *, deletes: bool = False) -> list[Any]:
    if not deletes and "merge" not in field.patch_strategies:
        return patch
    if not original and not patch:
        return original
    _same_types(original, patch)
    first = (original or patch)[0]
    if not isinstance(first, dict):
        if deletes:
            return [item for item in original if item not in patch]
        return _reorder(original + _new_scalars(original, patch), patch, original, "")
    if not field.merge_key:
        raise PatchError("cannot merge lists without merge key for " + (field.name or "list"), 500)
    merged = _merge_list_of_maps(original, patch, field)
    return _reorder(merged, patch, original, field.merge_key)


def _new_scalars(original: list[Any], patch: list[Any]) -> list[Any]:
    new: list[Any] = []
    for item in patch:
        if not any(equal(item, other) for other in original + new):
            new.append(item)
    return new


def _same_types(*lists: list[Any]) -> None:
    types = {type(item) for items in lists for item in items}
    if list in types:
        raise PatchError("lists of lists are not supported")
    if len(types) > 1:
        raise PatchError(f"list element types are not identical: [{' '.join(_go(items) for items in lists)}]", 500)


def _merge_list_of_maps(original: list[Any], patch: list[Any], field: Schema) -> list[Any]:
    key = field.merge_key
    result, merging, replace = list(original), [], False
    for item in patch:
        directive = item.get(_DIRECTIVE)
        if directive is None:
            merging.append(item)
        elif directive == "delete":
            value = _key_of(item, key)
            result = [other for other in result if not _has(other, key, value)]
        elif directive == "replace":
            replace = True
        elif directive == "merge":
            raise PatchError("merging lists cannot yet be specified in the patch", 500)
        else:
            raise PatchError(f"unknown patch type: {directive} in map: {_go(item)}", 500)
    if replace:
        return merging
    items = field.items or ANYTHING
    for item in merging:
        value = _key_of(item, key)
        index = next((i for i, other in enumerate(result) if _has(other, key, value)), None)
        if index is None:
            cleaned, keep = _without_directives(item)
            if keep:
                result.append(cleaned)
        else:
            result[index] = _merge_map(result[index], item, items)
    return result


def _key_of(item: Any, key: str) -> Any:
    if not isinstance(item, dict) or key not in item:
        raise PatchError(f"map: {_go(item)} does not contain declared merge key: {key}", 500)
    return item[key]


def _has(item: Any, key: str, value: Any) -> bool:
    return isinstance(item, dict) and key in item and equal(item[key], value)


# ---- lists whose order the patch sets


def _merge_ordered_lists(result: dict[str, Any], patch: dict[str, Any], schema: Schema) -> dict[str, Any]:
    """Handles every ``$setElementOrder/<list>`` and the list that it speaks of; returns the rest of the patch."""
    directives = [name for name in patch if name.startswith(_ORDER)]
    if not directives:
        return patch
    rest = dict(patch)
    for name in directives:
        order = rest.pop(name)
        key = _target(name, _ORDER)
        _check_lists(order, result.get(key), rest.get(key))
        field = _field(schema, key)
        before, items = result.get(key), rest.get(key)
        if items is not None:
            _check_order(items, order, field.merge_key)
        if before is None and items is None:
            continue
        merged = before if items is None else _without_directives(items)[0] if before is None else None
        if merged is None:
            merged = _merge_list(before or [], items or [], field)
        if before or items:
            result[key] = _reorder(merged, order, before or [], field.merge_key)
        rest.pop(key, None)
    return rest


def _check_lists(*values: Any) -> None:
    for value in values:
        if value is not None and not isinstance(value, list):
            raise PatchError(f"expected a list, but got: {_go(value)}", 500)


def _identity(item: Any, key: str) -> Any:
    return _key_of(item, key) if key else item


def _check_order(items: list[Any], order: list[Any], key: str) -> None:
    """The patch's items have to come in the order that it sets."""
    if not items or not order:
        return
    wanted = [_identity(item, key) for item in items if not (isinstance(item, dict) and _DIRECTIVE in item)]
    positions = iter([_identity(item, key) for item in order])
    if not all(any(equal(item, position) for position in positions) for item in wanted):
        raise PatchError(f"The order in patch list:\n{_go(items)}\n doesn't match {_ORDER} list:\n{_go(order)}\n", 500)


def _reorder(merged: list[Any], order: list[Any], before: list[Any], key: str) -> list[Any]:
    """The items that the order names in that order; between them the others, where they stood before."""
    wanted = [_identity(item, key) for item in order if not key or key in item]
    old = [_identity(item, key) for item in before]

    def position(item: Any, places: list[Any]) -> int:
        value = _identity(item, key)
        return next((i for i, other in enumerate(places) if equal(other, value)), -1)

    named = sorted((item for item in merged if position(item, wanted) >= 0), key=lambda item: position(item, wanted))
    others = sorted((item for item in merged if position(item, wanted) < 0), key=lambda item: position(item, old))
    result: list[Any] = []
    while named and others:
        left, right = position(others[0], old), position(named[0], old)
        result.append(others.pop(0) if 0 <= left < right else named.pop(0))
    return result + named + others


def _go(value: Any) -> str:
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{_go(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(_go, value)) + "]"
    if isinstance(value, bool):
        return "true" if value else "false"
    return "<nil>" if value is None else str(value)
