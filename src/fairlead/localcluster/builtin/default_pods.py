"""Defaults of pods and of what stands in their specs; see :mod:`fairlead.localcluster.builtin.defaults`."""

from __future__ import annotations

from fairlead.localcluster.builtin.default_registry import Struct, fill, fill_numbers, rule
from fairlead.localcluster.schema.quantity import round_up_to_milli

__all__ = ["image_pull_policy"]


def image_pull_policy(image: str) -> str:
    """``Always`` for images without tag or with ``latest``, unless they are named by digest."""
    if "@" in image:
        return "IfNotPresent"
    name, _, tag = image.rpartition(":")
    latest = tag == "latest" if name and "/" not in tag else True
    return "Always" if latest else "IfNotPresent"


@rule("core.v1.Container", "core.v1.EphemeralContainer")
def _container(value: Struct) -> None:
    fill(
        value,
        imagePullPolicy=image_pull_policy(value.get("image") or ""),
        terminationMessagePath="/dev/termination-log",
        terminationMessagePolicy="File",
    )


@rule("core.v1.Probe")
def _probe(value: Struct) -> None:
    fill_numbers(value, timeoutSeconds=1, periodSeconds=10, successThreshold=1, failureThreshold=3)


@rule("core.v1.HTTPGetAction")
def _http_get(value: Struct) -> None:
    fill(value, path="/", scheme="HTTP")


@rule("core.v1.GRPCAction")
def _grpc(value: Struct) -> None:
    if value.get("service") is None:
        value["service"] = ""


@rule("core.v1.Pod")
def _pod(value: Struct) -> None:
    spec = value.get("spec") or {}
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        resources = container.get("resources") or {}
        limits = resources.get("limits")
        if limits:
            requests = resources.setdefault("requests", {})
            for name, quantity in limits.items():
                requests.setdefault(name, quantity)
    fill(spec, enableServiceLinks=True)
    _host_network_ports(spec)


def _host_network_ports(spec: Struct) -> None:
    if not spec.get("hostNetwork"):
        return
    for container in [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]:
        for port in container.get("ports") or ():
            fill_numbers(port, hostPort=port.get("containerPort", 0))


@rule("core.v1.PodSpec")
def _pod_spec(value: Struct) -> None:
    fill(value, dnsPolicy="ClusterFirst", restartPolicy="Always", schedulerName="default-scheduler")
    fill(value, terminationGracePeriodSeconds=30)
    if value.get("securityContext") is None:
        value["securityContext"] = {}
    # Older and newer name of one account; the server prints both.
    account = value.get("serviceAccountName") or value.get("serviceAccount")
    if account:
        value["serviceAccountName"] = value["serviceAccount"] = account


@rule("core.v1.ResourceRequirements", "core.v1.VolumeResourceRequirements")
def _resources(value: Struct) -> None:
    for field in ("limits", "requests"):
        _round_quantities(value.get(field))


@rule("core.v1.ResourceQuotaSpec")
def _quota(value: Struct) -> None:
    _round_quantities(value.get("hard"))


def _round_quantities(quantities: Struct | None) -> None:
    """Amounts of resources are counted in thousandths."""
    for name, quantity in (quantities or {}).items():
        if quantities is not None and quantity[-1:] in ("n", "u"):
            quantities[name] = round_up_to_milli(quantity)


@rule("core.v1.Volume")
def _volume(value: Struct) -> None:
    if not any(source is not None for key, source in value.items() if key != "name"):
        value["emptyDir"] = {}
    image = value.get("image")
    if image:
        fill(image, pullPolicy=image_pull_policy(image.get("reference") or ""))


@rule(
    "core.v1.SecretVolumeSource",
    "core.v1.ConfigMapVolumeSource",
    "core.v1.DownwardAPIVolumeSource",
    "core.v1.ProjectedVolumeSource",
)
def _default_mode(value: Struct) -> None:
    fill(value, defaultMode=0o644)


@rule("core.v1.HostPathVolumeSource")
def _host_path(value: Struct) -> None:
    if value.get("type") is None:
        value["type"] = ""


@rule("core.v1.ServiceAccountTokenProjection")
def _token_projection(value: Struct) -> None:
    fill(value, expirationSeconds=3600)


@rule("core.v1.ObjectFieldSelector")
def _field_ref(value: Struct) -> None:
    fill(value, apiVersion="v1")


@rule("core.v1.AzureDiskVolumeSource")
def _azure_disk(value: Struct) -> None:
    fill(value, cachingMode="ReadWrite", kind="Shared", fsType="ext4", readOnly=False)
