from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fairlead.localcluster.controllers.quantity import bytes_of

if TYPE_CHECKING:
    from .conftest import Simulation

CLAIM = """
apiVersion: v1
kind: PersistentVolumeClaim
metadata: {name: data}
spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 2Gi}}}
"""
VOLUME = """
apiVersion: v1
kind: PersistentVolume
metadata: {name: NAME, namespace: ""}
spec:
  capacity: {storage: SIZE}
  accessModes: [ReadWriteOnce]
  storageClassName: manual
  persistentVolumeReclaimPolicy: Retain
"""


def claim(simulation: Simulation) -> dict[str, Any]:
    return simulation.access.named("PersistentVolumeClaim")["data"]


async def test_a_claim_of_the_default_class_is_bound(simulation: Simulation) -> None:
    await simulation.apply(CLAIM)
    await simulation.settle()
    found = claim(simulation)
    assert found["spec"]["storageClassName"] == "standard"
    assert found["status"] == {"phase": "Bound", "accessModes": ["ReadWriteOnce"], "capacity": {"storage": "2Gi"}}
    volume = simulation.access.named("PersistentVolume")[found["spec"]["volumeName"]]
    assert volume["status"]["phase"] == "Bound"
    assert volume["spec"]["claimRef"]["uid"] == found["metadata"]["uid"]


async def test_a_deleted_claim_takes_its_volume_along(simulation: Simulation) -> None:
    await simulation.apply(CLAIM)
    await simulation.settle()
    await simulation.access.delete("", "PersistentVolumeClaim", "default", "data")
    await simulation.settle()
    assert simulation.access.named("PersistentVolume") == {}


async def test_a_claim_in_use_stays_until_its_pod_is_gone(simulation: Simulation) -> None:
    await simulation.apply(CLAIM.replace("name: data", "name: data, finalizers: [kubernetes.io/pvc-protection]"))
    volumes = "[{name: v, persistentVolumeClaim: {claimName: data}}]"
    await simulation.apply(
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: one}}\n"
        f"spec: {{volumes: {volumes}, containers: [{{name: a, image: b}}]}}"
    )
    await simulation.settle()
    assert simulation.access.named("Pod")["one"]["status"]["phase"] == "Running"
    await simulation.access.delete("", "PersistentVolumeClaim", "default", "data")
    await simulation.settle()
    assert claim(simulation)["metadata"]["deletionTimestamp"]
    await simulation.access.delete("", "Pod", "default", "one")
    await simulation.settle()
    assert simulation.access.named("PersistentVolumeClaim") == {}


async def test_an_unknown_class_is_told_and_waited_for(simulation: Simulation) -> None:
    await simulation.apply(CLAIM.replace("{access", "{storageClassName: fast, access"))
    await simulation.settle()
    assert claim(simulation)["status"] == {"phase": "Pending"}
    message = 'storageclass.storage.k8s.io "fast" not found'
    assert simulation.access.events("PersistentVolumeClaim") == [("Warning", "ProvisioningFailed", message)]
    await simulation.apply(
        'apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: fast, namespace: ""}\nprovisioner: p'
    )
    await simulation.settle()
    assert claim(simulation)["status"]["phase"] == "Bound"


async def test_a_class_may_wait_for_the_first_pod(simulation: Simulation) -> None:
    await simulation.apply(
        'apiVersion: storage.k8s.io/v1\nkind: StorageClass\nmetadata: {name: lazy, namespace: ""}\n'
        "provisioner: p\nvolumeBindingMode: WaitForFirstConsumer"
    )
    await simulation.apply(CLAIM.replace("{access", "{storageClassName: lazy, access"))
    await simulation.settle()
    assert claim(simulation)["status"] == {"phase": "Pending"}
    volumes = "[{name: v, persistentVolumeClaim: {claimName: data}}]"
    await simulation.apply(
        f"apiVersion: v1\nkind: Pod\nmetadata: {{name: one}}\n"
        f"spec: {{volumes: {volumes}, containers: [{{name: a, image: b}}]}}"
    )
    await simulation.settle()
    assert claim(simulation)["status"]["phase"] == "Bound"
    assert simulation.access.named("Pod")["one"]["status"]["phase"] == "Running"


async def test_the_smallest_fitting_volume_is_taken_and_later_released(simulation: Simulation) -> None:
    for name, size in (("big", "10Gi"), ("right", "3Gi"), ("small", "1Gi")):
        await simulation.apply(VOLUME.replace("NAME", name).replace("SIZE", size))
    await simulation.apply(CLAIM.replace("{access", "{storageClassName: manual, access"))
    await simulation.settle()
    assert claim(simulation)["spec"]["volumeName"] == "right"
    phases = {name: each["status"]["phase"] for name, each in simulation.access.named("PersistentVolume").items()}
    assert phases == {"big": "Available", "right": "Bound", "small": "Available"}
    await simulation.access.delete("", "PersistentVolumeClaim", "default", "data")
    await simulation.settle()
    assert simulation.access.named("PersistentVolume")["right"]["status"]["phase"] == "Released"


async def test_a_claim_grows(simulation: Simulation) -> None:
    await simulation.apply(CLAIM)
    await simulation.settle()
    resources = {"requests": {"storage": "5Gi"}}
    await simulation.access.edit(
        "", "PersistentVolumeClaim", "data", lambda obj: obj["spec"].update(resources=resources)
    )
    await simulation.settle()
    assert claim(simulation)["status"]["capacity"] == {"storage": "5Gi"}


@pytest.mark.parametrize(
    ("text", "number"), [("1Ki", 1024), ("1.5Gi", 1610612736), ("2M", 2000000), ("100m", 1), ("1e3", 1000), ("x", 0)]
)
def test_quantities(text: str, number: int) -> None:
    assert bytes_of(text) == number
