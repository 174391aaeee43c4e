"""The statuses of a run, as Flux would write them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest
from msgspec.structs import replace

from fairlead.api.meta import ArtifactStatus
from fairlead.controllers.attempt import Attempt, timeout_of
from fairlead.kube.reflector import Key
from fairlead.objects.inventory import Inventory
from fairlead.objects.ref import ObjectRef
from tests.unit.controllers.resources_for_tests import condition, kustomization

NOW = datetime(2026, 1, 2, tzinfo=UTC)
ARTIFACT = ArtifactStatus(
    revision="main@sha1:0123456789",
    path="p",
    url="u",
    last_update_time="2026-01-01T00:00:00Z",
    metadata={
        "fairlead.dev/tree": "t",
        "fairlead.dev/subject": "Break it",
        "fairlead.dev/author": "Ada <ada@example.com>",
    },
)


def attempt(status: dict[str, Any] | None = None, *, digest: str = "sha256:1", **spec: Any) -> Attempt:
    return Attempt(
        key=Key("ns", "apps"),
        kustomization=kustomization("apps", status=status, **spec),
        session=cast("Any", None),
        now=NOW,
        started=0.0,
        artifact=ARTIFACT,
        digest=digest,
    )


def conditions(status: dict[str, Any]) -> dict[str, tuple[str, str, str]]:
    return {item["type"]: (item["status"], item["reason"], item["message"]) for item in status["conditions"]}


@pytest.mark.parametrize(
    ("spec", "seconds"),
    [
        ({"interval": "10m"}, 570),
        ({"interval": "20s"}, 30),
        ({"interval": "10m", "timeout": "2m"}, 120),
        ({"interval": "10m", "timeout": "5s"}, 30),
    ],
)
def test_timeout(spec: dict[str, Any], seconds: int) -> None:
    assert timeout_of(kustomization("apps", **spec)) == timedelta(seconds=seconds)


def test_success() -> None:
    before = {"conditions": [condition("Reconciling", "True"), condition("Stalled", "True")], "observedGeneration": -1}
    run = attempt(before)
    run.inventory = Inventory({ObjectRef("", "ConfigMap", "ns", "a"): "v1"})
    status = run.succeeded(healthy="Health check passed in 1s", duration=1.5)
    assert conditions(status) == {
        "Ready": ("True", "ReconciliationSucceeded", "Applied revision: main@sha1:0123456789"),
        "Healthy": ("True", "Succeeded", "Health check passed in 1s"),
    }
    assert status["observedGeneration"] == 1
    assert status["lastAppliedRevision"] == status["lastAttemptedRevision"] == "main@sha1:0123456789"
    assert status["inventory"] == {"entries": [{"id": "ns_a__ConfigMap", "v": "v1"}]}
    (entry,) = status["history"]
    assert entry.pop("metadata")["revision"] == "main@sha1:0123456789"
    assert entry == {
        "digest": "sha256:1",
        "firstReconciled": "2026-01-02T00:00:01Z",
        "lastReconciled": "2026-01-02T00:00:01Z",
        "lastReconciledDuration": "1.5s",
        "lastReconciledStatus": "ReconciliationSucceeded",
        "totalReconciliations": 1,
    }


def test_a_failure_does_not_raise_the_generation_and_keeps_what_was_applied() -> None:
    run = attempt({"observedGeneration": 0, "lastAppliedRevision": "main@sha1:old"})
    status = run.failed("BuildFailed", "no", duration=1)
    assert conditions(status) == {
        "Ready": ("False", "BuildFailed", "no"),
        "Reconciling": ("True", "ProgressingWithRetry", "no"),
    }
    assert status["observedGeneration"] == 0
    assert status["lastAppliedRevision"] == "main@sha1:old"
    assert status["lastAttemptedRevision"] == "main@sha1:0123456789"


def test_a_stall_raises_the_generation() -> None:
    status = attempt().failed("AccessDenied", "no", duration=1, stalled=True)
    assert conditions(status) == {"Ready": ("False", "AccessDenied", "no"), "Stalled": ("True", "AccessDenied", "no")}
    assert status["observedGeneration"] == 1


def test_an_unhealthy_delivery_says_so_in_both() -> None:
    found = conditions(attempt().failed("HealthCheckFailed", "no", duration=1))
    assert found["Healthy"] == found["Ready"] == ("False", "HealthCheckFailed", "no")


def test_history_counts_equal_results_and_keeps_five() -> None:
    status: dict[str, Any] = {}
    for digest in ("1", "1", "2", "3", "4", "5", "6", "4"):
        status = attempt(status, digest=digest).succeeded(healthy="", duration=0)
    assert [(entry["digest"], entry["totalReconciliations"]) for entry in status["history"]] == [
        ("4", 2),
        ("6", 1),
        ("5", 1),
        ("3", 1),
        ("2", 1),
    ]


def test_a_failure_is_another_entry_of_the_history() -> None:
    status = attempt(attempt().succeeded(healthy="", duration=0)).failed("HealthCheckFailed", "no", duration=0)
    reasons = [entry["lastReconciledStatus"] for entry in status["history"]]
    assert reasons == ["HealthCheckFailed", "ReconciliationSucceeded"]


def test_names_the_commit_and_its_author() -> None:
    assert attempt().commit_text() == ' (commit 01234567 "Break it" by Ada <ada@example.com>)'


def test_the_origin_of_an_artifact_is_told() -> None:
    run = attempt()
    run.artifact = replace(ARTIFACT, metadata={"org.opencontainers.image.revision": "main@sha1:origin"})
    status = run.succeeded(healthy="", duration=1)
    assert status["lastAppliedOriginRevision"] == "main@sha1:origin"
    assert run.event_metadata["originRevision"] == "main@sha1:origin"


def test_what_was_not_tried_is_not_told_as_attempted() -> None:
    """Flux sets it when the source is known to have the folder."""
    run = attempt()
    run.tried = False
    assert "lastAttemptedRevision" not in run.failed("ArtifactFailed", "no such folder", duration=1)


def test_another_check_that_passed_moves_no_transition() -> None:
    """A hand-over from Flux changed Healthy's time in every Kustomization, though all had been well all the time."""
    then = "2026-01-01T00:00:00Z"
    before = condition("Healthy", "True", "Succeeded", "Health check passed in 34ms") | {"lastTransitionTime": then}
    after = attempt({"conditions": [before]}).succeeded(healthy="Health check passed in 80ms", duration=0.1)
    healthy = next(each for each in after["conditions"] if each["type"] == "Healthy")
    assert (healthy["lastTransitionTime"], healthy["message"]) == (then, "Health check passed in 80ms")
    ill = before | {"status": "False", "reason": "HealthCheckFailed"}
    after = attempt({"conditions": [ill]}).succeeded(healthy="Health check passed in 80ms", duration=0.1)
    healthy = next(each for each in after["conditions"] if each["type"] == "Healthy")
    assert healthy["lastTransitionTime"] == "2026-01-02T00:00:00Z"
