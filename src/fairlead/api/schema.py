"""Turns the typed resources into the OpenAPI schema of a CRD.

A field's type gives the schema, its constraints give pattern and limits, the text below it gives the description, and
its default is the default in the CRD unless it is ``None``. Only what these resources use is understood; anything else
is an error here.
"""

from __future__ import annotations

import ast
import inspect
import textwrap
from typing import Any, assert_never

import msgspec
from msgspec import inspect as types

__all__ = ["Schema", "struct_schema"]

Schema = dict[str, Any]


def struct_schema(struct: type[msgspec.Struct], rules: dict[type, list[dict[str, str]]]) -> Schema:
    """The schema of a struct; ``rules`` are CEL validations by struct."""
    info = types.type_info(struct)
    if not isinstance(info, types.StructType):
        raise TypeError(f"{struct.__name__} is no struct")
    return _Builder(rules).schema(info)


class _Builder:
    def __init__(self, rules: dict[type, list[dict[str, str]]]) -> None:
        self._rules = rules

    def schema(self, info: types.Type) -> Schema:
        match info:
            case types.StructType():
                return self._object(info)
            case types.Metadata():
                return self.schema(info.type) | (info.extra_json_schema or {})
            case types.UnionType():
                return self.schema(_without_none(info))
            case types.StrType():
                limits = {"minLength": info.min_length, "maxLength": info.max_length, "pattern": info.pattern}
                return {"type": "string"} | _set(limits)
            case types.IntType():
                return {"type": "integer"} | _set({"minimum": info.ge, "maximum": info.le})
            case types.BoolType():
                return {"type": "boolean"}
            case types.LiteralType():
                return {"type": "string", "enum": list(info.values)}
            case types.ListType():
                return {"type": "array", "items": self.schema(info.item_type)} | _set({"minItems": info.min_length})
            case types.DictType():
                return {"type": "object", "additionalProperties": self.schema(info.value_type)}
            case _:
                raise TypeError(f"no schema for {info}")

    def _object(self, info: types.StructType) -> Schema:
        texts = _descriptions(info.cls)
        properties: dict[str, Schema] = {}
        for field in info.fields:
            schema = self.schema(field.type)
            if text := texts.get(field.name):
                schema = {"description": text, **schema}
            if field.default is not msgspec.NODEFAULT and field.default is not None:
                schema["default"] = field.default
            properties[field.encode_name] = schema
        result: Schema = {"type": "object", "properties": dict(sorted(properties.items()))}
        if required := sorted(field.encode_name for field in info.fields if field.required):
            result["required"] = required
        if rules := self._rules.get(info.cls):
            result["x-kubernetes-validations"] = rules
        return result


def _without_none(info: types.UnionType) -> types.Type:
    options = [option for option in info.types if not isinstance(option, types.NoneType)]
    if len(options) != 1:
        raise TypeError(f"no schema for a union: {info}")
    return options[0]


def _set(limits: dict[str, Any]) -> Schema:
    return {key: value for key, value in limits.items() if value is not None}


def _descriptions(struct: type) -> dict[str, str]:
    """The text below each field, as one line."""
    body = ast.parse(textwrap.dedent(inspect.getsource(struct))).body[0]
    if not isinstance(body, ast.ClassDef):
        assert_never(body)  # type: ignore[arg-type]  # the source of a class is a class
    texts: dict[str, str] = {}
    for before, after in zip(body.body, body.body[1:], strict=False):
        if (
            isinstance(before, ast.AnnAssign)
            and isinstance(before.target, ast.Name)
            and isinstance(after, ast.Expr)
            and isinstance(after.value, ast.Constant)
            and isinstance(after.value.value, str)
        ):
            texts[before.target.id] = " ".join(after.value.value.split())
    return texts
