"""Errors about fields, worded as the API server words them (``apimachinery/pkg/util/validation/field``)."""

from __future__ import annotations

import json
from typing import Any, NamedTuple

__all__ = [
    "FieldError",
    "duplicate",
    "forbidden",
    "go_quoted",
    "go_value",
    "invalid",
    "not_found",
    "not_supported",
    "required",
    "too_long",
    "too_many",
    "type_invalid",
]


class FieldError(NamedTuple):
    """One error: where, of which type (``FieldValueRequired`` …), and the text without the path."""

    path: str
    type: str
    message: str

    @property
    def cause(self) -> tuple[str, str, str]:
        """(reason, message, field), as an entry of ``status.details.causes``."""
        return self.type, self.message, self.path

    def __str__(self) -> str:
        return f"{self.path}: {self.message}"


def go_quoted(text: str) -> str:
    """A string as Go's ``%q`` prints it."""
    return json.dumps(text, ensure_ascii=False)


def go_value(value: Any) -> str:
    """A bad value as messages show it: JSON without spaces."""
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def _with(head: str, detail: str) -> str:
    return f"{head}: {detail}" if detail else head


def required(path: str, detail: str = "") -> FieldError:
    return FieldError(path, "FieldValueRequired", _with("Required value", detail))


def invalid(path: str, value: Any, detail: str) -> FieldError:
    return FieldError(path, "FieldValueInvalid", f"Invalid value: {go_value(value)}: {detail}")


def type_invalid(path: str, value: Any, detail: str) -> FieldError:
    return FieldError(path, "FieldValueTypeInvalid", f"Invalid value: {go_value(value)}: {detail}")


def not_supported(path: str, value: Any, supported: list[str] | tuple[str, ...]) -> FieldError:
    """``supported`` is printed in the order given."""
    values = ", ".join(map(go_quoted, supported))
    text = f"Unsupported value: {go_value(value)}"
    return FieldError(path, "FieldValueNotSupported", _with(text, f"supported values: {values}" if values else ""))


def forbidden(path: str, detail: str) -> FieldError:
    return FieldError(path, "FieldValueForbidden", _with("Forbidden", detail))


def duplicate(path: str, value: Any) -> FieldError:
    return FieldError(path, "FieldValueDuplicate", f"Duplicate value: {go_value(value)}")


def not_found(path: str, value: Any) -> FieldError:
    return FieldError(path, "FieldValueNotFound", f"Not found: {go_value(value)}")


def too_long(path: str, limit: int) -> FieldError:
    return FieldError(path, "FieldValueTooLong", f"Too long: may not be more than {limit} bytes")


def too_many(path: str, actual: int, limit: int) -> FieldError:
    return FieldError(path, "FieldValueTooMany", f"Too many: {actual}: must have at most {limit} items")
