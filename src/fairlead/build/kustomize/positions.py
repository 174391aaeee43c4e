"""Where in a file each value stands: trees of lines beside the values of its documents.

Read only when origins are asked for.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from yaml import events as ev
from yaml._yaml import CParser
from yaml.error import YAMLError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

__all__ = ["Place", "read_places"]


@dataclass(slots=True)
class Place:
    """The line of a value, counted from 1, and the places of what is in it."""

    line: int = 0
    fields: dict[str, Place] = field(default_factory=dict)
    items: list[Place] = field(default_factory=list)

    def at(self, parts: Sequence[str | int]) -> Place | None:
        """The place that keys and indices lead to."""
        place: Place | None = self
        for part in parts:
            if place is None:
                return None
            if isinstance(part, int):
                place = place.items[part] if part < len(place.items) else None
            else:
                place = place.fields.get(part)
        return place


def read_places(text: bytes) -> list[Place]:
    """One place for each document, the empty ones left out. Text that is no YAML has none."""
    try:
        return _Reader(CParser(text)).documents()
    except YAMLError:
        return []


class _Reader:
    def __init__(self, parser: CParser) -> None:
        self._next: Callable[[], Any] = parser.get_event
        self._anchors: dict[str, Place] = {}

    def documents(self) -> list[Place]:
        found = []
        while (event := self._next()) is not None:
            if type(event) is ev.DocumentStartEvent:
                place = self._place(self._next())
                if place.fields or place.items:
                    found.append(place)
        return found

    def _place(self, event: Any) -> Place:
        kind = type(event)
        if kind is ev.AliasEvent:
            return self._anchors.get(event.anchor) or Place(event.start_mark.line + 1)
        place = Place(event.start_mark.line + 1)
        if event.anchor is not None:
            self._anchors[event.anchor] = place
        if kind is ev.SequenceStartEvent:
            while type(child := self._next()) is not ev.SequenceEndEvent:
                place.items.append(self._place(child))
        elif kind is ev.MappingStartEvent:
            while type(key := self._next()) is not ev.MappingEndEvent:
                child_place = self._place(self._next())
                name = getattr(key, "value", "")
                if name == "<<":
                    for source in child_place.items or [child_place]:
                        place.fields = {**source.fields, **place.fields}
                else:
                    place.fields[name] = child_place
        return place
