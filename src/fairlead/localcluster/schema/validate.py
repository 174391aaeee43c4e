"""Validation of custom resources by their schema, with the API server's texts (kube-openapi's validator behind CRDs).

Rules in CEL (``x-kubernetes-validations``) are not evaluated: there is no CEL library among the dependencies.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final

from fairlead.localcluster.merge.values import MergeError, equal, item_element
from fairlead.localcluster.schema.field_errors import (
    FieldError,
    duplicate,
    go_quoted,
    invalid,
    not_supported,
    required,
    too_long,
    too_many,
    type_invalid,
)
from fairlead.localcluster.schema.formats import matches_format

if TYPE_CHECKING:
    from fairlead.localcluster.schema.constraints import Constraints
    from fairlead.localcluster.schema.types import Schema

__all__ = ["validate", "validate_value"]

_NOWHERE: Final = "<nil>"  # junctors report no field of their own


def validate(obj: dict[str, Any], schema: Schema) -> list[FieldError]:
    """What is wrong with a pruned and defaulted object; its metadata are checked elsewhere."""
    errors = validate_value(obj, schema, "")
    if schema.metadata_rules is not None and isinstance(obj.get("metadata"), dict):
        _check(obj["metadata"], schema.metadata_rules, "metadata", errors)
    return errors


def validate_value(value: Any, schema: Schema, path: str) -> list[FieldError]:
    """What is wrong with one value; ``path`` is how messages name it."""
    errors: list[FieldError] = []
    _check(value, schema, path, errors)
    return errors


def _check(value: Any, schema: Schema, path: str, errors: list[FieldError]) -> None:
    if schema.go_fields is not None:
        return
    if value is None and schema.nullable:
        return
    _check_type(value, schema, path, errors)
    constraints = schema.constraints
    if constraints is not None:
        _check_constraints(value, constraints, path, errors)
    if schema.enum and not any(equal(value, item) for item in schema.enum):
        errors.append(not_supported(path, value, [_enum_text(item) for item in schema.enum]))
    if isinstance(value, dict):
        _check_map(value, schema, path, errors)
    elif isinstance(value, list):
        _check_list(value, schema, path, errors)
    if constraints is not None:
        _check_junctors(value, constraints, path, errors)


def _enum_text(value: Any) -> str:
    return value if isinstance(value, str) else str(value).lower() if isinstance(value, bool) else str(value)


# ---- types


def _type_of(value: Any) -> str:
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "boolean"
    if isinstance(value, int):
        return "integer" if -(2**63) <= value < 2**63 else "number"
    if isinstance(value, float):
        return "number"
    if isinstance(value, str):
        return "string"
    return "array" if isinstance(value, list) else "object"


def _check_type(value: Any, schema: Schema, path: str, errors: list[FieldError]) -> None:
    actual = _type_of(value)
    wanted = "integer,string" if schema.int_or_string else schema.type
    if not wanted:
        return
    fits = actual in wanted.split(",") or (wanted == "number" and actual == "integer")
    if not fits:
        errors.append(type_invalid(path, actual, f'{path} in body must be of type {wanted}: "{actual}"'))
    elif isinstance(value, str) and schema.format and not matches_format(value, schema.format):
        errors.append(type_invalid(path, value, f"{path} in body must be of type {schema.format}: {go_quoted(value)}"))


# ---- single values


def _check_constraints(value: Any, constraints: Constraints, path: str, errors: list[FieldError]) -> None:
    if isinstance(value, str):
        _check_string(value, constraints, path, errors)
    elif isinstance(value, (int, float)) and not isinstance(value, bool):
        _check_number(value, constraints, path, errors)
    elif isinstance(value, list):
        _check_size(len(value), constraints.min_items, constraints.max_items, "items", path, errors)
    elif isinstance(value, dict):
        _check_size(len(value), constraints.min_properties, constraints.max_properties, "properties", path, errors)


def _check_string(value: str, constraints: Constraints, path: str, errors: list[FieldError]) -> None:
    """The first thing that is wrong; the server stops there, too."""
    pattern = _compiled(constraints.pattern) if constraints.pattern else None
    if constraints.max_length is not None and len(value) > constraints.max_length:
        errors.append(too_long(path, constraints.max_length))
    elif constraints.min_length is not None and len(value) < constraints.min_length:
        text = f"{path} in body should be at least {constraints.min_length} chars long"
        errors.append(invalid(path, value, text))
    elif pattern is not None and not pattern.search(value):
        errors.append(invalid(path, value, f"{path} in body should match '{constraints.pattern}'"))


@lru_cache(maxsize=1024)
def _compiled(pattern: str) -> re.Pattern[str] | None:
    """A pattern in Go's syntax; None for the few that Python cannot read, which then accept everything."""
    text = pattern.replace(r"\z", r"\Z").replace("[[:alnum:]]", "[0-9A-Za-z]").replace("[[:alpha:]]", "[A-Za-z]")
    # In Go `$` matches at the very end alone.
    text = re.sub(r"(?<!\\)\$$", r"\\Z", text)
    try:
        return re.compile(text)
    except re.error:
        return None


def _check_number(value: float, constraints: Constraints, path: str, errors: list[FieldError]) -> None:
    low, high, factor = constraints.minimum, constraints.maximum, constraints.multiple_of
    if isinstance(value, int):  # whole numbers are compared as such, bounds included
        low = None if low is None else int(low)
        high = None if high is None else int(high)
    if low is not None:
        exclusive = constraints.exclusive_minimum
        if value < low or (exclusive and value == low):
            text = "greater than" if exclusive else "greater than or equal to"
            errors.append(invalid(path, value, f"{path} in body should be {text} {_number(low)}"))
    if high is not None:
        exclusive = constraints.exclusive_maximum
        if value > high or (exclusive and value == high):
            text = "less than" if exclusive else "less than or equal to"
            errors.append(invalid(path, value, f"{path} in body should be {text} {_number(high)}"))
    if factor and abs(value / factor - round(value / factor)) > 1e-9:
        errors.append(invalid(path, value, f"{path} in body should be a multiple of {_number(factor)}"))


def _number(value: float) -> str:
    return str(int(value)) if float(value).is_integer() else str(value)


def _check_size(size: int, low: int | None, high: int | None, what: str, path: str, errors: list[FieldError]) -> None:
    if low is not None and size < low:
        errors.append(invalid(path, size, f"{path} in body should have at least {low} {what}"))
    if high is not None and size > high:
        errors.append(too_many(path, size, high))


# ---- maps and lists


def _check_map(value: dict[str, Any], schema: Schema, path: str, errors: list[FieldError]) -> None:
    prefix = f"{path}." if path else ""
    for key, item in value.items():
        child = schema.properties.get(key) or schema.additional
        if child is not None:
            _check(item, child, f"{prefix}{key}", errors)
    errors.extend(required(f"{prefix}{key}") for key in schema.required if key not in value)
    if schema.embedded_resource:
        errors.extend(required(f"{prefix}{key}") for key in ("apiVersion", "kind") if not value.get(key))
        version = value.get("apiVersion")
        if isinstance(version, str) and version.count("/") > 1:
            errors.append(invalid(f"{prefix}apiVersion", version, f"unexpected GroupVersion string: {version}"))


def _check_list(value: list[Any], schema: Schema, path: str, errors: list[FieldError]) -> None:
    if schema.items is not None:
        for index, item in enumerate(value):
            _check(item, schema.items, f"{path}[{index}]", errors)
    if schema.list_atomic:
        return
    seen: set[str] = set()
    for index, item in enumerate(value):
        try:
            element = item_element(item, schema)
        except MergeError:
            continue
        if element in seen:
            shown = {key: item[key] for key in sorted(schema.keys) if key in item} if schema.keys else item
            errors.append(duplicate(f"{path}[{index}]", shown))
        seen.add(element)


# ---- junctors


def _junctor(path: str, text: str) -> FieldError:
    return FieldError(_NOWHERE, "FieldValueInvalid", f'Invalid value: "": "{path}" {text}')


def _check_junctors(value: Any, constraints: Constraints, path: str, errors: list[FieldError]) -> None:
    if constraints.any_of:
        found = [validate_value(value, item, path) for item in constraints.any_of]
        if all(found):
            errors.append(_junctor(path, "must validate at least one schema (anyOf)"))
            errors.extend(found[0])
    if constraints.one_of:
        found = [validate_value(value, item, path) for item in constraints.one_of]
        fitting = found.count([])
        if fitting == 0:
            errors.append(_junctor(path, "must validate one and only one schema (oneOf). Found none valid"))
            errors.extend(found[0])
        elif fitting > 1:
            text = f"must validate one and only one schema (oneOf). Found {fitting} valid alternatives"
            errors.append(_junctor(path, text))
    if constraints.all_of:
        found = [validate_value(value, item, path) for item in constraints.all_of]
        for problems in found:
            errors.extend(problems)
        if any(found):
            none = "" if [] in found else ". None validated"
            errors.append(_junctor(path, f"must validate all the schemas (allOf){none}"))
    if constraints.not_ is not None and not validate_value(value, constraints.not_, path):
        errors.append(_junctor(path, "must not validate the schema (not)"))
