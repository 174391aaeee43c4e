"""One function per Go type that has defaults; see :mod:`fairlead.localcluster.builtin.defaults`."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any, Final

from fairlead.localcluster.schema.quantity import round_up_to_milli

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["RULES", "TEMPLATE_GENERATION", "image_pull_policy"]

Struct = dict[str, Any]
RULES: Final[dict[str, Callable[[Struct], None]]] = {}
_RBAC: Final = "rbac.authorization.k8s.io"
TEMPLATE_GENERATION: Final = "deprecated.daemonset.template.generation"
_NAME_LABEL: Final = "kubernetes.io/metadata.name"


def _rule(*types: str) -> Callable[[Callable[[Struct], None]], Callable[[Struct], None]]:
    def register(function: Callable[[Struct], None]) -> Callable[[Struct], None]:
        for name in types:
            RULES[name] = function
        return function

    return register


def _fill(value: Struct, **defaults: Any) -> None:
    """Sets fields that are absent, null or an empty string."""
    for key, default in defaults.items():
        if value.get(key) in (None, ""):
            value[key] = default


def _fill_numbers(value: Struct, **defaults: int) -> None:
    """Sets numbers that are absent or zero: in Go they are no pointers."""
    for key, default in defaults.items():
        if not value.get(key):
            value[key] = default


# ---- pods


def image_pull_policy(image: str) -> str:
    """``Always`` for images without tag or with ``latest``, unless they are named by digest."""
    if "@" in image:
        return "IfNotPresent"
    name, _, tag = image.rpartition(":")
    latest = tag == "latest" if name and "/" not in tag else True
    return "Always" if latest else "IfNotPresent"


@_rule("core.v1.Container", "core.v1.EphemeralContainer")
def _container(value: Struct) -> None:
    _fill(
        value,
        imagePullPolicy=image_pull_policy(value.get("image") or ""),
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
    )


@_rule("core.v1.Probe")
def _probe(value: Struct) -> None:
    _fill_numbers(value, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)


@_rule("core.v1.HTTPGetAction")
def _http_get(value: Struct) -> None:
    _fill(value, path="/", scheme="HTTP")


@_rule("core.v1.GRPCAction")
def _grpc(value: Struct) -> None:
    if value.get("service") is None:
        value["service"] = ""


@_rule("core.v1.Pod")
def _pod(value: Struct) -> None:
    spec = value.get("spec") or {}
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        resources = container.get("resources") or {}
        limits = resources.get("limits")
        if limits:
            requests = resources.setdefault("requests", {})
            for name, quantity in limits.items():
                requests.setdefault(name, quantity)
    _fill(spec, enableServiceLinks=True)
    _host_network_ports(spec)


def _host_network_ports(spec: Struct) -> None:
    if not spec.get("hostNetwork"):
        return
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        for port in container.get("ports") or ():
            _fill_numbers(port, hostPort=port.get("containerPort", 0))


@_rule("core.v1.PodSpec")
def _pod_spec(value: Struct) -> None:
    _fill(value, dnsPolicy="ClusterFirst", restartPolicy="Always", schedulerName="default-scheduler")
    _fill(value, terminationGracePeriodSeconds=30)
    if value.get("securityContext") is None:
        value["securityContext"] = {}
    # Older and newer name of one account; the server prints both.
    account = value.get("serviceAccountName") or value.get("serviceAccount")
    if account:
        value["serviceAccountName"] = value["serviceAccount"] = account


@_rule("core.v1.ResourceRequirements", "core.v1.VolumeResourceRequirements")
def _resources(value: Struct) -> None:
    for field in ("limits", "requests"):
        _round_quantities(value.get(field))


@_rule("core.v1.ResourceQuotaSpec")
def _quota(value: Struct) -> None:
    _round_quantities(value.get("hard"))


def _round_quantities(quantities: Struct | None) -> None:
    """Amounts of resources are counted in thousandths."""
    for name, quantity in (quantities or {}).items():
        if quantities is not None and quantity[-1:] in ("n", "u"):
            quantities[name] = round_up_to_milli(quantity)


@_rule("core.v1.Volume")
def _volume(value: Struct) -> None:
    if not any(source is not None for key, source in value.items() if key != "name"):
        value["emptyDir"] = {}
    image = value.get("image")
    if image:
        _fill(image, pullPolicy=image_pull_policy(image.get("reference") or ""))


@_rule(
    "core.v1.SecretVolumeSource",
    "core.v1.ConfigMapVolumeSource",
    "core.v1.DownwardAPIVolumeSource",
    "core.v1.ProjectedVolumeSource",
)
def _default_mode(value: Struct) -> None:
    _fill(value, defaultMode=0o644)


@_rule("core.v1.HostPathVolumeSource")
def _host_path(value: Struct) -> None:
    if value.get("type") is None:
        value["type"] = ""


@_rule("core.v1.ServiceAccountTokenProjection")
def _token_projection(value: Struct) -> None:
    _fill(value, expirationSeconds=3600)


@_rule("core.v1.ObjectFieldSelector")
def _field_ref(value: Struct) -> None:
    _fill(value, apiVersion="v1")


@_rule("core.v1.AzureDiskVolumeSource")
def _azure_disk(value: Struct) -> None:
    _fill(value, cachingMode="ReadWrite", kind="Shared", fsType="ext4", readOnly=False)


# ---- the rest of the core group


@_rule("core.v1.ReplicationController")
def _replication_controller(value: Struct) -> None:
    spec = value.setdefault("spec", {})
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    if labels:
        if not spec.get("selector"):
            spec["selector"] = dict(labels)
        metadata = value.setdefault("metadata", {})
        if not metadata.get("labels"):
            metadata["labels"] = dict(labels)
    _fill(spec, replicas=1)


@_rule("core.v1.Service")
def _service(value: Struct) -> None:
    spec = value.setdefault("spec", {})
    _fill(spec, sessionAffinity="None", type="ClusterIP")
    if spec["sessionAffinity"] == "None":
        spec.pop("sessionAffinityConfig", None)
    elif spec["sessionAffinity"] == "ClientIP":
        client_ip = (spec.get("sessionAffinityConfig") or {}).get("clientIP") or {}
        if client_ip.get("timeoutSeconds") is None:
            spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": 10800}}
    for port in spec.get("ports") or ():
        _fill(port, protocol="TCP")
        if port.get("targetPort") in (None, 0, ""):
            port["targetPort"] = port.get("port", 0)
    _service_traffic(spec)


def _service_traffic(spec: Struct) -> None:
    kind = spec["type"]
    outside = kind in ("NodePort", "LoadBalancer") or (kind == "ClusterIP" and spec.get("externalIPs"))
    if outside:
        _fill(spec, externalTrafficPolicy="Cluster")
    if kind in ("NodePort", "LoadBalancer", "ClusterIP"):
        _fill(spec, internalTrafficPolicy="Cluster")
    if kind == "LoadBalancer":
        _fill(spec, allocateLoadBalancerNodePorts=True)


@_rule("core.v1.Secret")
def _secret(value: Struct) -> None:
    texts = value.pop("stringData", None)
    if texts:
        data = value.setdefault("data", {})
        for key, text in texts.items():
            data[key] = base64.b64encode(text.encode()).decode()
    _fill(value, type="Opaque")


@_rule("core.v1.PersistentVolume")
def _volume_of_cluster(value: Struct) -> None:
    _fill(value.setdefault("status", {}), phase="Pending")
    _fill(value.setdefault("spec", {}), persistentVolumeReclaimPolicy="Retain", volumeMode="Filesystem")


@_rule("core.v1.PersistentVolumeClaim")
def _claim(value: Struct) -> None:
    _fill(value.setdefault("status", {}), phase="Pending")


@_rule("core.v1.PersistentVolumeClaimSpec")
def _claim_spec(value: Struct) -> None:
    _fill(value, volumeMode="Filesystem")


@_rule("core.v1.Namespace")
def _namespace(value: Struct) -> None:
    metadata = value.setdefault("metadata", {})
    if name := metadata.get("name"):
        labels = metadata.setdefault("labels", {})
        labels[_NAME_LABEL] = name
    _fill(value.setdefault("status", {}), phase="Active")


@_rule("core.v1.EndpointPort")
def _endpoint(value: Struct) -> None:
    _fill(value, protocol="TCP")


@_rule("core.v1.NodeStatus")
def _node_status(value: Struct) -> None:
    if value.get("allocatable") is None and value.get("capacity") is not None:
        value["allocatable"] = dict(value["capacity"])


@_rule("core.v1.LimitRangeItem")
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


# ---- workloads


@_rule("apps.v1.Deployment")
def _deployment(value: Struct) -> None:
    spec = value.setdefault("spec", {})
    _fill(spec, replicas=1, revisionHistoryLimit=10, progressDeadlineSeconds=600)
    strategy = spec.setdefault("strategy", {})
    _fill(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _fill(strategy.setdefault("rollingUpdate", {}), maxUnavailable="25%", maxSurge="25%")


@_rule("apps.v1.DaemonSet")
def _daemon_set(value: Struct) -> None:
    # A counter that old versions had in the spec; it is kept as an annotation.
    _fill(value.setdefault("metadata", {}).setdefault("annotations", {}), **{TEMPLATE_GENERATION: "0"})
    spec = value.setdefault("spec", {})
    _fill(spec, revisionHistoryLimit=10)
    strategy = spec.setdefault("updateStrategy", {})
    _fill(strategy, type="RollingUpdate")
    if strategy["type"] == "RollingUpdate":
        _fill(strategy.setdefault("rollingUpdate", {}), maxUnavailable=1, maxSurge=0)


@_rule("apps.v1.StatefulSet")
def _stateful_set(value: Struct) -> None:
    spec = value.setdefault("spec", {})
    _fill(spec, podManagementPolicy="OrderedReady", replicas=1, revisionHistoryLimit=10)
    strategy = spec.setdefault("updateStrategy", {})
    if not strategy.get("type"):
        strategy["type"] = "RollingUpdate"
        strategy.setdefault("rollingUpdate", {})
    if strategy["type"] == "RollingUpdate" and strategy.get("rollingUpdate") is not None:
        _fill(strategy["rollingUpdate"], partition=0)
    _fill(spec.setdefault("persistentVolumeClaimRetentionPolicy", {}), whenDeleted="Retain", whenScaled="Retain")
    for claim in spec.get("volumeClaimTemplates") or ():
        _fill(claim, apiVersion="v1", kind="PersistentVolumeClaim")


@_rule("apps.v1.ReplicaSet")
def _replica_set(value: Struct) -> None:
    _fill(value.setdefault("spec", {}), replicas=1)


@_rule("batch.v1.Job")
def _job(value: Struct) -> None:
    spec = value.setdefault("spec", {})
    labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels")
    metadata = value.setdefault("metadata", {})
    if labels and not metadata.get("labels"):
        metadata["labels"] = (
            labels  # shared on purpose: what the server adds to the template's labels appears here, too
        )
    _job_spec(spec)
    _fill(spec, manualSelector=False)


def _job_spec(spec: Struct) -> None:
    if spec.get("completions") is None and spec.get("parallelism") is None:
        spec["completions"] = 1
    _fill(spec, parallelism=1, completionMode="NonIndexed", suspend=False)
    _fill(spec, backoffLimit=6 if spec.get("backoffLimitPerIndex") is None else 2**31 - 1)
    _fill(spec, podReplacementPolicy="Failed" if spec.get("podFailurePolicy") else "TerminatingOrFailed")


@_rule("batch.v1.PodFailurePolicyOnPodConditionsPattern")
def _failure_pattern(value: Struct) -> None:
    _fill(value, status="True")


@_rule("batch.v1.CronJob")
def _cron_job(value: Struct) -> None:
    spec = value.setdefault("spec", {})
    _fill(spec, concurrencyPolicy="Allow", suspend=False, successfulJobsHistoryLimit=3, failedJobsHistoryLimit=1)


# ---- autoscaling


_SCALE_UP: Final = {
    "stabilizationWindowSeconds": 0,
    "selectPolicy": "Max",
    "policies": [
        {"type": "Pods", "value": 4, "periodSeconds": 15},
        {"type": "Percent", "value": 100, "periodSeconds": 15},
    ],
}
_SCALE_DOWN: Final = {
    "selectPolicy": "Max",
    "policies": [{"type": "Percent", "value": 100, "periodSeconds": 15}],
}


@_rule("autoscaling.v2.HorizontalPodAutoscaler")
def _autoscaler(value: Struct) -> None:
    spec = value.setdefault("spec", {})
    _fill(spec, minReplicas=1)
    if not spec.get("metrics"):
        target = {"type": "Utilization", "averageUtilization": 80}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    behavior = spec.get("behavior")
    if behavior is not None:
        for field, rules in (("scaleUp", _SCALE_UP), ("scaleDown", _SCALE_DOWN)):
            given = {key: item for key, item in (behavior.get(field) or {}).items() if item is not None}
            behavior[field] = {**rules, **given}


@_rule("autoscaling.v1.HorizontalPodAutoscaler")
def _autoscaler_v1(value: Struct) -> None:
    _fill(value.setdefault("spec", {}), minReplicas=1)


# ---- networking, storage, access


@_rule("networking.v1.NetworkPolicy")
def _network_policy(value: Struct) -> None:
    spec = value.setdefault("spec", {})
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


@_rule("networking.v1.NetworkPolicyPort")
def _network_policy_port(value: Struct) -> None:
    _fill(value, protocol="TCP")


@_rule("networking.v1.IngressClass")
def _ingress_class(value: Struct) -> None:
    parameters = (value.get("spec") or {}).get("parameters")
    if parameters:
        _fill(parameters, scope="Cluster")


@_rule("storage.v1.StorageClass")
def _storage_class(value: Struct) -> None:
    _fill(value, reclaimPolicy="Delete", volumeBindingMode="Immediate")


@_rule("storage.v1.CSIDriver")
def _csi_driver(value: Struct) -> None:
    spec = value.setdefault("spec", {})
    _fill(spec, attachRequired=True, podInfoOnMount=False, storageCapacity=False, requiresRepublish=False)
    _fill(spec, fsGroupPolicy="ReadWriteOnceWithFSType", seLinuxMount=False)
    if not spec.get("volumeLifecycleModes"):
        spec["volumeLifecycleModes"] = ["Persistent"]


@_rule("rbac.v1.RoleBinding", "rbac.v1.ClusterRoleBinding")
def _role_binding(value: Struct) -> None:
    _fill(value.setdefault("roleRef", {}), apiGroup=_RBAC)


@_rule("rbac.v1.Subject")
def _subject(value: Struct) -> None:
    if value.get("kind") in ("User", "Group"):
        _fill(value, apiGroup=_RBAC)


@_rule("scheduling.v1.PriorityClass")
def _priority_class(value: Struct) -> None:
    _fill(value, preemptionPolicy="PreemptLowerPriority")


@_rule("discovery.v1.EndpointPort")
def _endpoint_port(value: Struct) -> None:
    if value.get("name") is None:
        value["name"] = ""
    _fill(value, protocol="TCP")


# ---- admission, extension and flow control


@_rule("admissionregistration.v1.ValidatingWebhook")
def _validating_webhook(value: Struct) -> None:
    _fill(value, failurePolicy="Fail", matchPolicy="Equivalent", timeoutSeconds=10)
    _match_everything(value)


@_rule("admissionregistration.v1.MutatingWebhook")
def _mutating_webhook(value: Struct) -> None:
    _validating_webhook(value)
    _fill(value, reinvocationPolicy="Never")


def _match_everything(value: Struct) -> None:
    for field in ("namespaceSelector", "objectSelector"):
        if value.get(field) is None:
            value[field] = {}


@_rule("admissionregistration.v1.RuleWithOperations", "admissionregistration.v1.NamedRuleWithOperations")
def _admission_rule(value: Struct) -> None:
    _fill(value, scope="*")


@_rule("admissionregistration.v1.MatchResources")
def _match_resources(value: Struct) -> None:
    _fill(value, matchPolicy="Equivalent")
    _match_everything(value)


@_rule("admissionregistration.v1.ValidatingAdmissionPolicySpec")
def _admission_policy(value: Struct) -> None:
    _fill(value, failurePolicy="Fail")


@_rule(
    "admissionregistration.v1.ServiceReference",
    "apiextensions.v1.ServiceReference",
    "apiregistration.v1.ServiceReference",
)
def _service_reference(value: Struct) -> None:
    _fill(value, port=443)


@_rule("apiextensions.v1.CustomResourceDefinition")
def _definition(value: Struct) -> None:
    spec = value.setdefault("spec", {})
    names = spec.setdefault("names", {})
    kind = names.get("kind") or ""
    _fill(names, singular=kind.lower())
    if kind:
        _fill(names, listKind=f"{kind}List")
    if spec.get("conversion") is None:
        spec["conversion"] = {"strategy": "None"}
    status = value.setdefault("status", {})
    if not status.get("storedVersions"):
        stored = [version["name"] for version in spec.get("versions") or () if version.get("storage")]
        status["storedVersions"] = stored[:1]


@_rule("flowcontrol.v1.FlowSchemaSpec")
def _flow_schema(value: Struct) -> None:
    _fill_numbers(value, matchingPrecedence=1000)


@_rule("flowcontrol.v1.ExemptPriorityLevelConfiguration")
def _exempt_level(value: Struct) -> None:
    _fill(value, nominalConcurrencyShares=0, lendablePercent=0)


@_rule("flowcontrol.v1.LimitedPriorityLevelConfiguration")
def _limited_level(value: Struct) -> None:
    _fill(value, nominalConcurrencyShares=30, lendablePercent=0)


@_rule("flowcontrol.v1.QueuingConfiguration")
def _queuing(value: Struct) -> None:
    _fill_numbers(value, handSize=8, queues=64, queueLengthLimit=50)
