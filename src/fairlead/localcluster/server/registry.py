"""Which resources the server serves: the built-in ones from data, the custom ones from their definitions.

A :class:`Resource` is one resource in one version. All versions of a resource share one collection of the store; a few
built-in resources that are two views of the same objects (events) do so as well.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.objects.ref import join_api_version

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["Registry", "Resource", "Subresource"]

_SHARED_COLLECTIONS = {("events.k8s.io", "events"): "events"}
"""Resources whose objects live in another resource's collection."""

_CONDITIONAL = frozenset(
    {
        "apiservices.apiregistration.k8s.io",
        "csidrivers.storage.k8s.io",
        "csinodes.storage.k8s.io",
        "customresourcedefinitions.apiextensions.k8s.io",
        "flowschemas.flowcontrol.apiserver.k8s.io",
        "leases.coordination.k8s.io",
        "mutatingwebhookconfigurations.admissionregistration.k8s.io",
        "poddisruptionbudgets.policy",
        "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
        "runtimeclasses.node.k8s.io",
        "validatingadmissionpolicies.admissionregistration.k8s.io",
        "validatingadmissionpolicybindings.admissionregistration.k8s.io",
        "validatingwebhookconfigurations.admissionregistration.k8s.io",
        "volumeattachments.storage.k8s.io",
    }
)
"""Built-in resources that cannot be updated without saying which version the update is based on."""

_HUB_VERSIONS = {"horizontalpodautoscalers.autoscaling": "v2"}
"""The version in which a resource is stored, where it is not the preferred one."""


class Subresource(msgspec.Struct, frozen=True):
    """One subresource; ``group`` and ``version`` are those of its kind, empty when they are the parent's."""

    name: str
    kind: str
    verbs: list[str]
    group: str = ""
    version: str = ""


class Resource(msgspec.Struct, frozen=True, dict=True):
    """One resource in one served version."""

    group: str
    version: str
    plural: str
    singular: str
    kind: str
    namespaced: bool
    verbs: list[str]
    short_names: list[str] = []
    categories: list[str] = []
    subresources: list[Subresource] = []
    list_kind: str = ""
    custom: CustomVersion | None = None

    @property
    def api_version(self) -> str:
        return join_api_version(self.group, self.version)

    @property
    def collection(self) -> str:
        """The name of the collection that holds the objects."""
        shared = _SHARED_COLLECTIONS.get((self.group, self.plural))
        return shared or (f"{self.plural}.{self.group}" if self.group else self.plural)

    @property
    def prefix(self) -> bytes:
        """What stands before a stored body when it is served in this version."""
        return self.__dict__.get("_prefix") or self._make_prefix()

    def _make_prefix(self) -> bytes:
        prefix = f'{{"kind":"{self.kind}","apiVersion":"{self.api_version}",'.encode()
        self.__dict__["_prefix"] = prefix
        return prefix

    @property
    def list_kind_name(self) -> str:
        return self.list_kind or f"{self.kind}List"

    def subresource(self, name: str) -> Subresource | None:
        return next((one for one in self.subresources if one.name == name), None)

    @property
    def needs_version(self) -> bool:
        """Whether an update has to name the resource version that it is based on."""
        return self.custom is not None or self.collection in _CONDITIONAL

    @property
    def has_status(self) -> bool:
        return self.subresource("status") is not None


@dataclass(frozen=True, slots=True)
class CustomVersion:
    """What a definition says about one version of a custom resource."""

    schema: dict[str, Any] | None
    columns: list[dict[str, Any]] = field(default_factory=list)
    scale: dict[str, str] | None = None
    selectable_fields: list[str] = field(default_factory=list)
    deprecation: str = ""


@cache
def _builtin() -> tuple[Resource, ...]:
    data = resources.files("fairlead.localcluster").joinpath("data/discovery.json").read_bytes()
    return tuple(msgspec.json.decode(data, type=list[Resource]))


class Registry:
    """The resources that are served at this moment."""

    def __init__(self) -> None:
        self._served: dict[tuple[str, str, str], Resource] = {}
        self._kinds: dict[tuple[str, str], list[Resource]] = {}
        self._custom: dict[str, list[Resource]] = {}
        self.revision = 0
        """Grows with every change of the custom resources; what is derived from the registry is cached by it."""
        for resource in _builtin():
            self._add(resource)

    def _add(self, resource: Resource) -> None:
        self._served[(resource.group, resource.version, resource.plural)] = resource
        self._kinds.setdefault((resource.group, resource.kind), []).append(resource)

    def find(self, group: str, version: str, plural: str) -> Resource | None:
        return self._served.get((group, version, plural))

    def by_kind(self, group: str, kind: str, version: str = "") -> Resource | None:
        """The resource of a kind in the wanted version, or in the version that it is stored in."""
        served = self._kinds.get((group, kind)) or []
        if version:
            return next((one for one in served if one.version == version), None)
        return storage_version(served) if served else None

    def stored_in(self, collection: str) -> Resource | None:
        """The resource, in its storage version, whose objects are in a collection."""
        plural, _, group = collection.partition(".")
        served = [one for (g, _, p), one in self._served.items() if g == group and p == plural]
        return storage_version(served) if served else None

    def all(self) -> Iterable[Resource]:
        return self._served.values()

    def is_builtin_group(self, group: str) -> bool:
        return any(one.group == group for one in _builtin())

    def has_group(self, group: str) -> bool:
        return any(one.group == group for one in self._served.values())

    def set_custom(self, definition: str, served: list[Resource]) -> None:
        """Replace what a definition (by name) serves; an empty list ends it."""
        for old in self._custom.pop(definition, []):
            self._served.pop((old.group, old.version, old.plural), None)
            self._kinds[(old.group, old.kind)].remove(old)
        if served:
            self._custom[definition] = served
        for resource in served:
            self._add(resource)
        self.revision += 1

    def custom(self, definition: str) -> list[Resource]:
        return self._custom.get(definition, [])


def storage_version(served: list[Resource]) -> Resource:
    """Custom resources list their storage version first; built-in ones their preferred version."""
    hub = _HUB_VERSIONS.get(served[0].collection)
    return next((one for one in served if one.version == hub), served[0])
