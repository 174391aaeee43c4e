"""Defaults of every other kind; see :mod:`fairlead.localcluster.builtin.defaults`."""

from __future__ import annotations

import base64
from typing import Final

from fairlead.localcluster.builtin.default_registry import Struct, fill, fill_numbers, rule

_RBAC: Final = "rbac.authorization.k8s.io"
_NAME_LABEL: Final = "kubernetes.io/metadata.name"


# ---- the rest of the core group


@rule("core.v1.ReplicationController")
def _replication_controller(value: Struct) -> None:
    spec = value.setdefault("spec", {})
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if labels:
        if not spec.get("selector"):
            spec["selector"] = dict(labels)
        metadata = value.setdefault("metadata", {})
        if not metadata.get("labels"):
            metadata["labels"] = dict(labels)
    fill(spec, replicas=1)


@rule("core.v1.Service")
def _service(value: Struct) -> None:
    spec = value.setdefault("spec", {})
    fill(spec, sessionAffinity="None", type="ClusterIP")
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    elif spec["sessionAffinity"] == "ClientIP":
        client_ip = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
        if client_ip.get("timeoutSeconds") is None:
            spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": 10800}}
    for port in spec.get("ports") or ():
        fill(port, protocol="TCP")
        if port.get("targetPort") in (None, 0, ""):
            port["targetPort"] = port.get("port", 0)
    _service_traffic(spec)


def _service_traffic(spec: Struct) -> None:
    kind = spec["type"]
    outside = kind in ("NodePort", "LoadBalancer") or (kind == "ClusterIP" and spec.get("externalIPs"))
    if outside:
        fill(spec, externalTrafficPolicy="Cluster")
    if kind in ("NodePort", "LoadBalancer", "ClusterIP"):
        fill(spec, internalTrafficPolicy="Cluster")
    if kind == "LoadBalancer":
        fill(spec, allocateLoadBalancerNodePorts=True)


@rule("core.v1.Secret")
def _secret(value: Struct) -> None:
    texts = value.pop("stringData", None)
    if texts:
        data = value.setdefault("data", {})
        for key, text in texts.items():
            data[key] = base64.b64encode(text.encode()).decode()
    fill(value, type="Opaque")


@rule("core.v1.PersistentVolume")
def _volume_of_cluster(value: Struct) -> None:
    fill(value.setdefault("status", {}), phase="Pending")
    fill(value.setdefault("spec", {}), persistentVolumeReclaimPolicy="Retain", volumeMode="Filesystem")


@rule("core.v1.PersistentVolumeClaim")
def _claim(value: Struct) -> None:
    fill(value.setdefault("status", {}), phase="Pending")


@rule("core.v1.PersistentVolumeClaimSpec")
def _claim_spec(value: Struct) -> None:
    fill(value, volumeMode="Filesystem")


@rule("core.v1.Namespace")
def _namespace(value: Struct) -> None:
    metadata = value.setdefault("metadata", {})
    if name := metadata.get("name"):
        labels = metadata.setdefault("labels", {})
        labels[_NAME_LABEL] = name
    fill(value.setdefault("status", {}), phase="Active")


@rule("core.v1.EndpointPort")
def _endpoint(value: Struct) -> None:
    fill(value, protocol="TCP")


@rule("core.v1.NodeStatus")
def _node_status(value: Struct) -> None:
    if value.get("allocatable") is None and value.get("capacity") is not None:
        value["allocatable"] = dict(value["capacity"])


@rule("core.v1.LimitRangeItem")
def _limit_range(value: Struct) -> None:
    if value.get("type") != "Container":
        return
    limits, requests = dict(value.get("default") or {}), dict(value.get("defaultRequest") or {})
    for name, quantity in (value.get("max") or {}).items():
        limits.setdefault(name, quantity)
    for source in (limits, value.get("min") or {}):
        for name, quantity in source.items():
            requests.setdefault(name, quantity)
    for field, values in (("default", limits), ("defaultRequest", requests)):
        if values:
            value[field] = values


# ---- networking, storage, access


@rule("networking.v1.NetworkPolicy")
def _network_policy(value: Struct) -> None:
    spec = value.setdefault("spec", {})
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


@rule("networking.v1.NetworkPolicyPort")
def _network_policy_port(value: Struct) -> None:
    fill(value, protocol="TCP")


@rule("networking.v1.IngressClass")
def _ingress_class(value: Struct) -> None:
    parameters = (value.get("spec") or {}).get("parameters")
    if parameters:
        fill(parameters, scope="Cluster")


@rule("storage.v1.StorageClass")
def _storage_class(value: Struct) -> None:
    fill(value, reclaimPolicy="Delete", volumeBindingMode="Immediate")


@rule("storage.v1.CSIDriver")
def _csi_driver(value: Struct) -> None:
    spec = value.setdefault("spec", {})
    fill(spec, attachRequired=True, podInfoOnMount=False, storageCapacity=False, requiresRepublish=False)
    fill(spec, fsGroupPolicy="ReadWriteOnceWithFSType", seLinuxMount=False)
    if not spec.get("volumeLifecycleModes"):
        spec["volumeLifecycleModes"] = ["Persistent"]


@rule("rbac.v1.RoleBinding", "rbac.v1.ClusterRoleBinding")
def _role_binding(value: Struct) -> None:
    fill(value.setdefault("roleRef", {}), apiGroup=_RBAC)


@rule("rbac.v1.Subject")
def _subject(value: Struct) -> None:
    if value.get("kind") in ("User", "Group"):
        fill(value, apiGroup=_RBAC)


@rule("scheduling.v1.PriorityClass")
def _priority_class(value: Struct) -> None:
    fill(value, preemptionPolicy="PreemptLowerPriority")


@rule("discovery.v1.EndpointPort")
def _endpoint_port(value: Struct) -> None:
    if value.get("name") is None:
        value["name"] = ""
    fill(value, protocol="TCP")


# ---- admission, extension and flow control


@rule("admissionregistration.v1.ValidatingWebhook")
def _validating_webhook(value: Struct) -> None:
    fill(value, failurePolicy="Fail", matchPolicy="Equivalent", timeoutSeconds=10)
    _match_everything(value)


@rule("admissionregistration.v1.MutatingWebhook")
def _mutating_webhook(value: Struct) -> None:
    _validating_webhook(value)
    fill(value, reinvocationPolicy="Never")


def _match_everything(value: Struct) -> None:
    for field in ("namespaceSelector", "objectSelector"):
        if value.get(field) is None:
            value[field] = {}


@rule("admissionregistration.v1.RuleWithOperations", "admissionregistration.v1.NamedRuleWithOperations")
def _admission_rule(value: Struct) -> None:
    fill(value, scope="*")


@rule("admissionregistration.v1.MatchResources")
def _match_resources(value: Struct) -> None:
    fill(value, matchPolicy="Equivalent")
    _match_everything(value)


@rule("admissionregistration.v1.ValidatingAdmissionPolicySpec")
def _admission_policy(value: Struct) -> None:
    fill(value, failurePolicy="Fail")


@rule(
    "admissionregistration.v1.ServiceReference",
    "apiextensions.v1.ServiceReference",
    "apiregistration.v1.ServiceReference",
)
def _service_reference(value: Struct) -> None:
    fill(value, port=443)


@rule("apiextensions.v1.CustomResourceDefinition")
def _definition(value: Struct) -> None:
    spec = value.setdefault("spec", {})
    names = spec.setdefault("names", {})
    kind = names.get("kind") or ""
    fill(names, singular=kind.lower())
    if kind:
        fill(names, listKind=f"{kind}List")
    if spec.get("conversion") is None:
        spec["conversion"] = {"strategy": "None"}
    status = value.setdefault("status", {})
    if not status.get("storedVersions"):
        stored = [version["name"] for version in spec.get("versions") or () if version.get("storage")]
        status["storedVersions"] = stored[:1]


@rule("flowcontrol.v1.FlowSchemaSpec")
def _flow_schema(value: Struct) -> None:
    fill_numbers(value, matchingPrecedence=1000)


@rule("flowcontrol.v1.ExemptPriorityLevelConfiguration")
def _exempt_level(value: Struct) -> None:
    fill(value, nominalConcurrencyShares=0, lendablePercent=0)


@rule("flowcontrol.v1.LimitedPriorityLevelConfiguration")
def _limited_level(value: Struct) -> None:
    fill(value, nominalConcurrencyShares=30, lendablePercent=0)


@rule("flowcontrol.v1.QueuingConfiguration")
def _queuing(value: Struct) -> None:
    fill_numbers(value, handSize=8, queues=64, queueLengthLimit=50)
