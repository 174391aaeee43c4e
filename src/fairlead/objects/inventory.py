"""The inventory: which objects a Kustomization has applied, in the form that Flux keeps in `.status.inventory`.

An entry's id is ``<namespace>_<name>_<group>_<Kind>``; empty parts stay empty, and ``:`` in the names of RBAC objects
is written ``__``. Identity leaves the version out: an object that moves from v1beta1 to v1 is the same object.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fairlead.objects.order import sort_key
from fairlead.objects.ref import GroupVersionKind, ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

__all__ = ["Inventory", "format_id", "parse_id"]


def format_id(ref: ObjectRef) -> str:
    """``ObjectRef("apps", "Deployment", "shop", "web")`` gives ``shop_web_apps_Deployment``."""
    return "_".join((ref.namespace, ref.name.replace(":", "__"), ref.group, ref.kind))


def parse_id(text: str) -> ObjectRef:
    """The inverse of :func:`format_id`; raises ``ValueError`` for a text that is no id."""
    namespace, found_name, rest = text.partition("_")
    rest, found_kind, kind = rest.rpartition("_")
    name, found_group, group = rest.rpartition("_")
    if not (found_name and found_kind and found_group and name and kind):
        raise ValueError(f"{text!r} is no inventory id: expected <namespace>_<name>_<group>_<kind>")
    return ObjectRef(group, kind, namespace, name.replace("__", ":"))


@dataclass(frozen=True, slots=True)
class Inventory:
    """An immutable set of objects with the version each was applied in."""

    versions: Mapping[ObjectRef, str] = field(default_factory=dict)

    @classmethod
    def of(cls, manifests: Iterable[Mapping[str, Any]]) -> Inventory:
        return cls({ObjectRef.of(manifest): GroupVersionKind.of(manifest).version for manifest in manifests})

    @classmethod
    def from_entries(cls, entries: Iterable[Mapping[str, Any]] | None) -> Inventory:
        """From `.status.inventory.entries`; entries that cannot be read are left out, and so never deleted."""
        versions = {}
        for entry in entries or ():
            try:
                versions[parse_id(str(entry.get("id", "")))] = str(entry.get("v", ""))
            except ValueError:
                continue
        return cls(versions)

    def to_entries(self) -> list[dict[str, str]]:
        """For `.status.inventory.entries`, in apply order, so that equal inventories are written equally."""
        return [{"id": format_id(ref), "v": self.versions[ref]} for ref in self]

    def __iter__(self) -> Iterator[ObjectRef]:
        return iter(sorted(self.versions, key=sort_key))

    def __len__(self) -> int:
        return len(self.versions)

    def __contains__(self, ref: object) -> bool:
        return ref in self.versions

    def __or__(self, other: Inventory) -> Inventory:
        """Both; the version comes from `other` where both have an object."""
        return Inventory({**self.versions, **other.versions})

    def __sub__(self, other: Inventory) -> Inventory:
        """What is here and not in `other`, whatever the version."""
        return Inventory({ref: version for ref, version in self.versions.items() if ref not in other.versions})

    def without(self, refs: Iterable[ObjectRef]) -> Inventory:
        gone = set(refs)
        return Inventory({ref: version for ref, version in self.versions.items() if ref not in gone})
