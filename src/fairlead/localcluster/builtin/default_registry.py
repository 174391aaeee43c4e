"""Where the default rules of Go types are registered, and the two ways in which they fill fields."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable

    Rule = Callable[[dict[str, Any]], None]

__all__ = ["RULES", "Struct", "fill", "fill_numbers", "rule"]

Struct = dict[str, Any]
RULES: Final[dict[str, Callable[[Struct], None]]] = {}
"""Rule by type (``core.v1.Container``)."""


def rule(*types: str) -> Callable[[Rule], Rule]:
    """Registers a function that fills the defaults of these Go types, in place."""

    def register(function: Rule) -> Rule:
        for name in types:
            RULES[name] = function
        return function

    return register


def fill(value: Struct, **defaults: Any) -> None:
    """Sets fields that are absent, null or an empty string."""
    for key, default in defaults.items():
        if value.get(key) in (None, ""):
            value[key] = default


def fill_numbers(value: Struct, **defaults: int) -> None:
    """Sets numbers that are absent or zero: in Go they are no pointers."""
    for key, default in defaults.items():
        if not value.get(key):
            value[key] = default
