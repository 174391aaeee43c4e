"""Merging lists whose items have merge keys, or that are sets of scalars.

The order of the result, what happens to duplicates and to items without a key is kustomize's, step by step; its
output shows each of these. Lists here are the usual few items long, so that the steps may be quadratic.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from .errors import KustomizeError
from .values import MISSING, Value, is_null, is_scalar, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["merge_keyed", "set_element"]

_MOST_ITEMS: Final = 2_000


def merge_keyed(base: list[Value], patch: Value, keys: Sequence[str], walk: Callable[[Value, Value], Value]) -> Value:
    """The merge of two lists; ``patch`` may be missing, and ``base`` may be the patch itself."""
    if len(keys) == 1 and base is not patch:
        quick = _unpatched(base, keys[0], walk) if patch is MISSING else _patched(base, patch, keys[0], walk)
        if quick is not None:
            return quick
    if len(base) + (0 if patch is MISSING else len(patch)) > _MOST_ITEMS:
        raise KustomizeError(f"a list of more than {_MOST_ITEMS} items is too long to be merged by key")
    sources = [source for source in (patch, base) if source is not MISSING]
    if keys:
        values = _distinct([_text(item, key) for key in keys] for source in sources for item in source)
        return _merge(base, patch, keys, values, walk)
    if all(is_scalar(item) for source in sources for item in source):
        texts = _distinct([text_of(item)] for source in sources for item in source)
        return _merge(base, patch, ("",), texts, walk)
    raise KustomizeError("wrong node kind: expected ScalarNode in a list of scalars")


def _unpatched(base: list[Value], key: str, walk: Callable[[Value, Value], Value]) -> Value | None:
    """The usual list that the patch does not touch: every item has its own key. ``None`` for any other."""
    seen = set()
    for item in base:
        if type(item) is not dict or type(name := item.get(key)) is not str or not name or name in seen:
            return None
        seen.add(name)
    items = [walk(item, MISSING) for item in base]
    if all(new is old for new, old in zip(items, base, strict=True)):
        return base
    return items if all(items) else None


def _patched(base: list[Value], patch: list[Value], key: str, walk: Callable[[Value, Value], Value]) -> Value | None:
    """The usual two lists: every item has a key of its own. What the patch names comes first. ``None`` for others."""
    old, over = _by_key(base, key), _by_key(patch, key)
    if old is None or over is None:
        return None
    merged = [walk(old.get(name, MISSING), item) for name, item in over.items()]
    merged += [walk(item, MISSING) for name, item in old.items() if name not in over]
    return [item for item in merged if item is not MISSING and not is_null(item) and item != {}]


def _by_key(items: list[Value], key: str) -> dict[str, Value] | None:
    """The items by their key; ``None`` unless each is a map with a text of its own there, and without directives."""
    result: dict[str, Value] = {}
    for item in items:
        if type(item) is not dict or type(name := item.get(key)) is not str or not name:
            return None
        if name in result or "$patch" in item:
            return None
        result[name] = item
    return result


def _text(item: Value, key: str) -> str:
    """The text under a key; empty when there is none, or when it is a map, a list or null."""
    value = item.get(key) if type(item) is dict else None
    return "" if is_null(value) else text_of(value)


def _distinct(values: Any) -> list[list[str]]:
    result: list[list[str]] = []
    seen = set()
    for value in values:
        if tuple(value) not in seen:
            seen.add(tuple(value))
            result.append(value)
    return result


def _merge(
    base: list[Value],
    patch: Value,
    keys: Sequence[str],
    values: list[list[str]],
    walk: Callable[[Value, Value], Value],
) -> Value:
    added: list[Value] = []
    remaining = list(base)
    if len(keys) > 1:
        _unite(values)
    used: Sequence[str] = keys
    for item_values in values:
        used, wanted = _usable(values, item_values, keys)
        old, over = _find(remaining, used, wanted), MISSING if patch is MISSING else _find(patch, used, wanted)
        new = walk(old, over)
        if new is MISSING or is_null(new) or new == {}:
            for _ in used:
                remaining = set_element(remaining, MISSING, used, wanted)
            continue
        new = _with_keys(new, used, wanted)
        if old is not MISSING and not _replaces(old, over):
            remaining = [new if item is old else item for item in remaining]
        added = set_element(added, new, used, wanted)
    if not values:
        return remaining
    return _append(added, remaining, used)


def _replaces(old: Value, over: Value) -> bool:
    """Whether the item of the patch stands for the old one instead of merging into it."""
    if old is over:
        return False
    if is_scalar(old):
        return over is not MISSING
    return is_null(old) or (type(over) is dict and over.get("$patch") == "replace")


def _with_keys(item: Value, keys: Sequence[str], values: Sequence[str]) -> Value:
    if type(item) is not dict:
        return item
    absent = {key: value for key, value in zip(keys, values, strict=False) if value and key not in item}
    return {**item, **absent} if absent else item


def _unite(values: list[list[str]]) -> None:
    """Items that agree as far as both say something count as the same: a port without protocol is any of that
    number."""
    for i, one in enumerate(values):
        for j, other in enumerate(values):
            united = _united(one, other)
            if united is not None:
                values[i] = united
                values[j] = united
                one = united


def _united(one: list[str], other: list[str]) -> list[str] | None:
    common = False
    result = []
    for a, b in zip(one, other, strict=True):
        if a == b:
            common = True
        elif a and b:
            return None
        result.append(a or b)
    return result if common else None


def _usable(
    all_values: Sequence[Sequence[str]], values: Sequence[str], keys: Sequence[str]
) -> tuple[Sequence[str], Sequence[str]]:
    """The keys that occur in some item, and this item's values for them."""
    occurring = {keys[i] for item in all_values for i, value in enumerate(item) if value}
    if not occurring:
        return keys, values
    usable = [key for key in keys if key in occurring]
    return usable, [value for i, value in enumerate(values) if value or keys[i] in occurring]


def _find(items: Sequence[Value], keys: Sequence[str], values: Sequence[str]) -> Value:
    """The first item with these values; keys without a value are left out when another one has one."""
    keys, values = _usable([values], values, keys)
    if not keys[0]:
        return next((item for item in items if text_of(item) == values[0]), MISSING)
    for item in items:
        if type(item) is dict and len(keys) == len(values) and _has_all(item, keys, values):
            return item
    return MISSING


def _has_all(item: dict[str, Value], keys: Sequence[str], values: Sequence[str]) -> bool:
    return all(key in item and text_of(item[key]) == value for key, value in zip(keys, values, strict=True))


def set_element(items: Sequence[Value], element: Value, keys: Sequence[str], values: Sequence[str]) -> list[Value]:
    """The list with ``element`` in the place of every item that has these values, or at the end; ``MISSING`` removes
    them.

    Empty items fall out. Without any values nothing but the element is left: items are only kept when they are known
    to differ.
    """
    result = []
    found = False
    for item in items:
        if is_null(item) or item == {}:
            continue
        if type(item) is not dict and keys[0] and values and values[0]:
            result.append(item)
            continue
        if not _matches(item, keys, values):
            if values:
                result.append(item)
            continue
        found = True
        if element is not MISSING:
            result.append(element)
    if element is not MISSING and not is_null(element) and not found:
        result.append(element)
    return result


def _matches(item: Value, keys: Sequence[str], values: Sequence[str]) -> bool:
    present = False
    for index, key in enumerate(keys):
        if index < len(values):
            present = field_equals(item, key, values[index])
        if not present:
            return False
    return True


def field_equals(item: Value, key: str, text: str) -> bool:
    """Whether an item has the key with this text; an empty text fits any."""
    if not key:
        return bool(text) and is_scalar(item) and text_of(item) == text
    return type(item) is dict and key in item and (not text or text_of(item[key]) == text)


def _append(into: list[Value], items: Sequence[Value], keys: Sequence[str]) -> list[Value]:
    """Adds items; one that is there already takes its place (one key) or moves to the end (several)."""
    for item in items:
        if not keys[0]:
            into = set_element(into, item, ("",), (text_of(item),))
            continue
        values = []
        for key in keys:
            value = item.get(key, MISSING) if type(item) is dict else MISSING
            if value is MISSING or value is None:
                into = [*into, item]
            else:
                values.append(text_of(value))
        if len(keys) > 1:
            into = set_element(into, MISSING, keys, values)
        into = set_element(into, item, keys, values)
    return into
