"""The cells of a Pod. Its STATUS column is a small story told by phase, conditions and containers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairlead.localcluster.printers.age import since
from fairlead.localcluster.printers.text import NONE, Manifest, is_true, spec_of, status_of

if TYPE_CHECKING:
    from datetime import datetime


def pod_cells(pod: Manifest, now: datetime) -> list[Any]:
    spec, status = spec_of(pod), status_of(pod)
    addresses = status.get("podIPs") or [{}]
    return [
        pod["metadata"]["name"],
        _ready(pod),
        _reason(pod),
        _restarts(pod, now),
        since(pod["metadata"].get("creationTimestamp"), now),
        addresses[0].get("ip") or NONE,
        spec.get("nodeName") or NONE,
        status.get("nominatedNodeName") or NONE,
        _gates(pod),
    ]


def _sidecars(pod: Manifest) -> set[str]:
    inits = spec_of(pod).get("initContainers") or ()
    return {each["name"] for each in inits if each.get("restartPolicy") == "Always"}


def _inits(pod: Manifest) -> list[Manifest]:
    return status_of(pod).get("initContainerStatuses") or []


def _containers(pod: Manifest) -> list[Manifest]:
    return status_of(pod).get("containerStatuses") or []


def _state(status: Manifest, name: str) -> Manifest | None:
    state: Manifest | None = (status.get("state") or {}).get(name)
    return state


def _blocking_init(pod: Manifest) -> tuple[int, Manifest] | None:
    """The first init container that keeps the pod from starting."""
    sidecars = _sidecars(pod)
    for index, status in enumerate(_inits(pod)):
        terminated = _state(status, "terminated")
        if terminated is not None and terminated["exitCode"] == 0:
            continue
        if status["name"] in sidecars and status.get("started"):
            continue
        return index, status
    return None


def _tells_of_containers(pod: Manifest) -> bool:
    return _blocking_init(pod) is None or is_true(pod, "Initialized")


def _ready(pod: Manifest) -> str:
    sidecars = _sidecars(pod)
    total = len(spec_of(pod).get("containers") or ()) + len(sidecars)
    blocking = _blocking_init(pod)
    passed = _inits(pod) if blocking is None else _inits(pod)[: blocking[0]]
    ready = sum(bool(each["name"] in sidecars and each.get("started") and each.get("ready")) for each in passed)
    if _tells_of_containers(pod):
        ready += sum(bool(each.get("ready")) and _state(each, "running") is not None for each in _containers(pod))
    return f"{ready}/{total}"


def _reason(pod: Manifest) -> str:
    status = status_of(pod)
    phase = status.get("phase") or ""
    if pod["metadata"].get("deletionTimestamp"):
        if status.get("reason") == "NodeLost":
            return "Unknown"
        if phase not in ("Succeeded", "Failed"):
            return "Terminating"
    reason = status.get("reason") or phase
    for condition in status.get("conditions") or ():
        if condition["type"] == "PodScheduled" and condition.get("reason") == "SchedulingGated":
            reason = "SchedulingGated"
    blocking = _blocking_init(pod)
    if blocking is not None:
        reason = _init_reason(pod, *blocking)
    if _tells_of_containers(pod):
        reason = _container_reason(pod, reason)
    return reason


def _init_reason(pod: Manifest, index: int, status: Manifest) -> str:
    terminated, waiting = _state(status, "terminated"), _state(status, "waiting")
    if terminated is not None:
        return f"Init:{_exit_reason(terminated)}"
    if waiting is not None and waiting.get("reason") not in (None, "", "PodInitializing"):
        return f"Init:{waiting['reason']}"
    return f"Init:{index}/{len(spec_of(pod).get('initContainers') or ())}"


def _exit_reason(terminated: Manifest) -> str:
    if terminated.get("reason"):
        return str(terminated["reason"])
    if terminated.get("signal"):
        return f"Signal:{terminated['signal']}"
    return f"ExitCode:{terminated['exitCode']}"


def _container_reason(pod: Manifest, reason: str) -> str:
    """The first container with something to tell has the last word."""
    error, running = "", False
    for status in reversed(_containers(pod)):
        waiting, terminated = _state(status, "waiting"), _state(status, "terminated")
        if waiting is not None and waiting.get("reason"):
            reason = waiting["reason"]
        elif terminated is not None:
            reason = _exit_reason(terminated)
            error = reason if terminated["exitCode"] != 0 else error
        elif status.get("ready") and _state(status, "running") is not None:
            running = True
    if reason != "Completed":
        return reason
    if running and is_true(pod, "Ready"):
        return "Running"
    if error:
        return error
    return "NotReady" if running else reason


def _restarts(pod: Manifest, now: datetime) -> str:
    sidecars = _sidecars(pod)
    if _tells_of_containers(pod):
        counted = [each for each in _inits(pod) if each["name"] in sidecars] + _containers(pod)
    else:
        blocking = _blocking_init(pod)
        counted = _inits(pod)[: blocking[0] + 1] if blocking else []
    restarts = sum(each.get("restartCount", 0) for each in counted)
    ends = [((each.get("lastState") or {}).get("terminated") or {}).get("finishedAt") for each in counted]
    last = max((end for end in ends if end), default=None)
    return f"{restarts} ({since(last, now)} ago)" if restarts and last else str(restarts)


def _gates(pod: Manifest) -> str:
    gates = spec_of(pod).get("readinessGates") or ()
    if not gates:
        return NONE
    return f"{sum(is_true(pod, gate['conditionType']) for gate in gates)}/{len(gates)}"
