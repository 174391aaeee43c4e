"""Custom resource definitions: accept their names, serve their versions, clean up after them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairlead.localcluster.server.deleting import CLEANUP, CRDS, DeleteOptions, Deleter
from fairlead.localcluster.server.pipeline import Pipeline, timestamp
from fairlead.localcluster.server.registry import CustomVersion, Registry, Resource, Subresource
from fairlead.localcluster.storage import decode_body

if TYPE_CHECKING:
    from fairlead.localcluster.server.requests import WriteOptions
    from fairlead.localcluster.storage import Stored

__all__ = ["CRDS", "Definitions"]

Manifest = dict[str, Any]

_VERBS = ["delete", "deletecollection", "get", "list", "patch", "create", "update", "watch"]
_SUBRESOURCE_VERBS = ["get", "patch", "update"]


class Definitions:
    """Follows the stored definitions; :meth:`sync` brings one up to date and may be called at any time."""

    def __init__(self, pipeline: Pipeline, deleter: Deleter, registry: Registry, options: WriteOptions) -> None:
        self._pipeline = pipeline
        self._deleter = deleter
        self._registry = registry
        self._options = options

    @property
    def _resource(self) -> Resource:
        resource = self._registry.find("apiextensions.k8s.io", "v1", "customresourcedefinitions")
        if resource is None:  # pragma: no cover - it is in the data
            raise AssertionError("the registry lacks custom resource definitions")
        return resource

    def sync(self, name: str) -> None:
        stored = self._pipeline.store.collection(CRDS).get("", name)
        if stored is None:
            self._stop_serving(name)
            return
        definition = decode_body(stored.body)
        if definition["metadata"].get("deletionTimestamp"):
            self._clean_up(stored, definition)
            return
        before = definition.get("status") or {}
        definition["status"] = self._accept(definition)
        if definition["status"] != before:
            definition.update({"kind": "CustomResourceDefinition", "apiVersion": "apiextensions.k8s.io/v1"})
            self._pipeline.write_system(
                self._resource, definition, stored, self._options, record=True, subresource="status"
            )
        if _condition(definition["status"], "Established") == "True":
            self.serve(definition)

    def serve(self, definition: Manifest) -> None:
        """Serve what a definition says, without writing anything."""
        self._pipeline.rules.add_definition(definition)
        self._registry.set_custom(definition["metadata"]["name"], _resources(definition))

    def _stop_serving(self, name: str) -> None:
        if self._registry.custom(name):
            self._registry.set_custom(name, [])

    def _accept(self, definition: Manifest) -> Manifest:
        spec, status = definition["spec"], dict(definition.get("status") or {})
        accepted, conflict = self._names(definition)
        conditions = list(status.get("conditions") or [])
        if conflict is not None:
            conditions = _set(conditions, "NamesAccepted", "False", *conflict)
            if _condition(status, "Established") != "True":
                conditions = _set(conditions, "Established", "False", "NotAccepted", "not all names are accepted")
        else:
            conditions = _set(conditions, "NamesAccepted", "True", "NoConflicts", "no conflicts found")
            text = "the initial names have been accepted"
            conditions = _set(conditions, "Established", "True", "InitialNamesAccepted", text)
        storage = next(one["name"] for one in spec["versions"] if one.get("storage"))
        stored = list(status.get("storedVersions") or [])
        if storage not in stored:
            stored.append(storage)
        return {"conditions": conditions, "acceptedNames": accepted, "storedVersions": stored}

    def _names(self, definition: Manifest) -> tuple[Manifest, tuple[str, str] | None]:
        """The names that nobody else in the group has, and the last conflict about one: (reason, message)."""
        spec, own = definition["spec"], definition["metadata"]["name"]
        names = spec["names"]
        resources, kinds = self._taken(spec["group"], own)
        wanted = {"plural": names["plural"], "singular": names.get("singular") or names["kind"].lower()}
        accepted: Manifest = {"plural": "", "kind": ""}
        conflict = None
        for key, name in wanted.items():
            if name in resources:
                conflict = (f"{key.capitalize()}Conflict", f'"{name}" is already in use')
            else:
                accepted[key] = name
        used = [name for name in names.get("shortNames") or [] if name in resources]
        if used:
            conflict = ("ShortNamesConflict", ", ".join(f'"{name}" is already in use' for name in used))
        elif names.get("shortNames"):
            accepted["shortNames"] = names["shortNames"]
        for key, name in (("kind", names["kind"]), ("listKind", names.get("listKind") or f"{names['kind']}List")):
            if name in kinds:
                conflict = (f"{key[0].upper()}{key[1:]}Conflict", f'"{name}" is already in use')
            else:
                accepted[key] = name
        if names.get("categories"):
            accepted["categories"] = names["categories"]
        return accepted, conflict

    def _taken(self, group: str, own: str) -> tuple[set[str], set[str]]:
        """The names of resources and of kinds that others in the group have."""
        resources: set[str] = set()
        kinds: set[str] = set()
        for resource in self._registry.all():
            if resource.group == group and resource not in self._registry.custom(own):
                resources |= {resource.plural, resource.singular, *resource.short_names}
                kinds |= {resource.kind, resource.list_kind_name}
        return resources, kinds

    def _clean_up(self, stored: Stored, definition: Manifest) -> None:
        """Delete all custom resources; the definition goes when the last one is gone."""
        finalizers = definition["metadata"].get("finalizers") or []
        if CLEANUP not in finalizers:
            return
        self.serve(definition)
        collection = self._pipeline.store.collection(stored.name)
        served = self._registry.custom(stored.name)
        for one in list(collection.scan()):
            if served and not decode_body(one.body)["metadata"].get("deletionTimestamp"):
                self._deleter.delete(served[0], one, DeleteOptions(policy="Background"), self._options)
        if collection.objects:
            return
        definition["metadata"]["finalizers"] = [one for one in finalizers if one != CLEANUP]
        definition.update({"kind": "CustomResourceDefinition", "apiVersion": "apiextensions.k8s.io/v1"})
        if definition["metadata"]["finalizers"]:
            self._pipeline.write_system(self._resource, definition, stored, self._options)
        else:
            self._stop_serving(stored.name)
            self._pipeline.remove(self._resource, stored, self._options)


def _condition(status: Manifest, kind: str) -> str:
    return next((one["status"] for one in status.get("conditions") or [] if one["type"] == kind), "")


def _set(conditions: list[Manifest], kind: str, status: str, reason: str, message: str) -> list[Manifest]:
    """The conditions with one of them set; its time moves only when its status does."""
    old = next((one for one in conditions if one["type"] == kind), None)
    new = {
        "type": kind,
        "status": status,
        "lastTransitionTime": old["lastTransitionTime"] if old and old["status"] == status else timestamp(),
        "reason": reason,
        "message": message,
    }
    if old is None:
        return [*conditions, new]
    return [new if one is old else one for one in conditions]


def _resources(definition: Manifest) -> list[Resource]:
    """The served versions, the storage version first (also when it is not served any more)."""
    spec = definition["spec"]
    names = (definition.get("status") or {}).get("acceptedNames") or spec["names"]
    versions = sorted(spec["versions"], key=lambda one: not one.get("storage"))
    return [_resource(spec, names, version) for version in versions if version.get("served")]


def _resource(spec: Manifest, names: Manifest, version: Manifest) -> Resource:
    wanted = version.get("subresources") or {}
    subresources = []
    if wanted.get("status") is not None:
        subresources.append(Subresource("status", names["kind"], _SUBRESOURCE_VERBS))
    if wanted.get("scale") is not None:
        subresources.append(Subresource("scale", "Scale", _SUBRESOURCE_VERBS, "autoscaling", "v1"))
    deprecation = ""
    if version.get("deprecated"):
        deprecation = version.get("deprecationWarning") or (
            f"{spec['group']}/{version['name']} {names['kind']} is deprecated"
        )
    return Resource(
        group=spec["group"],
        version=version["name"],
        plural=names["plural"],
        singular=names.get("singular") or names["kind"].lower(),
        kind=names["kind"],
        namespaced=spec["scope"] == "Namespaced",
        verbs=_VERBS,
        short_names=names.get("shortNames") or [],
        categories=names.get("categories") or [],
        subresources=subresources,
        list_kind=names.get("listKind") or f"{names['kind']}List",
        custom=CustomVersion(
            schema=(version.get("schema") or {}).get("openAPIV3Schema"),
            columns=version.get("additionalPrinterColumns") or [],
            scale=wanted.get("scale"),
            selectable_fields=[one["jsonPath"] for one in version.get("selectableFields") or []],
            deprecation=deprecation,
        ),
    )
