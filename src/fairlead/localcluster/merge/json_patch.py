"""JSON patch (RFC 6902) with the texts of ``evanphx/json-patch`` v4, the library in the API server."""

from __future__ import annotations

import re
from typing import Any, Final

from fairlead.localcluster.merge.patch_error import PatchError
from fairlead.localcluster.merge.values import equal
from fairlead.localcluster.schema.types import MISSING

__all__ = ["MAX_OPERATIONS", "json_patch"]

MAX_OPERATIONS: Final = 10_000
_INDEX: Final = re.compile(r"[+-]?[0-9]+")
_NOT_THERE: Final = "missing value"
_BAD_INDEX: Final = "invalid index referenced"


class _Refused(Exception):
    """Why one step failed; the operation puts its own words before it."""


def json_patch(doc: dict[str, Any], operations: Any) -> dict[str, Any]:
    """``doc`` after all operations, which succeed together or raise :class:`PatchError`."""
    if not isinstance(operations, list) or not all(isinstance(operation, dict) for operation in operations):
        kind = "object" if isinstance(operations, dict) else "value"
        raise PatchError(
            f"error decoding patch: json: cannot unmarshal {kind} into Go value of type []handlers.jsonPatchOp", 400
        )
    if len(operations) > MAX_OPERATIONS:
        raise PatchError(
            f"The allowed maximum operations in a JSON patch is {MAX_OPERATIONS}, got {len(operations)}", 413
        )
    document: Any = _copy(doc)
    for operation in operations:
        document = _apply(document, operation)
    if not isinstance(document, dict):
        raise PatchError("the patched document is not an object")
    return document


def _copy(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _copy(item) for key, item in value.items()}
    return [_copy(item) for item in value] if isinstance(value, list) else value


def _apply(document: Any, operation: dict[str, Any]) -> Any:
    name = operation.get("op")
    match name:
        case "add":
            return _add(document, _path(operation, "add"), _copy(operation.get("value")))
        case "remove":
            return _remove(document, _path(operation, "remove"))
        case "replace":
            return _replace(document, _path(operation, "replace"), _copy(operation.get("value")))
        case "test":
            return _test(document, _path(operation, "test"), operation.get("value"))
        case "move":
            return _move(document, _path(operation, "move", "from"), _path(operation, "move"))
        case "copy":
            return _copy_value(document, _path(operation, "copy", "from"), _path(operation, "copy"))
    raise PatchError(f"Unexpected kind: {name if isinstance(name, str) else 'unknown'}")


def _path(operation: dict[str, Any], name: str, field: str = "path") -> str:
    path = operation.get(field)
    if not isinstance(path, str):
        raise PatchError(f"{name} operation failed to decode {field}: {_NOT_THERE}")
    return path


# ---- places in the document


def _find(document: Any, path: str) -> tuple[Any, str] | None:
    """The container that holds the last part of the path, and that part; None when the way there is not in the
    document.
    """
    parts = path.split("/")
    if len(parts) < 2:
        return None
    container = document
    for part in parts[1:-1]:
        try:
            container = _get(container, _unescape(part))
        except _Refused:
            return None
        if not isinstance(container, (dict, list)):
            return None
    return container, _unescape(parts[-1])


def _unescape(part: str) -> str:
    return part.replace("~1", "/").replace("~0", "~")


def _index(key: str, length: int) -> int:
    if not _INDEX.fullmatch(key):
        raise _Refused(f'strconv.Atoi: parsing "{key}": invalid syntax')
    index = int(key)
    if not -length <= index < length:
        raise _Refused(f"Unable to access invalid index: {index}: {_BAD_INDEX}")
    return index


def _get(container: Any, key: str) -> Any:
    """What stands at the key; None also for a missing field, as in the server's library."""
    if isinstance(container, dict):
        return container.get(key)
    return container[_index(key, len(container))]


def _put(container: Any, key: str, value: Any) -> None:
    if isinstance(container, dict):
        container[key] = value
        return
    if key == "-":
        container.append(value)
        return
    if not _INDEX.fullmatch(key):
        raise _Refused(f"value was not a proper array index: '{key}': strconv.Atoi: parsing \"{key}\": invalid syntax")
    index = int(key)
    size = len(container) + 1
    if not -size <= index < size:
        raise _Refused(f"Unable to access invalid index: {index}: {_BAD_INDEX}")
    container.insert(index if index >= 0 else index + size, value)


def _take_out(container: Any, key: str) -> None:
    if isinstance(container, dict):
        if key not in container:
            raise _Refused(f"Unable to remove nonexistent key: {key}: {_NOT_THERE}")
        del container[key]
    else:
        del container[_index(key, len(container))]


# ---- operations


def _add(document: Any, path: str, value: Any) -> Any:
    place = _find(document, path)
    if place is None:
        raise PatchError(f'add operation does not apply: doc is missing path: "{path}": {_NOT_THERE}')
    try:
        _put(*place, value)
    except _Refused as error:
        raise PatchError(f"error in add for path: '{path}': {error}") from None
    return document


def _remove(document: Any, path: str) -> Any:
    place = _find(document, path)
    if place is None:
        raise PatchError(f'remove operation does not apply: doc is missing path: "{path}": {_NOT_THERE}')
    try:
        _take_out(*place)
    except _Refused as error:
        raise PatchError(f"error in remove for path: '{path}': {error}") from None
    return document


def _replace(document: Any, path: str, value: Any) -> Any:
    if path == "":
        if not isinstance(value, (dict, list)):
            raise PatchError("replace operation value must be object or array: %!w(<nil>)")
        return value
    place = _find(document, path)
    if place is None:
        raise PatchError(f"replace operation does not apply: doc is missing path: {path}: {_NOT_THERE}")
    container, key = place
    if isinstance(container, dict):
        container[key] = value  # the server's library does not mind when nothing is there
        return document
    try:
        container[_index(key, len(container))] = value
    except _Refused:
        raise PatchError(f"replace operation does not apply: doc is missing key: {path}: {_NOT_THERE}") from None
    return document


def _test(document: Any, path: str, value: Any) -> Any:
    if path == "":
        found = document
    else:
        place = _find(document, path)
        if place is None:
            raise PatchError(f"test operation does not apply: is missing path: {path}: {_NOT_THERE}")
        try:
            found = _get(*place)
        except _Refused as error:
            raise PatchError(f"error in test for path: '{path}': {error}") from None
    if not equal(found, value):
        raise PatchError(f"testing value {path} failed: test failed")
    return document


def _move(document: Any, source: str, path: str) -> Any:
    place = _find(document, source)
    if place is None:
        raise PatchError(f"move operation does not apply: doc is missing from path: {source}: {_NOT_THERE}")
    try:
        value = _get(*place)
        _take_out(*place)
    except _Refused as error:
        raise PatchError(f"error in move for path: '{place[1]}': {error}") from None
    target = _find(document, path)
    if target is None:
        raise PatchError(f"move operation does not apply: doc is missing destination path: {path}: {_NOT_THERE}")
    try:
        _put(*target, value)
    except _Refused as error:
        raise PatchError(f"error in move for path: '{path}': {error}") from None
    return document


def _copy_value(document: Any, source: str, path: str) -> Any:
    place = _find(document, source)
    if place is None:
        raise PatchError(f"copy operation does not apply: doc is missing from path: {source}: {_NOT_THERE}")
    try:
        value: Any = _get(*place) if place[1] != "" or place[0] is not document else MISSING
    except _Refused as error:
        raise PatchError(f"error in copy for from: '{source}': {error}") from None
    target = _find(document, path)
    if target is None:
        raise PatchError(f"copy operation does not apply: doc is missing destination path: {path}: {_NOT_THERE}")
    try:
        _put(*target, _copy(None if value is MISSING else value))
    except _Refused as error:
        raise PatchError(f"error while adding value during copy: {error}") from None
    return document
