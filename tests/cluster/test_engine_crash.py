"""The process may die between any two requests: the next one ends in the same state, with nothing lost or orphaned."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING, Any

import pytest

from fairlead.api import names
from fairlead.engine.prune import Pruner
from fairlead.engine.watcher import ManagedWatcher
from fairlead.kube.client import KubeClient
from fairlead.objects.inventory import Inventory
from fairlead.objects.ref import GroupKind, ObjectRef
from tests.support.engine import Fleet, annotated

if TYPE_CHECKING:
    from fairlead.kube.config import ClusterConfig
    from fairlead.kube.discovery import Resource
    from fairlead.kube.transport import Call
    from fairlead.objects.manifest import Manifest

_serial = itertools.count(1)
KINDS = (GroupKind("", "ConfigMap"), GroupKind("apps", "Deployment"))


class Killed(BaseException):
    """The end of the process, as far as the engine can tell."""


class MortalClient(KubeClient):
    """Dies at its n-th write: before the request is sent, or after the server has carried it out."""

    writes_left = 10**9
    after = False

    async def _send(self, call: Call, resource: Resource) -> bytes:
        if call.verb not in ("apply", "patch", "delete", "create"):
            return await super()._send(call, resource)
        type(self).writes_left -= 1
        last = type(self).writes_left == 0
        if last and not self.after:
            raise Killed
        answer = await super()._send(call, resource)
        if last:
            raise Killed
        return answer


class Run:
    """What survives a crash: the cluster, and the inventory as it was last recorded."""

    def __init__(self, cluster: ClusterConfig, name: str) -> None:
        self.cluster = cluster
        self.name = name
        self.inventory = Inventory()

    async def once(self, objects: list[Manifest], client: KubeClient | None = None) -> None:
        """One whole run with nothing remembered; it may be killed on the way."""
        async with client or KubeClient(self.cluster) as used, ManagedWatcher(used) as watcher:
            fleet = Fleet(watcher, self.name)
            fleet.inventory = self.inventory
            fleet.recorded = _Recorder(self)
            result = await fleet.apply(*objects)
            result.raise_for_failures()
            pruned = await Pruner(watcher, fleet.options.owner).prune(self.inventory - result.desired)
            assert pruned.error is None
            self.inventory = result.desired | pruned.survivors

    async def owned(self, client: KubeClient) -> dict[ObjectRef, Any]:
        found = {}
        for kind in KINDS:
            selector = f"{names.OWNER_NAME}={self.name}"
            for item in (await client.list(kind, namespace=self.name, label_selector=selector)).items:
                found[ObjectRef.of(item)] = item.get("data") or item["spec"]["selector"]
        return found


class _Recorder(list[Inventory]):
    """Keeps what is recorded, as a status that is written would."""

    def __init__(self, run: Run) -> None:
        super().__init__()
        self._run = run

    def append(self, inventory: Inventory) -> None:
        self._run.inventory = inventory


def states(fleet: Fleet) -> tuple[list[Manifest], list[Manifest]]:
    """Two revisions: one creates, the next changes, makes anew, takes over, adds and drops."""
    begin = [fleet.namespace(), fleet.config_map("kept", x="1"), fleet.config_map("dropped", x="1"), fleet.deployment()]
    anew = annotated(fleet.deployment(app="other"), force="enabled")
    taken = fleet.config_map("taken", x="1")
    return begin, [fleet.namespace(), fleet.config_map("kept", x="2"), anew, fleet.config_map("added", x="1"), taken]


@pytest.mark.parametrize("after", [False, True], ids=["before the request", "after the answer is lost"])
async def test_killed_at_every_write(cluster: ClusterConfig, after: bool) -> None:
    for writes in range(1, 40):
        run = Run(cluster, f"engine-crash-{os.getpid()}-{next(_serial)}")
        async with KubeClient(cluster) as client, ManagedWatcher(client) as watcher:
            fleet = Fleet(watcher, run.name)
            begin, end = states(fleet)
            await run.once(begin)
            await client.create(fleet.config_map("taken", x="1", extra="2"), field_manager="kubectl-create")
            MortalClient.writes_left, MortalClient.after = writes, after
            survived = await _survives(run, end)
            owned = await run.owned(client)
            assert {*owned} <= {*run.inventory}, "an object that exists because of us is not in the inventory"
            await run.once(end)
            found = await run.owned(client)
            assert {ref.name: data for ref, data in found.items()} == {
                "kept": {"x": "2"},
                "added": {"x": "1"},
                "taken": {"x": "1"},
                "web": {"matchLabels": {"app": "other"}},
            }
            await client.delete(ObjectRef("", "Namespace", "", run.name))
        if survived:
            assert writes > 5, "the second revision takes several writes"
            return
    pytest.fail("the run never came to its end")


async def _survives(run: Run, objects: list[Manifest]) -> bool:
    try:
        await run.once(objects, MortalClient(run.cluster))
    except Killed:
        return False
    except BaseExceptionGroup as group:
        if group.subgroup(Killed) is None:
            raise
        return False
    return True
