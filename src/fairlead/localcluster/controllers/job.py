"""Jobs: pods that run until enough of them have succeeded, or too many have failed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.localcluster.controllers.clock import now, parse_stamp, stamp
from fairlead.localcluster.controllers.conditions import is_true, with_condition
from fairlead.localcluster.controllers.kinds import (
    JOB,
    POD,
    annotations_of,
    is_deleting,
    name_of,
    spec_of,
    status_of,
    uid_of,
)
from fairlead.localcluster.controllers.names import generated_name
from fairlead.localcluster.controllers.pods import (
    create_pod,
    delete_pod,
    is_active,
    is_finished,
    is_ready,
    phase_of,
    pod_from_template,
)

if TYPE_CHECKING:
    from fairlead.localcluster.controllers.context import Context
    from fairlead.localcluster.controllers.kinds import Manifest
    from fairlead.localcluster.controllers.queue import Key

COMPONENT = "job-controller"
_MANAGED_BY = "kubernetes.io/job-controller"
_INDEX = "batch.kubernetes.io/job-completion-index"
_Verdict = tuple[str, str]  # reason and message


async def reconcile(context: Context, key: Key) -> None:
    """Start the pods that are missing, and end the Job when its outcome is known."""
    job = context.store.get(JOB, key.namespace, key.name)
    if job is None:
        context.forget(key)
        return
    if is_deleting(job) or spec_of(job).get("managedBy", _MANAGED_BY) != _MANAGED_BY:
        return
    if finished_condition(job):
        await _expire(context, key, job)
        return
    pods = context.store.owned(job, POD)
    failure = _failure(context, key, job, pods)
    suspended = bool(spec_of(job).get("suspend"))
    if failure or suspended or _is_complete(job, pods):
        for pod in filter(is_active, pods):
            await delete_pod(context, job, pod, COMPONENT)
    else:
        await _start_missing(context, job, pods)
    await _write_status(context, job, failure, suspended=suspended)


def finished_condition(job: Manifest) -> str:
    """``Complete``, ``Failed`` or nothing."""
    return next((name for name in ("Complete", "Failed") if is_true(status_of(job), name)), "")


def _count(pods: list[Manifest], phase: str) -> int:
    return sum(phase_of(pod) == phase for pod in pods)


def _parallelism(job: Manifest) -> int:
    return int(spec_of(job).get("parallelism", 1))


def _completions(job: Manifest) -> int | None:
    """``None``: one success ends the whole Job."""
    return spec_of(job).get("completions")


def _succeeded(job: Manifest, pods: list[Manifest]) -> int:
    """Never less than was written before: a success counts even when somebody deletes its pod."""
    if spec_of(job).get("completionMode") == "Indexed":
        return max(len(_completed_indexes(pods)), _written(job, "succeeded"))
    return max(_count(pods, "Succeeded"), _written(job, "succeeded"))


def _failed(job: Manifest, pods: list[Manifest]) -> int:
    return max(_count(pods, "Failed"), _written(job, "failed"))


def _written(job: Manifest, name: str) -> int:
    return int(status_of(job).get(name, 0))


def _is_complete(job: Manifest, pods: list[Manifest]) -> bool:
    succeeded, wanted = _succeeded(job, pods), _completions(job)
    if wanted is None:
        return succeeded > 0 and not any(map(is_active, pods))
    return succeeded >= wanted


def _failure(context: Context, key: Key, job: Manifest, pods: list[Manifest]) -> _Verdict | None:
    limit = spec_of(job).get("backoffLimit", 6)
    restarts = sum(
        container["restartCount"] for pod in pods for container in status_of(pod).get("containerStatuses") or ()
    )
    if _failed(job, pods) > limit or (restarts and restarts > limit):
        return "BackoffLimitExceeded", "Job has reached the specified backoff limit"
    deadline, start = spec_of(job).get("activeDeadlineSeconds"), status_of(job).get("startTime")
    if deadline is not None and start and not spec_of(job).get("suspend"):
        remaining = deadline - (now() - parse_stamp(start)).total_seconds()
        if remaining <= 0:
            return "DeadlineExceeded", "Job was active longer than specified deadline"
        context.queue.add_after(key, remaining)
    return None


async def _start_missing(context: Context, job: Manifest, pods: list[Manifest]) -> None:
    active = [pod for pod in pods if is_active(pod)]
    succeeded, wanted = _succeeded(job, pods), _completions(job)
    if wanted is None:
        missing = (_parallelism(job) if not succeeded else 0) - len(active)
    else:
        missing = min(_parallelism(job), wanted - succeeded) - len(active)
    for pod in active[: max(0, -missing)]:
        await delete_pod(context, job, pod, COMPONENT)
    free = _free_indexes(job, pods)
    for position in range(max(0, missing)):
        index = free[position] if position < len(free) else None
        await create_pod(context, job, _pod(job, index), COMPONENT)


def _free_indexes(job: Manifest, pods: list[Manifest]) -> list[int]:
    if spec_of(job).get("completionMode") != "Indexed":
        return []
    taken = _completed_indexes(pods) | {_index_of(pod) for pod in pods if is_active(pod)}
    return [index for index in range(_completions(job) or 0) if index not in taken]


def _completed_indexes(pods: list[Manifest]) -> set[int]:
    return {_index_of(pod) for pod in pods if phase_of(pod) == "Succeeded"}


def _index_of(pod: Manifest) -> int:
    return int(annotations_of(pod).get(_INDEX, "-1"))


def _pod(job: Manifest, index: int | None) -> Manifest:
    pod = pod_from_template(spec_of(job)["template"], job)
    metadata = pod["metadata"]
    metadata["labels"] = {
        **(metadata.get("labels") or {}),
        "batch.kubernetes.io/controller-uid": uid_of(job),
        "batch.kubernetes.io/job-name": name_of(job),
        "controller-uid": uid_of(job),
        "job-name": name_of(job),
    }
    if index is None:
        return pod
    metadata["name"] = generated_name(f"{name_of(job)}-{index}-")
    del metadata["generateName"]
    metadata["annotations"] = {**(metadata.get("annotations") or {}), _INDEX: str(index)}
    metadata["labels"][_INDEX] = str(index)
    pod["spec"]["hostname"] = f"{name_of(job)}-{index}"
    return pod


async def _write_status(context: Context, job: Manifest, failure: _Verdict | None, *, suspended: bool) -> None:
    pods = context.store.owned(job, POD)
    status = _counted(job, pods)
    conditions = list(status_of(job).get("conditions") or [])
    if failure is not None:
        conditions = _ended(conditions, "FailureTarget", "Failed", *failure)
        context.recorder.warning(job, failure[0], failure[1], COMPONENT)
    elif _is_complete(job, pods):
        message = "Reached expected number of succeeded pods"
        conditions = _ended(conditions, "SuccessCriteriaMet", "Complete", "CompletionsReached", message)
        status["completionTime"] = stamp()
        context.recorder.normal(job, "Completed", "Job completed", COMPONENT)
    elif suspended:
        status.pop("startTime", None)
        if not is_true(status_of(job), "Suspended"):
            conditions = with_condition(conditions, _condition("Suspended", "True", "JobSuspended", "Job suspended"))
            context.recorder.normal(job, "Suspended", "Job suspended", COMPONENT)
    elif is_true(status_of(job), "Suspended"):
        conditions = with_condition(conditions, _condition("Suspended", "False", "JobResumed", "Job resumed"))
        context.recorder.normal(job, "Resumed", "Job resumed", COMPONENT)
    if conditions:
        status["conditions"] = conditions
    await context.update_status(job, status)


def _counted(job: Manifest, pods: list[Manifest]) -> Manifest:
    active = [pod for pod in pods if is_active(pod)]
    counts = {"active": len(active), "succeeded": _succeeded(job, pods), "failed": _failed(job, pods)}
    status: Manifest = {
        **{name: count for name, count in counts.items() if count},
        "ready": sum(is_ready(pod) for pod in active),
        "startTime": status_of(job).get("startTime") or stamp(),
        "terminating": sum(is_deleting(pod) and not is_finished(pod) for pod in pods),
        "uncountedTerminatedPods": {},
    }
    indexes = sorted(_completed_indexes(pods)) if spec_of(job).get("completionMode") == "Indexed" else []
    return status | ({"completedIndexes": _ranges(indexes)} if indexes else {})


def _ranges(numbers: list[int]) -> str:
    """``0-2,5``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and number == runs[-1][1] + 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def _ended(conditions: list[Manifest], target: str, final: str, reason: str, message: str) -> list[Manifest]:
    conditions = with_condition(conditions, _condition(target, "True", reason, message))
    return with_condition(conditions, _condition(final, "True", reason, message))


def _condition(name: str, status: str, reason: str, message: str) -> Manifest:
    return {"type": name, "status": status, "reason": reason, "message": message, "lastProbeTime": stamp()}


async def _expire(context: Context, key: Key, job: Manifest) -> None:
    """``ttlSecondsAfterFinished``: a finished Job goes by itself."""
    ttl = spec_of(job).get("ttlSecondsAfterFinished")
    if ttl is None:
        return
    final = next(each for each in status_of(job)["conditions"] if each["type"] == finished_condition(job))
    remaining = ttl - (now() - parse_stamp(final["lastTransitionTime"])).total_seconds()
    if remaining > 0:
        context.queue.add_after(key, remaining)
    else:
        await context.delete(job)
