"""Writes the status of workloads on an API server that runs no controllers for them.

Each generation becomes ready at once, unless an image is named ``*:broken*``: then it is given up, as it would be after
its deadline. A Deployment with a deadline that is longer than the default is not given up. There are no pods.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from functools import partial
from typing import TYPE_CHECKING, Any

from fairlead.errors import FairleadError
from fairlead.kube.client import PatchType
from fairlead.kube.reflector import Reflector, manifest_decoder
from fairlead.objects.ref import GroupKind, ObjectRef

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.kube.client import KubeClient

__all__ = ["run_workloads"]

Status = dict[str, Any]
_DEFAULT_DEADLINE = 600
"""Seconds; what the server fills in for ``progressDeadlineSeconds``."""


async def run_workloads(client: KubeClient) -> None:
    """Until cancelled."""
    changed: asyncio.Queue[tuple[GroupKind, dict[str, Any]]] = asyncio.Queue()
    async with asyncio.TaskGroup() as group:
        for kind in STATUSES:
            reflector = Reflector(client, kind, decode=manifest_decoder)
            reflector.subscribe(partial(_enqueue, changed, kind))
            group.create_task(reflector.run())
        while True:
            kind, workload = await changed.get()
            await _judge(client, kind, workload)


def _enqueue(
    changed: asyncio.Queue[tuple[GroupKind, dict[str, Any]]],
    kind: GroupKind,
    _: object,
    __: object,
    new: dict[str, Any] | None,
) -> None:
    if new:
        changed.put_nowait((kind, new))


async def _judge(client: KubeClient, kind: GroupKind, workload: dict[str, Any]) -> None:
    meta = workload["metadata"]
    if meta.get("deletionTimestamp"):
        return
    status = STATUSES[kind](workload)
    live = workload.get("status") or {}
    if all(live.get(field) == value for field, value in status.items() if field != "conditions") and (
        _shape(live) == _shape(status)
    ):
        return
    try:
        ref = ObjectRef(kind.group, kind.kind, meta["namespace"], meta["name"])
        await client.patch(ref, {"status": status}, PatchType.MERGE, subresource="status")
    except FairleadError:
        return  # it is gone, or has changed and comes again


def _shape(status: Status) -> set[tuple[str, str, str]]:
    """The conditions without their times."""
    return {(each["type"], each["status"], each.get("reason", "")) for each in status.get("conditions") or ()}


def _broken(workload: dict[str, Any]) -> bool:
    return any(":broken" in container["image"] for container in workload["spec"]["template"]["spec"]["containers"])


def _condition(type: str, status: bool, reason: str, message: str = "") -> dict[str, str]:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "type": type,
        "status": str(status),
        "reason": reason,
        "message": message,
        "lastTransitionTime": now,
    }


def _deployment(workload: dict[str, Any]) -> Status:
    meta, wanted, broken = workload["metadata"], workload["spec"]["replicas"], _broken(workload)
    before = (workload.get("status") or {}).get("availableReplicas") or 0
    ready = min(before, wanted) if broken else wanted  # a rollout keeps the old pods until there are new ones
    if not broken:
        progress = _condition("Progressing", True, "NewReplicaSetAvailable")
    elif workload["spec"].get("progressDeadlineSeconds", _DEFAULT_DEADLINE) > _DEFAULT_DEADLINE:
        progress = _condition("Progressing", True, "ReplicaSetUpdated")
    else:
        text = f'ReplicaSet "{meta["name"]}" has timed out progressing: the image cannot be pulled'
        progress = _condition("Progressing", False, "ProgressDeadlineExceeded", text)
    return {
        "observedGeneration": meta["generation"],
        "replicas": wanted,
        "updatedReplicas": wanted,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "unavailableReplicas": wanted - ready or None,
        "conditions": [_condition("Available", ready == wanted, "MinimumReplicas"), progress],
    }


def _stateful_set(workload: dict[str, Any]) -> Status:
    wanted, revision = workload["spec"]["replicas"], f"revision-{workload['metadata']['generation']}"
    ready = 0 if _broken(workload) else wanted
    return {
        "observedGeneration": workload["metadata"]["generation"],
        "replicas": wanted,
        "currentReplicas": ready,
        "updatedReplicas": wanted,
        "readyReplicas": ready,
        "availableReplicas": ready,
        "currentRevision": revision,
        "updateRevision": revision,
    }


def _replica_set(workload: dict[str, Any]) -> Status:
    wanted = workload["spec"]["replicas"]
    ready = 0 if _broken(workload) else wanted
    return {
        "observedGeneration": workload["metadata"]["generation"],
        "replicas": wanted,
        "fullyLabeledReplicas": wanted,
        "readyReplicas": ready,
        "availableReplicas": ready,
    }


def _daemon_set(workload: dict[str, Any]) -> Status:
    ready = 0 if _broken(workload) else 1
    return {
        "observedGeneration": workload["metadata"]["generation"],
        "currentNumberScheduled": 1,
        "desiredNumberScheduled": 1,
        "numberMisscheduled": 0,
        "numberReady": ready,
        "numberAvailable": ready,
        "updatedNumberScheduled": 1,
    }


def _job(workload: dict[str, Any]) -> Status:
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    known = workload.get("status") or {}
    start = known.get("startTime") or now
    if _broken(workload):
        reason = "BackoffLimitExceeded"
        conditions = [_condition(type, True, reason) for type in ("FailureTarget", "Failed")]
        return {"startTime": start, "failed": 1, "conditions": conditions}
    reason = "CompletionsReached"
    wanted = workload["spec"].get("completions") or 1
    return {
        "startTime": start,
        "completionTime": known.get("completionTime") or now,
        "succeeded": wanted,
        "conditions": [_condition(type, True, reason) for type in ("SuccessCriteriaMet", "Complete")],
    }


def _claim(_: dict[str, Any]) -> Status:
    return {"phase": "Bound"}


STATUSES: dict[GroupKind, Callable[[dict[str, Any]], Status]] = {
    GroupKind("apps", "Deployment"): _deployment,
    GroupKind("apps", "StatefulSet"): _stateful_set,
    GroupKind("apps", "ReplicaSet"): _replica_set,
    GroupKind("apps", "DaemonSet"): _daemon_set,
    GroupKind("batch", "Job"): _job,
    GroupKind("", "PersistentVolumeClaim"): _claim,
}
