"""Origins: for every leaf of every object the file and line that it comes from, and the transformer that set it.

Nothing here runs unless a build is asked for origins. Values are never changed in place, so what a step did is found by
comparing: whatever is the same object as before keeps its origin, whatever is new gets the step's. A trace has the
shape of its value, with an :class:`Origin` in the place of each scalar, empty map and empty list.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, NamedTuple

from .positions import Place, read_places
from .values import MISSING, Value, is_scalar, text_of

if TYPE_CHECKING:
    from collections.abc import Callable, Container, Sequence

__all__ = [
    "Origin",
    "Step",
    "combine",
    "fill",
    "kustomization_origin",
    "patch_origin",
    "retrace",
    "trace_documents",
    "without_lines",
]

Trace = Any
_KEYS: Final = ("name", "containerPort", "port", "mountPath", "ip", "key", "topologyKey", "devicePath", "uid")


class Origin(NamedTuple):
    """Where a leaf comes from."""

    file: str
    """Path in the tree."""
    line: int
    """Counted from 1; 0 when the file does not tell."""
    by: str = ""
    """What set it, such as ``patches[0]`` or ``namePrefix``; empty for what a resource's own file says."""

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}" if self.line else self.file
        return f"{place} ({self.by})" if self.by else place


class Step(NamedTuple):
    """One step of the way to a leaf: a key, or the index of an item together with the item."""

    key: str | int
    item: Value = None


def trace_documents(text: bytes, file: str, values: Sequence[Value]) -> list[Trace]:
    """The traces of the resources of a file, in their order."""
    places = _resources(read_places(text))
    padded = [*places, *[None] * (len(values) - len(places))]
    return [_traced(value, place, file) for value, place in zip(values, padded, strict=False)]


def _resources(places: list[Place]) -> list[Place]:
    """Takes items out of lists in the order in which the engine does."""
    queue = list(places)
    result = []
    position = 0
    while position < len(queue):
        place = queue[position]
        position += 1
        items = place.fields.get("items")
        if items is None or "kind" not in place.fields or "metadata" in place.fields or not items.items:
            result.append(place)
        else:
            queue += items.items
    return result


def _traced(value: Value, place: Place | None, file: str) -> Trace:
    if isinstance(value, dict) and value:
        return {key: _traced(item, place.fields.get(key) if place else None, file) for key, item in value.items()}
    if isinstance(value, list) and value:
        places: Sequence[Place | None] = place.items if place is not None else ()
        padded = [*places, *[None] * (len(value) - len(places))]
        return [_traced(item, one, file) for item, one in zip(value, padded, strict=False)]
    return Origin(file, place.line if place is not None else 0)


def fill(value: Value, make: Callable[[tuple[Step, ...]], Origin], path: tuple[Step, ...] = ()) -> Trace:
    """A trace for a value that is all new."""
    if isinstance(value, dict) and value:
        return {key: fill(item, make, (*path, Step(key))) for key, item in value.items()}
    if isinstance(value, list) and value:
        return [fill(item, make, (*path, Step(index, item))) for index, item in enumerate(value)]
    return make(path)


def retrace(
    before: Value,
    after: Value,
    trace: Trace,
    make: Callable[[tuple[Step, ...]], Origin],
    path: tuple[Step, ...] = (),
) -> Trace:
    """The trace after a step; ``make`` gives the origin of what the step set, by its path."""
    if after is before:
        return trace
    if isinstance(before, dict) and isinstance(after, dict) and isinstance(trace, dict) and after:
        return {
            key: retrace(before.get(key, MISSING), item, trace.get(key), make, (*path, Step(key)))
            for key, item in after.items()
        }
    if isinstance(before, list) and isinstance(after, list) and isinstance(trace, list) and after:
        return _retrace_list(before, after, trace, make, path)
    same = before is not MISSING and is_scalar(before) and is_scalar(after) and text_of(before) == text_of(after)
    return trace if same and isinstance(trace, Origin) else fill(after, make, path)


def _retrace_list(
    before: list[Value],
    after: list[Value],
    trace: list[Trace],
    make: Callable[[tuple[Step, ...]], Origin],
    path: tuple[Step, ...],
) -> list[Trace]:
    """Items are the same when they are one object, have equal keys, or, in lists of equal length, stand at one
    index."""
    result = []
    for index, item in enumerate(after):
        here = (*path, Step(index, item))
        at = _counterpart(before, item, index, equal_length=len(before) == len(after))
        if at is None or at >= len(trace):
            result.append(fill(item, make, here))
        else:
            result.append(retrace(before[at], item, trace[at], make, here))
    return result


def _counterpart(before: list[Value], item: Value, index: int, *, equal_length: bool) -> int | None:
    at = next((i for i, old in enumerate(before) if old is item), None)
    if at is None and isinstance(item, dict):
        at = next((i for i, old in enumerate(before) if _same_key(old, item)), None)
    if at is None and is_scalar(item):
        at = next((i for i, old in enumerate(before) if is_scalar(old) and text_of(old) == text_of(item)), None)
    return index if at is None and equal_length else at


def _same_key(one: Value, other: Value) -> bool:
    if not isinstance(one, dict) or not isinstance(other, dict):
        return False
    key = next((key for key in _KEYS if key in one and key in other), None)
    return key is not None and is_scalar(one[key]) and text_of(one[key]) == text_of(other[key])


def without_lines(trace: Trace, files: Container[str]) -> Trace:
    """The trace with no lines in these files."""
    if isinstance(trace, Origin):
        return trace._replace(line=0) if trace.file in files else trace
    if isinstance(trace, dict):
        return {key: without_lines(item, files) for key, item in trace.items()}
    if isinstance(trace, list):
        return [without_lines(item, files) for item in trace]
    return trace


def combine(value: Value, new: Value, new_trace: Trace, old: Value, old_trace: Trace) -> Trace:
    """The trace of a value that was put together from two: what ``new`` says comes from there, the rest from
    ``old``."""
    if isinstance(value, dict) and value:
        return {
            key: combine(item, _child(new, key), _child(new_trace, key), _child(old, key), _child(old_trace, key))
            for key, item in value.items()
        }
    if new is not MISSING and new == value and isinstance(new_trace, Origin | list):
        return new_trace
    return old_trace if old_trace is not MISSING else new_trace


def _child(value: Any, key: str) -> Any:
    return value.get(key, MISSING) if isinstance(value, dict) else MISSING


def kustomization_origin(text: bytes, file: str, about: str) -> Callable[[tuple[Step, ...]], Origin]:
    """Origins in a kustomization file; ``about`` is the field and entry, such as ``labels[0]``."""
    name, _, index = about.partition("[")
    parts: list[str | int] = [name, int(index.rstrip("]"))] if index else [name]
    root = next(iter(read_places(text)), None)
    place = root.at(parts) if root is not None else None

    def make(path: tuple[Step, ...]) -> Origin:
        found = place
        last = path[-1].key if path else ""
        for fields in (place.fields, place.fields["pairs"].fields if "pairs" in place.fields else {}) if place else ():
            if isinstance(last, str) and last in fields:
                found = fields[last]
        return Origin(file, found.line if found is not None else 0, about)

    return make


def patch_origin(
    text: bytes, file: str, about: str, values: Sequence[Value], fallback: Callable[[tuple[Step, ...]], Origin]
) -> Callable[[tuple[Step, ...]], Origin]:
    """Origins in a patch's own file: the line of the leaf that the patch writes, found along its path."""
    places = read_places(text)

    def make(path: tuple[Step, ...]) -> Origin:
        for value, place in zip(values, places, strict=False):
            found = _operation(value, place, path) if isinstance(value, list) else _leaf(value, place, path)
            if found is not None:
                return Origin(file, found.line, about)
        if file and places:
            return Origin(file, places[0].line, about)
        return fallback(path)

    return make


def _leaf(value: Value, place: Place, path: tuple[Step, ...]) -> Place | None:
    for step in path:
        if isinstance(step.key, str):
            if not isinstance(value, dict) or step.key not in value or step.key not in place.fields:
                return None
            value, place = value[step.key], place.fields[step.key]
            continue
        if not isinstance(value, list):
            return None
        at = _counterpart(value, step.item, step.key, equal_length=False)
        if at is None or at >= len(place.items):
            return None
        value, place = value[at], place.items[at]
    return place


def _operation(operations: list[Value], place: Place, path: tuple[Step, ...]) -> Place | None:
    """The last operation of a JSON patch that writes at or above the leaf."""
    pointer = [str(step.key) for step in path]
    found = None
    for operation, where in zip(operations, place.items, strict=False):
        target = operation.get("path") if isinstance(operation, dict) else None
        if not isinstance(target, str):
            continue
        parts = [part.replace("~1", "/").replace("~0", "~") for part in target.split("/")[1:]]
        if all(part in (step, "-") for part, step in zip(parts, pointer, strict=False)) and len(parts) <= len(pointer):
            found = where.fields.get("value", where)
    return found
