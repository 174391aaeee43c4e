from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fairlead.localcluster.controllers.rollout import NextSizes, Sizes, next_sizes

if TYPE_CHECKING:
    from .conftest import Simulation

WEB = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, annotations: {note: kept}}
spec:
  replicas: 3
  progressDeadlineSeconds: 600
  revisionHistoryLimit: 1
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


def conditions(obj: dict[str, Any]) -> dict[str, tuple[str, str]]:
    return {each["type"]: (each["status"], each["reason"]) for each in obj["status"]["conditions"]}


async def set_image(simulation: Simulation, image: str) -> None:
    def change(obj: dict[str, Any]) -> None:
        obj["spec"]["template"]["spec"]["containers"][0]["image"] = image

    await simulation.access.edit("apps", "Deployment", "web", change)


async def set_spec(simulation: Simulation, **fields: Any) -> None:
    await simulation.access.edit("apps", "Deployment", "web", lambda obj: obj["spec"].update(fields))


def sizes(simulation: Simulation) -> list[int]:
    return sorted(each["spec"]["replicas"] for each in simulation.access.list("apps", "ReplicaSet"))


def images(simulation: Simulation) -> list[str]:
    return sorted(each["spec"]["containers"][0]["image"] for each in simulation.access.list("", "Pod"))


async def test_becomes_available(simulation: Simulation) -> None:
    await simulation.apply(WEB)
    await simulation.settle()
    status = deployment(simulation)["status"]
    counts = {key: value for key, value in status.items() if key.endswith("eplicas")}
    assert counts.pop("terminatingReplicas") == 0
    assert counts == dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), 3)
    assert status["observedGeneration"] == deployment(simulation)["metadata"]["generation"]
    assert conditions(deployment(simulation)) == {
        "Available": ("True", "MinimumReplicasAvailable"),
        "Progressing": ("True", "NewReplicaSetAvailable"),
    }


async def test_its_replica_set_looks_like_a_real_one(simulation: Simulation) -> None:
    await simulation.apply(WEB)
    await simulation.settle()
    (name, found), *others = simulation.access.named("ReplicaSet", "apps").items()
    assert not others
    word = found["metadata"]["labels"]["pod-template-hash"]
    assert name == f"web-{word}"
    assert found["spec"]["selector"]["matchLabels"] == {"app": "web", "pod-template-hash": word}
    assert found["metadata"]["annotations"] == {
        "note": "kept",
        "deployment.kubernetes.io/desired-replicas": "3",
        "deployment.kubernetes.io/max-replicas": "4",
        "deployment.kubernetes.io/revision": "1",
    }
    assert deployment(simulation)["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "1"
    event = ("Normal", "ScalingReplicaSet", f"Scaled up replica set {name} from 0 to 3")
    assert simulation.access.events("Deployment") == [event]


async def test_a_new_image_rolls_over_without_a_gap(simulation: Simulation) -> None:
    await simulation.apply(WEB)
    await simulation.settle()
    lowest = []

    def watch() -> bool:
        status = deployment(simulation)["status"]
        lowest.append(status.get("availableReplicas", 0))
        return bool(
            images(simulation) == ["nginx:1.26"] * 3
            and conditions(deployment(simulation))["Progressing"][1] == "NewReplicaSetAvailable"
            and status.get("updatedReplicas") == 3
        )

    await set_image(simulation, "nginx:1.26")
    await simulation.access.until(watch)
    await simulation.settle()
    assert min(lowest) >= 3
    assert sizes(simulation) == [0, 3]
    assert deployment(simulation)["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "2"


async def test_a_broken_image_leaves_the_old_pods_serving(simulation: Simulation) -> None:
    await simulation.apply(WEB)
    await simulation.settle()
    await set_spec(simulation, progressDeadlineSeconds=60)
    await set_image(simulation, "nginx:broken")
    await simulation.access.until(
        lambda: conditions(deployment(simulation))["Progressing"][1] == "ProgressDeadlineExceeded"
    )
    await simulation.settle()
    assert deployment(simulation)["status"]["availableReplicas"] == 3
    assert images(simulation) == ["nginx:1.25"] * 3 + ["nginx:broken"]
    assert conditions(deployment(simulation))["Available"][0] == "True"

    await set_image(simulation, "nginx:1.25")
    await simulation.settle()
    assert images(simulation) == ["nginx:1.25"] * 3
    assert conditions(deployment(simulation))["Progressing"] == ("True", "NewReplicaSetAvailable")
    assert deployment(simulation)["metadata"]["annotations"]["deployment.kubernetes.io/revision"] == "3"


async def test_old_replica_sets_beyond_the_limit_go(simulation: Simulation) -> None:
    await simulation.apply(WEB)
    for version in ("2", "3", "4"):
        await simulation.settle()
        await set_image(simulation, f"nginx:{version}")
    await simulation.settle()
    assert sizes(simulation) == [0, 3]


async def test_scaling_starts_no_rollout(simulation: Simulation) -> None:
    await simulation.apply(WEB)
    await simulation.settle()
    await set_spec(simulation, replicas=5)
    await simulation.settle()
    assert deployment(simulation)["status"]["availableReplicas"] == 5
    await set_spec(simulation, replicas=0)
    await simulation.settle()
    assert simulation.access.list("", "Pod") == []
    assert len(simulation.access.list("apps", "ReplicaSet")) == 1


async def test_recreate_ends_old_pods_first(simulation: Simulation) -> None:
    await simulation.apply(WEB)
    await set_spec(simulation, strategy={"type": "Recreate"})
    await simulation.settle()
    mixed = []
    await set_image(simulation, "nginx:2")

    def done() -> bool:
        mixed.append(len(set(images(simulation))) > 1)
        return images(simulation) == ["nginx:2"] * 3

    await simulation.access.until(done)
    await simulation.settle()
    assert not any(mixed)
    assert deployment(simulation)["status"]["availableReplicas"] == 3


async def test_paused_means_no_rollout_but_a_new_size(simulation: Simulation) -> None:
    await simulation.apply(WEB)
    await simulation.settle()
    await set_spec(simulation, paused=True)
    await set_image(simulation, "nginx:2")
    await set_spec(simulation, replicas=4)
    await simulation.settle()
    assert images(simulation) == ["nginx:1.25"] * 4
    await set_spec(simulation, paused=False)
    await simulation.settle()
    assert images(simulation) == ["nginx:2"] * 4


async def test_a_deleted_pod_comes_back(simulation: Simulation) -> None:
    await simulation.apply(WEB)
    await simulation.settle()
    victim = next(iter(simulation.access.named("Pod")))
    await simulation.access.delete("", "Pod", "default", victim)
    await simulation.settle()
    pods = simulation.access.named("Pod")
    assert victim not in pods
    assert len(pods) == 3
    assert conditions(deployment(simulation))["Progressing"] == ("True", "NewReplicaSetAvailable")


async def test_a_restart_in_the_middle_makes_nothing_twice(simulation: Simulation) -> None:
    await simulation.apply(WEB)
    for _ in range(20):
        await simulation.pause()
        simulation.start()
    await simulation.settle()
    assert len(simulation.access.list("", "Pod")) == 3
    assert len(simulation.access.list("apps", "ReplicaSet")) == 1
    before = len(simulation.access.writes)
    await simulation.stop()
    simulation.start()
    await simulation.settle()
    assert simulation.access.writes[before:] == []


async def test_a_label_taken_from_a_pod_sets_it_free(simulation: Simulation) -> None:
    await simulation.apply(WEB)
    await simulation.settle()
    name = next(iter(simulation.access.named("Pod")))
    await simulation.access.edit("", "Pod", name, lambda pod: pod["metadata"]["labels"].update(app="debug"))
    await simulation.settle()
    pods = simulation.access.named("Pod")
    assert len(pods) == 4
    assert pods[name]["metadata"]["ownerReferences"] == []


@pytest.mark.parametrize(
    ("strategy", "before", "after"),
    [
        ({}, Sizes(0, 0, (4,), (4,)), NextSizes(1, (3,))),
        ({}, Sizes(1, 0, (4,), (4,)), NextSizes(1, (3,))),
        ({}, Sizes(4, 4, (1,), (1,)), NextSizes(4, (0,))),
        ({}, Sizes(2, 2, (3,), (0,)), NextSizes(2, (1,))),
        ({"type": "Recreate"}, Sizes(0, 0, (4, 1), (4, 1)), NextSizes(4, (0, 0))),
        ({"rollingUpdate": {"maxSurge": 0, "maxUnavailable": 0}}, Sizes(0, 0, (4,), (4,)), NextSizes(0, (3,))),
        ({"rollingUpdate": {"maxSurge": "100%", "maxUnavailable": 0}}, Sizes(0, 0, (4,), (4,)), NextSizes(4, (4,))),
        ({}, Sizes(9, 9, (), ()), NextSizes(4, ())),
    ],
)
def test_one_step_of_a_rollout(strategy: dict[str, Any], before: Sizes, after: NextSizes) -> None:
    spec = {"spec": {"replicas": 4, "strategy": strategy}}
    assert next_sizes(spec, before) == after


async def test_a_pod_counts_as_available_after_its_minimum(simulation: Simulation) -> None:
    await simulation.apply(WEB.replace("replicas: 3", "replicas: 1\n  minReadySeconds: 1"))
    await simulation.access.until(lambda: deployment(simulation).get("status", {}).get("readyReplicas") == 1)
    assert "availableReplicas" not in deployment(simulation)["status"]
    await simulation.settle()
    assert deployment(simulation)["status"]["availableReplicas"] == 1
