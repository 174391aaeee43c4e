"""The life of namespaces: what each one is given, and how its content goes before it goes itself."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairlead.localcluster.server.deleting import DeleteOptions, Deleter
from fairlead.localcluster.server.pipeline import Pipeline, timestamp
from fairlead.localcluster.server.requests import UserInfo, WriteOptions
from fairlead.localcluster.storage import decode_body

if TYPE_CHECKING:
    from fairlead.localcluster.server.registry import Registry, Resource
    from fairlead.localcluster.storage import Stored

__all__ = ["Namespaces"]

Manifest = dict[str, Any]

_ROOT_CA = "kube-root-ca.crt"
_ROOT_CA_DESCRIPTION = (
    "Contains a CA bundle that can be used to verify the kube-apiserver when using internal endpoints such as the "
    "internal service IP or kubernetes.default.svc. No other usage is guaranteed across distributions of Kubernetes "
    "clusters."
)
_CONTENT_LEFT = (
    ("NamespaceDeletionDiscoveryFailure", "ResourcesDiscovered", "All resources successfully discovered"),
    ("NamespaceDeletionGroupVersionParsingFailure", "ParsedGroupVersions", "All legacy kube types successfully parsed"),
    (
        "NamespaceDeletionContentFailure",
        "ContentDeleted",
        "All content successfully deleted, may be waiting on finalization",
    ),
)


class Namespaces:
    def __init__(
        self, pipeline: Pipeline, deleter: Deleter, registry: Registry, options: WriteOptions, ca: str
    ) -> None:
        self._pipeline = pipeline
        self._deleter = deleter
        self._registry = registry
        self._options = options
        self._ca = ca

    def is_terminating(self, name: str) -> bool:
        stored = self._pipeline.store.collection("namespaces").get("", name)
        return stored is not None and bool(decode_body(stored.body)["metadata"].get("deletionTimestamp"))

    def sync(self, name: str) -> None:
        stored = self._pipeline.store.collection("namespaces").get("", name)
        if stored is None:
            return
        if self.is_terminating(name):
            self._terminate(stored)
        else:
            self._furnish(name)

    def _find(self, kind: str) -> Resource:
        resource = self._registry.by_kind("", kind)
        if resource is None:  # pragma: no cover - they are in the data
            raise AssertionError(f"the registry lacks {kind}")
        return resource

    def _furnish(self, namespace: str) -> None:
        """The default service account and the authority's certificate."""
        store = self._pipeline.store
        if store.collection("configmaps").get(namespace, _ROOT_CA) is None:
            metadata = {"name": _ROOT_CA, "annotations": {"kubernetes.io/description": _ROOT_CA_DESCRIPTION}}
            config_map = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": {"ca.crt": self._ca}}
            self._pipeline.create(self._find("ConfigMap"), namespace, config_map, self._options)
        if store.collection("serviceaccounts").get(namespace, "default") is None:
            account = {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "default"}}
            self._pipeline.create(self._find("ServiceAccount"), namespace, account, self._options)

    def _terminate(self, stored: Stored) -> None:
        """Delete all content; when it is gone, take the kubernetes finalizer away and so the namespace."""
        name = stored.name
        self._delete_content(name)
        left = self._content(name)
        namespace = {"kind": "Namespace", "apiVersion": "v1", **decode_body(stored.body)}
        if left:
            self._report(stored, namespace, left)
            return
        finalizers = [one for one in namespace["spec"].get("finalizers") or [] if one != "kubernetes"]
        resource = self._find("Namespace")
        if finalizers or namespace["metadata"].get("finalizers"):
            if finalizers != namespace["spec"].get("finalizers", []):
                namespace["spec"] = {"finalizers": finalizers} if finalizers else {}
                self._pipeline.write_system(resource, namespace, stored, self._options)
        else:
            self._pipeline.remove(resource, stored, self._options)

    def _delete_content(self, namespace: str) -> None:
        for resource, stored in self._content(namespace):
            if not decode_body(stored.body)["metadata"].get("deletionTimestamp"):
                self._deleter.delete(resource, stored, DeleteOptions(policy="Background"), self._options)

    def _content(self, namespace: str) -> list[tuple[Resource, Stored]]:
        found: list[tuple[Resource, Stored]] = []
        for collection in self._pipeline.store.collections():
            resource = self._registry.stored_in(collection.name) if collection.objects else None
            if resource is not None and resource.namespaced:
                found.extend((resource, stored) for stored in collection.scan(namespace))
        return found

    def _report(self, stored: Stored, namespace: Manifest, left: list[tuple[Resource, Stored]]) -> None:
        """Conditions that say what still is there and which finalizers hold it."""
        kinds: dict[str, int] = {}
        finalizers: dict[str, int] = {}
        for resource, one in left:
            name = resource.collection if resource.group else f"{resource.plural}."
            kinds[name] = kinds.get(name, 0) + 1
            for finalizer in decode_body(one.body)["metadata"].get("finalizers") or []:
                finalizers[finalizer] = finalizers.get(finalizer, 0) + 1
        remaining = ", ".join(f"{name} has {count} resource instances" for name, count in sorted(kinds.items()))
        conditions = [_condition(kind, "False", reason, message) for kind, reason, message in _CONTENT_LEFT]
        text = f"Some resources are remaining: {remaining}"
        conditions.append(_condition("NamespaceContentRemaining", "True", "SomeResourcesRemain", text))
        if finalizers:
            listed = ", ".join(f"{name} in {count} resource instances" for name, count in sorted(finalizers.items()))
            text = f"Some content in the namespace has finalizers remaining: {listed}"
            conditions.append(_condition("NamespaceFinalizersRemaining", "True", "SomeFinalizersRemain", text))
        else:
            text = "All content-preserving finalizers finished"
            conditions.append(_condition("NamespaceFinalizersRemaining", "False", "ContentHasNoFinalizers", text))
        old = {one["type"]: one for one in namespace["status"].get("conditions") or []}
        for condition in conditions:
            before = old.get(condition["type"])
            if before and before["status"] == condition["status"]:
                condition["lastTransitionTime"] = before["lastTransitionTime"]
        if conditions != namespace["status"].get("conditions"):
            namespace["status"] = {**namespace["status"], "conditions": conditions}
            self._pipeline.write_system(
                self._find("Namespace"), namespace, stored, self._options, record=True, subresource="status"
            )


def _condition(kind: str, status: str, reason: str, message: str) -> Manifest:
    return {"type": kind, "status": status, "lastTransitionTime": timestamp(), "reason": reason, "message": message}


SYSTEM = UserInfo("system:kube-controller-manager", ("system:masters", "system:authenticated"))
"""Who the server's own housekeeping writes as."""
