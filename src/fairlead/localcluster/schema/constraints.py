"""What a custom resource's schema demands of values beyond their type."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.localcluster.schema.types import Schema

__all__ = ["Constraints"]


@dataclass(frozen=True, slots=True)
class Constraints:
    """The validating keywords of one node; None or empty where the schema does not use one."""

    minimum: float | int | None = None
    maximum: float | int | None = None
    exclusive_minimum: bool = False
    exclusive_maximum: bool = False
    multiple_of: float | int | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str = ""
    min_items: int | None = None
    max_items: int | None = None
    unique_items: bool = False
    min_properties: int | None = None
    max_properties: int | None = None
    all_of: tuple[Schema, ...] = ()
    any_of: tuple[Schema, ...] = ()
    one_of: tuple[Schema, ...] = ()
    not_: Schema | None = None

    @classmethod
    def read(
        cls,
        raw: Mapping[str, Any],
        *,
        all_of: tuple[Schema, ...],
        any_of: tuple[Schema, ...],
        one_of: tuple[Schema, ...],
        not_: Schema | None,
    ) -> Constraints | None:
        """The constraints of a raw schema, whose junctors are read already; None when it has none."""
        found = cls(
            minimum=raw.get("minimum"),
            maximum=raw.get("maximum"),
            exclusive_minimum=bool(raw.get("exclusiveMinimum")),
            exclusive_maximum=bool(raw.get("exclusiveMaximum")),
            multiple_of=raw.get("multipleOf"),
            min_length=raw.get("minLength"),
            max_length=raw.get("maxLength"),
            pattern=raw.get("pattern") or "",
            min_items=raw.get("minItems"),
            max_items=raw.get("maxItems"),
            unique_items=bool(raw.get("uniqueItems")),
            min_properties=raw.get("minProperties"),
            max_properties=raw.get("maxProperties"),
            all_of=all_of,
            any_of=any_of,
            one_of=one_of,
            not_=not_,
        )
        return None if found == cls() else found
