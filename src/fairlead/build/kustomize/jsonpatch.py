"""JSON patches (RFC 6902) as kustomize's library carries them out, with its extensions and its messages.

Negative indices count from the end, ``replace`` of a missing key of a map adds it, numbers pass through JSON's floats.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final

from fairlead.objects.yaml_reader import MAX_DEPTH, SIGS_LENIENT, YamlError, read_documents
from fairlead.objects.yaml_scalars import whole

from .errors import KustomizeError
from .values import Value, Written, count_nodes

__all__ = ["Operation", "apply_operations", "parse_operations"]

_LONGEST_PATH: Final = 10_000
_MOST_COPIED_NODES: Final = 50_000
_MOST_ADDED_ITEMS: Final = 100_000


@dataclass(frozen=True, slots=True)
class Operation:
    """One step of a patch."""

    op: str
    path: str
    source: str
    value: Any
    has_value: bool


def parse_operations(text: str) -> tuple[Operation, ...]:
    """The operations of a patch in JSON or YAML; raises :class:`KustomizeError` when it is no list of them."""
    if text == "":
        raise KustomizeError("empty json patch operations")
    value = _parse_json(text) if text[0] == "[" else _parse_yaml(text)
    if value is None:
        return ()
    if not isinstance(value, list):
        kind = {dict: "object", str: "string", bool: "bool"}.get(type(value), "number")
        raise KustomizeError(f"json: cannot unmarshal {kind} into Go value of type jsonpatch.Patch")
    return tuple(map(_operation, value))


def _parse_json(text: str) -> Any:
    try:
        value, end = json.JSONDecoder().raw_decode(text)
    except (ValueError, RecursionError) as error:
        raise KustomizeError(f"invalid JSON patch: {error}") from error
    if text[end:].strip():
        raise KustomizeError("invalid character after top-level value")
    return value


def _parse_yaml(text: str) -> Any:
    try:
        return next(read_documents(text, SIGS_LENIENT), None)
    except YamlError as error:
        raise KustomizeError(f"error converting YAML to JSON: yaml: {error}") from error


def _operation(entry: Any) -> Operation:
    if not isinstance(entry, dict):
        raise KustomizeError("json: cannot unmarshal into Go value of type jsonpatch.Operation: no object")
    texts = {key: entry.get(key) for key in ("op", "path", "from")}
    for key, text in texts.items():
        if text is not None and not isinstance(text, str):
            raise KustomizeError(f"JSON patch: field {key} must be a string")
    return Operation(
        op=texts["op"] or "unknown",
        path=texts["path"] if texts["path"] is not None else "unknown",
        source=texts["from"] or "",
        value=entry.get("value"),
        has_value="value" in entry,
    )


def apply_operations(value: Value, operations: tuple[Operation, ...]) -> Value:
    """The patched value; ``value`` itself is left as it is."""
    document = as_json(value)
    for operation in operations:
        document = _apply(document, operation)
    return document


def as_json(value: Value) -> Any:
    """A deep copy as JSON decodes it in Go: every number a float, printed again as an integer where it is one."""
    kind = type(value)
    if kind is dict:
        return {key: as_json(item) for key, item in value.items()}
    if kind is list:
        return [as_json(item) for item in value]
    if kind is Written:
        value = value.value
        kind = type(value)
    if kind is int and not -(2**53) <= value <= 2**53:
        return whole(float(value))
    if kind is float and value.is_integer() and abs(value) < 1e21:
        return whole(value)
    return value


def _apply(document: Any, operation: Operation) -> Any:
    match operation.op:
        case "add":
            return _add(document, operation.path, _new(operation))
        case "remove":
            return _remove(document, operation.path)
        case "replace":
            return _replace(document, operation.path, _new(operation))
        case "move":
            moved = _get(document, operation.source, "move")
            return _add(_remove(document, operation.source), operation.path, moved, "move")
        case "copy":
            copied = _get(document, operation.source, "copy")
            if count_nodes(copied, _MOST_COPIED_NODES) >= _MOST_COPIED_NODES:
                raise KustomizeError(f"copy operation does not apply: there is too much at '{operation.source}'")
            return _add(document, operation.path, as_json(copied), verb="copy")
        case "test":
            _test(document, operation)
            return document
    raise KustomizeError(f"Unexpected kind: {operation.op}")


def _new(operation: Operation) -> Any:
    return as_json(operation.value)


def _parts(path: str) -> list[str]:
    if len(path) > _LONGEST_PATH:
        raise KustomizeError(f"JSON patch: the path has {len(path)} characters")
    return [part.replace("~1", "/").replace("~0", "~") for part in path.split("/")[1:]]


def _find(document: Any, parts: list[str]) -> Any:
    """The container of the last part, or ``None``."""
    if not 0 < len(parts) <= MAX_DEPTH:
        return None
    for part in parts[:-1]:
        if isinstance(document, dict):
            document = document.get(part)
        elif isinstance(document, list):
            index = _index(part, len(document))
            document = None if index is None else document[index]
        else:
            return None
    return document if isinstance(document, dict | list) else None


def _index(part: str, length: int) -> int | None:
    try:
        index = int(part) if len(part) < 20 else None
    except ValueError:
        return None
    if index is None:
        return None
    if index < 0:
        index += length
    return index if 0 <= index < length else None


def _add(document: Any, path: str, value: Any, verb: str = "add") -> Any:
    if path == "":
        return value
    parts = _parts(path)
    container = _find(document, parts)
    if container is None:
        missing = f'path: "{path}"' if verb == "add" else f"destination path: {path}"
        raise KustomizeError(f"{verb} operation does not apply: doc is missing {missing}: missing value")
    key = parts[-1]
    if isinstance(container, dict):
        container[key] = value
        return document
    if len(container) >= _MOST_ADDED_ITEMS:
        raise KustomizeError(f"{verb} operation does not apply: the list at '{path}' is too long")
    if key == "-":
        container.append(value)
        return document
    try:
        index = int(key)
    except ValueError as error:
        raise KustomizeError(
            f"error in {verb} for path: '{path}': value was not a proper array index: '{key}': "
            f'strconv.Atoi: parsing "{key}": invalid syntax'
        ) from error
    length = len(container) + 1
    if index >= length or index < -length:
        raise KustomizeError(
            f"error in {verb} for path: '{path}': Unable to access invalid index: {index}: invalid index referenced"
        )
    container.insert(index + length if index < 0 else index, value)
    return document


def _remove(document: Any, path: str) -> Any:
    parts = _parts(path)
    container = _find(document, parts) if parts else None
    if container is None:
        raise KustomizeError(f'remove operation does not apply: doc is missing path: "{path}": missing value')
    key = parts[-1]
    if isinstance(container, dict):
        if key not in container:
            raise KustomizeError(
                f"error in remove for path: '{path}': unable to remove nonexistent key: {key}: missing value"
            )
        del container[key]
        return document
    index = _index(key, len(container))
    if index is None:
        raise KustomizeError(
            f"error in remove for path: '{path}': Unable to access invalid index: {key}: invalid index referenced"
        )
    del container[index]
    return document


def _replace(document: Any, path: str, value: Any) -> Any:
    if path == "":
        return value
    parts = _parts(path)
    container = _find(document, parts)
    if container is None:
        raise KustomizeError(f"replace operation does not apply: doc is missing path: {path}: missing value")
    key = parts[-1]
    if isinstance(container, dict):
        container[key] = value
        return document
    index = _index(key, len(container))
    if index is None:
        raise KustomizeError(f"replace operation does not apply: doc is missing key: {path}: missing value")
    container[index] = value
    return document


def _get(document: Any, path: str, verb: str) -> Any:
    """The value at a path; a key that a map lacks is null to ``copy``."""
    if path == "":
        return document
    parts = _parts(path)
    container = _find(document, parts)
    key = parts[-1] if parts else ""
    if isinstance(container, dict) and (key in container or verb == "copy"):
        return container.get(key)
    if isinstance(container, list):
        index = _index(key, len(container))
        if index is not None:
            return container[index]
    if isinstance(container, dict) and verb == "move":
        raise KustomizeError(f"error in move for path: '{key}': Unable to remove nonexistent key: {key}: missing value")
    raise KustomizeError(f"{verb} operation does not apply: doc is missing from path: {path}: missing value")


def _test(document: Any, operation: Operation) -> None:
    failure = KustomizeError(f"testing value {operation.path} failed: test failed")
    try:
        found = _get(document, operation.path, "test")
    except KustomizeError as error:
        if operation.has_value and operation.value is None:
            return
        raise failure from error
    if not _equal(found, _new(operation)):
        raise failure


def _equal(one: Any, other: Any) -> bool:
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, dict) and isinstance(other, dict):
        return one.keys() == other.keys() and all(_equal(value, other[key]) for key, value in one.items())
    if isinstance(one, list) and isinstance(other, list):
        return len(one) == len(other) and all(map(_equal, one, other))
    return type(one) is type(other) and bool(one == other)
