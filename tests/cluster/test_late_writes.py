"""A write that was given up, and reaches the server after its object has left Git: the object does not stay."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from fairlead.engine import state
from tests.support.manifests import config_map

if TYPE_CHECKING:
    import pytest

    from tests.support.fault_proxy import FaultProxy
    from tests.support.world import World


async def run_again(world: World, token: str) -> None:
    await world.request_reconcile("Kustomization", "apps", token)

    async def handled() -> bool:
        return (await world.status("apps")).get("lastHandledReconcileAt") == token

    await world.eventually("it has run again", handled)


async def test_an_object_that_comes_late_goes(world: World, proxy: FaultProxy, monkeypatch: pytest.MonkeyPatch) -> None:
    await world.restart_with(shortest_timeout=timedelta(milliseconds=100))
    world.repo.commit("Begin", {"apps/keep.yaml": config_map("keep", world.namespace, {})})
    await world.git_repository()
    await world.kustomization("apps", path="apps", timeout="1s")
    await world.ready("apps")
    hold = proxy.hold("PATCH", "/configmaps/late")
    world.repo.commit("Add", {"apps/late.yaml": config_map("late", world.namespace, {})})
    failure = await world.failed("apps")
    assert "took longer than its timeout" in failure["message"]
    world.repo.commit("Remove", {"apps/late.yaml": None})
    await world.ready("apps")
    assert f"{world.namespace}_late__ConfigMap" in await world.inventory("apps")
    hold.release.set()

    async def arrived() -> bool:
        return await world.get("ConfigMap", "late") is not None

    await world.eventually("the write has arrived", arrived)
    await run_again(world, "1")
    assert await world.get("ConfigMap", "late") is None
    monkeypatch.setattr(state, "LATE_SECONDS", 0.0)  # it is over
    await run_again(world, "2")
    assert await world.inventory("apps") == [f"{world.namespace}_keep__ConfigMap"]
