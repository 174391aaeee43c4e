"""The engine deletes what left the desired state and is still ours, and nothing else."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from fairlead.engine.prune import Pruner
from fairlead.engine.watcher import ManagedWatcher
from fairlead.errors import NotReadyError
from fairlead.kube.client import KubeClient
from tests.support.engine import PREFIX, Fleet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fairlead.engine.prune import PruneResult
    from fairlead.kube.config import ClusterConfig

_serial = itertools.count(1)


@pytest_asyncio.fixture
async def fleet(cluster: ClusterConfig) -> AsyncIterator[Fleet]:
    async with KubeClient(cluster) as client, ManagedWatcher(client) as watcher:
        fleet = Fleet(watcher, f"engine-prune-{os.getpid()}-{next(_serial)}")
        await fleet.applied(fleet.namespace())
        yield fleet


def outcome(result: PruneResult) -> dict[str, str]:
    assert result.error is None
    return {change.ref.name: str(change.action) for change in result.changes}


async def test_only_what_is_stale_and_ours_goes(fleet: Fleet) -> None:
    kept = fleet.config_map("kept")
    await fleet.applied(kept, *(fleet.config_map(name) for name in ("stale", "marked", "taken", "gone")))
    await fleet.edit(fleet.ref("ConfigMap", "marked"), {"metadata": {"annotations": {f"{PREFIX}/prune": "disabled"}}})
    await fleet.edit(fleet.ref("ConfigMap", "taken"), {"metadata": {"labels": {f"{PREFIX}/name": "other"}}})
    await fleet.client.delete(fleet.ref("ConfigMap", "gone"))
    result = await fleet.prune_to(fleet.namespace(), kept)
    assert outcome(result) == {"stale": "deleted", "gone": "deleted", "marked": "skipped", "taken": "skipped"}
    for name, there in {"kept": True, "stale": False, "marked": True, "taken": True}.items():
        assert (await fleet.live(fleet.ref("ConfigMap", name)) is not None) is there


async def test_our_deletions_are_no_news(fleet: Fleet) -> None:
    await fleet.applied(fleet.config_map("stale"))
    result = await fleet.prune_to(fleet.namespace())
    await Pruner(fleet.watcher, fleet.options.owner).wait_for_termination(result, 10)
    assert fleet.events == []


async def test_what_another_kustomization_claims_stays(fleet: Fleet) -> None:
    await fleet.applied(fleet.config_map("moved"))
    pruner = Pruner(fleet.watcher, fleet.options.owner, claimed=lambda ref: ref.name == "moved")
    result = await pruner.prune(fleet.inventory.without([ref for ref in fleet.inventory if ref.kind == "Namespace"]))
    assert outcome(result) == {"moved": "skipped"}


async def test_a_finalizer_that_holds_an_object_is_named(fleet: Fleet) -> None:
    held = fleet.config_map("held")
    held["metadata"]["finalizers"] = ["example.com/held"]
    await fleet.applied(held)
    result = await fleet.prune_to(fleet.namespace())
    assert outcome(result) == {"held": "deleted"}
    pruner = Pruner(fleet.watcher, fleet.options.owner)
    with pytest.raises(NotReadyError, match=r"ConfigMap/.*/held termination timeout.*example\.com/held"):
        await pruner.wait_for_termination(result, 0.2)
    await fleet.edit(fleet.ref("ConfigMap", "held"), {"metadata": {"finalizers": None}})
    await pruner.wait_for_termination(result, 10)


async def test_an_empty_desired_state_deletes_nothing(fleet: Fleet) -> None:
    await fleet.applied(fleet.config_map("a"))
    assert outcome(await fleet.prune_to()) == {}
