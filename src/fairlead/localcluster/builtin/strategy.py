"""What the API server does to an object of a kind around a write: the REST strategies and built-in admission.

Small tables and functions for the server's pipeline, in the order in which it works: decode, default,
:func:`prepare_for_create` or :func:`prepare_for_update`, validate, record owners. All functions change the new object
in place; it has to be fresh from decoding (built-in kinds) or a copy.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fairlead.localcluster.builtin.default_workloads import TEMPLATE_GENERATION
from fairlead.localcluster.merge.values import equal
from fairlead.localcluster.schema.schemaset import builtin_schema
from fairlead.objects.ref import GroupVersionKind

if TYPE_CHECKING:
    from fairlead.localcluster.merge.fieldset import FieldSet

__all__ = ["has_generation", "prepare_for_create", "prepare_for_update", "reset_fields"]

Manifest = dict[str, Any]

_NOT_READY: Final = "node.kubernetes.io/not-ready"
_STATUS: Final[FieldSet] = {"f:status": {}}
_SPEC: Final[FieldSet] = {"f:spec": {}}
_SPEC_AND_METADATA: Final[FieldSet] = {"f:metadata": {}, "f:spec": {}}

_WITHOUT_STATUS: Final = frozenset(
    {
        ("", "Binding"),
        ("", "ConfigMap"),
        ("", "Endpoints"),
        ("", "Event"),
        ("", "LimitRange"),
        ("", "PodTemplate"),
        ("", "Secret"),
        ("", "ServiceAccount"),
    }
)

_STATUS_RESETS: Final[dict[tuple[str, str], FieldSet]] = {
    ("apps", "Deployment"): {"f:spec": {}, "f:metadata": {"f:labels": {}}},
    ("", "Pod"): {"f:spec": {}, "f:metadata": {"f:deletionTimestamp": {}, "f:ownerReferences": {}}},
    ("certificates.k8s.io", "CertificateSigningRequest"): {"f:spec": {}, "f:status": {"f:conditions": {}}},
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): _SPEC_AND_METADATA,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _SPEC_AND_METADATA,
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"): _SPEC_AND_METADATA,
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"): _SPEC_AND_METADATA,
    ("resource.k8s.io", "ResourceClaim"): _SPEC_AND_METADATA,
    ("storage.k8s.io", "VolumeAttachment"): _SPEC_AND_METADATA,
}

_GENERATION_OF: Final[dict[tuple[str, str], tuple[str, ...]]] = {
    # kind to the fields whose change raises metadata.generation
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): ("webhooks",),
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): ("webhooks",),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): ("spec",),
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"): ("spec",),
    ("apiextensions.k8s.io", "CustomResourceDefinition"): ("spec",),
    ("apps", "DaemonSet"): ("spec",),
    ("apps", "Deployment"): ("spec",),
    ("apps", "ReplicaSet"): ("spec",),
    ("apps", "StatefulSet"): ("spec",),
    ("batch", "CronJob"): ("spec",),
    ("batch", "Job"): ("spec",),
    ("", "Pod"): ("spec",),
    ("", "PodTemplate"): ("template",),
    ("", "ReplicationController"): ("spec",),
    ("discovery.k8s.io", "EndpointSlice"): ("endpoints", "ports", "addressType"),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"): ("spec",),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"): ("spec",),
    ("networking.k8s.io", "Ingress"): ("spec",),
    ("networking.k8s.io", "IngressClass"): ("spec",),
    ("networking.k8s.io", "NetworkPolicy"): ("spec",),
    ("policy", "PodDisruptionBudget"): ("spec",),
    ("scheduling.k8s.io", "PriorityClass"): (),
    ("resource.k8s.io", "DeviceClass"): ("spec",),
    ("resource.k8s.io", "ResourceSlice"): ("spec",),
}
_ANNOTATIONS_RAISE_GENERATION: Final = frozenset({("apps", "Deployment")})


def _key(obj: Manifest) -> tuple[str, str]:
    gvk = GroupVersionKind.of(obj)
    return gvk.group, gvk.kind


def _is_builtin(obj: Manifest) -> bool:
    return builtin_schema(*GroupVersionKind.of(obj)) is not None


def reset_fields(obj: Manifest, subresource: str, *, has_status: bool = True) -> FieldSet | None:
    """The fields that this endpoint does not write and that nobody comes to own through it.

    ``has_status`` says whether a custom resource has the status subresource; built-in kinds are known.
    """
    key = _key(obj)
    if not _is_builtin(obj):
        if not has_status:
            return None
        return _SPEC if subresource == "status" else _STATUS if subresource == "" else None
    if key in _WITHOUT_STATUS:
        return None
    if subresource == "status":
        return _STATUS_RESETS.get(key, _SPEC)
    return _STATUS if subresource == "" else None


def has_generation(obj: Manifest) -> bool:
    """Whether objects of this kind count changes of their spec in ``metadata.generation``; custom resources do."""
    return not _is_builtin(obj) or _key(obj) in _GENERATION_OF


# ---- create


def prepare_for_create(obj: Manifest, *, has_status: bool = True) -> None:
    """Sets what a new object starts with and removes what a client may not set; owners are recorded before.

    ``metadata.uid`` and ``metadata.creationTimestamp`` have to be set: a Job's labels and selector name the one, a
    volume's phase begins at the other.
    """
    metadata = obj.setdefault("metadata", {})
    builtin = _is_builtin(obj)
    key = _key(obj)
    if has_generation(obj):
        metadata["generation"] = 1
    if builtin:
        _blank_status(obj)
        prepare = _CREATE.get(key)
        if prepare is not None:
            prepare(obj)
    elif has_status:
        obj.pop("status", None)


def _blank_status(obj: Manifest) -> None:
    schema = builtin_schema(*GroupVersionKind.of(obj))
    if schema is None or _key(obj) in _WITHOUT_STATUS or "status" not in schema.properties:
        return
    zero = dict(schema.properties["status"].go_always)
    obj["status"] = {key: list(value) if isinstance(value, list) else value for key, value in zero.items()}


def _create_namespace(obj: Manifest) -> None:
    obj["status"] = {"phase": "Active"}
    finalizers = obj.setdefault("spec", {}).setdefault("finalizers", [])
    if "kubernetes" not in finalizers:
        finalizers.append("kubernetes")


def _create_pod(obj: Manifest) -> None:
    spec = obj.setdefault("spec", {})
    obj["status"] = {"phase": "Pending", "qosClass": _qos_class(spec)}
    if spec.get("terminationGracePeriodSeconds", 0) < 0:
        spec["terminationGracePeriodSeconds"] = 1
    spec.setdefault("priority", 0)
    spec.setdefault("preemptionPolicy", "PreemptLowerPriority")
    _tolerate_short_failures(spec)


def _tolerate_short_failures(spec: Manifest) -> None:
    tolerations = spec.setdefault("tolerations", [])
    for condition in ("not-ready", "unreachable"):
        taint = f"node.kubernetes.io/{condition}"
        if not any(_tolerates(toleration, taint) for toleration in tolerations):
            tolerations.append({"key": taint, "operator": "Exists", "effect": "NoExecute", "tolerationSeconds": 300})


def _tolerates(toleration: Manifest, taint: str) -> bool:
    return toleration.get("key") in (taint, None, "") and toleration.get("effect") in ("NoExecute", None, "")


def _qos_class(spec: Manifest) -> str:
    """``Guaranteed`` when every container limits cpu and memory to what it requests, ``BestEffort`` without any."""
    guaranteed, any_set = True, False
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        resources = container.get("resources") or {}
        requests, limits = resources.get("requests") or {}, resources.get("limits") or {}
        wanted = {name for name in (*requests, *limits) if name in ("cpu", "memory")}
        any_set = any_set or bool(wanted)
        if wanted != {"cpu", "memory"} or any(requests.get(name) != limits.get(name) for name in wanted):
            guaranteed = False
    if not any_set:
        return "BestEffort"
    return "Guaranteed" if guaranteed else "Burstable"


def _add_finalizer(obj: Manifest, name: str) -> None:
    finalizers = obj["metadata"].setdefault("finalizers", [])
    if name not in finalizers:
        finalizers.append(name)


def _create_claim(obj: Manifest) -> None:
    obj["status"] = {"phase": "Pending"}
    _add_finalizer(obj, "kubernetes.io/pvc-protection")


def _create_volume(obj: Manifest) -> None:
    obj["status"] = {"phase": "Pending", "lastPhaseTransitionTime": obj["metadata"].get("creationTimestamp")}
    _add_finalizer(obj, "kubernetes.io/pv-protection")


def _create_job(obj: Manifest) -> None:
    spec = obj.setdefault("spec", {})
    if spec.get("manualSelector"):
        return
    name, uid = obj["metadata"].get("name", ""), obj["metadata"].get("uid", "")
    labels = spec.setdefault("template", {}).setdefault("metadata", {}).setdefault("labels", {})
    labels.update(
        {
            "batch.kubernetes.io/controller-uid": uid,
            "batch.kubernetes.io/job-name": name,
            "controller-uid": uid,
            "job-name": name,
        }
    )
    selector = spec.setdefault("selector", {})
    selector.setdefault("matchLabels", {})["batch.kubernetes.io/controller-uid"] = uid


def _create_definition(obj: Manifest) -> None:
    stored = [version["name"] for version in obj["spec"].get("versions") or () if version.get("storage")]
    obj["status"] = {
        "conditions": None,
        "acceptedNames": {"plural": "", "kind": ""},
        "storedVersions": stored[:1] or None,
    }


def _create_daemon_set(obj: Manifest) -> None:
    obj["metadata"].setdefault("annotations", {})[TEMPLATE_GENERATION] = "1"


def _create_node(obj: Manifest) -> None:
    taints = obj.setdefault("spec", {}).setdefault("taints", [])
    if not any(taint.get("key") == _NOT_READY for taint in taints):
        taints.append({"key": _NOT_READY, "effect": "NoSchedule"})


_CREATE: Final = {
    ("", "Namespace"): _create_namespace,
    ("", "Pod"): _create_pod,
    ("", "PersistentVolumeClaim"): _create_claim,
    ("", "PersistentVolume"): _create_volume,
    ("", "Node"): _create_node,
    ("apps", "DaemonSet"): _create_daemon_set,
    ("batch", "Job"): _create_job,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _create_definition,
}


# ---- update


def prepare_for_update(new: Manifest, old: Manifest, subresource: str = "", *, has_status: bool = True) -> None:
    """Takes over from the stored object what this endpoint does not write, and counts the generation."""
    builtin = _is_builtin(new)
    metadata, before = new.setdefault("metadata", {}), old.get("metadata") or {}
    if subresource == "status":
        _keep_all_but_status(new, old, builtin=builtin)
    elif subresource == "" and (has_status if not builtin else _key(new) not in _WITHOUT_STATUS):
        if "status" in old:
            new["status"] = old["status"]
        elif "status" in new:
            del new["status"]
    if builtin and subresource == "" and (prepare := _UPDATE.get(_key(new))) is not None:
        prepare(new, old)
    metadata = new["metadata"]
    generation = before.get("generation")
    if has_generation(new) and generation is not None:
        raised = subresource != "status" and _raises_generation(new, old, builtin=builtin, has_status=has_status)
        metadata["generation"] = generation + 1 if raised else generation
    elif generation is None:
        metadata.pop("generation", None)


def _keep_all_but_status(new: Manifest, old: Manifest, *, builtin: bool) -> None:
    for field in [field for field in new if field not in ("apiVersion", "kind", "metadata", "status")]:
        del new[field]
    for field, value in old.items():
        if field not in ("apiVersion", "kind", "metadata", "status"):
            new[field] = value
    metadata, before = new["metadata"], old.get("metadata") or {}
    if not builtin or _STATUS_RESETS.get(_key(new)) is _SPEC_AND_METADATA:
        kept = ("managedFields", "resourceVersion")
        new["metadata"] = {
            **{key: value for key, value in before.items() if key not in kept},
            **{key: metadata[key] for key in kept if key in metadata},
        }
        return
    for path in (_STATUS_RESETS.get(_key(new)) or {}).get("f:metadata", {}):
        field = path[2:]
        metadata.pop(field, None)
        if field in before:
            metadata[field] = before[field]


def _raises_generation(new: Manifest, old: Manifest, *, builtin: bool, has_status: bool) -> bool:
    if new["metadata"].get("deletionTimestamp") != (old.get("metadata") or {}).get("deletionTimestamp"):
        return True
    if builtin:
        key = _key(new)
        fields: tuple[str, ...] = _GENERATION_OF[key]
        if key in _ANNOTATIONS_RAISE_GENERATION and not _same(new["metadata"], old["metadata"], "annotations"):
            return True
    else:
        # Anything but metadata counts, and but the status when it has an endpoint of its own.
        ignored = {"apiVersion", "kind", "metadata", "status"} if has_status else {"apiVersion", "kind", "metadata"}
        fields = tuple((new.keys() | old.keys()) - ignored)
    return not all(_same(new, old, field) for field in fields)


def _same(new: Manifest, old: Manifest, field: str) -> bool:
    return equal(new.get(field) or None, old.get(field) or None)


def _update_namespace(new: Manifest, old: Manifest) -> None:
    new["spec"] = {**new.get("spec", {}), "finalizers": (old.get("spec") or {}).get("finalizers") or []}


def _update_daemon_set(new: Manifest, old: Manifest) -> None:
    annotations = new["metadata"].setdefault("annotations", {})
    before = (old["metadata"].get("annotations") or {}).get(TEMPLATE_GENERATION, "0")
    changed = not equal((new.get("spec") or {}).get("template"), (old.get("spec") or {}).get("template"))
    annotations[TEMPLATE_GENERATION] = str(int(before) + 1) if changed else before


def _update_pod(new: Manifest, old: Manifest) -> None:
    _tolerate_short_failures(new.setdefault("spec", {}))


def _update_definition(new: Manifest, old: Manifest) -> None:
    """The version that is stored from now on joins those that were."""
    stored = list((old.get("status") or {}).get("storedVersions") or ())
    for version in new["spec"].get("versions") or ():
        if version.get("storage") and version["name"] not in stored:
            stored.append(version["name"])
    new["status"] = {**(new.get("status") or {}), "storedVersions": stored}


_UPDATE: Final = {
    ("", "Namespace"): _update_namespace,
    ("", "Pod"): _update_pod,
    ("apps", "DaemonSet"): _update_daemon_set,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _update_definition,
}
