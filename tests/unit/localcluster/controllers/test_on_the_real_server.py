"""The simulation behind the whole server: its defaults, validation and garbage collection are the real ones there."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from fairlead.localcluster import LocalCluster
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from fairlead.localcluster import Access

WORKLOADS = """
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template: {metadata: {labels: {app: web}}, spec: {containers: [{name: a, image: "nginx:1"}]}}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {type: LoadBalancer, selector: {app: web}, ports: [{port: 80}]}
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: web}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}
---
apiVersion: apps/v1
kind: StatefulSet
metadata: {name: db}
spec:
  replicas: 2
  serviceName: db
  selector: {matchLabels: {app: db}}
  template: {metadata: {labels: {app: db}}, spec: {containers: [{name: a, image: "pg:1"}]}}
  volumeClaimTemplates:
  - {metadata: {name: data}, spec: {accessModes: [ReadWriteOnce], resources: {requests: {storage: 1Gi}}}}
---
apiVersion: apps/v1
kind: DaemonSet
metadata: {name: agent}
spec:
  selector: {matchLabels: {app: agent}}
  template: {metadata: {labels: {app: agent}}, spec: {containers: [{name: a, image: "agent:1"}]}}
---
apiVersion: batch/v1
kind: Job
metadata: {name: task}
spec: {template: {spec: {restartPolicy: Never, containers: [{name: a, image: "task:1"}]}}}
"""
KINDS = ("Deployment", "StatefulSet", "DaemonSet")


@pytest.fixture
async def cluster() -> AsyncIterator[LocalCluster]:
    async with LocalCluster(speed=20) as running:
        yield running


async def apply(access: Access, text: str) -> None:
    for obj in yaml.safe_load_all(text):
        obj["metadata"]["namespace"] = "default"
        await access.create(obj, field_manager="user")


async def until(condition: Callable[[], object]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not condition():  # noqa: ASYNC110 (looks from outside, as a user does)
            await asyncio.sleep(0.02)


def status(access: Access, group: str, kind: str, name: str) -> dict[str, Any]:
    found = access.get(group, kind, "default", name)
    return (found or {}).get("status") or {}


def everything_is_there(access: Access) -> bool:
    done = {each["type"] for each in status(access, "batch", "Job", "task").get("conditions") or ()}
    deployment = {each["reason"] for each in status(access, "apps", "Deployment", "web").get("conditions") or ()}
    return (
        deployment == {"MinimumReplicasAvailable", "NewReplicaSetAvailable"}
        and status(access, "apps", "StatefulSet", "db").get("readyReplicas") == 2
        and status(access, "apps", "DaemonSet", "agent").get("numberReady") == 1
        and status(access, "policy", "PodDisruptionBudget", "web").get("disruptionsAllowed") == 1
        and bool(status(access, "", "Service", "web").get("loadBalancer"))
        and "Complete" in done
    )


async def test_all_workloads_become_ready(cluster: LocalCluster) -> None:
    await apply(cluster.access, WORKLOADS)
    await until(lambda: everything_is_there(cluster.access))
    for kind in KINDS:
        for obj in cluster.access.list("apps", kind):
            assert obj["status"]["observedGeneration"] == obj["metadata"]["generation"]
    pods = cluster.access.list("", "Pod")
    assert len(pods) == 2 + 2 + 1 + 1
    managers = {(entry["manager"], entry.get("subresource", "")) for entry in pods[0]["metadata"]["managedFields"]}
    assert {("kube-controller-manager", ""), ("kubelet", "status")} <= managers


async def test_deleting_owners_leaves_nothing_behind(cluster: LocalCluster) -> None:
    await apply(cluster.access, WORKLOADS)
    await until(lambda: everything_is_there(cluster.access))
    for group, kind, name in (
        ("apps", "Deployment", "web"),
        ("apps", "StatefulSet", "db"),
        ("apps", "DaemonSet", "agent"),
        ("batch", "Job", "task"),
        ("", "Service", "web"),
    ):
        await cluster.access.delete(group, kind, "default", name)
    await until(lambda: not cluster.access.list("", "Pod"))
    await until(lambda: not cluster.access.list("apps", "ReplicaSet"))
    await until(lambda: not cluster.access.list("discovery.k8s.io", "EndpointSlice"))


async def test_a_restart_goes_on_where_the_last_run_stopped(tmp_path: Path) -> None:
    async with LocalCluster(speed=20, data_dir=tmp_path) as cluster:
        await apply(cluster.access, WORKLOADS)
        await until(lambda: cluster.access.list("", "Pod"))
    async with LocalCluster(speed=20, data_dir=tmp_path) as cluster:
        await until(lambda: everything_is_there(cluster.access))
        assert len(cluster.access.list("", "Pod")) == 2 + 2 + 1 + 1
        assert len(cluster.access.list("apps", "ReplicaSet")) == 1
