from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from fairlead.localcluster.controllers.cronschedule import ScheduleError, parse_schedule

if TYPE_CHECKING:
    from .conftest import Simulation


def manifest(spec: str = "", image: str = "task:1", policy: str = "Never") -> str:
    return f"""
apiVersion: batch/v1
kind: Job
metadata: {{name: task}}
spec:
  completions: 1
  {spec}
  template: {{spec: {{restartPolicy: {policy}, containers: [{{name: task, image: "{image}"}}]}}}}
"""


def status(simulation: Simulation) -> dict[str, Any]:
    found = simulation.access.get("batch", "Job", "default", "task")
    assert found is not None
    result: dict[str, Any] = found["status"]
    return result


def outcome(simulation: Simulation) -> list[tuple[str, str, str]]:
    return [(each["type"], each["status"], each["reason"]) for each in status(simulation).get("conditions") or ()]


async def test_completes(simulation: Simulation) -> None:
    await simulation.apply(manifest())
    await simulation.settle()
    assert outcome(simulation) == [
        ("SuccessCriteriaMet", "True", "CompletionsReached"),
        ("Complete", "True", "CompletionsReached"),
    ]
    assert status(simulation)["succeeded"] == 1
    assert status(simulation)["completionTime"] >= status(simulation)["startTime"]
    assert "active" not in status(simulation)
    (pod,) = simulation.access.named("Pod").values()
    assert pod["metadata"]["labels"]["job-name"] == "task"
    assert ("Normal", "Completed", "Job completed") in simulation.access.events("Job")


async def test_several_at_a_time(simulation: Simulation) -> None:
    await simulation.apply(manifest("parallelism: 2\n  completions: 5"))
    most = []

    def watch() -> bool:
        pods = simulation.access.named("Pod").values()
        most.append(sum(pod.get("status", {}).get("phase") not in ("Succeeded", "Failed") for pod in pods))
        return bool(outcome(simulation)) if "status" in (simulation.access.list("batch", "Job")[0]) else False

    await simulation.access.until(watch)
    await simulation.settle()
    assert status(simulation)["succeeded"] == 5
    assert max(most) == 2


async def test_fails_after_its_limit(simulation: Simulation) -> None:
    await simulation.apply(manifest("backoffLimit: 2", "task:fail"))
    await simulation.settle()
    assert outcome(simulation) == [
        ("FailureTarget", "True", "BackoffLimitExceeded"),
        ("Failed", "True", "BackoffLimitExceeded"),
    ]
    assert status(simulation)["failed"] == 3
    assert len(simulation.access.named("Pod")) == 3


async def test_restarts_count_against_the_limit(simulation: Simulation) -> None:
    await simulation.apply(manifest("backoffLimit: 1", "task:fail", "OnFailure"))
    await simulation.settle()
    assert outcome(simulation)[-1] == ("Failed", "True", "BackoffLimitExceeded")


async def test_a_broken_image_leaves_it_running(simulation: Simulation) -> None:
    await simulation.apply(manifest("", "task:broken"))
    await simulation.settle()
    assert outcome(simulation) == []
    assert (status(simulation)["active"], status(simulation)["ready"]) == (1, 0)


async def test_out_of_time(simulation: Simulation) -> None:
    await simulation.apply(manifest("activeDeadlineSeconds: 1", "task:broken"))
    await simulation.access.until(lambda: "status" in simulation.access.list("batch", "Job")[0] and outcome(simulation))
    assert outcome(simulation)[-1] == ("Failed", "True", "DeadlineExceeded")
    await simulation.settle()
    assert simulation.access.named("Pod") == {}


async def test_suspended_until_resumed(simulation: Simulation) -> None:
    await simulation.apply(manifest("suspend: true"))
    await simulation.settle()
    assert outcome(simulation) == [("Suspended", "True", "JobSuspended")]
    assert simulation.access.named("Pod") == {}
    await simulation.access.edit("batch", "Job", "task", lambda job: job["spec"].update(suspend=False))
    await simulation.settle()
    assert outcome(simulation)[-1] == ("Complete", "True", "CompletionsReached")


async def test_indexed(simulation: Simulation) -> None:
    await simulation.apply(manifest("completionMode: Indexed\n  completions: 3\n  parallelism: 3"))
    await simulation.settle()
    assert status(simulation)["completedIndexes"] == "0-2"
    indexes = [
        pod["metadata"]["annotations"]["batch.kubernetes.io/job-completion-index"]
        for pod in simulation.access.named("Pod").values()
    ]
    assert sorted(indexes) == ["0", "1", "2"]


async def test_a_finished_one_goes_when_asked(simulation: Simulation) -> None:
    await simulation.apply(manifest("ttlSecondsAfterFinished: 0"))
    await simulation.settle()
    assert simulation.access.named("Job", "batch") == {}


async def test_deleting_the_pod_of_a_finished_job_starts_nothing(simulation: Simulation) -> None:
    await simulation.apply(manifest())
    await simulation.settle()
    await simulation.access.delete("", "Pod", "default", next(iter(simulation.access.named("Pod"))))
    await simulation.settle()
    assert simulation.access.named("Pod") == {}


async def test_a_cron_job_starts_what_is_due(simulation: Simulation) -> None:
    template = "{spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: b}]}}}}"
    head = "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: nightly}\n"
    await simulation.apply(f'{head}spec: {{schedule: "* * * * *", jobTemplate: {template}}}')
    found = simulation.access.get("batch", "CronJob", "default", "nightly")
    assert found is not None
    passed = datetime.now(UTC) - timedelta(minutes=3)
    await simulation.access.update_status(
        found | {"status": {"lastScheduleTime": passed.strftime("%Y-%m-%dT%H:%M:%SZ")}}
    )
    await simulation.access.until(lambda: simulation.access.named("Job", "batch"))
    name, job = next(iter(simulation.access.named("Job", "batch").items()))
    minute = int(datetime.now(UTC).timestamp()) // 60
    assert name in (f"nightly-{minute}", f"nightly-{minute - 1}")  # the minute may just have ended
    assert job["metadata"]["ownerReferences"][0]["name"] == "nightly"

    def noticed() -> bool:
        cron_job = simulation.access.named("CronJob", "batch")["nightly"]
        return "lastSuccessfulTime" in cron_job["status"] and "active" not in cron_job["status"]

    await simulation.access.until(noticed)


@pytest.mark.parametrize(
    ("schedule", "after", "expected"),
    [
        ("* * * * *", "2026-01-01T00:00:30+00:00", "2026-01-01T00:01:00+00:00"),
        ("*/15 * * * *", "2026-01-01T00:00:00+00:00", "2026-01-01T00:15:00+00:00"),
        ("0 3 * * mon-fri", "2026-01-02T04:00:00+00:00", "2026-01-05T03:00:00+00:00"),
        ("0 0 29 2 *", "2026-01-01T00:00:00+00:00", "2028-02-29T00:00:00+00:00"),
        ("0 0 13 * 5", "2026-01-03T00:00:00+00:00", "2026-01-09T00:00:00+00:00"),
        ("0 0 * jan 7", "2026-01-01T00:00:00+00:00", "2026-01-04T00:00:00+00:00"),
        ("5,10 1-3/2 * * *", "2026-01-01T01:10:00+00:00", "2026-01-01T03:05:00+00:00"),
        ("@hourly", "2026-12-31T23:30:00+00:00", "2027-01-01T00:00:00+00:00"),
    ],
)
def test_the_next_time_of_a_schedule(schedule: str, after: str, expected: str) -> None:
    assert parse_schedule(schedule).next_after(datetime.fromisoformat(after)) == datetime.fromisoformat(expected)


def test_a_time_that_never_comes() -> None:
    assert parse_schedule("0 0 30 2 *").next_after(datetime(2026, 1, 1, tzinfo=UTC)) is None


@pytest.mark.parametrize("schedule", ["", "* * * *", "60 * * * *", "a * * * *", "5-1 * * * *", "*/0 * * * *"])
def test_what_is_no_schedule(schedule: str) -> None:
    with pytest.raises(ScheduleError):
        parse_schedule(schedule)
