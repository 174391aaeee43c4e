from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .conftest import Simulation

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 3
  progressDeadlineSeconds: 600
  revisionHistoryLimit: 2
  selector: {matchLabels: {app: web}}
  strategy: {type: RollingUpdate, rollingUpdate: {maxSurge: 25%, maxUnavailable: 25%}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "nginx:1.25"}]}
"""


def deployment(simulation: Simulation) -> dict[str, Any]:
    found = simulation.access.get("apps", "Deployment", "default", "web")
    assert found is not None
    return found


def conditions(obj: dict[str, Any]) -> dict[str, tuple[str, str, str]]:
    return {each["type"]: (each["status"], each["reason"], each["message"]) for each in obj["status"]["conditions"]}


async def test_becomes_available(simulation: Simulation) -> None:
    await simulation.apply(WEB)
    await simulation.settle()

    status = deployment(simulation)["status"]
    name = next(iter(simulation.access.named("ReplicaSet", "apps")))
    assert {key: status[key] for key in status if key.endswith("eplicas")} == {
        "replicas": 3,
        "updatedReplicas": 3,
        "readyReplicas": 3,
        "availableReplicas": 3,
        "terminatingReplicas": 0,
    }
    assert conditions(deployment(simulation)) == {
        "Available": ("True", "MinimumReplicasAvailable", "Deployment has minimum availability."),
        "Progressing": ("True", "NewReplicaSetAvailable", f'ReplicaSet "{name}" has successfully progressed.'),
    }
