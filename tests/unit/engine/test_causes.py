"""Why a pod does not run."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead.engine.causes import brief, describe, pod_cause
from fairlead.engine.health import NOT_FOUND, HealthStatus, Status
from fairlead.objects.ref import ObjectRef


def waiting(reason: str, message: str = "", **more: Any) -> dict[str, Any]:
    return {"name": "web", "state": {"waiting": {"reason": reason, "message": message}}, **more}


@pytest.mark.parametrize(
    ("status", "cause"),
    [
        ({}, ""),
        ({"containerStatuses": [{"name": "web", "state": {"running": {}}}]}, ""),
        ({"containerStatuses": [waiting("ContainerCreating")]}, ""),
        (
            {"containerStatuses": [waiting("ImagePullBackOff", 'Back-off pulling image "web:broken"')]},
            'container web: ImagePullBackOff: Back-off pulling image "web:broken"',
        ),
        (
            {
                "containerStatuses": [
                    waiting("CrashLoopBackOff", lastState={"terminated": {"exitCode": 1, "reason": "Error"}})
                ]
            },
            "container web: CrashLoopBackOff: exit code 1 (Error)",
        ),
        (
            {"containerStatuses": [{"name": "web", "state": {"terminated": {"exitCode": 137, "reason": "OOMKilled"}}}]},
            "container web: exit code 137 (OOMKilled)",
        ),
        (
            {
                "initContainerStatuses": [waiting("ErrImagePull", "no")],
                "containerStatuses": [waiting("PodInitializing")],
            },
            "container web: ErrImagePull: no",
        ),
        (
            {
                "conditions": [
                    {"type": "PodScheduled", "status": "False", "reason": "Unschedulable", "message": "0/1 nodes"}
                ]
            },
            "Unschedulable: 0/1 nodes",
        ),
    ],
)
def test_pod_cause(status: dict[str, Any], cause: str) -> None:
    assert pod_cause({"status": status}) == cause


def test_a_cause_follows_the_status() -> None:
    web, api = ObjectRef("apps", "Deployment", "shop", "web"), ObjectRef("apps", "Deployment", "shop", "api")
    assert list(describe({web: "InProgress", api: "Failed"}, {web: "pod web-1: no"})) == [
        "Deployment/shop/web status: 'InProgress': pod web-1: no",
        "Deployment/shop/api status: 'Failed'",
    ]


def test_progress_names_a_few_objects_with_their_state() -> None:
    unready = {ObjectRef("", "ConfigMap", "apps", str(number)): NOT_FOUND for number in range(6)}
    unready = {
        ObjectRef("apps", "Deployment", "apps", "web"): HealthStatus(Status.IN_PROGRESS, "a\nb" * 100),
        **unready,
    }
    text = brief(unready, limit=2)
    assert text == f"Deployment/apps/web ({('a b' * 100)[:99]}…), ConfigMap/apps/0 (NotFound) and 5 more"
    assert brief({}) == ""
