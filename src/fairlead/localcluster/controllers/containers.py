"""The life of one simulated container, as pure steps from one ``containerStatus`` to the next.

    waiting (ContainerCreating) ──► running ──► terminated
        │                              └──► waiting (CrashLoopBackOff) ──► running …
        └──► waiting (ErrImagePull) ──► waiting (ImagePullBackOff)

Only containers of pods that do not restart for ever end by themselves. One that fails under ``restartPolicy: Always``
crashes at once, so that its pod is never ready by mistake.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairlead.localcluster.controllers.clock import Timing, stamp
from fairlead.localcluster.controllers.images import always_fails, full_name, image_id, never_pulls, pull_error

if TYPE_CHECKING:
    from fairlead.localcluster.controllers.kinds import Manifest

_PULL_BYTES = 27_500_000


@dataclass(frozen=True, slots=True)
class Told:
    """An event to record about a container."""

    warning: bool
    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Change:
    """The next state of a container, after ``seconds`` in the present one."""

    seconds: float
    status: Manifest
    events: tuple[Told, ...] = ()


@dataclass(frozen=True, slots=True)
class Traits:
    """What of the pod a container's life depends on."""

    pod: str  # name_namespace(uid), for messages
    restart_policy: str
    is_init: bool
    timing: Timing
    start_seconds: float


def waiting_status(container: Manifest, reason: str, message: str = "") -> Manifest:
    """A container that was never started."""
    waiting = {"reason": reason} | ({"message": message} if message else {})
    return {
        "name": container["name"],
        "image": container.get("image") or "",
        "imageID": "",
        "lastState": {},
        "ready": False,
        "restartCount": 0,
        "started": False,
        "state": {"waiting": waiting},
    }


def next_change(container: Manifest, status: Manifest, traits: Traits, problem: str = "") -> Change | None:
    """What happens to a container by itself; ``None`` when it stays as it is. A ``problem`` keeps it from starting."""
    state: dict[str, Any] = status["state"]
    if "running" in state:
        return _while_running(container, status, traits)
    if "terminated" in state:
        return None
    reason = state.get("waiting", {}).get("reason", "")
    image: str = container.get("image") or ""
    if reason == "ImagePullBackOff" and status["image"] == image:
        return None
    if reason == "ErrImagePull" and status["image"] == image:
        return Change(traits.timing.pull_backoff, *_image_pull_backoff(container, status))
    if never_pulls(image):
        return Change(traits.start_seconds, *_image_pull_failure(container, status))
    if problem:
        return _misconfigured(status, problem, traits)
    return _start(container, status, traits, _start_delay(status, traits))


def finished_with(status: Manifest) -> int | None:
    """The exit code of a container that has ended for good."""
    terminated = status["state"].get("terminated")
    return None if terminated is None else int(terminated["exitCode"])


def terminated(status: Manifest, exit_code: int) -> Manifest:
    """The container's present run has ended."""
    state = _ended(status, exit_code)
    return {**status, "ready": False, "started": False, "state": {"terminated": state}}


def _misconfigured(status: Manifest, problem: str, traits: Traits) -> Change | None:
    waiting = {"reason": "CreateContainerConfigError", "message": problem}
    if status["state"] == {"waiting": waiting}:
        return None
    told = Told(True, "Failed", f"Error: {problem}")
    return Change(traits.start_seconds, {**status, "state": {"waiting": waiting}}, (told,))


def _start_delay(status: Manifest, traits: Traits) -> float:
    restarts: int = status["restartCount"]
    if status["state"].get("waiting", {}).get("reason") != "CrashLoopBackOff":
        return traits.start_seconds
    wait: float = traits.timing.crash_backoff * 2 ** min(restarts, 20)
    return min(wait, traits.timing.crash_backoff_limit)


def _start(container: Manifest, status: Manifest, traits: Traits, seconds: float) -> Change:
    image: str = container.get("image") or ""
    restarted = bool(status["lastState"])
    running = {
        **status,
        "image": full_name(image),
        "imageID": image_id(image),
        "containerID": _container_id(traits.pod, container["name"], status["restartCount"]),
        "ready": True,
        "restartCount": status["restartCount"] + (1 if restarted else 0),
        "started": True,
        "state": {"running": {"startedAt": stamp()}},
    }
    events = (
        *_pull_events(image, container.get("imagePullPolicy") or "", restarted=restarted, seconds=seconds),
        Told(False, "Created", "Container created"),
        Told(False, "Started", "Container started"),
    )
    if traits.restart_policy == "Always" and not traits.is_init and always_fails(image):
        crashed, told = _crash(container, running, traits)
        return Change(seconds, crashed, (*events, *told))
    return Change(seconds, running, events)


def _pull_events(image: str, policy: str, *, restarted: bool, seconds: float) -> tuple[Told, ...]:
    if policy == "Never" or (restarted and policy != "Always"):
        return (Told(False, "Pulled", f'Container image "{image}" already present on machine'),)
    took = f"{seconds * 1000:.0f}ms"
    return (
        Told(False, "Pulling", f'Pulling image "{image}"'),
        Told(
            False,
            "Pulled",
            f'Successfully pulled image "{image}" in {took} ({took} including waiting). '
            f"Image size: {_PULL_BYTES} bytes.",
        ),
    )


def _while_running(container: Manifest, status: Manifest, traits: Traits) -> Change | None:
    image: str = container.get("image") or ""
    if status["image"] != full_name(image):
        return _replace(container, status, traits)
    if container.get("restartPolicy") == "Always":  # an init container that runs beside the others
        return None
    if traits.restart_policy == "Always" and not traits.is_init:
        return None
    seconds = traits.timing.init if traits.is_init else traits.timing.run
    if not always_fails(image):
        return Change(seconds, terminated(status, 0))
    if traits.restart_policy == "Never":
        return Change(seconds, terminated(status, 1))
    return Change(seconds, *_crash(container, status, traits))


def _replace(container: Manifest, status: Manifest, traits: Traits) -> Change:
    """Somebody changed the image of a running container."""
    name = container["name"]
    killing = Told(False, "Killing", f"Container {name} definition changed, will be restarted")
    stopped = {**status, "lastState": {"terminated": _ended(status, 0)}, "state": {"waiting": {}}}
    change = next_change(container, {**stopped, "image": ""}, traits)
    if change is None:
        return Change(0, stopped, (killing,))
    return Change(change.seconds, change.status, (killing, *change.events))


def _crash(container: Manifest, status: Manifest, traits: Traits) -> tuple[Manifest, tuple[Told, ...]]:
    name = container["name"]
    back_off = min(10 * 2 ** status["restartCount"], 300)
    wait = f"{back_off}s" if back_off < 60 else f"{back_off // 60}m{back_off % 60}s"
    message = f"back-off {wait} restarting failed container={name} pod={traits.pod}"
    crashed = {
        **status,
        "ready": False,
        "started": False,
        "lastState": {"terminated": _ended(status, 1)},
        "state": {"waiting": {"reason": "CrashLoopBackOff", "message": message}},
    }
    told = Told(True, "BackOff", f"Back-off restarting failed container {name} in pod {traits.pod}")
    return crashed, (told,)


def _image_pull_failure(container: Manifest, status: Manifest) -> tuple[Manifest, tuple[Told, ...]]:
    image: str = container.get("image") or ""
    error = pull_error(image)
    failed = {**status, "image": image, "imageID": "", "ready": False, "started": False}
    failed["state"] = {"waiting": {"reason": "ErrImagePull", "message": error}}
    return failed, (
        Told(False, "Pulling", f'Pulling image "{image}"'),
        Told(True, "Failed", f'Failed to pull image "{image}": {error}'),
        Told(True, "Failed", "Error: ErrImagePull"),
    )


def _image_pull_backoff(container: Manifest, status: Manifest) -> tuple[Manifest, tuple[Told, ...]]:
    image: str = container.get("image") or ""
    message = f'Back-off pulling image "{image}"'
    waiting = {"reason": "ImagePullBackOff", "message": f"{message}: ErrImagePull: {pull_error(image)}"}
    return {**status, "state": {"waiting": waiting}}, (
        Told(False, "BackOff", message),
        Told(True, "Failed", "Error: ImagePullBackOff"),
    )


def _ended(status: Manifest, exit_code: int) -> Manifest:
    started = status["state"].get("running", {}).get("startedAt") or stamp()
    return {
        "containerID": status.get("containerID") or "",
        "exitCode": exit_code,
        "finishedAt": stamp(),
        "reason": "Completed" if exit_code == 0 else "Error",
        "startedAt": started,
    }


def _container_id(pod: str, name: str, restarts: int) -> str:
    return "containerd://" + hashlib.sha256(f"{pod}/{name}/{restarts}".encode()).hexdigest()
