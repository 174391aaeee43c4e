"""The status of a Deployment and its two conditions, in the words of the real controller; pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.localcluster.controllers.clock import stamp
from fairlead.localcluster.controllers.conditions import find_condition, with_condition, without_condition
from fairlead.localcluster.controllers.kinds import name_of, spec_of, status_of
from fairlead.localcluster.controllers.rollout import rolling_limits

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairlead.localcluster.controllers.kinds import Manifest

# A deadline of this many seconds means "none" to the real controller.
_NO_DEADLINE = 2**31 - 1


def after(deployment: Manifest, new: Manifest | None, replica_sets: list[Manifest]) -> Manifest:
    """What the Deployment's status is, given its ReplicaSets."""
    available = _total(replica_sets, "availableReplicas")
    asked = sum(spec_of(each).get("replicas", 0) for each in replica_sets)
    counts = {
        "replicas": _total(replica_sets, "replicas"),
        "updatedReplicas": _total([new] if new else [], "replicas"),
        "readyReplicas": _total(replica_sets, "readyReplicas"),
        "availableReplicas": available,
        "unavailableReplicas": max(0, asked - available),
    }
    before = status_of(deployment)
    status: Manifest = {
        "observedGeneration": deployment["metadata"].get("generation", 0),
        **{name: count for name, count in counts.items() if count},
        "terminatingReplicas": _total(replica_sets, "terminatingReplicas"),
    }
    if before.get("collisionCount"):
        status["collisionCount"] = before["collisionCount"]
    conditions = with_condition(before.get("conditions") or [], _available(deployment, available))
    conditions = _with_progress(deployment, conditions, status, new)
    status["conditions"] = _with_replica_failure(conditions, replica_sets)
    return status


def is_complete(deployment: Manifest, status: Manifest) -> bool:
    """All pods are of the present template and available, and no other is left."""
    replicas = spec_of(deployment).get("replicas", 1)
    counts = [status.get(name, 0) for name in ("updatedReplicas", "replicas", "availableReplicas")]
    return counts == [replicas] * 3 and status["observedGeneration"] >= deployment["metadata"].get("generation", 0)


def seconds_to_deadline(deployment: Manifest, status: Manifest) -> float | None:
    """How long a rollout may stand still before it counts as failed; ``None`` when nothing is awaited."""
    deadline = spec_of(deployment).get("progressDeadlineSeconds")
    if deadline is None or deadline >= _NO_DEADLINE or spec_of(deployment).get("paused"):
        return None
    progressing = find_condition(status, "Progressing")
    if progressing is None or progressing["reason"] in ("NewReplicaSetAvailable", "ProgressDeadlineExceeded"):
        return None
    return float(deadline)


def timed_out(deployment: Manifest, status: Manifest, new: Manifest | None) -> Manifest:
    """The same status, now out of time."""
    message = f"{_subject(deployment, new)} has timed out progressing."
    condition = _progressing("False", "ProgressDeadlineExceeded", message)
    return {**status, "conditions": with_condition(status["conditions"], condition)}


def _total(replica_sets: Iterable[Manifest], name: str) -> int:
    return sum(status_of(each).get(name, 0) for each in replica_sets)


def _available(deployment: Manifest, available: int) -> Manifest:
    _, unavailable = rolling_limits(deployment)
    enough = available >= spec_of(deployment).get("replicas", 1) - unavailable
    condition = {"type": "Available", "status": "True" if enough else "False", "lastUpdateTime": stamp()}
    if enough:
        return condition | {
            "reason": "MinimumReplicasAvailable",
            "message": "Deployment has minimum availability.",
        }
    return condition | {
        "reason": "MinimumReplicasUnavailable",
        "message": "Deployment does not have minimum availability.",
    }


def _with_progress(
    deployment: Manifest, conditions: list[Manifest], status: Manifest, new: Manifest | None
) -> list[Manifest]:
    deadline = spec_of(deployment).get("progressDeadlineSeconds")
    if deadline is None or deadline >= _NO_DEADLINE:
        return without_condition(conditions, "Progressing")
    before = find_condition({"conditions": conditions}, "Progressing")
    if spec_of(deployment).get("paused"):
        if before is None or before["reason"] == "DeploymentPaused":
            return with_condition(conditions, _progressing("Unknown", "DeploymentPaused", "Deployment is paused"))
        if before["reason"] in ("NewReplicaSetAvailable", "ProgressDeadlineExceeded"):
            return conditions
        return with_condition(conditions, _progressing("Unknown", "DeploymentPaused", "Deployment is paused"))
    subject = _subject(deployment, new)
    if is_complete(deployment, status):
        message = f"{subject} has successfully progressed."
        return with_condition(conditions, _progressing("True", "NewReplicaSetAvailable", message))
    if new is not None and not status_of(new).get("observedGeneration"):
        message = f'Created new replica set "{name_of(new)}"'
        return with_condition(conditions, _progressing("True", "NewReplicaSetCreated", message))
    if _stands_still(deployment, before, status):
        return conditions
    return with_condition(conditions, _progressing("True", "ReplicaSetUpdated", f"{subject} is progressing."))


def _stands_still(deployment: Manifest, before: Manifest | None, status: Manifest) -> bool:
    """Whether nothing moved since the last status: then neither a success nor a failure is taken back."""
    if before is None or before["reason"] not in ("NewReplicaSetAvailable", "ProgressDeadlineExceeded"):
        return False
    if before["reason"] == "NewReplicaSetAvailable":
        # A later change of size, or a pod that is lost, does not start a new rollout.
        return bool(status.get("replicas", 0) == status.get("updatedReplicas", 0))
    old = status_of(deployment)
    counted = ("observedGeneration", "replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    return all(old.get(name, 0) == status.get(name, 0) for name in counted)


def _progressing(status: str, reason: str, message: str) -> Manifest:
    return {
        "type": "Progressing",
        "status": status,
        "reason": reason,
        "message": message,
        "lastUpdateTime": stamp(),
    }


def _subject(deployment: Manifest, new: Manifest | None) -> str:
    return f'ReplicaSet "{name_of(new)}"' if new else f'Deployment "{name_of(deployment)}"'


def _with_replica_failure(conditions: list[Manifest], replica_sets: list[Manifest]) -> list[Manifest]:
    for replica_set in replica_sets:
        failure = find_condition(status_of(replica_set), "ReplicaFailure")
        if failure is not None:
            return with_condition(conditions, {**failure, "lastUpdateTime": stamp()})
    return without_condition(conditions, "ReplicaFailure")
