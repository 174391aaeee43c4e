"""Schema nodes: one tree per kind that merging, validation, defaulting and decoding all walk.

A :class:`Schema` says what a value may look like (type, fields, items) and how two values of it combine (atomic or
granular, keys of list items). It is made once from an OpenAPI component or from a custom resource definition and then
only read. The rules by which OpenAPI becomes merge behaviour are those of kube-openapi's schema conversion for
structured-merge-diff v6, for instance: a list without ``x-kubernetes-list-type`` is atomic, an object without
properties takes any field, ``date-time`` strings are untyped scalars.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.localcluster.schema.constraints import Constraints

__all__ = ["ANYTHING", "MISSING", "UNTYPED_ATOMIC", "GoField", "Missing", "Presence", "Schema"]


class Missing(enum.Enum):
    """The type of :data:`MISSING`, which says "no value here" where ``None`` is JSON's null."""

    MISSING = "missing"

    def __repr__(self) -> str:
        return "MISSING"


MISSING: Final = Missing.MISSING


class Presence(enum.Enum):
    """When Go's encoder prints a field; it decides which empty values survive in a built-in object."""

    IF_SET = "p"  # left out only when nil: null or absent
    IF_NOT_EMPTY = "o"  # left out when the zero value
    ALWAYS = "a"  # printed even when empty, as null, "", 0, false or {}


@dataclass(frozen=True, slots=True)
class GoField:
    """What the Go struct behind a built-in kind says about one field."""

    presence: Presence
    type_name: str
    struct_name: str  # the struct that declares it; empty when it is the one that holds it
    zero: Any = None  # what is printed for an empty field that is always printed


@dataclass(slots=True, eq=False)
class Schema:
    """One node. ``properties`` and ``extra`` describe a map, ``items`` a list, ``scalar`` what scalar is accepted.

    ``extra`` is the schema of fields that are not named in ``properties``; None means that there may be none.
    ``additional`` is the same for pruning, where ``additionalProperties`` alone keeps a field: merging is more
    generous. ``keys`` are the key fields of an associative list of maps; an associative list without keys is a set.
    """

    name: str = ""
    type: str = ""
    format: str = ""
    scalar: str = ""
    is_map: bool = False
    is_list: bool = False
    map_atomic: bool = False
    list_atomic: bool = True
    properties: dict[str, Schema] = field(default_factory=dict)
    extra: Schema | None = None
    additional: Schema | None = None
    items: Schema | None = None
    keys: tuple[str, ...] = ()
    default: Any = MISSING
    merge_key: str = ""
    patch_strategies: tuple[str, ...] = ()
    required: tuple[str, ...] = ()
    enum: tuple[Any, ...] = ()
    nullable: bool = False
    preserve_unknown: bool = False
    embedded_resource: bool = False
    int_or_string: bool = False
    go_fields: Mapping[str, GoField] | None = None
    go_always: tuple[tuple[str, Any], ...] = ()
    constraints: Constraints | None = None
    metadata_rules: Schema | None = None  # what a definition says about the names of its objects

    def child(self, key: str) -> Schema | None:
        """The schema of one field of a map; None where the field is not allowed."""
        return self.properties.get(key, self.extra)


def _self_similar(*, map_atomic: bool) -> Schema:
    node = Schema(scalar="untyped", is_map=True, is_list=True, map_atomic=map_atomic, preserve_unknown=True)
    node.extra = node
    return node


UNTYPED_ATOMIC: Final = _self_similar(map_atomic=True)
"""Anything, replaced as a whole."""
UNTYPED_ATOMIC.items = UNTYPED_ATOMIC

ANYTHING: Final = _self_similar(map_atomic=False)
"""Anything: maps merge field by field, lists are replaced as a whole. What a value without schema gets."""
ANYTHING.items = UNTYPED_ATOMIC
