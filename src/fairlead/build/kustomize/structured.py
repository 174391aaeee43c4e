"""Replacement targets inside a text that itself is JSON or YAML: ``data.config\\.json.server.port``."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from fairlead.errors import BuildError
from fairlead.objects.yaml_reader import read_documents
from fairlead.objects.yaml_writer import write

from .fieldpaths import Create, update_at
from .jsonpatch import as_json
from .paths import look_up
from .targets import TargetPath
from .values import MISSING, RESOURCES, Value, is_null, is_scalar, resolve, spelled, text_of

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["set_in_text"]

_HTML: Final = str.maketrans({"<": "\\u003c", ">": "\\u003e", "&": "\\u0026"})


def set_in_text(value: dict[str, Value], parts: Sequence[str], new: Value, *, create: bool) -> dict[str, Value] | None:
    """The value with ``new`` written inside a text; ``None`` when the path does not lead into one."""
    at = _text_at(value, parts)
    if at is None:
        return None
    text = text_of(look_up(value, parts[:at]))

    def put(old: Value) -> Value:
        if old is MISSING or (is_scalar(old) and is_null(old)):
            return resolve(text_of(new)) if is_scalar(new) else new
        return spelled(old, text_of(new)) if is_scalar(old) and is_scalar(new) else new

    target = TargetPath(put, new if create else MISSING)
    try:
        document = next(read_documents(text, RESOURCES), None)
        changed = target.apply(document, parts[at:])
    except BuildError:
        return None
    if not target.found:
        return None
    result: dict[str, Value] = _with_text(value, list(parts[:at]), _serialized(changed, text))
    return result


def _text_at(value: Value, parts: Sequence[str]) -> int | None:
    """How many parts lead to the text; ``None`` when there is no text on the way."""
    for end in range(1, len(parts)):
        try:
            found = look_up(value, parts[:end])
        except BuildError:
            continue
        if found is not MISSING and is_scalar(found) and not is_null(found):
            return end if text_of(found).strip() else None
    return None


def _with_text(value: Any, parts: list[str], text: str) -> Any:
    """Sets the text at a path that is known to lead somewhere."""
    if all(isinstance(look_up(value, parts[:end]), dict) for end in range(len(parts))):
        steps = tuple((part, False) for part in parts)
        return update_at(value, steps, 0, lambda _: text, Create.NOTHING)
    return TargetPath(lambda _: text).apply(value, parts)


def _serialized(document: Value, original: str) -> str:
    """The text again: JSON when it was JSON, in the style that it had; YAML otherwise."""
    if original.strip()[0] not in "{[":
        return write(document, sort_keys=False).strip()
    data = as_json(document)
    if "\n" in original and "  " in original:
        return json.dumps(data, indent=2, sort_keys=True, ensure_ascii=False).translate(_HTML)
    return json.dumps(data, separators=(",", ":"), sort_keys=True, ensure_ascii=False).translate(_HTML)
