"""Values of resources: plain data, plus :class:`Written` for scalars whose spelling differs from their value.

A build never changes a value in place. Every step makes new maps and lists along the path that it changes and shares
the rest, so parsed files and built bases can be kept and used again, and what a step changed is what is no longer the
same.
"""

from __future__ import annotations

import re
from math import isfinite
from typing import Any, Final

from fairlead.objects.yaml_reader import MERGE, Dialect
from fairlead.objects.yaml_scalars import Written, json_number, plain_12

from .errors import KustomizeError

__all__ = [
    "MISSING",
    "ODD_RESOURCES",
    "RESOURCES",
    "OddKey",
    "OddValueError",
    "Quoted",
    "Value",
    "Written",
    "count_nodes",
    "is_null",
    "is_scalar",
    "plain",
    "resolve",
    "spelled",
    "text_of",
]

Value = Any
"""A map, a list or a scalar of a resource; never changed once it is made."""

MISSING: Final = type("Missing", (), {"__repr__": lambda _: "MISSING", "__bool__": lambda _: False})()
"""No value at all, as opposed to null."""


class OddValueError(KustomizeError):
    """Something that YAML can say and JSON cannot: keys that are no texts, infinities."""


class OddKey(str):
    """A map key that YAML reads as a number, boolean or null. Equal to its text; refused when it reaches the output."""

    __slots__ = ()


class Quoted(str):
    """A text that was set in the place of a quoted one; only messages show the difference."""

    __slots__ = ()


def _key(text: str) -> str:
    if text == "<<":
        return MERGE  # type: ignore[return-value]
    if isinstance(plain_12(text), str):
        return text
    raise OddValueError("a key is no text")


def _odd_key(text: str) -> str:
    if text == "<<":
        return MERGE  # type: ignore[return-value]
    return text if isinstance(plain_12(text), str) else OddKey(text)


def _finite(text: str) -> Value:
    value = plain_12(text)
    if type(value) is Written and isinstance(value.value, float) and not isfinite(value.value):
        raise OddValueError("a number is not finite")
    return value


def _folded(text: str) -> Value:
    """A folded block as kustomize prints it.

    Its library writes every resource once before it prints it, and that writer puts a line feed too many in front of
    lines that are indented further. The text of the file stays known.
    """
    if "\n" not in text or _NO_BLOCK.search(text) or text.lstrip("\n")[:1] in ("", " ", "\t"):
        return text
    printed = _BEFORE_INDENTED.sub(r"\1\n", text)
    if text.endswith("\n\n") and _LAST_LINE_PLAIN.search(text):
        printed += "\n"
    return text if printed == text else Written(text, printed)


_BEFORE_INDENTED: Final = re.compile(r"((?:^|(?<=\n))[^ \t\n][^\n]*\n+)(?=[ \t])")
_LAST_LINE_PLAIN: Final = re.compile(r"(?:^|\n)[^ \t\n][^\n]*\n+\Z")
_NO_BLOCK: Final = re.compile("[ ](?:\n|\\Z)|[^\n\x20-\x7e\xa0-\ud7ff\ue000-\ufefe\uff00-\ufffd]")


RESOURCES: Final = Dialect.of(_finite, _key, nothing_in_flow="", folded=_folded)
"""How kustomize reads resources: go-yaml v3, where only ``true`` and ``false`` are booleans."""
ODD_RESOURCES: Final = Dialect.of(plain_12, _odd_key, nothing_in_flow="", folded=_folded)
"""The same, letting through what JSON cannot say: a patch may still remove it."""


def is_null(value: Value) -> bool:
    return value is None or (type(value) is Written and value.value is None)


def is_scalar(value: Value) -> bool:
    return not isinstance(value, dict | list)


def text_of(value: Value) -> str:
    """A scalar as it is written in the file; empty for maps and lists."""
    kind = type(value)
    if kind is str:
        return value  # type: ignore[no-any-return]
    if kind is Written:
        return value.text  # type: ignore[no-any-return]
    if value is True:
        return "true"
    if value is False:
        return "false"
    if value is None:
        return "null"
    return "" if kind is dict or kind is list else str(value)


def resolve(text: str) -> Value:
    """What an unquoted scalar of this text is."""
    return ODD_RESOURCES.plain[text]


def spelled(old: Value, text: str) -> Value:
    """``text`` in the place of the scalar ``old``, of the same type: a text stays a text, a number must stay a
    number."""
    if type(old) is str or (type(old) is Written and "\n" in old.text):
        return text
    new = resolve(text)
    value = new.value if type(new) is Written else new
    before = old.value if type(old) is Written else old
    fits = (
        isinstance(value, bool)
        if isinstance(before, bool)
        else isinstance(value, int | float) and not isinstance(value, bool)
        if isinstance(before, int | float)
        else True
    )
    if not fits:
        raise KustomizeError(
            f"cannot decode !!str `{text[:40]}` as a {'!!bool' if isinstance(before, bool) else '!!int'}"
        )
    return new


def count_nodes(value: Value, most: int) -> int:
    """How many values there are in a value, itself included; stops counting at ``most``."""
    count = 0
    queue = [value]
    while queue and count < most:
        item = queue.pop()
        count += 1
        if isinstance(item, dict):
            queue += item.values()
        elif isinstance(item, list):
            queue += item
    return count


def plain(value: Value) -> Any:
    """A copy as the API server gets it from the printed text: no spellings, numbers as JSON decodes them."""
    kind = type(value)
    if kind is str:
        return value
    if kind is dict:
        return {key: item if type(item) is str else plain(item) for key, item in value.items()}
    if kind is list:
        return [item if type(item) is str else plain(item) for item in value]
    if kind is Written:
        return plain(value.value)
    if kind is Quoted:
        return str(value)
    return json_number(value) if kind is int or kind is float else value
