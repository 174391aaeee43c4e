"""Reads YAML text into plain values: libyaml scans, this module builds.

libyaml is what go-yaml was ported from, so texts are split into tokens as Go splits them. What a plain scalar means
is a matter of the dialect. Hostile text costs bounded time and memory: size, depth, number of nodes and the growth by
aliases have limits, and every violation is a :class:`YamlError`.
"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from itertools import islice
from math import isfinite
from sys import intern
from typing import TYPE_CHECKING, Any, Final

from yaml import events as ev
from yaml._yaml import CParser
from yaml.error import MarkedYAMLError, YAMLError

from fairlead.errors import BuildError
from fairlead.objects.yaml_scalars import FALSE_11, NULLS, TRUE_11, json_number, number, plain_11

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = [
    "MAX_BYTES",
    "MAX_DEPTH",
    "MAX_NODES",
    "MERGE",
    "SIGS",
    "SIGS_LENIENT",
    "Dialect",
    "YamlError",
    "read_documents",
]

MAX_BYTES: Final = 32 * 1024 * 1024
"""The largest text that is read; the API server refuses objects of more than about 3 MiB, and files hold several."""
MAX_DEPTH: Final = 200
"""The deepest nesting; the deepest schemas in the wild need about 60, and every later step may recurse safely."""
MAX_NODES: Final = 3_000_000
_MOST_REPAIRS: Final = 20
_FREE_ALIAS_NODES: Final = 400_000
"""go-yaml tolerates any share of aliased nodes up to this size, then less and less; so do we."""

_NO_KEY: Final = object()
MERGE: Final = object()
"""What a dialect returns for the key ``<<``."""
_CORE: Final = "tag:yaml.org,2002:"


class YamlError(BuildError):
    """Text that is no YAML, breaks a limit or holds a duplicate key; ``line`` counts from 1, 0 when unknown."""

    def __init__(self, problem: str, *, file: str = "", line: int = 0, go_lines: tuple[int, int] | None = None) -> None:
        place = ":".join(str(part) for part in (file, line) if part)
        super().__init__(f"{place}: {problem}" if place else problem)
        self.problem = problem
        self.file = file
        self.line = line
        self.go_lines = go_lines or (line, line)
        """The lines that go-yaml v2 and v3 print, which are not always the right one; 0 when they print none."""


class _Table(dict[str, Any]):
    """Remembers what scalars mean: repositories repeat the same few thousand of them."""

    __slots__ = ("_resolve",)

    def __init__(self, resolve: Callable[[str], Any]) -> None:
        super().__init__()
        self._resolve = resolve

    def __missing__(self, text: str) -> Any:
        value = self._resolve(text)
        if len(text) <= 64:
            if len(self) > 50_000:
                self.clear()
            self[text] = value
        return value


@dataclass(frozen=True, slots=True)
class Dialect:
    """How scalars become values: ``plain`` for unquoted ones, ``key`` for unquoted keys."""

    plain: _Table
    key: _Table
    nothing_in_flow: Any = None
    """What an absent value in a flow map is: ``{a: , b}``."""
    last_wins: bool = False
    """Whether the last of equal keys counts; otherwise they are an error."""
    folded: Callable[[str], Any] = str
    """What becomes of a folded block scalar (``>``)."""

    @classmethod
    def of(
        cls,
        plain: Callable[[str], Any],
        key: Callable[[str], Any],
        *,
        nothing_in_flow: Any = None,
        last_wins: bool = False,
        folded: Callable[[str], Any] = str,
    ) -> Dialect:
        return cls(_Table(plain), _Table(key), nothing_in_flow, last_wins, folded)


def _key_11(text: str) -> Any:
    """A key as JSON needs it: a string, spelled as Go prints the value that YAML 1.1 reads."""
    if text == "<<":
        return MERGE
    value = plain_11(text)
    if value is None:
        raise YamlError("null cannot be a key; quote it")
    if isinstance(value, bool):
        return "true" if value else "false"
    return intern(text) if isinstance(value, str) else str(value)


def _finite_11(text: str) -> Any:
    value = plain_11(text)
    if isinstance(value, float) and not isfinite(value):
        raise YamlError(f"unsupported value: {text} cannot be written as JSON")
    return value


SIGS: Final = Dialect.of(_finite_11, _key_11)
"""``sigs.k8s.io/yaml``: YAML 1.1 turned into JSON."""
SIGS_LENIENT: Final = Dialect.of(_finite_11, _key_11, last_wins=True)
"""The same where it does not check for equal keys."""


def read_documents(
    text: str | bytes, dialect: Dialect, *, file: str = "", quoted: list[str] | None = None
) -> Iterator[Any]:
    """Yields the value of each document, also the empty ones (``None``); raises :class:`YamlError`.

    ``quoted`` collects the very objects of all texts that were not plain scalars, for those who must know.
    """
    if len(text) > MAX_BYTES:
        raise YamlError(f"the text has {len(text)} bytes, more than the {MAX_BYTES} that are read", file=file)
    given = 0
    for _ in range(_MOST_REPAIRS):
        reader = None
        try:
            reader = _Reader(text, dialect, file, quoted)
            for document in islice(reader.documents(), given, None):
                given += 1
                yield document
        except YamlError as error:
            if error.file or reader is None:
                raise
            line = error.line or reader.line
            raise YamlError(error.problem, file=file, line=line, go_lines=error.go_lines) from error.__cause__
        except MarkedYAMLError as error:
            repaired = _with_quotes(text, error)
            if repaired is None:
                raise _syntax_error(error, file) from error
            text = repaired
        except (YAMLError, UnicodeError) as error:
            raise YamlError(f"malformed text: {error}".replace("\n", " "), file=file) from error
        else:
            return
    raise YamlError("too many colons at the end of words in flow maps; quote them", file=file)


def _with_quotes(text: str | bytes, error: MarkedYAMLError) -> str | None:
    """The text with one more scalar in quotes, when that is all that is between libyaml and go-yaml.

    ``{labels:}`` is a scalar with a colon at its end to Go, and an error to newer libyaml.
    """
    if error.problem != "found unexpected ':'" or error.context_mark is None:
        return None
    if isinstance(text, bytes):
        text = text.decode()
    start = error.context_mark.index
    end = start
    while end < len(text) and text[end] not in ",[]{}\n":
        if text[end] in ": " and text[end + 1 : end + 2].isspace():
            end += text[end] == ":"
            break
        end += 1
    return text[:start] + "'" + text[start:end].replace("'", "''") + "'" + text[end:]


def _syntax_error(error: MarkedYAMLError, file: str) -> YamlError:
    """The error with its line, and with those that Go prints: v2 prefers the problem's, v3 that of its context."""
    late = type(error).__name__ == "ScannerError"
    problem = error.problem_mark.line if error.problem_mark is not None else 0
    context = error.context_mark.line if error.context_mark is not None else 0
    v2 = problem + late if problem else context
    v3 = (context or problem) + late if context or problem else 0
    return YamlError(error.problem or "malformed YAML", file=file, line=problem + 1, go_lines=(v2, v3))


class _Reader:
    """One pass over the events of one text."""

    __slots__ = (
        "_aliased",
        "_anchors",
        "_dialect",
        "_file",
        "_long_blocks",
        "_long_plain",
        "_nodes",
        "_parser",
        "_quoted",
        "_text",
        "line",
    )

    def __init__(self, text: str | bytes, dialect: Dialect, file: str, quoted: list[str] | None) -> None:
        self._quoted = quoted
        self._long_plain: dict[str, Any] = {}
        self._long_blocks: dict[str, str] = {}
        self._parser = CParser(text)
        self._text = text
        self._dialect = dialect
        self._file = file
        self._nodes = 0
        self._aliased = 0
        self._anchors: dict[str, Any] = {}
        self.line = 0

    def documents(self) -> Iterator[Any]:
        next_event = self._parser.get_event
        while True:
            event = next_event()
            if event is None or type(event) is ev.StreamEndEvent:
                return
            if type(event) is ev.DocumentStartEvent:
                self._anchors.clear()
                yield self._document()

    def _document(self) -> Any:
        next_event = self._parser.get_event
        plain, keys = self._dialect.plain, self._dialect.key
        nothing_in_flow, last_wins = self._dialect.nothing_in_flow, self._dialect.last_wins
        quoted = self._quoted
        # Schemas repeat their descriptions hundreds of times; equal ones share one text. Plain and quoted stay apart.
        same_plain, same_block = self._long_plain.setdefault, self._long_blocks.setdefault
        stack: list[tuple[Any, Any, Any, Any]] = []
        result: list[Any] = []
        container: Any = result
        is_map = in_flow = False
        key: Any = _NO_KEY
        nodes = 0
        while True:
            event: Any = next_event()
            kind = type(event)
            if kind is ev.ScalarEvent:
                nodes += 1
                text = event.value
                at_key = is_map and key is _NO_KEY
                if event.tag is not None:
                    value = self._tagged(event, at_key)
                elif event.style == "":
                    value = keys[text] if at_key else plain[text] if len(text) < 65 else same_plain(text, plain[text])
                    if in_flow and text == "" and is_map and not at_key:
                        value = nothing_in_flow
                elif at_key:
                    value = intern(text)
                else:
                    value = self._dialect.folded(text) if event.style == ">" else same_block(text, text)
                    if quoted is not None:
                        quoted.append(value)
                if event.anchor is not None:
                    self._anchors[event.anchor] = value
            elif kind is ev.MappingStartEvent or kind is ev.SequenceStartEvent:
                if is_map and key is _NO_KEY:
                    raise self._error("a map or list cannot be a key", event)
                if len(stack) >= MAX_DEPTH:
                    raise self._error(f"nested deeper than {MAX_DEPTH} levels", event)
                stack.append((container, key, event.anchor, in_flow))
                in_flow = event.flow_style
                container = {} if kind is ev.MappingStartEvent else []
                is_map = kind is ev.MappingStartEvent
                key = _NO_KEY
                continue
            elif kind is ev.MappingEndEvent or kind is ev.SequenceEndEvent:
                value = container
                nodes += 1
                if is_map and MERGE in container:
                    value = self._merged(container, event)
                container, key, anchor, in_flow = stack.pop()
                is_map = type(container) is dict
                if anchor is not None:
                    self._anchors[anchor] = value
                if nodes > MAX_NODES:
                    raise self._error(f"more than {MAX_NODES} nodes", event)
            elif kind is ev.AliasEvent:
                value = self._alias(event)
                if is_map and key is _NO_KEY and not isinstance(value, str):
                    raise self._error("a map or list cannot be a key", event)
            elif kind is ev.DocumentEndEvent:
                self._nodes += nodes
                return result[0] if result else None
            else:
                raise self._error("malformed YAML", event)
            if not is_map:
                container.append(value)
            elif key is _NO_KEY:
                if value in container and not last_wins:
                    raise self._duplicate(value, event)
                key = value
            else:
                container[key] = value
                key = _NO_KEY

    def _error(self, problem: str, event: Any) -> YamlError:
        return YamlError(problem, file=self._file, line=event.start_mark.line + 1)

    def _duplicate(self, key: Any, event: Any) -> YamlError:
        name = "<<" if key is MERGE else key
        line = event.start_mark.line + 1
        first = _first_definition(self._text, name, line)
        error = YamlError(f'mapping key "{name}" already defined at line {first}', file=self._file, line=line)
        error.problem = f'yaml: unmarshal errors:\n  line {line}: mapping key "{name}" already defined at line {first}'
        return error

    def _alias(self, event: Any) -> Any:
        """A copy of what the anchor names, within the growth that go-yaml tolerates."""
        if event.anchor not in self._anchors:
            line = event.start_mark.line + 1
            problem = f"unknown anchor '{event.anchor}' referenced"
            raise YamlError(problem, file=self._file, line=line, go_lines=(0, 0))
        self.line = event.start_mark.line + 1
        return self._copy(self._anchors[event.anchor])

    def _copy(self, value: Any) -> Any:
        self._aliased += 1
        if self._aliased > _FREE_ALIAS_NODES:
            raise YamlError("document contains excessive aliasing", file=self._file, line=self.line)
        if type(value) is dict:
            return {key: self._copy(item) for key, item in value.items()}
        if type(value) is list:
            return [self._copy(item) for item in value]
        return value

    def _merged(self, container: dict[Any, Any], event: Any) -> dict[str, Any]:
        """Carries out ``<<``: what the map says itself wins, then the first of several sources."""
        sources = container.pop(MERGE)
        merged: dict[str, Any] = {}
        for source in reversed(sources if isinstance(sources, list) else [sources]):
            if not isinstance(source, dict):
                raise self._error("map merge requires map or sequence of maps as the value", event)
            merged.update(source)
        merged.update(container)
        return merged

    def _tagged(self, event: Any, at_key: bool) -> Any:
        """A scalar with an explicit tag; unknown tags leave the text as it is."""
        text, tag = event.value, event.tag
        short = tag.removeprefix(_CORE) if tag.startswith(_CORE) else ""
        if short == "binary":
            try:
                return base64.b64decode("".join(text.split()), validate=True).decode()
            except (binascii.Error, ValueError) as error:
                raise self._error("!!binary value is not base64 of UTF-8 text", event) from error
        if short == "merge" and at_key:
            return MERGE
        if short not in ("null", "bool", "int", "float"):
            return intern(text) if at_key else text
        value: Any = _explicit(short, text)
        if value is _NO_KEY:
            raise self._error(f"cannot decode !!str `{text[:30]}` as a !!{short}", event)
        if at_key:
            return str(value).lower() if isinstance(value, bool) else str(value)
        return value


def _explicit(short: str, text: str) -> Any:
    if short == "null":
        return None if text in NULLS else _NO_KEY
    if short == "bool":
        return True if text in TRUE_11 else False if text in FALSE_11 else _NO_KEY
    value = number(text)
    if value is None or (short == "int" and isinstance(value, float) and not value.is_integer()):
        return _NO_KEY
    return json_number(value)


def _first_definition(text: str | bytes, key: str, line: int) -> int:
    """Where the map that repeats ``key`` at ``line`` has it first; a second, slow pass made only for the message."""
    stack: list[dict[str, int] | None] = []
    at_key: list[bool] = []
    next_event: Callable[[], Any] = CParser(text).get_event
    while (event := next_event()) is not None:
        kind = type(event)
        if kind in (ev.MappingEndEvent, ev.SequenceEndEvent):
            stack.pop()
            at_key.pop()
        if kind in (ev.ScalarEvent, ev.AliasEvent, ev.MappingStartEvent, ev.SequenceStartEvent) and stack:
            seen = stack[-1]
            if seen is not None and at_key[-1] and kind is ev.ScalarEvent:
                here = event.start_mark.line + 1
                if here == line and event.value == key and key in seen:
                    return seen[key]
                seen.setdefault(event.value, here)
            at_key[-1] = not at_key[-1]
        if kind in (ev.MappingStartEvent, ev.SequenceStartEvent):
            stack.append({} if kind is ev.MappingStartEvent else None)
            at_key.append(True)
    return 0
