"""Text to resources: documents of a file, checked, with the items of ``List`` kinds taken out."""

from __future__ import annotations

import re
from math import isfinite
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from fairlead.objects.yaml_reader import YamlError, read_documents

from .comments import Comments, read_comments
from .errors import KustomizeError, MalformedYamlError
from .golang import go_syntax, object_text
from .values import ODD_RESOURCES, RESOURCES, OddKey, OddValueError, Value, Written, is_null, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from fairlead.objects.yaml_reader import Dialect

__all__ = ["Parsed", "check_printable", "check_resource", "parse_documents", "parse_values"]

_SEPARATOR: Final = re.compile(rb"^---[ \t]*([^\s#].*)$", re.MULTILINE)


class Parsed(NamedTuple):
    """The resources of a text."""

    values: tuple[dict[str, Value], ...]
    odd: bool
    """Whether there is something among them that JSON cannot say; it matters only if it reaches the output."""
    quoted: list[str]
    """The texts that stand in quotes or blocks."""
    comments: tuple[Comments | None, ...] = ()
    """For each resource the schemas in its comments; empty when there are none."""


def parse_documents(text: bytes, file: str = "") -> Parsed:
    """The resources of a file in kustomize's order; raises when one is none.

    Items of lists come after the file's other documents; ``items: null`` vanishes, as do empty documents.
    """
    odd = False
    quoted: list[str] = []
    try:
        values = _resources(parse_values(text, file, quoted=quoted))
    except OddValueError:
        values, odd = _resources(parse_values(text, file, dialect=ODD_RESOURCES, quoted=quoted)), True
    comments = read_comments(text)
    return Parsed(values, odd, quoted, tuple(comments) if len(comments) == len(values) else ())


def _resources(values: list[Value]) -> tuple[dict[str, Value], ...]:
    if len(values) == 1 and type(values[0]) is dict and values[0].get("kind") in ("List", "ResourceList"):
        unwrapped = _unwrapped(values[0])
        values = values if unwrapped is None else unwrapped
    queue: list[Any] = [value for value in values if check_resource(value)]
    result: list[dict[str, Value]] = []
    position = 0
    while position < len(queue):
        value = queue[position]
        position += 1
        if not text_of(value["kind"]).endswith("List") or "items" not in value:
            result.append(value)
            continue
        items = value["items"]
        if is_null(items):
            continue
        if type(items) is not list:
            found = "map[string]interface {}" if type(items) is dict else "string"
            raise KustomizeError(f"expected array in {text_of(value['kind'])}/items, but found {found}")
        queue += [item for item in items if check_resource(item)]
    return tuple(result)


def parse_values(
    text: bytes, file: str = "", *, dialect: Dialect = RESOURCES, quoted: list[str] | None = None
) -> list[Value]:
    """The documents that say something; raises :class:`MalformedYamlError` for text that is no YAML."""
    stray = _SEPARATOR.search(text) if b"\n---" in text or text.startswith(b"---") else None
    if stray is not None and b"\n" in text[: stray.start()] + b"\n":
        _refuse_separator(text, stray)
    try:
        return [value for value in read_documents(text, dialect, file=file, quoted=quoted) if not is_null(value)]
    except YamlError as error:
        if "already defined" in error.problem:
            raise KustomizeError(f"map[string]interface {{}}(nil): {error.problem}") from error
        line = f"line {error.go_lines[1]}: " if error.go_lines[1] else ""
        raise MalformedYamlError(f"MalformedYAMLError: yaml: {line}{error.problem}") from error


def _refuse_separator(text: bytes, stray: re.Match[bytes]) -> None:
    """Content behind ``---`` on the same line is refused between documents, and allowed in front of the first."""
    if stray.start() == 0 or stray.end() == len(text):
        return
    raise KustomizeError(f"invalid document separator: {stray[0].decode(errors='replace').strip()}")


def _unwrapped(value: dict[str, Value]) -> list[Value] | None:
    """The items of a file that is one list; ``None`` when it has none."""
    if "items" not in value and "functionConfig" not in value:
        return None
    items = value.get("items")
    return items if type(items) is list else []


def check_resource(value: Value) -> bool:
    """Whether there is something; raises when it cannot be a resource."""
    if is_null(value) or value in ({}, []):
        return False
    if type(value) is not dict:
        raise KustomizeError("missing Resource metadata")
    named = value.get("kind")
    if is_null(named) or text_of(named) == "":
        raise KustomizeError(f"missing kind in object {object_text(value)}")
    if text_of(named).endswith("List"):
        return True
    metadata = value.get("metadata")
    name = metadata.get("name") if type(metadata) is dict else None
    if is_null(name) or text_of(name) == "":
        raise KustomizeError(f"missing metadata.name in object {object_text(value)}")
    return True


def check_printable(value: dict[str, Value]) -> None:
    """Raises for what JSON cannot say: keys that are no texts, infinities."""
    for problem in _unprintable(value):
        raise KustomizeError(f"{go_syntax(value)}: json: {problem}")


def _unprintable(value: Value) -> Iterator[str]:
    children: Sequence[Value] = ()
    if type(value) is dict:
        if any(type(key) is OddKey for key in value):
            yield "unsupported type: map[interface {}]interface {}"
        children = [value[key] for key in sorted(value)]
    elif type(value) is list:
        children = value
    elif type(value) is Written and isinstance(value.value, float) and not isfinite(value.value):
        yield f"unsupported value: {go_syntax(value)}"
    for child in children:
        yield from _unprintable(child)
