"""Walking to the targets of a replacement: fields, indices, ``[key=pattern]``, ``*``; with making what is missing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.objects.yaml_writer import write

from .errors import KustomizeError
from .golang import node_text
from .paths import is_index, is_list_match, split_match
from .regex import compile_pattern
from .values import MISSING, Value, is_null, is_scalar, resolve, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["TargetPath"]


class TargetPath:
    """Applies a function to every value that a path leads to. ``template`` is the value to make room for, or
    ``MISSING``."""

    __slots__ = ("_create", "_put", "_template", "found")

    def __init__(self, put: Callable[[Value], Value], template: Value = MISSING) -> None:
        self._put = put
        self._template = template
        self._create = template is not MISSING
        self.found = 0

    def apply(self, value: Value, parts: Sequence[str]) -> Value:
        """The value with all targets changed; counts them in :attr:`found`."""
        if not parts:
            self.found += 1
            return self._put(value)
        part, rest = parts[0], parts[1:]
        if is_index(part):
            return self._at_index(value, int(part), rest)
        if is_list_match(part):
            return self._at_matches(value, part, rest)
        if part == "*":
            items = _items(value)
            return self._changed_items(value, items, [self.apply(item, rest) for item in items])
        return self._at_field(value, part, rest)

    def _at_field(self, value: Value, part: str, rest: Sequence[str]) -> Value:
        if value is MISSING or is_null(value):
            value = {}
        if not isinstance(value, dict):
            raise KustomizeError(_wrong_kind("MappingNode", value))
        old = value.get(part, MISSING)
        if old is MISSING:
            if not self._create:
                return value
            old = self._made(rest)
        elif is_scalar(old) and not is_null(old) and rest:
            raise KustomizeError(_wrong_kind("MappingNode", old))
        new = self.apply(old, rest)
        if new is MISSING:
            return value
        return value if new is value.get(part, MISSING) else {**value, part: new}

    def _made(self, rest: Sequence[str]) -> Value:
        """An empty place for what follows: a list in front of indices and matches, a map in front of keys."""
        if not rest:
            if isinstance(self._template, dict):
                return {}
            return [] if isinstance(self._template, list) else MISSING
        return [] if is_list_match(rest[0]) or is_index(rest[0]) else {}

    def _at_index(self, value: Value, index: int, rest: Sequence[str]) -> Value:
        items = _items(value)
        if len(items) == index and self._create:
            return [*items, self.apply(self._made(rest), rest)]
        if len(items) <= index:
            raise KustomizeError(f"index {index} specified but only {len(items)} elements found")
        changed = list(items)
        changed[index] = self.apply(items[index], rest)
        return self._changed_items(value, items, changed)

    def _at_matches(self, value: Value, part: str, rest: Sequence[str]) -> Value:
        name, expression = split_match(part)
        pattern = compile_pattern(expression, whole=False)
        items = _items(value)
        before = self.found
        changed = []
        for item in items:
            matches = (
                pattern.fits(_shown(item)) if not name else _has_field(item, name) and pattern.fits(_shown(item[name]))
            )
            if matches and not name:
                self.found += 1
                changed.append(self._put(item))
            else:
                changed.append(self.apply(item, rest) if matches else item)
        if self.found > before or not self._create:
            return self._changed_items(value, items, changed)
        added = {name: resolve(expression)} if name else resolve(expression)
        if not pattern.fits(expression):
            raise KustomizeError(f"failed to create element for {part}: it would not match itself")
        return [*items, self.apply(added, rest if name else [])]

    @staticmethod
    def _changed_items(value: Value, items: list[Value], changed: list[Value]) -> Value:
        return value if all(a is b for a, b in zip(changed, items, strict=True)) else changed


def _has_field(item: Value, name: str) -> bool:
    return isinstance(item, dict) and name in item


def _items(value: Value) -> list[Value]:
    if value is MISSING or is_null(value):
        return []
    if not isinstance(value, list):
        raise KustomizeError(_wrong_kind("SequenceNode", value))
    return value


def _shown(value: Value) -> str:
    """The text that a pattern is tried on: a scalar as it is written, anything else as YAML."""
    return text_of(value) if is_scalar(value) else write(value, sort_keys=False).strip()


def _wrong_kind(expected: str, value: Value) -> str:
    found = "MappingNode" if isinstance(value, dict) else "SequenceNode" if isinstance(value, list) else "ScalarNode"
    return f"wrong node kind: expected {expected} but got {found}: node contents:\n{node_text(value)}"
