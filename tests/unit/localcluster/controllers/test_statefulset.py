from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from .conftest import Simulation

DATABASE = """
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 3
  serviceName: db
  selector: {matchLabels: {app: db}}
  updateStrategy: {type: RollingUpdate, rollingUpdate: {partition: 0}}
  template:
    metadata: {labels: {app: db}}
    spec: {containers: [{name: db, image: "pg:1"}]}
  volumeClaimTemplates:
  - {metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
"""


def status(simulation: Simulation) -> dict[str, Any]:
    found = simulation.access.get("apps", "StatefulSet", "default", "db")
    assert found is not None
    result: dict[str, Any] = found["status"]
    return result


def images(simulation: Simulation) -> dict[str, str]:
    pods = simulation.access.named("Pod")
    return {name: pod["spec"]["containers"][0]["image"] for name, pod in sorted(pods.items())}


async def set_image(simulation: Simulation, image: str) -> None:
    def change(obj: dict[str, Any]) -> None:
        obj["spec"]["template"]["spec"]["containers"][0]["image"] = image

    await simulation.access.edit("apps", "StatefulSet", "db", change)


async def set_spec(simulation: Simulation, **fields: Any) -> None:
    await simulation.access.edit("apps", "StatefulSet", "db", lambda obj: obj["spec"].update(fields))


async def test_pods_start_in_order_each_with_its_claim(simulation: Simulation) -> None:
    await simulation.apply(DATABASE)
    await simulation.settle()
    pods = simulation.access.named("Pod")
    assert list(pods) == ["db-0", "db-1", "db-2"]
    created = [ref.name for verb, ref, _ in simulation.access.writes if verb == "create" and ref.kind == "Pod"]
    assert created == ["db-0", "db-1", "db-2"]
    assert pods["db-1"]["spec"]["volumes"] == [{"name": "data", "persistentVolumeClaim": {"claimName": "data-db-1"}}]
    assert pods["db-1"]["metadata"]["labels"] | {"controller-revision-hash": ""} == {
        "app": "db",
        "apps.kubernetes.io/pod-index": "1",
        "controller-revision-hash": "",
        "statefulset.kubernetes.io/pod-name": "db-1",
    }
    claims = simulation.access.named("PersistentVolumeClaim")
    assert {name: claim["status"]["phase"] for name, claim in claims.items()} == {
        f"data-db-{number}": "Bound" for number in range(3)
    }


async def test_its_status_is_complete(simulation: Simulation) -> None:
    await simulation.apply(DATABASE)
    await simulation.settle()
    found = status(simulation)
    revision = found.pop("currentRevision")
    counts = ("replicas", "readyReplicas", "currentReplicas", "updatedReplicas", "availableReplicas")
    expected = {"observedGeneration": 1, "updateRevision": revision, "collisionCount": 0}
    assert found == expected | dict.fromkeys(counts, 3)
    assert list(simulation.access.named("ControllerRevision", "apps")) == [revision]


async def test_an_update_goes_from_the_last_to_the_first(simulation: Simulation) -> None:
    await simulation.apply(DATABASE)
    await simulation.settle()
    await set_image(simulation, "pg:2")
    await simulation.settle()
    assert set(images(simulation).values()) == {"pg:2"}
    replaced = [ref.name for verb, ref, _ in simulation.access.writes if verb == "create" and ref.kind == "Pod"][3:]
    assert replaced == ["db-2", "db-1", "db-0"]
    assert status(simulation)["currentRevision"] == status(simulation)["updateRevision"]


async def test_a_partition_keeps_the_lower_ones(simulation: Simulation) -> None:
    await simulation.apply(DATABASE)
    await set_spec(simulation, updateStrategy={"type": "RollingUpdate", "rollingUpdate": {"partition": 2}})
    await simulation.settle()
    await set_image(simulation, "pg:2")
    await simulation.settle()
    assert images(simulation) == {"db-0": "pg:1", "db-1": "pg:1", "db-2": "pg:2"}
    found = status(simulation)
    assert (found["updatedReplicas"], found["currentReplicas"], found["readyReplicas"]) == (1, 2, 3)
    await simulation.access.delete("", "Pod", "default", "db-0")
    await simulation.settle()
    assert images(simulation)["db-0"] == "pg:1"


async def test_scaling_down_takes_the_last_and_keeps_claims(simulation: Simulation) -> None:
    await simulation.apply(DATABASE)
    await simulation.settle()
    await set_spec(simulation, replicas=1)
    await simulation.settle()
    assert list(images(simulation)) == ["db-0"]
    assert len(simulation.access.named("PersistentVolumeClaim")) == 3


async def test_a_broken_update_stops_and_a_revert_heals(simulation: Simulation) -> None:
    await simulation.apply(DATABASE)
    await simulation.settle()
    await set_image(simulation, "pg:broken")
    await simulation.settle()
    assert images(simulation) == {"db-0": "pg:1", "db-1": "pg:1", "db-2": "pg:broken"}
    assert status(simulation)["readyReplicas"] == 2
    assert status(simulation)["currentRevision"] != status(simulation)["updateRevision"]
    await set_image(simulation, "pg:1")
    await simulation.settle()
    assert set(images(simulation).values()) == {"pg:1"}
    assert status(simulation)["readyReplicas"] == 3


async def test_on_delete_waits_for_the_user(simulation: Simulation) -> None:
    await simulation.apply(DATABASE)
    await set_spec(simulation, updateStrategy={"type": "OnDelete"})
    await simulation.settle()
    await set_image(simulation, "pg:2")
    await simulation.settle()
    assert set(images(simulation).values()) == {"pg:1"}
    await simulation.access.delete("", "Pod", "default", "db-1")
    await simulation.settle()
    assert images(simulation)["db-1"] == "pg:2"


async def test_parallel_pods_do_not_wait_for_each_other(simulation: Simulation) -> None:
    await simulation.apply(DATABASE.replace("replicas: 3", "replicas: 3\n  podManagementPolicy: Parallel"))
    await simulation.access.until(lambda: len(simulation.access.named("Pod")) == 3)
    assert not any(pod.get("status", {}).get("podIP") for pod in simulation.access.named("Pod").values())
    await simulation.settle()
    assert status(simulation)["readyReplicas"] == 3
