"""Whether the schema of a custom resource definition is structural and says nothing impossible.

What is checked is what authors of definitions meet; rules in CEL are not compiled.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from fairlead.localcluster.schema.custom import prune_value
from fairlead.localcluster.schema.field_errors import FieldError, forbidden, invalid, not_supported, required
from fairlead.localcluster.schema.structural import read_part
from fairlead.localcluster.schema.validate import validate_value

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["check_schema"]

Raw = dict[str, Any]
_TYPES: Final = ("array", "boolean", "integer", "number", "object", "string")
_INT_OR_STRING: Final = [{"type": "integer"}, {"type": "string"}]
_JUNCTORS: Final = ("allOf", "anyOf", "oneOf")
_NOT_IN_JUNCTORS: Final = ("type", "default", "title", "description", "nullable", "additionalProperties")
_UNKNOWN_FIELDS: Final = "x-kubernetes-preserve-unknown-fields"


def check_schema(path: str, schema: Raw) -> list[FieldError]:
    """Errors of a whole ``openAPIV3Schema``."""
    if not schema.get("type"):
        return [required(f"{path}.type", "must not be empty at the root")]
    if schema["type"] != "object":
        return [invalid(f"{path}.type", schema["type"], "must be object at the root")]
    errors = _metadata(path, schema)
    for where, node, kind in _nodes(path, schema, "root"):
        errors += _node(where, node, kind)
    return errors


def _nodes(path: str, schema: Raw, kind: str) -> Iterator[tuple[str, Raw, str]]:
    """Every schema in a schema, junctors left out; ``kind`` says what it describes."""
    yield path, schema, kind
    for name, child in (schema.get("properties") or {}).items():
        yield from _nodes(f"{path}.properties[{name}]", child, "object fields")
    if isinstance(items := schema.get("items"), dict):
        yield from _nodes(f"{path}.items", items, "array items")
    if isinstance(additional := schema.get("additionalProperties"), dict):
        yield from _nodes(f"{path}.additionalProperties", additional, "object fields")


def _metadata(path: str, schema: Raw) -> list[FieldError]:
    metadata = (schema.get("properties") or {}).get("metadata")
    if metadata is None:
        return []
    fields = set((metadata.get("properties") or {}).keys())
    if fields <= {"name", "generateName"}:
        return []
    text = "must not specify anything other than name and generateName, but metadata is implicitly specified"
    return [forbidden(f"{path}.properties[metadata]", text)]


def _node(path: str, node: Raw, kind: str) -> list[FieldError]:
    errors = _type(path, node, kind)
    if node.get("$ref"):
        errors.append(forbidden(f"{path}.$ref", "$ref is not supported"))
        return [error for error in errors if error.type != "FieldValueRequired"]
    if node.get("type") == "array" and node.get("items") is None:
        errors.append(required(f"{path}.items", "must be specified"))
    if isinstance(node.get("items"), list):
        errors.append(forbidden(f"{path}.items", "items must be a schema object and not an array"))
    if node.get("properties") and node.get("additionalProperties") is not None:
        text = "additionalProperties and properties are mutual exclusive"
        errors.append(forbidden(f"{path}.additionalProperties", text))
    if node.get("uniqueItems"):
        text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        errors.append(forbidden(f"{path}.uniqueItems", text))
    errors += _pattern(path, node)
    errors += _extensions(path, node)
    errors += _junctors(path, node)
    return errors or _default(path, node)


def _type(path: str, node: Raw, kind: str) -> list[FieldError]:
    value = node.get("type")
    free = node.get("x-kubernetes-int-or-string") or node.get(_UNKNOWN_FIELDS)
    if not value:
        return [] if free or kind == "root" else [required(f"{path}.type", f"must not be empty for specified {kind}")]
    return [] if value in _TYPES else [not_supported(f"{path}.type", value, _TYPES)]


def _pattern(path: str, node: Raw) -> list[FieldError]:
    pattern = node.get("pattern")
    if not pattern:
        return []
    try:
        re.compile(pattern.replace(r"\z", r"\Z"))
    except re.error as error:
        problem = "missing closing )" if "missing )" in str(error) else str(error)
        text = f"must be a valid regular expression, but isn't: error parsing regexp: {problem}: `{pattern}`"
        return [invalid(f"{path}.pattern", pattern, text)]
    return []


# ---- Kubernetes' own keywords


def _extensions(path: str, node: Raw) -> list[FieldError]:
    errors: list[FieldError] = []
    if node.get(_UNKNOWN_FIELDS) is False:
        errors.append(invalid(f"{path}.{_UNKNOWN_FIELDS}", False, "must be true or undefined"))
    if node.get("x-kubernetes-embedded-resource") and not node.get(_UNKNOWN_FIELDS) and not node.get("properties"):
        text = f"must not be empty if x-kubernetes-embedded-resource is true without {_UNKNOWN_FIELDS}"
        errors.append(required(f"{path}.properties", text))
    map_type = node.get("x-kubernetes-map-type")
    if map_type not in (None, "atomic", "granular"):
        errors.append(not_supported(f"{path}.x-kubernetes-map-type", map_type, ("atomic", "granular")))
    return errors + _list_type(path, node)


def _list_type(path: str, node: Raw) -> list[FieldError]:
    list_type, keys = node.get("x-kubernetes-list-type"), node.get("x-kubernetes-list-map-keys") or []
    items = node.get("items") if isinstance(node.get("items"), dict) else {}
    match list_type:
        case None | "atomic":
            return []
        case "set":
            return _set_items(f"{path}.items", items or {})
        case "map":
            return _map_keys(path, keys, items or {})
    return [not_supported(f"{path}.x-kubernetes-list-type", list_type, ("atomic", "set", "map"))]


def _set_items(path: str, items: Raw) -> list[FieldError]:
    text = "must be atomic as item of a list with x-kubernetes-list-type=set"
    if items.get("type") == "object" and items.get("x-kubernetes-map-type") != "atomic":
        return [invalid(f"{path}.x-kubernetes-map-type", items.get("x-kubernetes-map-type"), text)]
    if items.get("type") == "array" and items.get("x-kubernetes-list-type") not in (None, "atomic"):
        return [invalid(f"{path}.x-kubernetes-list-type", items["x-kubernetes-list-type"], text)]
    return []


def _map_keys(path: str, keys: list[str], items: Raw) -> list[FieldError]:
    where = f"{path}.x-kubernetes-list-map-keys"
    if not keys:
        return [required(where, "must not be empty if x-kubernetes-list-type is map")]
    properties = items.get("properties") or {}
    if not all(key in properties for key in keys):
        return [invalid(where, keys, "entries must all be names of item properties")]
    errors: list[FieldError] = []
    for key in keys:
        if key not in (items.get("required") or ()) and properties[key].get("default") is None:
            text = "this property is in x-kubernetes-list-map-keys, so it must have a default or be a required property"
            errors.append(required(f"{path}.items.properties[{key}].default", text))
    return errors


# ---- junctors and defaults


def _junctors(path: str, node: Raw) -> list[FieldError]:
    errors: list[FieldError] = []
    allowed = node.get("x-kubernetes-int-or-string") and node.get("anyOf") == _INT_OR_STRING
    for junctor in _JUNCTORS:
        if junctor == "anyOf" and allowed:
            continue
        for index, schema in enumerate(node.get(junctor) or ()):
            errors += _in_junctor(f"{path}.{junctor}[{index}]", schema)
    if isinstance(node.get("not"), dict):
        errors += _in_junctor(f"{path}.not", node["not"])
    return errors


def _in_junctor(path: str, schema: Raw) -> list[FieldError]:
    errors = [
        forbidden(f"{path}.{field}", "must be empty to be structural")
        for field in _NOT_IN_JUNCTORS
        if schema.get(field)
    ]
    for name, child in (schema.get("properties") or {}).items():
        errors += _in_junctor(f"{path}.properties[{name}]", child)
    return errors


def _default(path: str, node: Raw) -> list[FieldError]:
    value = node.get("default")
    if value is None:
        return []
    schema = read_part(node)
    where = f"{path}.default"
    if prune_value(value, schema) != value:
        return [invalid(where, value, "must not have unknown fields")]
    found = validate_value(value, schema, "")
    return [error._replace(path=where + error.path) for error in found]
