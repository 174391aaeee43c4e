"""From OpenAPI v3 component schemas (as the API server publishes them) to :class:`Schema` nodes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fairlead.localcluster.schema.types import ANYTHING, MISSING, UNTYPED_ATOMIC, GoField, Presence, Schema

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["ComponentReader", "merge_behaviour", "scalar_of"]

_QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
_RAW_EXTENSION = "io.k8s.apimachinery.pkg.runtime.RawExtension"
_REF_PREFIX = "#/components/schemas/"


def scalar_of(type_name: str, format_name: str) -> str:
    """Which scalars a primitive accepts when objects are merged: numeric, string, boolean or untyped (any)."""
    if type_name in ("integer", "number"):
        return "numeric"
    if type_name == "boolean":
        return "boolean"
    return "string" if type_name == "string" and format_name in ("", "byte") else "untyped"


def merge_behaviour(node: Schema, raw: Mapping[str, Any]) -> None:
    """Reads the ``x-kubernetes-*`` markers that say how values combine."""
    list_type, map_type = raw.get("x-kubernetes-list-type"), raw.get("x-kubernetes-map-type")
    strategy = raw.get("x-kubernetes-patch-strategy", "")
    node.merge_key = raw.get("x-kubernetes-patch-merge-key", "")
    node.patch_strategies = tuple(strategy.split(",")) if strategy else ()
    if map_type:
        node.map_atomic = map_type == "atomic"
    if list_type:
        node.list_atomic = list_type == "atomic"
        node.keys = tuple(raw.get("x-kubernetes-list-map-keys") or ()) if list_type == "map" else ()
    elif strategy.startswith("merge"):
        node.list_atomic = False
        node.keys = (node.merge_key,) if node.merge_key else ()


class ComponentReader:
    """Makes nodes from named components; a component is made once, so recursive kinds become cyclic graphs."""

    def __init__(
        self, components: Mapping[str, Mapping[str, Any]], go_types: Mapping[str, Mapping[str, GoField]] | None = None
    ) -> None:
        self._components = components
        self._go_types = go_types or {}
        self._made: dict[str, Schema] = {}

    def component(self, name: str) -> Schema:
        """The node of a component; an unknown name gives :data:`ANYTHING`."""
        made = self._made.get(name)
        if made is not None:
            return made
        raw = self._components.get(name)
        if raw is None:
            return ANYTHING
        if name == _RAW_EXTENSION:
            node = self._made[name] = replace(UNTYPED_ATOMIC, name=name)
            return node
        node = self._made[name] = Schema(name=name)
        if name == _QUANTITY:
            node.scalar = "untyped"
            return node
        # Before the rest: a recursive component is copied while it is being made.
        self._add_go_fields(node, name, raw)
        self._fill(node, raw)
        return node

    def _add_go_fields(self, node: Schema, name: str, raw: Mapping[str, Any]) -> None:
        properties = raw.get("properties") or {}
        fields = self._go_types.get(name)
        if fields is not None:
            node.go_fields = fields
            node.go_always = tuple(
                (key, go.zero) for key, go in fields.items() if go.presence is Presence.ALWAYS and key in properties
            )

    def _property(self, raw: Mapping[str, Any]) -> Schema:
        reference = raw.get("$ref")
        if reference is None and len(all_of := raw.get("allOf", ())) == 1:
            reference = all_of[0].get("$ref")
        if reference is None:
            node = Schema()
            self._fill(node, raw)
            return node
        shared = self.component(reference.removeprefix(_REF_PREFIX))
        if raw.keys() <= {"$ref", "allOf"}:
            return shared
        node = replace(shared, default=raw.get("default", MISSING))
        merge_behaviour(node, raw)
        return node

    def _fill(self, node: Schema, raw: Mapping[str, Any]) -> None:
        node.type = raw.get("type", "")
        node.format = raw.get("format", "")
        node.default = raw.get("default", MISSING)
        node.enum = tuple(raw.get("enum", ()))
        node.required = tuple(raw.get("required", ()))
        merge_behaviour(node, raw)
        if node.type in ("", "object"):
            node.is_map = True
            properties = raw.get("properties") or {}
            for key, value in properties.items():
                node.properties[key] = self._property(value)
            node.extra = self._extra(raw, has_properties=bool(properties))
        if node.type in ("", "array"):
            node.is_list = True
            items = raw.get("items")
            node.items = UNTYPED_ATOMIC if items is None else self._property(items)
        if node.type not in ("object", "array"):
            node.scalar = scalar_of(node.type, node.format)

    def _extra(self, raw: Mapping[str, Any], *, has_properties: bool) -> Schema | None:
        additional = raw.get("additionalProperties")
        if additional is None:
            return None if has_properties else ANYTHING
        if isinstance(additional, bool):
            return ANYTHING if additional else None
        return self._property(additional)
