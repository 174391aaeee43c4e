"""What the server itself writes into an object: identity, generation, the first status; what an update may not touch.

These are the rules of the real server's per-kind "strategies", as far as they are not defaults or validation.
"""

from __future__ import annotations

import uuid
from secrets import choice
from typing import TYPE_CHECKING, Any

from fairlead.localcluster.status import bad_request

if TYPE_CHECKING:
    from fairlead.localcluster.server.registry import Resource

__all__ = ["ordered_metadata", "prepare_create", "prepare_status_update", "prepare_update"]

Manifest = dict[str, Any]

_WITH_GENERATION = frozenset(
    {
        "cronjobs.batch",
        "customresourcedefinitions.apiextensions.k8s.io",
        "daemonsets.apps",
        "deployments.apps",
        "endpointslices.discovery.k8s.io",
        "flowschemas.flowcontrol.apiserver.k8s.io",
        "ingressclasses.networking.k8s.io",
        "ingresses.networking.k8s.io",
        "jobs.batch",
        "mutatingwebhookconfigurations.admissionregistration.k8s.io",
        "networkpolicies.networking.k8s.io",
        "poddisruptionbudgets.policy",
        "pods",
        "priorityclasses.scheduling.k8s.io",
        "prioritylevelconfigurations.flowcontrol.apiserver.k8s.io",
        "replicasets.apps",
        "replicationcontrollers",
        "statefulsets.apps",
        "validatingadmissionpolicies.admissionregistration.k8s.io",
        "validatingadmissionpolicybindings.admissionregistration.k8s.io",
        "validatingwebhookconfigurations.admissionregistration.k8s.io",
    }
)
"""Built-in resources whose objects count their changes of intent; custom resources all do."""

_FIRST_STATUS: dict[str, Manifest] = {
    "namespaces": {"phase": "Active"},
    "persistentvolumeclaims": {"phase": "Pending"},
    "persistentvolumes": {"phase": "Pending"},
    "pods": {"phase": "Pending"},
    "services": {"loadBalancer": {}},
    "ingresses.networking.k8s.io": {"loadBalancer": {}},
}
_KEEPS_STATUS = frozenset({"nodes", "customresourcedefinitions.apiextensions.k8s.io"})
"""Resources that take a status at creation in spite of their status subresource."""

_ANNOTATIONS_COUNT = frozenset({"deployments.apps"})
"""Resources where a changed annotation counts as a change of intent."""

_METADATA_ORDER = (
    "name",
    "generateName",
    "namespace",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "labels",
    "annotations",
    "ownerReferences",
    "finalizers",
    "managedFields",
)
_ALPHABET = "bcdfghjklmnpqrstvwxz2456789"


def counts_generations(resource: Resource) -> bool:
    return resource.custom is not None or resource.collection in _WITH_GENERATION


def ordered_metadata(metadata: Manifest) -> Manifest:
    """Known fields in the real server's order, without empty ones; unknown fields are dropped."""
    return {key: metadata[key] for key in _METADATA_ORDER if metadata.get(key) not in (None, "", {}, [])}


def generated_name(prefix: str) -> str:
    return prefix[:58] + "".join(choice(_ALPHABET) for _ in range(5))


def prepare_create(resource: Resource, obj: Manifest, namespace: str, now: str) -> None:
    """Make ``obj`` a new object of the namespace, in place."""
    metadata = obj.setdefault("metadata", {})
    if metadata.get("generateName") and not metadata.get("name"):
        metadata["name"] = generated_name(metadata["generateName"])
    for key in ("resourceVersion", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink", "generation"):
        metadata.pop(key, None)
    if namespace:
        metadata["namespace"] = namespace
    metadata["uid"] = str(uuid.uuid4())
    metadata["creationTimestamp"] = now
    if counts_generations(resource):
        metadata["generation"] = 1
    obj["metadata"] = ordered_metadata(metadata)
    _first_status(resource, obj)
    if resource.collection == "namespaces":
        _prepare_namespace(obj)


def _first_status(resource: Resource, obj: Manifest) -> None:
    if not resource.has_status or resource.collection in _KEEPS_STATUS:
        return
    first = _FIRST_STATUS.get(resource.collection)
    if first is not None:
        obj["status"] = dict(first)
    elif resource.custom is None and "status" in obj:
        obj["status"] = {}
    else:
        obj.pop("status", None)


def _prepare_namespace(obj: Manifest) -> None:
    finalizers = list((obj.get("spec") or {}).get("finalizers") or [])
    obj["spec"] = {"finalizers": finalizers if "kubernetes" in finalizers else [*finalizers, "kubernetes"]}
    labels = {**(obj["metadata"].get("labels") or {}), "kubernetes.io/metadata.name": obj["metadata"].get("name", "")}
    obj["metadata"]["labels"] = labels
    obj["metadata"] = ordered_metadata(obj["metadata"])


_FROM_LIVE = (
    "uid",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "generation",
    "namespace",
)


def prepare_update(resource: Resource, live: Manifest, new: Manifest) -> None:
    """Give ``new`` what only the server may say, and count the change; in place."""
    _keep_identity(live, new)
    if resource.has_status:
        _keep(live, new, "status")
    if resource.collection == "namespaces":
        _keep(live, new, "spec")
    if counts_generations(resource) and _intent_changed(resource, live, new):
        new["metadata"]["generation"] = int(live["metadata"].get("generation") or 0) + 1
    new["metadata"] = ordered_metadata(new["metadata"])


def prepare_status_update(resource: Resource, live: Manifest, new: Manifest) -> None:
    """Everything but the status stays as it is; built-in kinds also take annotations and finalizers (a quirk)."""
    _keep_identity(live, new)
    if resource.custom is not None:
        managed = new["metadata"].get("managedFields")
        new["metadata"] = {**live["metadata"]}
        if managed is not None:
            new["metadata"]["managedFields"] = managed
        for key in set(live) | set(new):
            if key not in ("metadata", "status", "apiVersion", "kind"):
                _keep(live, new, key)
    else:
        _keep(live, new, "spec")
        _keep_label(live, new)
    new["metadata"] = ordered_metadata(new["metadata"])


def _keep_label(live: Manifest, new: Manifest) -> None:
    labels = live["metadata"].get("labels")
    if labels:
        new["metadata"]["labels"] = labels
    else:
        new["metadata"].pop("labels", None)


def _keep(live: Manifest, new: Manifest, key: str) -> None:
    if key in live:
        new[key] = live[key]
    else:
        new.pop(key, None)


def _keep_identity(live: Manifest, new: Manifest) -> None:
    metadata = new.setdefault("metadata", {})
    for key in _FROM_LIVE:
        if key in live["metadata"]:
            metadata[key] = live["metadata"][key]
        else:
            metadata.pop(key, None)


def _intent_changed(resource: Resource, live: Manifest, new: Manifest) -> bool:
    if resource.custom is None and "spec" in live:
        if resource.collection in _ANNOTATIONS_COUNT and _annotations(live) != _annotations(new):
            return True
        return bool(live["spec"] != new.get("spec"))
    ignored = {"metadata", "apiVersion", "kind"} | ({"status"} if resource.has_status else set())
    return any(live.get(key) != new.get(key) for key in (set(live) | set(new)) - ignored)


def _annotations(obj: Manifest) -> Manifest:
    return obj["metadata"].get("annotations") or {}


def check_name_in_url(obj: Manifest, name: str) -> None:
    """The name of an update must be that of its path."""
    given = (obj.get("metadata") or {}).get("name") or ""
    if not given:
        raise bad_request(f"the name of the object ({name} based on URL) was undeterminable: name must be provided")
    if given != name:
        raise bad_request(f"the name of the object ({given}) does not match the name on the URL ({name})")
