"""The check that an applied configuration fits its schema, before it is merged."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairlead.localcluster.merge.fieldset import path_text
from fairlead.localcluster.merge.values import MergeError, item_element, kind_of
from fairlead.objects.ref import split_api_version

if TYPE_CHECKING:
    from fairlead.localcluster.schema.types import Schema

__all__ = ["check_typed"]


def check_typed(applied: dict[str, Any], schema: Schema) -> None:
    """Raises :class:`MergeError` with the API server's text when types, fields or list keys do not fit."""
    if (applied.get("metadata") or {}).get("managedFields") is not None:
        raise MergeError("metadata.managedFields must be nil", 400)
    errors: list[str] = []
    _check(applied, schema, "", errors)
    if not errors:
        return
    text = errors[0] if len(errors) == 1 else "errors:\n" + "\n".join(f"  {error}" for error in errors)
    metadata = applied.get("metadata") or {}
    group, version = split_api_version(applied.get("apiVersion", ""))
    where = f"{metadata.get('namespace', '')}/{metadata.get('name', '')}; {group}/{version}, Kind={applied.get('kind')}"
    raise MergeError(f"failed to create typed patch object ({where}): {text}")


def _check(value: Any, schema: Schema, path: str, errors: list[str]) -> None:
    if value is None:
        return
    kind = kind_of(value, schema)
    if kind == "s":
        if (problem := _scalar_problem(value, schema.scalar)) is not None:
            errors.append(_at(path, problem))
    elif kind == "m":
        _check_map(value, schema, path, errors)
    else:
        _check_list(value, schema, path, errors)


def _at(path: str, problem: str) -> str:
    return f"{path}: {problem}" if path else problem


def _check_map(value: Any, schema: Schema, path: str, errors: list[str]) -> None:
    if not isinstance(value, dict):
        errors.append(_at(path, f"expected map, got &{{{_go(value)}}}"))
        return
    properties, extra = schema.properties, schema.extra
    for key, item in value.items():
        child = properties.get(key) or extra
        if child is None:
            errors.append(_at(f"{path}.{key}", "field not declared in schema"))
            return  # the server stops at the first unknown field of a struct
        if type(item) is str and child.scalar in ("string", "untyped"):
            continue
        _check(item, child, f"{path}.{key}", errors)


def _check_list(value: Any, schema: Schema, path: str, errors: list[str]) -> None:
    if not isinstance(value, list):
        errors.append(_at(path, f"expected list, got &{{{_go(value)}}}"))
        return
    seen: set[str] = set()
    for index, item in enumerate(value):
        if schema.list_atomic:
            place = f"[{index}]"
        else:
            try:
                element = item_element(item, schema)
            except MergeError as error:
                errors.append(_at(path, f"element {index}: {error}"))
                return
            place = path_text((element,))
            if element in seen:
                errors.append(_at(path, f"duplicate entries for key {place}"))
            seen.add(element)
        if schema.items is not None:
            _check(item, schema.items, path + place, errors)


def _scalar_problem(value: Any, scalar: str) -> str | None:
    number = isinstance(value, (int, float)) and not isinstance(value, bool)
    if scalar == "numeric":
        return None if number else f"expected numeric (int or float), got {_go_type(value)}"
    if scalar == "string":
        return (
            None if isinstance(value, str) else f"expected string, got &value.valueUnstructured{{Value:{_go(value)}}}"
        )
    if scalar == "boolean":
        return None if isinstance(value, bool) else f"expected boolean, got &{{{_go(value)}}}"
    return None if isinstance(value, (str, int, float)) else f"expected any scalar, got &{{{_go(value)}}}"


def _go_type(value: Any) -> str:
    if isinstance(value, str):
        return "string"
    if isinstance(value, bool):
        return "bool"
    return "map[string]interface {}" if isinstance(value, dict) else "[]interface {}"


def _go(value: Any) -> str:
    """A value as Go's ``%v`` prints it."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{_go(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, list):
        return "[" + " ".join(map(_go, value)) + "]"
    return "<nil>" if value is None else str(value)
