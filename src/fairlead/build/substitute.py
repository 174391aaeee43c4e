"""``${variable:=default}`` in manifests: the dialect that Flux substitutes with, which is shell-like and not shell.

Only braces make an expression, ``$$`` is a plain ``$``, lengths and positions count bytes, the patterns of ``/`` are
literal text. A text is parsed wholly before anything is evaluated. In strict mode a variable that is not set is an
error unless the expression gives it a default.

Behaviour: github.com/fluxcd/pkg/envsubst v1.7.0; answers of that library are in ``tests/referees/envsubst``.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.build.glob import BadPatternError, longest_prefix, shortest_prefix
from fairlead.errors import BuildError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

__all__ = ["SubstitutionError", "check_names", "substitute"]

_NAME = re.compile(r"[_a-zA-Z][_a-zA-Z0-9]*")
_MARK = re.compile(r"\$\$|\$\{")
_DEFAULT_OPERATORS = ("=", ":=", ":-", ":?", ":+")
_SHOWN_CHARACTERS = 40


class SubstitutionError(BuildError):
    """A text cannot be substituted: an expression is malformed or a variable is not set."""


def check_names(variables: Mapping[str, str]) -> None:
    """Refuses names that no expression could use."""
    for name in sorted(variables):
        if not _NAME.fullmatch(name):
            raise SubstitutionError(f"'{name}' var name is invalid, must match '^{_NAME.pattern}$'")


def substitute(text: str, variables: Mapping[str, str], *, strict: bool = True) -> str:
    """``text`` with its expressions replaced; a variable that is not set counts as empty unless ``strict``."""
    if "$" not in text:
        return text
    nodes = _Parser(text).parse()
    return "".join(_evaluate(node, variables, strict) for node in nodes)


@dataclass(frozen=True, slots=True)
class _Expression:
    """``${name operator arguments}``."""

    name: str
    operator: str = ""
    arguments: tuple[_Node, ...] = ()


_Node = str | _Expression


class _Parser:
    """Recursive descent over one text; ``_position`` is the next character to look at."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._position = 0
        self._start = 0

    def parse(self) -> list[_Node]:
        nodes: list[_Node] = []
        while mark := _MARK.search(self._text, self._position):
            nodes.append(self._text[self._position : mark.start()])
            self._start = mark.start()
            self._position = mark.end()
            nodes.append("$" if mark[0] == "$$" else self._expression())
        nodes.append(self._text[self._position :])
        return nodes

    def _expression(self) -> _Expression:
        """What follows ``${``, up to and with its closing brace."""
        if self._peek() == "#":
            self._position += 1
            return self._close(_Expression(self._identifier("bad substitution"), "#"))
        name = self._identifier("unable to parse variable name")
        match self._peek():
            case ":":
                return self._default_or_substring(name)
            case "=":
                return self._default(name, self._take("="))
            case "," | "^":
                return self._close(_Expression(name, self._take(",^", 2)))
            case "/":
                return self._replacement(name)
            case "#" | "%" as mark:
                operator = self._take(mark, 2)
                return self._close(_Expression(name, operator, (self._argument("}"),)))
            case "}":
                self._position += 1
                return _Expression(name)
            case _:
                raise self._error("missing closing brace")

    def _default_or_substring(self, name: str) -> _Expression:
        following = self._text[self._position + 1 : self._position + 2]
        if following and following in "=-?+":
            self._position += 2
            return self._default(name, f":{following}")
        if not following.isascii() or not following:
            raise self._error("bad substitution")
        self._position += 1
        start = self._argument(":}")
        if self._peek() == "}":
            return self._close(_Expression(name, ":", (start,)))
        if not self._take(":", len(self._text)):
            raise self._error("bad substitution")
        return self._close(_Expression(name, ":", (start, self._argument("}"))))

    def _default(self, name: str, operator: str) -> _Expression:
        arguments: list[_Node] = []
        while self._peek() != "}":
            arguments.append(self._argument("}"))
        return self._close(_Expression(name, operator, tuple(arguments)))

    def _replacement(self, name: str) -> _Expression:
        operator = self._take("/") + self._take("/#%")
        pattern = self._argument("/", escapes=True)
        if not self._take("/", len(self._text)):
            raise self._error("bad substitution")
        if self._peek() == "}":
            return self._close(_Expression(name, operator, (pattern,)))
        return self._close(_Expression(name, operator, (pattern, self._argument("}", escapes=True))))

    def _argument(self, stops: str, *, escapes: bool = False) -> _Node:
        """Text up to a stop or a nested expression, or that expression; never nothing."""
        if self._text.startswith("${", self._position):
            self._position += 2
            return self._expression()
        pieces: list[str] = []
        while (character := self._peek()) and not self._text.startswith("${", self._position):
            if escapes and self._text[self._position : self._position + 2] in ("$$", "\\/", "\\\\"):
                self._position += 1
            elif character in stops:
                break
            pieces.append(self._text[self._position])
            self._position += 1
        if not pieces:
            raise self._error("unable to parse substitution within function")
        return "".join(pieces)

    def _identifier(self, message: str) -> str:
        begin = self._position
        while (character := self._peek()) and (character.isalpha() or character.isdecimal() or character == "_"):
            self._position += 1
        if begin == self._position:
            raise self._error(message)
        return self._text[begin : self._position]

    def _take(self, characters: str, at_most: int = 1) -> str:
        begin = self._position
        while self._position - begin < at_most and (character := self._peek()) and character in characters:
            self._position += 1
        return self._text[begin : self._position]

    def _peek(self) -> str:
        return self._text[self._position : self._position + 1]

    def _close(self, expression: _Expression) -> _Expression:
        if self._peek() != "}":
            raise self._error("bad substitution")
        self._position += 1
        return expression

    def _error(self, message: str) -> SubstitutionError:
        line = self._text[self._start :].partition("\n")[0]
        shown = line if len(line) <= _SHOWN_CHARACTERS else f"{line[:_SHOWN_CHARACTERS]}..."
        return SubstitutionError(f"{message} at {shown!r}; write $$ for a plain dollar sign")


def _evaluate(node: _Node, variables: Mapping[str, str], strict: bool) -> str:
    if isinstance(node, str):
        return node
    arguments = [_evaluate(argument, variables, strict) for argument in node.arguments]
    value = variables.get(node.name)
    if value is None:
        if strict and node.operator not in _DEFAULT_OPERATORS:
            raise SubstitutionError(f'variable not set (strict mode): "{node.name}"')
        value = ""
    if node.operator == "#" and not arguments:
        return str(len(value.encode()))
    function = _FUNCTIONS.get(node.operator, _or_default)
    return function(value, arguments)


def _or_default(value: str, arguments: Sequence[str]) -> str:
    return value or "".join(arguments)


def _substring(value: str, arguments: Sequence[str]) -> str:
    numbers = [_integer(argument) for argument in arguments]
    if None in numbers:
        return value
    content = value.encode()
    start, length = numbers[0] or 0, numbers[1] if len(numbers) > 1 else len(content)
    if start < 0:
        start = max(0, len(content) + start)
    end = start + (length or 0)
    if end < start and not (end >= len(content) and start >= len(content)):
        raise SubstitutionError(f"negative length {length} of a substring")
    try:
        return content[start:end].decode()
    except UnicodeDecodeError as error:
        raise SubstitutionError("a substring ends within a character: positions count bytes") from error


def _integer(text: str) -> int | None:
    return int(text) if re.fullmatch(r"[+-]?[0-9]+", text) and -(2**63) <= int(text) < 2**63 else None


def _lower(text: str) -> str:
    return "".join(character.lower()[0] for character in text)


def _upper(text: str) -> str:
    return "".join(upper if len(upper := character.upper()) == 1 else character for character in text)


def _replace(value: str, arguments: Sequence[str], count: int) -> str:
    return value.replace(arguments[0], arguments[1] if len(arguments) > 1 else "", count)


def _replace_prefix(value: str, arguments: Sequence[str]) -> str:
    if len(arguments) == 2 and value.startswith(arguments[0]):
        return arguments[1] + value[len(arguments[0]) :]
    return value


def _replace_suffix(value: str, arguments: Sequence[str]) -> str:
    if len(arguments) == 2 and value.endswith(arguments[0]):
        return value[: len(value) - len(arguments[0])] + arguments[1]
    return value


def _trim_prefix(find: Callable[[str, str], int]) -> Callable[[str, Sequence[str]], str]:
    def trim(value: str, arguments: Sequence[str]) -> str:
        try:
            return value[find(arguments[0], value) :]
        except BadPatternError:
            return value

    return trim


def _trim_suffix(find: Callable[[str, str], int]) -> Callable[[str, Sequence[str]], str]:
    """Flux looks for the reversed pattern in the reversed value, so classes and escapes do not work at the end."""
    trim = _trim_prefix(find)

    def trim_suffix(value: str, arguments: Sequence[str]) -> str:
        return trim(value[::-1], [arguments[0][::-1]])[::-1]

    return trim_suffix


_FUNCTIONS: dict[str, Callable[[str, Sequence[str]], str]] = {
    ",": lambda value, _: _lower(value[:1]) + value[1:],
    ",,": lambda value, _: _lower(value),
    "^": lambda value, _: _upper(value[:1]) + value[1:],
    "^^": lambda value, _: _upper(value),
    "#": _trim_prefix(shortest_prefix),
    "##": _trim_prefix(longest_prefix),
    "%": _trim_suffix(shortest_prefix),
    "%%": _trim_suffix(longest_prefix),
    ":": _substring,
    "/": lambda value, arguments: _replace(value, arguments, 1),
    "//": lambda value, arguments: _replace(value, arguments, -1),
    "/#": _replace_prefix,
    "/%": _replace_suffix,
}
