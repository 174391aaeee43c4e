"""CronJobs: a Job at each scheduled minute. These minutes are real ones: a schedule is a promise about the clock."""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from fairlead.localcluster.controllers.clock import now, parse_stamp, stamp
from fairlead.localcluster.controllers.cronschedule import Schedule, ScheduleError, parse_schedule
from fairlead.localcluster.controllers.job import finished_condition
from fairlead.localcluster.controllers.kinds import (
    CRON_JOB,
    JOB,
    api_version,
    is_deleting,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from fairlead.localcluster.controllers.pods import owner_reference
from fairlead.localcluster.status import StatusError

if TYPE_CHECKING:
    from fairlead.localcluster.controllers.context import Context
    from fairlead.localcluster.controllers.kinds import Manifest
    from fairlead.localcluster.controllers.queue import Key

COMPONENT = "cronjob-controller"
_SCHEDULED_AT = "batch.kubernetes.io/cronjob-scheduled-timestamp"


async def reconcile(context: Context, key: Key) -> None:
    """Start what is due, forget what is over, and come back at the next scheduled minute."""
    cron_job = context.store.get(CRON_JOB, key.namespace, key.name)
    if cron_job is None or is_deleting(cron_job):
        return
    jobs = context.store.owned(cron_job, JOB)
    cron_job = await _note_outcomes(context, cron_job, jobs)
    await _trim(context, cron_job, jobs)
    if spec_of(cron_job).get("suspend"):
        return
    schedule = _schedule(context, cron_job)
    if schedule is None:
        return
    zone = ZoneInfo(spec_of(cron_job).get("timeZone") or "UTC")
    due = _due(cron_job, schedule, zone)
    if due is not None:
        await _start(context, cron_job, jobs, due)
    following = schedule.next_after(now().astimezone(zone))
    if following is not None:
        context.queue.add_after(key, (following - now()).total_seconds() + 0.1)


def _schedule(context: Context, cron_job: Manifest) -> Schedule | None:
    zone, text = spec_of(cron_job).get("timeZone"), spec_of(cron_job)["schedule"]
    try:
        ZoneInfo(zone or "UTC")
        return parse_schedule(text)
    except (ZoneInfoNotFoundError, ValueError) as error:
        message = f'invalid timeZone: "{zone}": {error}'
        context.recorder.warning(cron_job, "UnknownTimeZone", message, COMPONENT)
    except ScheduleError as error:
        message = f'unparseable schedule: "{text}" : {error}'
        context.recorder.warning(cron_job, "UnparseableSchedule", message, COMPONENT)
    return None


def _due(cron_job: Manifest, schedule: Schedule, zone: ZoneInfo) -> datetime | None:
    """The latest scheduled minute that has passed without a Job, if its deadline has not passed, too."""
    last = status_of(cron_job).get("lastScheduleTime") or cron_job["metadata"]["creationTimestamp"]
    present = now()
    # However long the cluster was down, only the last missed time counts; do not walk through all of them.
    start = max(parse_stamp(last), present - timedelta(days=1))
    due: datetime | None = None
    candidate = schedule.next_after(start.astimezone(zone))
    while candidate is not None and candidate <= present:
        due = candidate
        candidate = schedule.next_after(candidate)
    deadline = spec_of(cron_job).get("startingDeadlineSeconds")
    if due is None or (deadline is not None and (present - due).total_seconds() > deadline):
        return None
    return due.astimezone(UTC)


async def _start(context: Context, cron_job: Manifest, jobs: list[Manifest], due: datetime) -> None:
    policy = spec_of(cron_job).get("concurrencyPolicy") or "Allow"
    running = [job for job in jobs if not finished_condition(job)]
    if running and policy == "Forbid":
        message = "Not starting job because prior execution is running and concurrency policy is Forbid"
        context.recorder.normal(cron_job, "JobAlreadyActive", message, COMPONENT)
        return
    if policy == "Replace":
        for job in running:
            await context.delete(job)
            context.recorder.normal(cron_job, "SuccessfulDelete", f"Deleted job {name_of(job)}", COMPONENT)
    try:
        created = await context.create(_job(cron_job, due))
        context.recorder.normal(cron_job, "SuccessfulCreate", f"Created job {name_of(created)}", COMPONENT)
    except StatusError as error:
        if error.reason != "AlreadyExists":
            context.recorder.warning(cron_job, "FailedCreate", f"Error creating job: {error.message}", COMPONENT)
            raise
    jobs = context.store.owned(cron_job, JOB)
    status = {**status_of(cron_job), "lastScheduleTime": stamp(due)}
    await context.update_status(cron_job, _with_active(status, jobs))


def _job(cron_job: Manifest, due: datetime) -> Manifest:
    template = copy.deepcopy(spec_of(cron_job)["jobTemplate"])
    metadata = template.get("metadata") or {}
    kept = {name: metadata[name] for name in ("labels", "annotations") if metadata.get(name)}
    annotations = {**(kept.pop("annotations", None) or {}), _SCHEDULED_AT: stamp(due)}
    return {
        "apiVersion": api_version(JOB),
        "kind": JOB.kind,
        "metadata": {
            "name": f"{name_of(cron_job)}-{int(due.timestamp()) // 60}",
            "namespace": namespace_of(cron_job),
            "annotations": annotations,
            "ownerReferences": [owner_reference(cron_job)],
            **kept,
        },
        "spec": template["spec"],
    }


async def _note_outcomes(context: Context, cron_job: Manifest, jobs: list[Manifest]) -> Manifest:
    status = dict(status_of(cron_job))
    active = {reference["uid"] for reference in status.get("active") or ()}
    for job in jobs:
        outcome = finished_condition(job)
        if outcome and uid_of(job) in active:
            message = f"Saw completed job: {name_of(job)}, condition: {outcome}"
            context.recorder.normal(cron_job, "SawCompletedJob", message, COMPONENT)
            if outcome == "Complete":
                status["lastSuccessfulTime"] = status_of(job).get("completionTime") or stamp()
    return await context.update_status(cron_job, _with_active(status, jobs))


def _with_active(status: Manifest, jobs: list[Manifest]) -> Manifest:
    known = {reference["uid"]: reference for reference in status.get("active") or ()}
    running = [job for job in jobs if not finished_condition(job) and not is_deleting(job)]
    active = [known.get(uid_of(job)) or _reference(job) for job in running]
    rest = {name: value for name, value in status.items() if name != "active"}
    return rest | ({"active": active} if active else {})


def _reference(job: Manifest) -> Manifest:
    return {
        "apiVersion": job["apiVersion"],
        "kind": job["kind"],
        "name": name_of(job),
        "namespace": namespace_of(job),
        "resourceVersion": job["metadata"]["resourceVersion"],
        "uid": uid_of(job),
    }


async def _trim(context: Context, cron_job: Manifest, jobs: list[Manifest]) -> None:
    """Keep the asked number of finished Jobs of each outcome."""
    for outcome, field, default in (
        ("Complete", "successfulJobsHistoryLimit", 3),
        ("Failed", "failedJobsHistoryLimit", 1),
    ):
        finished = [job for job in jobs if finished_condition(job) == outcome and not is_deleting(job)]
        finished.sort(key=lambda job: status_of(job).get("startTime") or "")
        limit = spec_of(cron_job).get(field, default)
        for job in finished[: max(0, len(finished) - limit)]:
            await context.delete(job)
            context.recorder.normal(cron_job, "SuccessfulDelete", f"Deleted job {name_of(job)}", COMPONENT)
