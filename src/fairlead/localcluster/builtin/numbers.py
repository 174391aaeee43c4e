"""Checks of numbers that several kinds share."""

from __future__ import annotations

import re
from typing import Any, Final

from fairlead.localcluster.schema.field_errors import FieldError, invalid

__all__ = ["int_or_percent", "not_negative", "over_100_percent"]

_PERCENT: Final = re.compile("[0-9]+%")
_NEGATIVE: Final = "must be greater than or equal to 0"
_PERCENT_TEXT: Final = (
    "a valid percent string must be a numeric string followed by an ending '%' (e.g. '1%',  or '93%', "
    "regex used for validation is '[0-9]+%')"
)


def not_negative(path: str, value: Any) -> list[FieldError]:
    """``value`` may be absent."""
    return [invalid(path, value, _NEGATIVE)] if isinstance(value, int) and value < 0 else []


def int_or_percent(path: str, value: Any) -> list[FieldError]:
    """A number that is not negative, or a percentage."""
    if isinstance(value, str):
        return [] if _PERCENT.fullmatch(value) else [invalid(path, value, _PERCENT_TEXT)]
    return not_negative(path, value)


def over_100_percent(path: str, value: Any) -> list[FieldError]:
    if isinstance(value, str) and _PERCENT.fullmatch(value) and int(value[:-1]) > 100:
        return [invalid(path, value, "must not be greater than 100%")]
    return []
