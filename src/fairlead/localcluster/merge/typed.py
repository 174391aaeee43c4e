"""Merging and comparing objects under a schema, as structured-merge-diff does (v6, package ``typed``).

Values are decoded JSON. Results share every unchanged part with their inputs, and unchanged input comes back as the
same object: callers use ``is`` to see that nothing happened, and :func:`compare` skips shared parts without looking
inside.
"""

from __future__ import annotations

from typing import Any, NamedTuple

from fairlead.localcluster.merge.fieldset import FieldSet, is_member
from fairlead.localcluster.merge.values import MergeError, equal, item_element, kind_of
from fairlead.localcluster.schema.types import ANYTHING, MISSING, Schema

__all__ = ["Comparison", "compare", "ensure_named_fields", "field_set", "merge", "remove_items"]


class Comparison(NamedTuple):
    """What the second of two objects changed; None stands for nothing."""

    added: FieldSet | None = None
    modified: FieldSet | None = None
    removed: FieldSet | None = None


_SAME = Comparison()
_MODIFIED = Comparison(modified={})


def _member(below: FieldSet | None) -> FieldSet:
    """``below`` with the element itself as a member."""
    if not below:
        return {}
    return below if "." in below else {".": {}, **below}


# ---- the fields that a value names


def field_set(value: Any, schema: Schema) -> FieldSet | None:
    """The paths that a value mentions, as an applier owns them; None for no path, ``{}`` for just the value itself."""
    kind = kind_of(value, schema)
    if kind == "s":
        return {}
    if kind == "m":
        if schema.map_atomic:
            return {}
        return _field_set_of_map(value, schema) if isinstance(value, dict) else None
    if schema.list_atomic:
        return {}
    return _field_set_of_list(value, schema) if isinstance(value, list) else None


def _field_set_of_map(value: dict[str, Any], schema: Schema) -> FieldSet | None:
    result: FieldSet = {}
    properties = schema.properties
    for key, item in value.items():
        child = properties.get(key)
        named = child is not None
        below = field_set(item, child or schema.extra or ANYTHING)
        if not named or item is None or item == {}:
            below = _member(below)
        if below is not None:
            result[f"f:{key}"] = below
    return result or None


def _field_set_of_list(value: list[Any], schema: Schema) -> FieldSet | None:
    result: FieldSet = {}
    seen: set[str] = set()
    items = schema.items or ANYTHING
    for item in value:
        element = item_element(item, schema)
        # An item that occurs twice is owned as a whole: nobody can say which of the two a path below it means.
        result[element] = {} if element in seen else _member(field_set(item, items))
        seen.add(element)
    return result or None


# ---- merging


def merge(live: Any, applied: Any, schema: Schema) -> Any:
    """``live`` with everything that ``applied`` says; nothing is removed.

    Raises :class:`MergeError` when list items have no identity.
    """
    if live is applied:
        return live
    kind = kind_of(applied, schema)
    if kind == "m" and not schema.map_atomic:
        return _merge_maps(live, applied, schema)
    if kind == "l" and not schema.list_atomic:
        return _merge_lists(live, applied, schema)
    return live if equal(live, applied) else applied


def _merge_maps(live: Any, applied: Any, schema: Schema) -> Any:
    if not isinstance(live, dict) or not live:
        return live if equal(live, applied) else applied
    if not applied:
        return live
    result: dict[str, Any] | None = None
    properties, extra = schema.properties, schema.extra
    for key, value in applied.items():
        mine = live.get(key, MISSING)
        merged = value if mine is MISSING else merge(mine, value, properties.get(key) or extra or ANYTHING)
        if merged is not mine:
            if result is None:
                result = dict(live)
            result[key] = merged
    return live if result is None else result


def _merge_lists(live: Any, applied: Any, schema: Schema) -> Any:
    if not isinstance(live, list) or not live:
        return live if equal(live, applied) else applied
    if not applied:
        return live
    left = [item_element(item, schema) for item in live]
    right = [item_element(item, schema) for item in applied]
    items = schema.items or ANYTHING
    if left == right and len(set(left)) == len(left):
        merged = [merge(a, b, items) for a, b in zip(live, applied, strict=True)]
    else:
        merged = _weave(live, left, dict(zip(right, applied, strict=True)), right, items)
    return live if len(merged) == len(live) and all(map(_is, merged, live)) else merged


def _is(left: Any, right: Any) -> bool:
    return left is right


def _weave(live: list[Any], left: list[str], applied: dict[str, Any], right: list[str], schema: Schema) -> list[Any]:
    """Both lists in one: items of ``live`` keep their places between the applied ones, which keep their own order."""
    # An item that occurs twice in the live list is not merged with the applied one but replaced by it.
    mine: dict[str, Any] = {}
    for element, item in zip(left, live, strict=True):
        mine[element] = None if element in mine else item
    shared = [element for element in right if element in mine]
    next_shared = shared.pop(0) if shared else None
    done: set[str] = set()
    result: list[Any] = []

    def take(element: str) -> None:
        item = mine.get(element)
        result.append(applied[element] if item is None else merge(item, applied[element], schema))
        done.add(element)

    i = j = 0
    while i < len(left) or j < len(right):
        if i < len(left) and j < len(right):
            element = left[i]
            if element == right[j]:
                take(element)
                i, j = i + 1, j + 1
                next_shared = shared.pop(0) if shared else None
                continue
            if element in applied and next_shared is not None and next_shared != element:
                i += 1  # a shared item, but not the one whose turn it is
                continue
        if i < len(left):
            if left[i] not in applied:
                result.append(live[i])
                i += 1
                continue
            if left[i] in done:
                i += 1
        if j < len(right):
            element = right[j]
            take(element)
            j += 1
            if next_shared == element:
                next_shared = shared.pop(0) if shared else None
    return result


# ---- comparing


def compare(before: Any, after: Any, schema: Schema) -> Comparison:
    """Which paths ``after`` added, changed or removed; inner nodes that came or went count as well as leaves."""
    if before is after:
        return _SAME
    old, new = kind_of(before, schema), kind_of(after, schema)
    if old == new:
        return _compare_as(new, before, after, schema)
    return _join(_compare_as(old, before, after, schema), _compare_as(new, before, after, schema))


def _join(first: Comparison, second: Comparison) -> Comparison:
    return Comparison(*(b if a is None else a if b is None else {**a, **b} for a, b in zip(first, second, strict=True)))


def _compare_as(kind: str, before: Any, after: Any, schema: Schema) -> Comparison:
    if kind == "m":
        old = before if isinstance(before, dict) else {}
        new = after if isinstance(after, dict) else {}
        if (old or new) and not schema.map_atomic:
            return _compare_maps(old, new, schema)
    elif kind == "l":
        old_items = before if isinstance(before, list) else []
        new_items = after if isinstance(after, list) else []
        if (old_items or new_items) and not schema.list_atomic:
            return _compare_lists(old_items, new_items, schema)
    return _SAME if equal(before, after) else _MODIFIED


def _compare_maps(before: dict[str, Any], after: dict[str, Any], schema: Schema) -> Comparison:
    added: FieldSet = {}
    modified: FieldSet = {}
    removed: FieldSet = {}
    properties, extra = schema.properties, schema.extra
    for key, value in after.items():
        old = before.get(key, MISSING)
        if old is value:
            continue
        child = properties.get(key) or extra or ANYTHING
        if old is MISSING:
            added[f"f:{key}"] = _everything(value, child)
        elif type(value) is str and type(old) is str:  # the common leaf
            if old != value:
                modified[f"f:{key}"] = {}
        else:
            _record(f"f:{key}", compare(old, value, child), added, modified, removed)
    for key in before.keys() - after.keys():
        removed[f"f:{key}"] = _everything(before[key], properties.get(key) or extra or ANYTHING)
    return Comparison(added or None, modified or None, removed or None)


def _record(element: str, change: Comparison, added: FieldSet, modified: FieldSet, removed: FieldSet) -> None:
    if change.added is not None:
        added[element] = change.added
    if change.modified is not None:
        modified[element] = change.modified
    if change.removed is not None:
        removed[element] = change.removed


def _group(items: list[Any], schema: Schema) -> dict[str, list[Any]]:
    groups: dict[str, list[Any]] = {}
    for item in items:
        groups.setdefault(item_element(item, schema), []).append(item)
    return groups


def _compare_lists(before: list[Any], after: list[Any], schema: Schema) -> Comparison:
    added: FieldSet = {}
    modified: FieldSet = {}
    removed: FieldSet = {}
    items = schema.items or ANYTHING
    old_groups, new_groups = _group(before, schema), _group(after, schema)
    for element in old_groups | new_groups:
        old, new = old_groups.get(element, []), new_groups.get(element, [])
        if len(old) <= 1 and len(new) <= 1:
            if not old:
                added[element] = _everything(new[0], items)
            elif not new:
                removed[element] = _everything(old[0], items)
            else:
                _record(element, compare(old[0], new[0], items), added, modified, removed)
        elif len(old) >= 2 and len(new) >= 2:
            if not equal(old, new):
                modified[element] = {}
        elif len(old) >= 2:
            removed[element] = {}
            if new:
                added[element] = _everything(new[0], items)
        else:
            added[element] = {}
            if old:
                removed[element] = _everything(old[0], items)
    return Comparison(added or None, modified or None, removed or None)


def _everything(value: Any, schema: Schema) -> FieldSet:
    """All paths at and below a value that came or went as a whole."""
    if isinstance(value, dict):
        if not value or schema.map_atomic or not schema.is_map:
            return {}
        result: FieldSet = {".": {}}
        properties, extra = schema.properties, schema.extra
        for key, item in value.items():
            result[f"f:{key}"] = _everything(item, properties.get(key) or extra or ANYTHING)
        return result
    if isinstance(value, list) and value and schema.is_list and not schema.list_atomic:
        result = {".": {}}
        items = schema.items or ANYTHING
        for item in value:
            element = item_element(item, schema)
            result[element] = {} if element in result else _everything(item, items)
        return result
    return {}


# ---- removing


def ensure_named_fields(fields: FieldSet, schema: Schema | None) -> FieldSet:
    """``fields`` with every struct field that something is owned below as a member, too.

    Appliers own leaves; a struct field such as ``spec.strategy`` is nobody's own, yet it goes with its last leaf.
    """
    result: FieldSet = {}
    for element, below in fields.items():
        if not below:
            result[element] = below
            continue
        child: Schema | None = None
        named = False
        if schema is not None and element != ".":
            if element[0] == "f":
                child = schema.properties.get(element[2:])
                named = child is not None
                child = child or schema.extra
            elif element[0] == "k":
                child = schema.items
        inner = ensure_named_fields(below, child)
        result[element] = _member(inner) if named else inner
    return result


def remove_items(value: Any, fields: FieldSet, schema: Schema) -> Any:
    """``value`` without the members of ``fields``; a map or list that becomes empty becomes null, as in the server."""
    kind = kind_of(value, schema)
    if kind == "m" and isinstance(value, dict):
        if schema.map_atomic or not value:
            return None
        return _remove_from_map(value, fields, schema) or None
    if kind == "l" and isinstance(value, list):
        if schema.list_atomic or not value:
            return None
        return _remove_from_list(value, fields, schema) or None
    return value if kind == "s" else None


def _remove_from_map(value: dict[str, Any], fields: FieldSet, schema: Schema) -> dict[str, Any]:
    result: dict[str, Any] = {}
    for key, item in value.items():
        below = fields.get(f"f:{key}")
        if below is None:
            result[key] = item
        elif not is_member(below):
            result[key] = remove_items(item, below, schema.properties.get(key) or schema.extra or ANYTHING)
    return result


def _remove_from_list(value: list[Any], fields: FieldSet, schema: Schema) -> list[Any]:
    result: list[Any] = []
    for item in value:
        try:
            below = fields.get(item_element(item, schema))
        except MergeError:
            below = None
        if below is None:
            result.append(item)
        elif not is_member(below):
            result.append(remove_items(item, below, schema.items or ANYTHING))
    return result
