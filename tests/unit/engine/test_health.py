"""The rules of kstatus."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.engine.health import NOT_FOUND, HealthStatus, Status, status_of

NOW = datetime(2026, 1, 1, 12, 0, 0, tzinfo=UTC)


def manifest(kind: str, group: str = "", *, meta: dict[str, Any] | None = None, **parts: Any) -> dict[str, Any]:
    return {
        "apiVersion": f"{group}/v1" if group else "v1",
        "kind": kind,
        "metadata": {"name": "a", **(meta or {})},
        **parts,
    }


def condition(kind: str, status: str = "True", reason: str = "", message: str = "") -> dict[str, str]:
    return {"type": kind, "status": status, "reason": reason, "message": message}


def deployment(status: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return manifest("Deployment", "apps", spec=spec, status=status)


FULL = {"replicas": 2, "updatedReplicas": 2, "readyReplicas": 2, "availableReplicas": 2}
ROLLED_OUT = [condition("Progressing", reason="NewReplicaSetAvailable"), condition("Available")]


@pytest.mark.parametrize(
    ("changes", "spec", "expected"),
    [
        ({}, {"replicas": 2, "progressDeadlineSeconds": 600}, (Status.CURRENT, "Deployment is available. Replicas: 2")),
        ({"replicas": 1}, {"replicas": 2}, (Status.IN_PROGRESS, "Replicas: 1/2")),
        ({"updatedReplicas": 1}, {"replicas": 2}, (Status.IN_PROGRESS, "Updated: 1/2")),
        ({"replicas": 3}, {"replicas": 2}, (Status.IN_PROGRESS, "Pending termination: 1")),
        ({"availableReplicas": 1}, {"replicas": 2}, (Status.IN_PROGRESS, "Available: 1/2")),
        ({"readyReplicas": 1}, {"replicas": 2}, (Status.IN_PROGRESS, "Ready: 1/2")),
        (
            {"conditions": [condition("Progressing", "False", "ProgressDeadlineExceeded")]},
            {"replicas": 2},
            (Status.FAILED, "Progress deadline exceeded"),
        ),
        (
            {"conditions": [condition("Progressing", reason="ReplicaSetUpdated"), condition("Available")]},
            {"replicas": 2, "progressDeadlineSeconds": 600},
            (Status.IN_PROGRESS, "ReplicaSet not Available"),
        ),
        (
            {"conditions": [condition("Available")]},
            {"replicas": 2, "progressDeadlineSeconds": 2**31 - 1},
            (Status.CURRENT, "Deployment is available. Replicas: 2"),
        ),
        (
            {"conditions": [condition("Available", "False")]},
            {"replicas": 2},
            (Status.IN_PROGRESS, "Deployment not Available"),
        ),
    ],
)
def test_deployment(changes: dict[str, Any], spec: dict[str, Any], expected: tuple[Status, str]) -> None:
    status = status_of(deployment({**FULL, "conditions": ROLLED_OUT, **changes}, **spec))
    assert (status.status, status.message) == expected


def test_a_new_deployment_has_one_replica_to_wait_for() -> None:
    assert status_of(deployment({})).message == "Replicas: 0/1"


def test_an_old_status_says_nothing_about_a_new_spec() -> None:
    stale = manifest("Deployment", "apps", meta={"generation": 3}, status={"observedGeneration": 2})
    assert status_of(stale) == HealthStatus(
        Status.IN_PROGRESS, "Deployment generation is 3, but latest observed generation is 2"
    )


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        ({"updateStrategy": {"type": "OnDelete"}}, {}, Status.CURRENT),
        ({"replicas": 2}, {"replicas": 1}, Status.IN_PROGRESS),
        ({"replicas": 2}, {"replicas": 2, "readyReplicas": 1}, Status.IN_PROGRESS),
        ({"replicas": 1}, {"replicas": 2, "readyReplicas": 2}, Status.IN_PROGRESS),
        ({"replicas": 1}, {"replicas": 1, "readyReplicas": 1}, Status.IN_PROGRESS),
        ({"replicas": 1}, {"replicas": 1, "readyReplicas": 1, "currentReplicas": 1}, Status.CURRENT),
        (
            {"replicas": 1},
            {"replicas": 1, "readyReplicas": 1, "currentReplicas": 1, "currentRevision": "a", "updateRevision": "b"},
            Status.IN_PROGRESS,
        ),
        (
            {"replicas": 2, "updateStrategy": {"rollingUpdate": {"partition": 1}}},
            {"replicas": 2, "readyReplicas": 2, "updatedReplicas": 0},
            Status.IN_PROGRESS,
        ),
        (
            {"replicas": 2, "updateStrategy": {"rollingUpdate": {"partition": 1}}},
            {"replicas": 2, "readyReplicas": 2, "updatedReplicas": 1},
            Status.CURRENT,
        ),
    ],
)
def test_stateful_set(spec: dict[str, Any], status: dict[str, Any], expected: Status) -> None:
    assert status_of(manifest("StatefulSet", "apps", spec=spec, status=status)).status is expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, "DaemonSet status.observedGeneration not found"),
        ({"observedGeneration": 1}, "Missing .status.desiredNumberScheduled"),
        ({"observedGeneration": 1, "desiredNumberScheduled": 1}, "Current: 0/1"),
        ({"observedGeneration": 1, "desiredNumberScheduled": 1, "currentNumberScheduled": 1}, "Updated: 0/1"),
        ({"observedGeneration": 1, "desiredNumberScheduled": 0}, "All replicas scheduled as expected. Replicas: 0"),
    ],
)
def test_daemon_set(status: dict[str, Any], expected: str) -> None:
    assert status_of(manifest("DaemonSet", "apps", meta={"generation": 1}, status=status)).message == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({}, "Labelled: 0/1"),
        ({"fullyLabeledReplicas": 1}, "Available: 0/1"),
        ({"fullyLabeledReplicas": 1, "availableReplicas": 1}, "Ready: 0/1"),
        (
            {"fullyLabeledReplicas": 1, "availableReplicas": 1, "readyReplicas": 1, "replicas": 2},
            "Pending termination: 1",
        ),
        ({"conditions": [condition("ReplicaFailure")]}, "Replica Failure condition. Check Pods"),
    ],
)
def test_replica_set(status: dict[str, Any], expected: str) -> None:
    assert status_of(manifest("ReplicaSet", "apps", status=status)).message == expected


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        ({"phase": "Succeeded"}, Status.CURRENT),
        ({"phase": "Failed"}, Status.CURRENT),
        ({"phase": "Running", "conditions": [condition("Ready")]}, Status.CURRENT),
        ({"phase": "Running"}, Status.IN_PROGRESS),
        (
            {
                "phase": "Running",
                "containerStatuses": [{"name": "c", "state": {"waiting": {"reason": "CrashLoopBackOff"}}}],
            },
            Status.FAILED,
        ),
        ({"phase": "Pending"}, Status.IN_PROGRESS),
        ({}, Status.IN_PROGRESS),
        ({"phase": "Odd"}, Status.UNKNOWN),
    ],
)
def test_pod(status: dict[str, Any], expected: Status) -> None:
    assert status_of(manifest("Pod", status=status)).status is expected


@pytest.mark.parametrize(("created", "expected"), [("11:59:50", Status.IN_PROGRESS), ("11:59:40", Status.FAILED)])
def test_a_pod_has_fifteen_seconds_to_be_scheduled(created: str, expected: Status) -> None:
    status = {"phase": "Pending", "conditions": [condition("PodScheduled", "False", "Unschedulable")]}
    pod = manifest("Pod", meta={"creationTimestamp": f"2026-01-01T{created}Z"}, status=status)
    assert status_of(pod, now=NOW).status is expected


@pytest.mark.parametrize(
    ("spec", "status", "expected"),
    [
        ({}, {"conditions": [condition("Complete")], "succeeded": 1}, Status.CURRENT),
        ({}, {"conditions": [condition("Failed")]}, Status.FAILED),
        ({"suspend": True}, {"conditions": [condition("Suspended")]}, Status.CURRENT),
        ({}, {}, Status.IN_PROGRESS),
        ({}, {"startTime": "2026-01-01T00:00:00Z", "active": 1}, Status.IN_PROGRESS),
    ],
)
def test_job(spec: dict[str, Any], status: dict[str, Any], expected: Status) -> None:
    assert status_of(manifest("Job", "batch", spec=spec, status=status)).status is expected


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([condition("NamesAccepted"), condition("Established")], Status.CURRENT),
        ([condition("NamesAccepted", "False", "Conflict", "taken")], Status.FAILED),
        ([condition("Established", "False", "Installing")], Status.IN_PROGRESS),
        ([condition("Established", "False", "NotAccepted")], Status.FAILED),
        ([], Status.IN_PROGRESS),
    ],
)
def test_custom_resource_definition(conditions: list[dict[str, str]], expected: Status) -> None:
    crd = manifest("CustomResourceDefinition", "apiextensions.k8s.io", status={"conditions": conditions})
    assert status_of(crd).status is expected


@pytest.mark.parametrize(
    ("object_", "expected"),
    [
        (manifest("PersistentVolumeClaim", status={"phase": "Bound"}), Status.CURRENT),
        (manifest("PersistentVolumeClaim", status={"phase": "Pending"}), Status.IN_PROGRESS),
        (manifest("Service", spec={"type": "LoadBalancer"}), Status.IN_PROGRESS),
        (manifest("Service", spec={"type": "LoadBalancer", "clusterIP": "10.0.0.1"}), Status.CURRENT),
        (manifest("Service"), Status.CURRENT),
        (manifest("Secret"), Status.CURRENT),
        (manifest("CronJob", "batch"), Status.CURRENT),
        (manifest("Namespace", status={"phase": "Active"}), Status.CURRENT),
        (manifest("Namespace", meta={"deletionTimestamp": "2026-01-01T00:00:00Z"}), Status.TERMINATING),
        (manifest("PodDisruptionBudget", "policy"), Status.CURRENT),
        (None, Status.NOT_FOUND),
    ],
)
def test_other_built_in_kinds(object_: dict[str, Any] | None, expected: Status) -> None:
    assert status_of(object_).status is expected


@pytest.mark.parametrize(
    ("conditions", "expected"),
    [
        ([], Status.CURRENT),
        ([condition("Ready")], Status.CURRENT),
        ([condition("Ready", "False", message="no database")], Status.IN_PROGRESS),
        ([condition("Ready", "Unknown")], Status.IN_PROGRESS),
        ([condition("Ready"), condition("Reconciling")], Status.IN_PROGRESS),
        ([condition("Ready"), condition("Stalled", message="no")], Status.FAILED),
        ([condition("Ready"), condition("Stalled", "False")], Status.CURRENT),
    ],
)
def test_custom_resources(conditions: list[dict[str, str]], expected: Status) -> None:
    assert status_of(manifest("Thing", "example.com", status={"conditions": conditions})).status is expected


nonsense = st.recursive(
    st.none() | st.booleans() | st.integers(-1, 3) | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from(["replicas", "x"]), inner, max_size=2),
    max_leaves=6,
)


@given(
    st.sampled_from(["Deployment", "StatefulSet", "DaemonSet", "ReplicaSet"]),
    st.dictionaries(
        st.sampled_from(["conditions", "replicas", "observedGeneration", "updateStrategy", "desiredNumberScheduled"]),
        nonsense,
    ),
)
def test_no_status_is_too_odd_to_be_judged(kind: str, fields: dict[str, Any]) -> None:
    assert status_of(manifest(kind, "apps", spec=fields, status=fields)).status in Status


def test_not_found_is_not_ready() -> None:
    assert not NOT_FOUND.ready
    assert not NOT_FOUND.failed
