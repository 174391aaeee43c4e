"""Regular expressions of users, in Go's syntax and with Go's promise: time linear in the text.

Python's engine backtracks, so that a pattern like ``(a+)+b`` can take for ever. Patterns with a repetition inside a
repetition are therefore simulated step by step; all others go to Python's engine. References back do not exist in Go
and are refused.
"""

from __future__ import annotations

import re
from functools import lru_cache
from re import _constants as op  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import TYPE_CHECKING, Any, Final, Protocol

from fairlead.errors import InvalidSpecError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["Pattern", "PatternError", "compile_pattern"]

_REASONS: Final = {
    "unterminated subpattern": "missing closing )",
    "unbalanced parenthesis": "unexpected )",
    "unterminated character set": "missing closing ]",
    "nothing to repeat": "missing argument to repetition operator",
    "multiple repeat": "invalid nested repetition operator",
}
_MOST_STATES: Final = 20_000
_LONGEST_PATTERN: Final = 10_000
_REPEATS: Final = frozenset([op.MAX_REPEAT, op.MIN_REPEAT])
_REFUSED: Final = frozenset([op.GROUPREF, op.GROUPREF_EXISTS, op.ASSERT, op.ASSERT_NOT])


class PatternError(InvalidSpecError):
    """A text that is no regular expression, in Go's words."""


class Pattern(Protocol):
    def fits(self, text: str) -> bool: ...


@lru_cache(maxsize=2048)
def compile_pattern(pattern: str, *, whole: bool) -> Pattern:
    """A pattern for a whole text or for any part of it; raises :class:`PatternError` when it is none."""
    if len(pattern) > _LONGEST_PATTERN:
        raise PatternError(f"error parsing regexp: expression of {len(pattern)} characters is too long")
    translated = pattern.replace(r"\z", r"\Z")
    try:
        tree = _parser.parse(translated)
        if _is_risky(tree, 0):
            return _Simulated(tree, whole=whole)
        compiled = re.compile(translated)
    except (re.error, OverflowError, RecursionError) as error:
        shown = f"^(?:{pattern})$" if whole else pattern
        raise PatternError(f"error parsing regexp: {_reason(error)}: `{shown}`") from error
    return _Compiled(compiled.fullmatch if whole else compiled.search)


def _reason(error: Exception) -> str:
    """Go's words for what is wrong."""
    text = str(error)
    for python, go in _REASONS.items():
        if python in text:
            return go
    return text


class _Compiled:
    __slots__ = ("_match",)

    def __init__(self, match: Callable[[str], object]) -> None:
        self._match = match

    def fits(self, text: str) -> bool:
        return self._match(text) is not None


def _is_risky(tree: Iterable[Any], repeats: int) -> bool:
    """Whether a repetition holds a repetition or alternatives, or several open ones follow each other."""
    open_repeats = 0
    for code, argument in tree:
        if code in _REFUSED:
            raise re.error("invalid or unsupported Perl syntax")
        if code in _REPEATS:
            _, most, body = argument
            many = most > 1
            open_repeats += many and most == op.MAXREPEAT
            if (many and repeats) or open_repeats > 3 or _is_risky(body, repeats + many):
                return True
        elif code is op.SUBPATTERN:
            if _is_risky(argument[3], repeats):
                return True
        elif code is op.BRANCH:
            if repeats or any(_is_risky(branch, repeats) for branch in argument[1]):
                return True
        elif code is op.ATOMIC_GROUP or code is op.POSSESSIVE_REPEAT:
            raise re.error("invalid or unsupported Perl syntax")
    return False


class _Simulated:
    """All possible states at once, one character after the other."""

    __slots__ = ("_edges", "_empty", "_end", "_whole")

    def __init__(self, tree: Any, *, whole: bool) -> None:
        self._whole = whole
        self._edges: list[tuple[Any, int] | None] = []
        self._empty: list[list[tuple[Any, int]]] = []
        start = self._state()
        self._end = self._build(tree, start, _flags(tree))

    def _state(self) -> int:
        if len(self._edges) > _MOST_STATES:
            raise PatternError("error parsing regexp: expression is too large")
        self._edges.append(None)
        self._empty.append([])
        return len(self._edges) - 1

    def _build(self, tree: Any, start: int, flags: int) -> int:
        for code, argument in tree:
            start = self._build_one(code, argument, start, flags)
        return start

    def _build_one(self, code: Any, argument: Any, start: int, flags: int) -> int:
        if code in _REPEATS:
            return self._build_repeat(argument, start, flags)
        end = self._state()
        if code is op.BRANCH:
            for branch in argument[1]:
                inner = self._state()
                self._empty[start].append((None, inner))
                self._empty[self._build(branch, inner, flags)].append((None, end))
        elif code is op.SUBPATTERN:
            inner_flags = (flags | argument[1]) & ~argument[2]
            self._empty[self._build(argument[3], start, inner_flags)].append((None, end))
        elif code is op.AT:
            self._empty[start].append((argument, end))
        else:
            self._edges[start] = (_character_test(code, argument, flags), end)
        return end

    def _build_repeat(self, argument: Any, start: int, flags: int) -> int:
        least, most, body = argument
        for _ in range(least):
            start = self._build(body, start, flags)
        end = self._state()
        self._empty[start].append((None, end))
        if most == op.MAXREPEAT:
            again = self._state()
            self._empty[start].append((None, again))
            self._empty[self._build(body, again, flags)].append((None, start))
            return end
        for _ in range(most - least):
            inner = self._state()
            self._empty[start].append((None, inner))
            start = self._build(body, inner, flags)
            self._empty[start].append((None, end))
        return end

    def fits(self, text: str) -> bool:
        states = self._closure([0], 0, text)
        for at, character in enumerate(text):
            if self._end in states and not self._whole:
                return True
            following = [edge[1] for state in states if (edge := self._edges[state]) is not None and edge[0](character)]
            if not self._whole:
                following.append(0)
            states = self._closure(following, at + 1, text)
        return self._end in states

    def _closure(self, states: list[int], at: int, text: str) -> set[int]:
        seen: set[int] = set()
        while states:
            state = states.pop()
            if state not in seen:
                seen.add(state)
                states += [to for condition, to in self._empty[state] if _holds(condition, at, text)]
        return seen


def _flags(tree: Any) -> int:
    return int(tree.state.flags)


def _holds(condition: Any, at: int, text: str) -> bool:
    if condition is None:
        return True
    if condition in (op.AT_BEGINNING, op.AT_BEGINNING_STRING):
        return at == 0
    if condition in (op.AT_END, op.AT_END_STRING):
        return at == len(text)
    word = [bool(re.match(r"\w", text[i])) if 0 <= i < len(text) else False for i in (at - 1, at)]
    return (word[0] != word[1]) is (condition is op.AT_BOUNDARY)


def _character_test(code: Any, argument: Any, flags: int) -> Callable[[str], bool]:
    fold = bool(flags & re.IGNORECASE)
    if code is op.ANY:
        return (lambda _: True) if flags & re.DOTALL else (lambda character: character != "\n")
    if code is op.LITERAL:
        return lambda character: _variants(character, fold, lambda one: ord(one) == argument)
    if code is op.NOT_LITERAL:
        return lambda character: not _variants(character, fold, lambda one: ord(one) == argument)
    if code is op.IN:
        negate = bool(argument) and argument[0][0] is op.NEGATE
        tests = [_member_test(kind, value) for kind, value in argument if kind is not op.NEGATE]
        return lambda character: _variants(character, fold, lambda one: any(test(one) for test in tests)) is not negate
    raise PatternError("error parsing regexp: invalid or unsupported Perl syntax")


def _variants(character: str, fold: bool, test: Callable[[str], bool]) -> bool:
    if not fold:
        return test(character)
    return any(test(one) for one in {character, character.lower(), character.upper()} if len(one) == 1)


def _member_test(kind: Any, value: Any) -> Callable[[str], bool]:
    if kind is op.LITERAL:
        return lambda character: ord(character) == value
    if kind is op.RANGE:
        return lambda character: value[0] <= ord(character) <= value[1]
    pattern = re.compile(
        {
            op.CATEGORY_DIGIT: r"[0-9]",
            op.CATEGORY_NOT_DIGIT: r"[^0-9]",
            op.CATEGORY_SPACE: r"\s",
            op.CATEGORY_NOT_SPACE: r"\S",
            op.CATEGORY_WORD: r"\w",
            op.CATEGORY_NOT_WORD: r"\W",
        }[value],
        re.ASCII,
    )
    return lambda character: pattern.match(character) is not None
