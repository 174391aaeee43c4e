"""Dotted paths of replacements and vars: ``spec.containers.[name=web].env.0.value``, ``metadata.annotations.a\\.b``."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final

from .errors import KustomizeError
from .fieldpaths import split_path
from .golang import node_text
from .values import MISSING, Value, is_null, is_scalar, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["is_index", "is_list_match", "look_up", "smart_split", "split_match", "with_indices"]

_INDEX: Final = re.compile(r"[+-]?[0-9]{1,9}", re.ASCII)
_SUBSCRIPT: Final = re.compile(r"(.*)\[(\d+)\]", re.ASCII | re.DOTALL)


def smart_split(path: str) -> list[str]:
    """The parts of a path: dots separate unless escaped or inside brackets; ``[a.b]`` without ``=`` is the key
    ``a.b``."""
    pieces = split_path(path, ".")
    result: list[str] = []
    at = 0
    while at < len(pieces):
        piece = pieces[at]
        at += 1
        if not piece.startswith("[") or piece.endswith("]"):
            result.append(piece)
            continue
        bracketed = [piece]
        while at < len(pieces):
            bracketed.append(pieces[at])
            at += 1
            if bracketed[-1].endswith("]"):
                break
        text = ".".join(bracketed)
        result.append(text if "=" in text else text.strip("[]"))
    return result


def with_indices(parts: Sequence[str]) -> list[str]:
    """Takes subscripts apart: ``ports[0]`` is ``ports``, ``0``."""
    result: list[str] = []
    for part in parts:
        match = _SUBSCRIPT.fullmatch(part)
        if match is None:
            result.append(part)
        else:
            result += [text for text in match.groups() if text]
    return result


def is_index(part: str) -> bool:
    return _INDEX.fullmatch(part) is not None and int(part) >= 0


def is_list_match(part: str) -> bool:
    """``[name=web]`` and ``[=item]``."""
    return part.startswith("[") and part.endswith("]")


def split_match(part: str) -> tuple[str, str]:
    name, equals, value = part.removeprefix("[").removesuffix("]").partition("=")
    if not equals:
        raise KustomizeError("list path element must contain fieldName=fieldValue for element to match")
    return name, value


def look_up(value: Value, parts: Sequence[str]) -> Value:
    """The one value at a path, or ``MISSING``; raises for a path that does not fit the value's shape."""
    for part in (part.strip() for part in parts):
        if not part:
            continue
        value = _step(value, part)
        if value is MISSING:
            return MISSING
    return value


def _step(value: Value, part: str) -> Value:
    if _INDEX.fullmatch(part):
        index = int(part)
        if index < 0:
            raise KustomizeError(f"array index {index} cannot be negative")
        return _item(value, index)
    if part == "-":
        return _item(value, -1)
    if part == "*":
        raise KustomizeError("wildcard is not supported in PathGetter")
    if is_list_match(part):
        name, wanted = split_match(part)
        return _matching(_expect_list(value), name, wanted)
    if is_null(value):
        return MISSING
    if not isinstance(value, dict):
        raise _wrong_kind("MappingNode", value)
    return value.get(part, MISSING)


def _item(value: Value, index: int) -> Value:
    items = _expect_list(value)
    if index < 0:
        return items[-1] if items else MISSING
    return items[index] if index < len(items) else MISSING


def _expect_list(value: Value) -> list[Value]:
    if is_null(value):
        return []
    if not isinstance(value, list):
        raise _wrong_kind("SequenceNode", value)
    return value


def _matching(items: list[Value], name: str, wanted: str) -> Value:
    for item in items:
        if not name:
            if is_scalar(item) and text_of(item) == wanted:
                return item
        elif isinstance(item, dict) and name in item and text_of(item[name]) == wanted:
            return item
    return MISSING


def _wrong_kind(expected: str, value: Value) -> KustomizeError:
    found = "MappingNode" if isinstance(value, dict) else "SequenceNode" if isinstance(value, list) else "ScalarNode"
    return KustomizeError(f"wrong node kind: expected {expected} but got {found}: node contents:\n{node_text(value)}")
