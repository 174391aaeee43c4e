"""From a custom resource definition's ``openAPIV3Schema`` to :class:`Schema` nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairlead.localcluster.schema.constraints import Constraints
from fairlead.localcluster.schema.openapi import merge_behaviour, scalar_of
from fairlead.localcluster.schema.types import ANYTHING, MISSING, UNTYPED_ATOMIC, Schema

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["read_part", "read_structural"]


def read_structural(raw: Mapping[str, Any], *, preserve_unknown: bool, metadata: Schema) -> Schema:
    """The schema of whole objects of a custom resource.

    ``preserve_unknown`` is the definition's old ``spec.preserveUnknownFields``. ``apiVersion``, ``kind`` and
    ``metadata`` have the meaning that they have everywhere, whatever the schema says about them.
    """
    if not raw:
        return ANYTHING
    root = _read(raw, preserve_unknown, metadata)
    root.metadata_rules = root.properties.get("metadata")
    _add_type_meta(root, metadata)
    return root


def read_part(raw: Mapping[str, Any]) -> Schema:
    """The schema of a value inside of objects, to judge a default by it."""
    return _read(raw, False, ANYTHING)


def _add_type_meta(node: Schema, metadata: Schema) -> None:
    text = Schema(type="string", scalar="string")
    node.properties = {**node.properties, "apiVersion": text, "kind": text, "metadata": metadata}


def _read(raw: Mapping[str, Any], preserve: bool, metadata: Schema) -> Schema:
    node = Schema(
        type=raw.get("type") or "",
        format=raw.get("format") or "",
        default=raw.get("default", MISSING),
        nullable=bool(raw.get("nullable")),
        required=tuple(raw.get("required") or ()),
        enum=tuple(raw.get("enum") or ()),
        preserve_unknown=bool(raw.get("x-kubernetes-preserve-unknown-fields")),
        embedded_resource=bool(raw.get("x-kubernetes-embedded-resource")),
        int_or_string=bool(raw.get("x-kubernetes-int-or-string")),
    )
    preserve = preserve or node.preserve_unknown
    merge_behaviour(node, raw)
    if node.type in ("", "object"):
        _read_map(node, raw, preserve, metadata)
    if node.type in ("", "array"):
        node.is_list = True
        items = raw.get("items")
        node.items = _read(items, preserve, metadata) if isinstance(items, dict) else UNTYPED_ATOMIC
    if node.type not in ("object", "array"):
        node.scalar = scalar_of(node.type, node.format)
    if node.embedded_resource:
        _add_type_meta(node, metadata)
    node.constraints = Constraints.read(
        raw,
        all_of=_read_all(raw.get("allOf"), metadata),
        any_of=_read_all(raw.get("anyOf"), metadata),
        one_of=_read_all(raw.get("oneOf"), metadata),
        not_=_read(raw["not"], True, metadata) if raw.get("not") else None,
    )
    return node


def _read_all(raw: list[Mapping[str, Any]] | None, metadata: Schema) -> tuple[Schema, ...]:
    return tuple(_read(item, True, metadata) for item in raw or ())


def _read_map(node: Schema, raw: Mapping[str, Any], preserve: bool, metadata: Schema) -> None:
    node.is_map = True
    properties = raw.get("properties") or {}
    node.properties = {key: _read(value, preserve, metadata) for key, value in properties.items()}
    additional = raw.get("additionalProperties")
    if isinstance(additional, dict):
        node.additional = _read(additional, preserve, metadata)
    elif additional is True:
        node.additional = ANYTHING
    if additional is None:
        node.extra = ANYTHING if preserve or not properties else None
    else:
        node.extra = node.additional
