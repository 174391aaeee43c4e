"""Schemas in comments: ``containers: # {"type": "array", "x-kubernetes-patch-merge-key": "name", …}``.

kustomize lets a file say how a list of its own merges. Hardly anybody does, so a file is looked at only when it holds
a comment that begins with a brace.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from yaml import events as ev
from yaml._yaml import CParser
from yaml.error import YAMLError

from .schema import inline_schema

if TYPE_CHECKING:
    from .schema import Schema

__all__ = ["Comments", "commented_schema", "read_comments"]

_COMMENT: Final = re.compile(rb"^[^#\n]*[ \t]#[ \t]*(\{.*\})[ \t]*$", re.MULTILINE)
_MARKS: Final = (b'"$ref"', b'"x-kubernetes-')


@dataclass(slots=True)
class Comments:
    """What comments say about a field, and about the fields below it. Items of lists are not told apart."""

    schema: dict[str, Any] | None = None
    fields: dict[str, Comments] = field(default_factory=dict)

    def over(self, other: Comments | None) -> Comments:
        """Both together; this one wins."""
        if other is None:
            return self
        names = {**self.fields, **other.fields}
        merged = {
            name: self.fields[name].over(other.fields.get(name)) if name in self.fields else other.fields[name]
            for name in names
        }
        return Comments(self.schema if self.schema is not None else other.schema, merged)


def read_comments(text: bytes) -> list[Comments | None]:
    """The comments of each document of a text that holds at least one; an empty list when there are none at all."""
    if not any(mark in text for mark in _MARKS) or b"#" not in text:
        return []
    lines: dict[int, dict[str, Any]] = {}
    line = counted = 0
    for match in _COMMENT.finditer(text):
        try:
            schema = json.loads(match[1])
        except (ValueError, RecursionError):
            continue
        if isinstance(schema, dict):
            line += text.count(b"\n", counted, match.start(1))
            counted = match.start(1)
            lines[line] = schema
    return _placed(text, lines) if lines else []


def _placed(text: bytes, lines: dict[int, dict[str, Any]]) -> list[Comments | None]:
    """Finds the keys that stand on the lines."""
    documents: list[Comments | None] = []
    stack: list[tuple[Comments, bool]] = []
    key: str | None = None
    parser = CParser(text)
    try:
        while (event := parser.get_event()) is not None:
            if isinstance(event, ev.DocumentStartEvent):
                root = Comments()
                stack, key = [(root, False)], None
                documents.append(root)
            elif isinstance(event, ev.CollectionStartEvent):
                place, is_map = stack[-1]
                if is_map and key is not None:
                    place, key = place.fields.setdefault(key, Comments()), None
                stack.append((place, isinstance(event, ev.MappingStartEvent)))
            elif isinstance(event, ev.CollectionEndEvent):
                stack.pop()
            elif isinstance(event, ev.NodeEvent) and stack[-1][1]:
                key = _next_key(stack[-1][0], key, event, lines)
    except YAMLError:
        return []
    return documents


def _next_key(place: Comments, key: str | None, event: ev.NodeEvent, lines: dict[int, dict[str, Any]]) -> str | None:
    """The key whose value comes next, after a scalar or alias in a map."""
    if key is not None:
        return None
    name = event.value if isinstance(event, ev.ScalarEvent) else "*"
    schema = lines.get(event.start_mark.line) if event.start_mark is not None else None
    if schema is not None:
        place.fields.setdefault(name, Comments()).schema = schema
    return name


def commented_schema(base: Schema | None, comments: Comments | None) -> Schema | None:
    """The schema with what comments say in the place of what it says itself."""
    return base if comments is None else _Commented(base, comments)


class _Commented:
    __slots__ = ("_base", "_comments")

    def __init__(self, base: Schema | None, comments: Comments) -> None:
        own = inline_schema(comments.schema) if comments.schema is not None else None
        self._base = own or base
        self._comments = comments

    @property
    def merges(self) -> bool:
        return self._base is not None and self._base.merges

    @property
    def keys(self) -> tuple[str, ...]:
        return () if self._base is None else self._base.keys

    def field(self, name: str) -> Schema | None:
        base = None if self._base is None else self._base.field(name)
        return commented_schema(base, self._comments.fields.get(name))

    def items(self) -> Schema | None:
        base = None if self._base is None else self._base.items()
        return commented_schema(base, Comments(None, self._comments.fields)) if self._comments.fields else base
