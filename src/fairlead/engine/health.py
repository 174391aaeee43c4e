"""Is an object ready? The rules of kstatus, which Flux, its command line and many tools share, as a pure function.

A status answers for one object as it was read: it has to be computed again when the object changes. An absent object
is :data:`NOT_FOUND`; whoever waits for a deletion or for a Job that cleans up after itself knows better than this
module.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Final

from fairlead.objects.manifest import metadata_of, part
from fairlead.objects.ref import GroupVersionKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = ["NOT_FOUND", "HealthStatus", "Status", "status_of"]

NO_DEADLINE = 2**31 - 1
UNSCHEDULABLE_AFTER_SECONDS = 15


class Status(StrEnum):
    CURRENT = "Current"
    IN_PROGRESS = "InProgress"
    FAILED = "Failed"
    TERMINATING = "Terminating"
    NOT_FOUND = "NotFound"
    UNKNOWN = "Unknown"


@dataclass(frozen=True, slots=True)
class HealthStatus:
    status: Status
    message: str = ""

    @property
    def ready(self) -> bool:
        return self.status is Status.CURRENT

    @property
    def failed(self) -> bool:
        return self.status is Status.FAILED


NOT_FOUND: Final = HealthStatus(Status.NOT_FOUND, "Resource not found")
_ALWAYS_READY: Final = HealthStatus(Status.CURRENT, "Resource is always ready")
_CURRENT: Final = HealthStatus(Status.CURRENT, "Resource is current")
_READY: Final = HealthStatus(Status.CURRENT, "Resource is Ready")
_TERMINATING: Final = HealthStatus(Status.TERMINATING, "Resource scheduled for deletion")


def status_of(manifest: Mapping[str, Any] | None, *, now: datetime | None = None) -> HealthStatus:
    """The health of an object as it was read; `now` (UTC) matters to pods that cannot be scheduled."""
    if manifest is None:
        return NOT_FOUND
    if (general := general_status(manifest)) is not None:
        return general
    gvk = GroupVersionKind.of(manifest)
    if (gvk.group, gvk.kind) == ("", "Pod"):
        return _pod(manifest, now or datetime.now(UTC))
    rule = _RULES.get((gvk.group, gvk.kind))
    return rule(manifest) if rule else _by_ready_condition(manifest)


def general_status(manifest: Mapping[str, Any]) -> HealthStatus | None:
    """What holds for every kind, also where a rule of the user's replaces the rest; ``None``: not decided yet."""
    meta, status = metadata_of(manifest), part(manifest, "status")
    if meta.get("deletionTimestamp"):
        return _TERMINATING
    generation, observed = meta.get("generation"), status.get("observedGeneration")
    if generation is not None and observed is not None and observed != generation:
        kind = manifest.get("kind") or "Object"
        return _in_progress(f"{kind} generation is {generation}, but latest observed generation is {observed}")
    for condition in _conditions(manifest):
        if condition.get("status") == "True" and condition.get("type") == "Reconciling":
            return _in_progress(_message(condition))
        if condition.get("status") == "True" and condition.get("type") == "Stalled":
            return _failed(_message(condition))
    return None


def _in_progress(message: str) -> HealthStatus:
    return HealthStatus(Status.IN_PROGRESS, message)


def _failed(message: str) -> HealthStatus:
    return HealthStatus(Status.FAILED, message)


def _current(message: str) -> HealthStatus:
    return HealthStatus(Status.CURRENT, message)


def _conditions(manifest: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    found = part(manifest, "status").get("conditions")
    return (item for item in found if isinstance(item, dict)) if isinstance(found, list) else iter(())


def _condition(manifest: Mapping[str, Any], kind: str) -> dict[str, Any]:
    return next((item for item in _conditions(manifest) if item.get("type") == kind), {})


def _message(condition: Mapping[str, Any]) -> str:
    """Where a condition has no message its reason says more than kstatus does, which says nothing then."""
    return str(condition.get("message") or condition.get("reason") or "")


def _number(value: Any, default: int = 0) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def _by_ready_condition(manifest: Mapping[str, Any]) -> HealthStatus:
    match _condition(manifest, "Ready"):
        case {"status": "True"}:
            return _READY
        case {"status": "False" | "Unknown"} as condition:
            return _in_progress(_message(condition))
    return _CURRENT


def _deployment(manifest: Mapping[str, Any]) -> HealthStatus:
    spec, status = part(manifest, "spec"), part(manifest, "status")
    progressing = _condition(manifest, "Progressing")
    if progressing.get("reason") == "ProgressDeadlineExceeded":
        return _failed("Progress deadline exceeded")
    wanted, total = _number(spec.get("replicas"), 1), _number(status.get("replicas"))
    updated, available = _number(status.get("updatedReplicas")), _number(status.get("availableReplicas"))
    ready = _number(status.get("readyReplicas"))
    if wanted > total:
        return _in_progress(f"Replicas: {total}/{wanted}")
    if wanted > updated:
        return _in_progress(f"Updated: {updated}/{wanted}")
    if total > wanted:
        return _in_progress(f"Pending termination: {total - wanted}")
    if updated > available:
        return _in_progress(f"Available: {available}/{updated}")
    if wanted > ready:
        return _in_progress(f"Ready: {ready}/{wanted}")
    has_deadline = _number(spec.get("progressDeadlineSeconds"), NO_DEADLINE) != NO_DEADLINE
    rolled_out = progressing.get("status") == "True" and progressing.get("reason") == "NewReplicaSetAvailable"
    if has_deadline and not rolled_out:
        return _in_progress("ReplicaSet not Available")
    if _condition(manifest, "Available").get("status") != "True":
        return _in_progress("Deployment not Available")
    return _current(f"Deployment is available. Replicas: {total}")


def _replica_set(manifest: Mapping[str, Any]) -> HealthStatus:
    status = part(manifest, "status")
    if _condition(manifest, "ReplicaFailure").get("status") == "True":
        return _in_progress("Replica Failure condition. Check Pods")
    wanted = _number(part(manifest, "spec").get("replicas"), 1)
    counts = (("Labelled", "fullyLabeledReplicas"), ("Available", "availableReplicas"), ("Ready", "readyReplicas"))
    for word, field in counts:
        if wanted > (found := _number(status.get(field))):
            return _in_progress(f"{word}: {found}/{wanted}")
    total = _number(status.get("replicas"))
    if total > wanted:
        return _in_progress(f"Pending termination: {total - wanted}")
    return _current(f"ReplicaSet is available. Replicas: {total}")


def _stateful_set(manifest: Mapping[str, Any]) -> HealthStatus:
    spec, status = part(manifest, "spec"), part(manifest, "status")
    strategy = part(spec, "updateStrategy")
    if strategy.get("type") == "OnDelete":
        return _current("StatefulSet is using the ondelete update strategy")
    wanted, total = _number(spec.get("replicas"), 1), _number(status.get("replicas"))
    ready, current = _number(status.get("readyReplicas")), _number(status.get("currentReplicas"))
    if wanted > total:
        return _in_progress(f"Replicas: {total}/{wanted}")
    if wanted > ready:
        return _in_progress(f"Ready: {ready}/{wanted}")
    if total > wanted:
        return _in_progress(f"Pending termination: {total - wanted}")
    partition = part(strategy, "rollingUpdate").get("partition")
    if partition not in (None, -1):  # the library takes -1 for none
        updated, aim = _number(status.get("updatedReplicas")), wanted - _number(partition)
        if updated < aim:
            return _in_progress(f"updated: {updated}/{aim}")
        return _current(f"Partition rollout complete. updated: {updated}")
    if wanted > current:
        return _in_progress(f"current: {current}/{wanted}")
    if status.get("currentRevision") != status.get("updateRevision"):
        return _in_progress("Waiting for updated revision to match current")
    return _current(f"All replicas scheduled as expected. Replicas: {total}")


def _daemon_set(manifest: Mapping[str, Any]) -> HealthStatus:
    status = part(manifest, "status")
    if metadata_of(manifest).get("generation") is None:
        return _in_progress("DaemonSet metadata.generation not found")
    if status.get("observedGeneration") is None:
        return _in_progress("DaemonSet status.observedGeneration not found")
    if "desiredNumberScheduled" not in status:
        return _in_progress("Missing .status.desiredNumberScheduled")
    wanted = _number(status["desiredNumberScheduled"])
    counts = (
        ("Current", "currentNumberScheduled"),
        ("Updated", "updatedNumberScheduled"),
        ("Available", "numberAvailable"),
        ("Ready", "numberReady"),
    )
    for word, field in counts:
        if wanted > (found := _number(status.get(field))):
            return _in_progress(f"{word}: {found}/{wanted}")
    return _current(f"All replicas scheduled as expected. Replicas: {wanted}")


def _pod(manifest: Mapping[str, Any], now: datetime) -> HealthStatus:
    status = part(manifest, "status")
    match status.get("phase"):
        case "Succeeded":
            return _current("Pod has completed successfully")
        case "Failed":
            return _current("Pod has completed, but not successfully")
        case "Running":
            if _condition(manifest, "Ready").get("status") == "True":
                return _current("Pod is Ready")
            if looping := ",".join(_crash_looping(status)):
                return _failed(f"Containers in CrashLoop state: {looping}")
            return _in_progress("Pod is running but is not Ready")
        case "Pending":
            scheduled = _condition(manifest, "PodScheduled")
            if scheduled.get("status") == "False" and scheduled.get("reason") == "Unschedulable":
                if _age_seconds(manifest, now) < UNSCHEDULABLE_AFTER_SECONDS:
                    return _in_progress("Pod has not been scheduled")
                return _failed("Pod could not be scheduled")
            return _in_progress("Pod is in the Pending phase")
        case None | "":
            return _in_progress("Pod phase not available")
        case phase:
            return HealthStatus(Status.UNKNOWN, f"unknown phase {phase}")


def _crash_looping(status: Mapping[str, Any]) -> Iterator[str]:
    for container in status.get("containerStatuses") or ():
        if part(container, "state", "waiting").get("reason") == "CrashLoopBackOff":
            yield str(container.get("name"))


def _age_seconds(manifest: Mapping[str, Any], now: datetime) -> float:
    try:
        created = datetime.fromisoformat(str(metadata_of(manifest).get("creationTimestamp")))
    except ValueError:
        return 0.0
    return (now - created).total_seconds()


def _job(manifest: Mapping[str, Any]) -> HealthStatus:
    """Differs from kstatus, as Flux does: a Job that has merely started is not done yet."""
    spec, status = part(manifest, "spec"), part(manifest, "status")
    completions = _number(spec.get("completions"), _number(spec.get("parallelism"), 1))
    succeeded, failed = _number(status.get("succeeded")), _number(status.get("failed"))
    for condition in _conditions(manifest):
        match condition:
            case {"type": "Complete", "status": "True"}:
                return _current(f"Job Completed. succeeded: {succeeded}/{completions}")
            case {"type": "Failed", "status": "True"}:
                return _failed(f"Job Failed. failed: {failed}/{completions}")
    if spec.get("suspend") is True:
        return _current("Job is suspended")
    if not status.get("startTime"):
        return _in_progress("Job not started")
    active = _number(status.get("active"))
    return _in_progress(f"Job in progress. success:{succeeded}, active: {active}, failed: {failed}")


def _persistent_volume_claim(manifest: Mapping[str, Any]) -> HealthStatus:
    phase = part(manifest, "status").get("phase", "unknown")
    return _current("PVC is Bound") if phase == "Bound" else _in_progress(f"PVC is not Bound. phase: {phase}")


def _service(manifest: Mapping[str, Any]) -> HealthStatus:
    spec = part(manifest, "spec")
    if spec.get("type") == "LoadBalancer" and not spec.get("clusterIP"):
        return _in_progress("ClusterIP not set. Service type: LoadBalancer")
    return _current("Service is ready")


def _custom_resource_definition(manifest: Mapping[str, Any]) -> HealthStatus:
    for condition in _conditions(manifest):
        match condition:
            case {"type": "NamesAccepted", "status": "False"}:
                return _failed(_message(condition))
            case {"type": "Established", "status": "False"} if condition.get("reason") != "Installing":
                return _failed(_message(condition))
            case {"type": "Established", "status": "True"}:
                return _current("CRD is established")
    return _in_progress("Install in progress")


def _always(status: HealthStatus) -> Callable[[Mapping[str, Any]], HealthStatus]:
    return lambda _: status


_RULES: Mapping[tuple[str, str], Callable[[Mapping[str, Any]], HealthStatus]] = {
    ("", "ConfigMap"): _always(_ALWAYS_READY),
    ("", "PersistentVolumeClaim"): _persistent_volume_claim,
    ("", "Secret"): _always(_ALWAYS_READY),
    ("", "Service"): _service,
    ("apiextensions.k8s.io", "CustomResourceDefinition"): _custom_resource_definition,
    ("apps", "DaemonSet"): _daemon_set,
    ("apps", "Deployment"): _deployment,
    ("apps", "ReplicaSet"): _replica_set,
    ("apps", "StatefulSet"): _stateful_set,
    ("batch", "CronJob"): _always(_ALWAYS_READY),
    ("batch", "Job"): _job,
    ("extensions", "DaemonSet"): _daemon_set,
    ("extensions", "Deployment"): _deployment,
    ("extensions", "ReplicaSet"): _replica_set,
    ("policy", "PodDisruptionBudget"): _always(HealthStatus(Status.CURRENT, "AllowedDisruptions has been computed.")),
}
