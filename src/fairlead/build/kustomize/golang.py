"""Values as Go prints them: kustomize's messages show objects that way, and people search for those messages."""

from __future__ import annotations

import json
from typing import Any

from .values import Value, Written, is_null, text_of

__all__ = ["go_syntax", "object_text", "quoted"]


def quoted(text: str) -> str:
    """``%q``: in double quotes, with escapes."""
    return json.dumps(text, ensure_ascii=False)


def object_text(value: dict[str, Value]) -> str:
    """The type and metadata of an object, ``%v`` of kustomize's own structure: ``{{v1 ConfigMap} {{a } map[] map[]}}``."""
    metadata = value.get("metadata")
    metadata = metadata if type(metadata) is dict else {}
    head = f"{{{_text(value.get('apiVersion'))} {_text(value.get('kind'))}}}"
    names = f"{{{_text(metadata.get('name'))} {_text(metadata.get('namespace'))}}}"
    return f"{{{head} {{{names} {_map(metadata.get('labels'))} {_map(metadata.get('annotations'))}}}}}"


def _text(value: Value) -> str:
    return "" if is_null(value) else text_of(value)


def _map(value: Value) -> str:
    if type(value) is not dict:
        return "map[]"
    return "map[" + " ".join(f"{key}:{text_of(value[key])}" for key in sorted(value)) + "]"


def go_syntax(value: Any) -> str:
    """``%#v`` of decoded YAML."""
    if isinstance(value, Written):
        value = value.value
    if value is None:
        return "interface {}(nil)"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, float):
        return {"inf": "+Inf", "-inf": "-Inf", "nan": "NaN"}.get(str(value), repr(value))
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, list):
        return "[]interface {}{" + ", ".join(map(go_syntax, value)) + "}"
    if isinstance(value, dict):
        kind = "string" if all(isinstance(key, str) for key in value) else "interface {}"
        body = ", ".join(f"{go_syntax(key)}:{go_syntax(value[key])}" for key in sorted(value, key=str))
        return f"map[{kind}]interface {{}}{{{body}}}"
    return str(value)
