"""The status of a pod, derived from its containers the way a kubelet does it; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.localcluster.controllers.conditions import find_condition, is_true, with_condition
from fairlead.localcluster.controllers.containers import (
    Change,
    Told,
    Traits,
    finished_with,
    next_change,
    terminated,
    waiting_status,
)
from fairlead.localcluster.controllers.kinds import name_of, namespace_of, spec_of, status_of, uid_of
from fairlead.localcluster.controllers.names import jitter

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.localcluster.controllers.clock import Timing
    from fairlead.localcluster.controllers.kinds import Manifest


@dataclass(frozen=True, slots=True)
class ContainerEvent:
    field_path: str
    told: Told


@dataclass(frozen=True, slots=True)
class Step:
    """The next status of a pod, once it has been in its present state (``phase`` names it) for ``seconds``."""

    phase: str
    seconds: float
    status: Manifest
    events: tuple[ContainerEvent, ...]


def created_status(pod: Manifest) -> Manifest:
    """The kubelet has seen the pod: containers wait to be created."""
    spec = spec_of(pod)
    inits = spec.get("initContainers") or []
    reason = "PodInitializing" if inits else "ContainerCreating"
    status = {**status_of(pod), "phase": "Pending"}
    status["containerStatuses"] = [waiting_status(container, reason) for container in spec.get("containers") or []]
    if inits:
        status["initContainerStatuses"] = [waiting_status(container, "PodInitializing") for container in inits]
    return with_conditions(pod, status)


def next_step(pod: Manifest, timing: Timing, problem_of: Callable[[Manifest], str]) -> Step | None:
    """What the containers do next by themselves; ``None`` when the pod stays as it is.

    ``problem_of`` says why a container cannot be started now; empty when it can.
    """
    section, index = _turn(pod)
    containers = spec_of(pod).get(section) or []
    key = _STATUSES[section]
    statuses: list[Manifest] = list(status_of(pod)[key])
    traits = _traits(pod, timing, is_init=section == "initContainers")
    changes: list[tuple[int, Change]] = []
    for position, container in enumerate(containers):
        if index is None or position == index:
            change = next_change(container, statuses[position], traits, problem_of(container))
            if change is not None:
                changes.append((position, change))
    if not changes:
        return None
    seconds = min(change.seconds for _, change in changes)
    events: list[ContainerEvent] = []
    phase = [uid_of(pod), section]
    for position, change in changes:
        phase.append(_state_word(statuses[position]))
        if change.seconds <= seconds:
            statuses[position] = change.status
            path = f"spec.{section}{{{change.status['name']}}}"
            events += [ContainerEvent(path, told) for told in change.events]
    status = _finish({**status_of(pod), key: statuses}, pod)
    return Step("/".join(phase), seconds, with_conditions(pod, status), tuple(events))


_STATUSES = {"containers": "containerStatuses", "initContainers": "initContainerStatuses"}


def _turn(pod: Manifest) -> tuple[str, int | None]:
    """Whose turn it is: the first init container that is not through, else all containers."""
    for index, status in enumerate(status_of(pod).get("initContainerStatuses") or ()):
        if not _is_through(spec_of(pod)["initContainers"][index], status):
            return "initContainers", index
    return "containers", None


def _is_through(container: Manifest, status: Manifest) -> bool:
    """An init container lets the next one begin once it has succeeded or, as a sidecar, once it runs."""
    if container.get("restartPolicy") == "Always":
        return bool(status["started"]) or finished_with(status) is not None
    return finished_with(status) == 0


def _traits(pod: Manifest, timing: Timing, *, is_init: bool) -> Traits:
    policy = spec_of(pod).get("restartPolicy") or "Always"
    if is_init and policy == "Always":
        policy = "OnFailure"
    start = timing.init if is_init else timing.start + timing.start_jitter * jitter(uid_of(pod))
    named = f"{name_of(pod)}_{namespace_of(pod)}({uid_of(pod)})"
    return Traits(named, policy, is_init, timing, start)


def _state_word(status: Manifest) -> str:
    state = next(iter(status["state"]), "waiting")
    reason = status["state"].get(state, {}).get("reason", "")
    return f"{status['name']}:{state}:{reason}:{status['restartCount']}:{status['image']}"


def _finish(status: Manifest, pod: Manifest) -> Manifest:
    """Sidecars end once all containers have ended."""
    codes = [finished_with(container) for container in status["containerStatuses"]]
    inits: list[Manifest] = status.get("initContainerStatuses") or []
    if inits and all(code is not None for code in codes):
        ended = [terminated(init, 0) if finished_with(init) is None else init for init in inits]
        status["initContainerStatuses"] = ended
    status["phase"] = _phase(status, pod)
    return status


def _phase(status: Manifest, pod: Manifest) -> str:
    inits = status.get("initContainerStatuses") or []
    restarts = spec_of(pod).get("restartPolicy") or "Always"
    for container, init in zip(spec_of(pod).get("initContainers") or [], inits, strict=False):
        if restarts == "Never" and (finished_with(init) or 0) != 0:
            return "Failed"
        if not _is_through(container, init):
            return "Pending"
    codes = [finished_with(container) for container in status["containerStatuses"]]
    if any(code is None for code in codes):
        never_ran = any("waiting" in each["state"] and not each["lastState"] for each in status["containerStatuses"])
        return "Pending" if never_ran else "Running"
    return "Succeeded" if not any(codes) else "Failed"


def with_conditions(pod: Manifest, status: Manifest) -> Manifest:
    """Derive the conditions of ``status``; a kubelet owns these five and leaves all others alone."""
    conditions: list[Manifest] = list(status.get("conditions") or [])
    generation = pod["metadata"].get("generation")
    observed = {"observedGeneration": generation} if generation else {}
    for name, holds, reason, message in _derived(pod, status):
        condition = {"type": name, "status": "True" if holds else "False", "lastProbeTime": None, **observed}
        if reason:
            condition["reason"] = reason
        if message:
            condition["message"] = message
        conditions = with_condition(conditions, condition)
    return {**status, **observed, "conditions": conditions}


_COMPLETED = "PodCompleted"
_Verdict = tuple[bool, str, str]  # whether a condition holds, its reason, its message


def _derived(pod: Manifest, status: Manifest) -> list[tuple[str, bool, str, str]]:
    ready, containers_ready = _readiness(pod, status)
    return [
        ("PodReadyToStartContainers", _has_sandbox(status), "", ""),
        ("Initialized", *_initialized(pod, status)),
        ("Ready", *ready),
        ("ContainersReady", *containers_ready),
        ("PodScheduled", True, "", ""),
    ]


def _has_sandbox(status: Manifest) -> bool:
    if status["phase"] in ("Succeeded", "Failed"):
        return False
    statuses = [*(status.get("initContainerStatuses") or ()), *status["containerStatuses"]]
    reasons = (each["state"].get("waiting", {}).get("reason", "") for each in statuses)
    return any(reason not in ("ContainerCreating", "PodInitializing") for reason in reasons)


def _initialized(pod: Manifest, status: Manifest) -> _Verdict:
    if status["phase"] == "Succeeded":
        return True, _COMPLETED, ""
    containers = spec_of(pod).get("initContainers") or []
    inits = status.get("initContainerStatuses") or []
    pairs = zip(containers, inits, strict=False)
    waiting = [init["name"] for container, init in pairs if not _is_through(container, init)]
    if not waiting:
        return True, "", ""
    return False, "ContainersNotInitialized", f"containers with incomplete status: [{' '.join(waiting)}]"


def _readiness(pod: Manifest, status: Manifest) -> tuple[_Verdict, _Verdict]:
    """The verdicts on ``Ready`` and on ``ContainersReady``."""
    if status["phase"] in ("Succeeded", "Failed"):
        verdict = (False, _COMPLETED if status["phase"] == "Succeeded" else "PodFailed", "")
        return verdict, verdict
    unready = [each["name"] for each in status["containerStatuses"] if not each["ready"]]
    if unready:
        verdict = (False, "ContainersNotReady", f"containers with unready status: [{' '.join(unready)}]")
        return verdict, verdict
    for gate in spec_of(pod).get("readinessGates") or ():
        name = gate["conditionType"]
        if not is_true(status, name):
            return (False, "ReadinessGatesNotReady", _gate_message(status, name)), (True, "", "")
    return (True, "", ""), (True, "", "")


def _gate_message(status: Manifest, name: str) -> str:
    if find_condition(status, name) is None:
        return f'corresponding condition of pod readiness gate "{name}" does not exist.'
    return f'the status of pod readiness gate "{name}" is not "True", but False'
