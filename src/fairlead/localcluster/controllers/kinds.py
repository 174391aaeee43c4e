"""The kinds that the simulation reads or writes, spelled once."""

from __future__ import annotations

from typing import Any, Final

from fairlead.objects.ref import GroupKind, join_api_version, split_api_version

Manifest = dict[str, Any]

CONFIG_MAP: Final = GroupKind("", "ConfigMap")
ENDPOINTS: Final = GroupKind("", "Endpoints")
EVENT: Final = GroupKind("", "Event")
NODE: Final = GroupKind("", "Node")
PERSISTENT_VOLUME: Final = GroupKind("", "PersistentVolume")
PERSISTENT_VOLUME_CLAIM: Final = GroupKind("", "PersistentVolumeClaim")
POD: Final = GroupKind("", "Pod")
SECRET: Final = GroupKind("", "Secret")
SERVICE: Final = GroupKind("", "Service")
CONTROLLER_REVISION: Final = GroupKind("apps", "ControllerRevision")
DAEMON_SET: Final = GroupKind("apps", "DaemonSet")
DEPLOYMENT: Final = GroupKind("apps", "Deployment")
REPLICA_SET: Final = GroupKind("apps", "ReplicaSet")
STATEFUL_SET: Final = GroupKind("apps", "StatefulSet")
CRON_JOB: Final = GroupKind("batch", "CronJob")
JOB: Final = GroupKind("batch", "Job")
LEASE: Final = GroupKind("coordination.k8s.io", "Lease")
ENDPOINT_SLICE: Final = GroupKind("discovery.k8s.io", "EndpointSlice")
POD_DISRUPTION_BUDGET: Final = GroupKind("policy", "PodDisruptionBudget")
STORAGE_CLASS: Final = GroupKind("storage.k8s.io", "StorageClass")

WATCHED: Final = (
    NODE,
    STORAGE_CLASS,
    CONFIG_MAP,
    SECRET,
    PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM,
    CONTROLLER_REVISION,
    ENDPOINT_SLICE,
    ENDPOINTS,
    POD,
    REPLICA_SET,
    JOB,
    DEPLOYMENT,
    STATEFUL_SET,
    DAEMON_SET,
    CRON_JOB,
    SERVICE,
    POD_DISRUPTION_BUDGET,
)


def api_version(kind: GroupKind) -> str:
    """All of these kinds are served as ``v1``."""
    return join_api_version(kind.group, "v1")


def kind_of(obj: Manifest) -> GroupKind:
    return GroupKind(split_api_version(obj["apiVersion"])[0], obj["kind"])


def namespace_of(obj: Manifest) -> str:
    namespace: str = obj["metadata"].get("namespace") or ""
    return namespace


def name_of(obj: Manifest) -> str:
    name: str = obj["metadata"]["name"]
    return name


def uid_of(obj: Manifest) -> str:
    uid: str = obj["metadata"].get("uid") or ""
    return uid


def is_deleting(obj: Manifest) -> bool:
    return bool(obj["metadata"].get("deletionTimestamp"))


def labels_of(obj: Manifest) -> dict[str, str]:
    return obj["metadata"].get("labels") or {}


def annotations_of(obj: Manifest) -> dict[str, str]:
    return obj["metadata"].get("annotations") or {}


def spec_of(obj: Manifest) -> Manifest:
    return obj.get("spec") or {}


def status_of(obj: Manifest) -> Manifest:
    return obj.get("status") or {}
