"""Checks and additions between decoding and storing: the real server's built-in admission plugins that matter here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairlead.localcluster.server.addresses import ServiceAddresses
from fairlead.localcluster.status import StatusError, not_found, resource_name
from fairlead.localcluster.storage import decode_body

if TYPE_CHECKING:
    from fairlead.localcluster.server.escalation import EscalationCheck
    from fairlead.localcluster.server.registry import Resource
    from fairlead.localcluster.server.requests import UserInfo
    from fairlead.localcluster.storage import Store

__all__ = ["Admission"]

Manifest = dict[str, Any]

_DEFAULT_CLASS = "storageclass.kubernetes.io/is-default-class"
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"


class Admission:
    def __init__(self, store: Store, escalation: EscalationCheck) -> None:
        self._store = store
        self._escalation = escalation
        self._addresses = ServiceAddresses(store)

    def create(self, resource: Resource, namespace: str, obj: Manifest, user: UserInfo) -> None:
        """Before a new object is validated."""
        if resource.namespaced:
            self._namespace_alive(resource, namespace, obj)
        self._escalation.check(resource, obj, None, user)
        if resource.collection == "persistentvolumeclaims":
            self._default_class(obj)

    def _default_class(self, claim: Manifest) -> None:
        """A claim that names no storage class gets the default one, the newest if there are several."""
        spec = claim.get("spec") or {}
        if "storageClassName" in spec or _CLASS_ANNOTATION in (claim["metadata"].get("annotations") or {}):
            return
        defaults = []
        for stored in self._store.collection("storageclasses.storage.k8s.io").scan():
            metadata = decode_body(stored.body)["metadata"]
            if (metadata.get("annotations") or {}).get(_DEFAULT_CLASS) == "true":
                defaults.append((metadata["creationTimestamp"], stored.name))
        if defaults:
            spec["storageClassName"] = max(defaults)[1]

    def _namespace_alive(self, resource: Resource, namespace: str, obj: Manifest) -> None:
        stored = self._store.collection("namespaces").get("", namespace)
        if stored is None:
            raise not_found("", "namespaces", namespace)
        if not decode_body(stored.body)["metadata"].get("deletionTimestamp"):
            return
        name = obj["metadata"].get("name", "")
        text = f"unable to create new content in namespace {namespace} because it is being terminated"
        details: Manifest = {
            "name": name,
            "group": resource.group,
            "kind": resource.plural,
            "causes": [
                {
                    "reason": "NamespaceTerminating",
                    "message": f"namespace {namespace} is being terminated",
                    "field": "metadata.namespace",
                }
            ],
        }
        raise StatusError(
            403,
            "Forbidden",
            f'{resource_name(resource.group, resource.plural)} "{name}" is forbidden: {text}',
            {key: value for key, value in details.items() if value},
        )

    def update(self, resource: Resource, live: Manifest, new: Manifest, user: UserInfo) -> None:
        """Before a new state replaces the live one."""
        self._escalation.check(resource, new, live, user)
        if resource.collection == "services":
            self._addresses.update(live, new)

    def allocate(self, resource: Resource, obj: Manifest) -> None:
        """Give a valid new object what only the cluster can give: a service its address."""
        if resource.collection == "services":
            self._addresses.allocate(obj)
