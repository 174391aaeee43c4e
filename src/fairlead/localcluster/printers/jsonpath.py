"""The JSONPath of printer columns: ``.spec.replicas``, ``.status.conditions[?(@.type=="Ready")].status``.

The dialect is kubectl's (client-go 0.35 ``util/jsonpath``): fields, quoted keys with ``\\.`` escapes, indices, slices,
wildcards, unions, recursive descent and filters with one comparison. Missing keys give no result.
"""

from __future__ import annotations

import operator
import re
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fairlead.errors import InvalidSpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

_OPERATORS: dict[str, Callable[[Any, Any], bool]] = {
    "==": operator.eq,
    "!=": operator.ne,
    "<=": operator.le,
    ">=": operator.ge,
    "<": operator.lt,
    ">": operator.gt,
}
_FIELD = re.compile(r"(?:\\.|[^.\[\]\\\s])+")
_NUMBER = re.compile(r"-?\d+(\.\d+)?")
_COMPARISON = re.compile(r"(==|!=|<=|>=|<|>)")


class JSONPathError(InvalidSpecError):
    """A text that is no JSONPath of this dialect."""


@dataclass(frozen=True, slots=True)
class _Field:
    name: str

    def select(self, value: Any) -> Iterable[Any]:
        if isinstance(value, dict) and self.name in value:
            yield value[self.name]


@dataclass(frozen=True, slots=True)
class _Wildcard:
    def select(self, value: Any) -> Iterable[Any]:
        if isinstance(value, dict):
            yield from value.values()
        elif isinstance(value, list):
            yield from value


@dataclass(frozen=True, slots=True)
class _Slice:
    start: int | None
    stop: int | None
    step: int | None

    def select(self, value: Any) -> Iterable[Any]:
        if isinstance(value, list):
            yield from value[self.start : self.stop : self.step]


@dataclass(frozen=True, slots=True)
class _Index:
    position: int

    def select(self, value: Any) -> Iterable[Any]:
        if isinstance(value, list) and -len(value) <= self.position < len(value):
            yield value[self.position]


@dataclass(frozen=True, slots=True)
class _Union:
    parts: tuple[Path, ...]

    def select(self, value: Any) -> Iterable[Any]:
        for part in self.parts:
            yield from part.find(value)


@dataclass(frozen=True, slots=True)
class _Descent:
    """``..``: the value and everything below it."""

    def select(self, value: Any) -> Iterable[Any]:
        yield value
        children = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
        for child in children:
            yield from self.select(child)


@dataclass(frozen=True, slots=True)
class _Literal:
    value: Any

    def select(self, value: Any) -> Iterable[Any]:
        yield self.value


@dataclass(frozen=True, slots=True)
class _Filter:
    left: Path
    compare: str
    right: Path | None

    def select(self, value: Any) -> Iterable[Any]:
        if isinstance(value, list):
            yield from (item for item in value if self._holds(item))

    def _holds(self, item: Any) -> bool:
        lefts = self.left.find(item)
        if self.right is None:
            return bool(lefts)
        rights = self.right.find(item)
        if len(lefts) != 1 or len(rights) != 1:
            return False
        try:
            return _OPERATORS[self.compare](lefts[0], rights[0])
        except TypeError:
            return False


_Step = _Field | _Wildcard | _Slice | _Index | _Union | _Descent | _Literal | _Filter


@dataclass(frozen=True, slots=True)
class Path:
    """A parsed path."""

    steps: tuple[_Step, ...]

    def find(self, value: Any) -> Sequence[Any]:
        """All results, in document order."""
        found = [value]
        for step in self.steps:
            found = [result for each in found for result in step.select(each)]
        return found


@lru_cache(maxsize=1024)
def parse(text: str) -> Path:
    """Raises :class:`JSONPathError`."""
    return Path(tuple(_steps(text.strip())))


def _steps(text: str) -> list[_Step]:
    steps: list[_Step] = []
    position = 1 if text[:1] in ("$", "@") else 0
    while position < len(text):
        if text.startswith("..", position):
            steps.append(_Descent())
            position += 1 if text[position + 2 : position + 3] not in ("[", "") else 2
        elif text[position] == "[":
            end = _closing(text, position)
            steps.append(_bracket(text[position + 1 : end].strip()))
            position = end + 1
        else:
            step, position = _dotted(text, position)
            if step is not None:
                steps.append(step)
    return steps


def _dotted(text: str, position: int) -> tuple[_Step | None, int]:
    if text[position] == ".":
        position += 1
        if position == len(text):  # a lone dot is the whole object
            return None, position
        if text[position] == "[":
            return None, position
    found = _FIELD.match(text, position)
    if found is None:
        raise JSONPathError(f"unrecognized character in {text!r} at {position}")
    name = re.sub(r"\\(.)", r"\1", found[0])
    return (_Wildcard() if name == "*" else _Field(name)), found.end()


def _closing(text: str, start: int) -> int:
    """Where the bracket at ``start`` closes; brackets and quotes inside are skipped."""
    depth, quote, position = 0, "", start
    while position < len(text):
        letter = text[position]
        if quote:
            if letter == "\\":
                position += 1
            elif letter == quote:
                quote = ""
        elif letter in "'\"":
            quote = letter
        elif letter == "[":
            depth += 1
        elif letter == "]":
            depth -= 1
            if depth == 0:
                return position
        position += 1
    raise JSONPathError(f"unterminated array in {text!r}")


def _bracket(inner: str) -> _Step:
    if inner.startswith("?(") and inner.endswith(")"):
        return _filter(inner[2:-1])
    if inner == "*":
        return _Wildcard()
    if inner[:1] in ("'", '"') and inner[-1:] == inner[0] and inner.count(inner[0]) == 2:
        return _Field(re.sub(r"\\(.)", r"\1", inner[1:-1]))
    if "," in inner:
        return _Union(tuple(Path((_bracket(part.strip()),)) for part in inner.split(",")))
    if ":" in inner:
        start, stop, step = ([*inner.split(":"), ""])[:3]
        return _Slice(_optional(start), _optional(stop), _optional(step))
    if re.fullmatch(r"-?\d+", inner):
        return _Index(int(inner))
    raise JSONPathError(f"invalid array index {inner}")


def _optional(text: str) -> int | None:
    text = text.strip()
    if text and not re.fullmatch(r"-?\d+", text):
        raise JSONPathError(f"invalid array index {text}")
    return int(text) if text else None


def _filter(text: str) -> _Filter:
    quoted = re.split(r"""('(?:\\.|[^'])*'|"(?:\\.|[^"])*")""", text)
    for index in range(0, len(quoted), 2):  # an operator inside quotes is none
        found = _COMPARISON.search(quoted[index])
        if found:
            left = "".join(quoted[:index]) + quoted[index][: found.start()]
            right = quoted[index][found.end() :] + "".join(quoted[index + 1 :])
            return _Filter(_operand(left), found[0], _operand(right))
    return _Filter(_operand(text), "exists", None)


def _operand(text: str) -> Path:
    text = text.strip()
    if text[:1] in ("'", '"') and text[-1:] == text[0] and len(text) > 1:
        return Path((_Literal(re.sub(r"\\(.)", r"\1", text[1:-1])),))
    if text in ("true", "false"):
        return Path((_Literal(text == "true"),))
    if _NUMBER.fullmatch(text):
        return Path((_Literal(float(text) if "." in text else int(text)),))
    return parse(text)
