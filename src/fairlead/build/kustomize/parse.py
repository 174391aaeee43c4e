"""Text to resources: documents of a file, checked, with the items of ``List`` kinds taken out."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from fairlead.objects.yaml_reader import YamlError, read_documents

from .errors import KustomizeError, MalformedYamlError
from .golang import go_syntax, object_text
from .values import RESOURCES, NonStringKeyError, Value, Written, is_null, text_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

__all__ = ["parse_documents", "parse_values"]

_SEPARATOR: Final = re.compile(rb"^---[ \t]*([^\s#].*)$", re.MULTILINE)


def parse_documents(text: bytes, file: str = "") -> tuple[dict[str, Value], ...]:
    """The resources of a file in kustomize's order; raises when one is none.

    Items of lists come after the file's other documents; ``items: null`` vanishes, as do empty documents.
    """
    values = parse_values(text, file)
    if len(values) == 1 and type(values[0]) is dict and values[0].get("kind") in ("List", "ResourceList"):
        unwrapped = _unwrapped(values[0])
        values = values if unwrapped is None else unwrapped
    queue: list[Any] = [value for value in values if _checked(value)]
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
        queue += [item for item in items if _checked(item)]
    return tuple(result)


def parse_values(text: bytes, file: str = "") -> list[Value]:
    """The documents that say something; raises :class:`MalformedYamlError` for text that is no YAML."""
    stray = _SEPARATOR.search(text) if b"\n---" in text or text.startswith(b"---") else None
    if stray is not None and b"\n" in text[: stray.start()] + b"\n":
        _refuse_separator(text, stray)
    try:
        return [value for value in read_documents(text, RESOURCES, file=file) if not is_null(value)]
    except YamlError as error:
        if isinstance(error.__cause__, NonStringKeyError) or "unsupported type" in error.problem:
            raise KustomizeError(f"{error.problem} (line {error.line})") from error
        if "already defined" in error.problem:
            raise KustomizeError(f"map[string]interface {{}}(nil): {error.problem}") from error
        line = f"line {error.line}: " if error.line else ""
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


def _checked(value: Value) -> bool:
    """Whether there is something; raises when it cannot be a resource."""
    if is_null(value) or value in ({}, []):
        return False
    if type(value) is not dict:
        kind = "SequenceNode" if type(value) is list else "ScalarNode"
        raise KustomizeError(f"missing Resource metadata: expected MappingNode but got {kind}")
    kind = value.get("kind")
    if is_null(kind) or text_of(kind) == "":
        raise KustomizeError(f"missing kind in object {object_text(value)}")
    if text_of(kind).endswith("List"):
        return True
    metadata = value.get("metadata")
    name = metadata.get("name") if type(metadata) is dict else None
    if is_null(name) or text_of(name) == "":
        raise KustomizeError(f"missing metadata.name in object {object_text(value)}")
    return True


def check_printable(value: Value, whole: Value, label: str = "") -> None:
    """Raises for what JSON cannot say: infinities and what is not a number."""
    for number in _unprintable(value):
        shown = {"inf": "+Inf", "-inf": "-Inf"}.get(str(number), "NaN")
        raise KustomizeError(f"{go_syntax(whole)}: json: unsupported value: {shown}")


def _unprintable(value: Value) -> Iterator[float]:
    children: Sequence[Value] = ()
    if type(value) is dict:
        children = tuple(value.values())
    elif type(value) is list:
        children = value
    elif type(value) is Written and isinstance(value.value, float) and not -1e400 < value.value < 1e400:
        yield value.value
    for child in children:
        yield from _unprintable(child)
