"""Which schema belongs to which kind: built-in kinds from data, custom resources from their definitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairlead.localcluster.schema import data
from fairlead.localcluster.schema.openapi import ComponentReader
from fairlead.localcluster.schema.structural import read_structural
from fairlead.localcluster.schema.types import ANYTHING, Schema

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.objects.ref import GroupVersionKind

__all__ = ["SchemaSet", "builtin_schema"]

_reader: list[ComponentReader] = []
_builtin: dict[tuple[str, str, str], Schema] = {}


def _components() -> ComponentReader:
    if not _reader:
        _reader.append(ComponentReader(data.components(), data.go_types()))
    return _reader[0]


def builtin_schema(group: str, version: str, kind: str) -> Schema | None:
    """The schema of a built-in kind; None for any other. Made once per process and shared."""
    known = _builtin.get((group, version, kind))
    if known is None and (name := data.kinds().get((group, version, kind))) is not None:
        known = _builtin[group, version, kind] = _components().component(name)
    return known


class SchemaSet:
    """The schemas of one cluster. Custom resources come and go with their definitions."""

    def __init__(self) -> None:
        self._custom: dict[tuple[str, str, str], Schema] = {}

    def get(self, gvk: GroupVersionKind) -> Schema:
        """The schema of a kind; a kind without one gets :data:`ANYTHING` (maps merge by field, lists are atomic)."""
        return self._custom.get(gvk) or builtin_schema(*gvk) or ANYTHING

    def is_builtin(self, gvk: GroupVersionKind) -> bool:
        """Whether the kind is one of the server's own."""
        return builtin_schema(*gvk) is not None

    def add_definition(self, definition: Mapping[str, Any]) -> None:
        """Takes in every version of a ``CustomResourceDefinition``, in place of what it said before."""
        self.remove_definition(definition)
        spec = definition["spec"]
        for version in spec["versions"]:
            raw = (version.get("schema") or {}).get("openAPIV3Schema") or {}
            schema = read_structural(
                raw, preserve_unknown=bool(spec.get("preserveUnknownFields")), metadata=object_meta()
            )
            self._custom[spec["group"], version["name"], spec["names"]["kind"]] = schema

    def remove_definition(self, definition: Mapping[str, Any]) -> None:
        """Forgets all versions of a definition's kind."""
        spec = definition["spec"]
        kind = (spec["group"], spec["names"]["kind"])
        for gvk in [gvk for gvk in self._custom if (gvk[0], gvk[2]) == kind]:
            del self._custom[gvk]


def object_meta() -> Schema:
    """The schema of ``metadata``, the same for every kind."""
    return _components().component("io.k8s.apimachinery.pkg.apis.meta.v1.ObjectMeta")
