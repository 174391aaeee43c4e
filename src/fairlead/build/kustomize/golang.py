"""Values as Go prints them: kustomize's messages show objects that way, and people search for those messages."""

from __future__ import annotations

import json
from typing import Any

from fairlead.objects.yaml_writer import write

from .values import OddKey, Quoted, Value, Written, is_null, resolve, text_of

__all__ = ["go_syntax", "node_text", "object_text", "quoted"]


def quoted(text: str) -> str:
    """``%q``: in double quotes, with escapes."""
    return json.dumps(text, ensure_ascii=False)


def object_text(value: dict[str, Value]) -> str:
    """The type and metadata of an object, ``%v`` of kustomize's own structure: ``{{v1 ConfigMap} {{a } map[]
    map[]}}``."""
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


def _go_key(key: str) -> str:
    return go_syntax(resolve(key)) if type(key) is OddKey else quoted(key)


def node_text(value: Value) -> str:
    """A value as YAML, in its own order, with the quotes that its texts had."""
    marks: dict[str, str] = {}

    def mark(value: Value) -> Value:
        if type(value) is dict:
            return {key: mark(item) for key, item in value.items()}
        if type(value) is list:
            return [mark(item) for item in value]
        if type(value) is Quoted:
            name = f"quoted-{len(marks)}-text"
            marks[name] = quoted(value)
            return name
        return value

    text = write(mark(value), sort_keys=False)
    for name, replacement in marks.items():
        text = text.replace(name, replacement, 1)
    return text


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
        kind = "interface {}" if any(type(key) is OddKey for key in value) else "string"
        body = ", ".join(f"{_go_key(key)}:{go_syntax(value[key])}" for key in sorted(value))
        return f"map[{kind}]interface {{}}{{{body}}}"
    return str(value)
