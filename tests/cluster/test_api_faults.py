"""An API server that fails in all its ways: the cluster converges, nothing is lost, and nothing is written twice."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

import pytest

from fairlead.objects.ref import GroupKind
from tests.support.fault_proxy import FaultProxy, Reset
from tests.support.manifests import config_map
from tests.support.progress import show_progress_after

if TYPE_CHECKING:
    from tests.support.world import World

CONFIG_MAPS = r"/configmaps/cm-\d"
STATUS = r"/kustomizations/apps/status"
COUNT = 4


def commit(world: World, value: str) -> str:
    files = {
        f"apps/cm-{number}.yaml": config_map(f"cm-{number}", world.namespace, {"k": value}) for number in range(COUNT)
    }
    return world.repo.commit(f"Set {value}", files)


async def begin(world: World) -> None:
    commit(world, "1")
    await world.git_repository()
    await world.kustomization("apps", path="apps", retryInterval="1s")
    await world.ready("apps")


async def check(world: World, value: str) -> None:
    """All objects are as Git says, each in the inventory, and nobody but us has written them."""
    listed = await world.client.list(
        GroupKind("", "ConfigMap"), namespace=world.namespace, label_selector="kustomize.toolkit.fluxcd.io/name=apps"
    )
    assert {item["metadata"]["name"]: item["data"]["k"] for item in listed.items} == {
        f"cm-{number}": value for number in range(COUNT)
    }
    for item in listed.items:
        assert [entry["manager"] for entry in item["metadata"]["managedFields"]] == ["kustomize-controller"]
    assert len(await world.inventory("apps")) == COUNT
    ready = await world.condition("apps")
    assert ready["status"] == "True"


async def resource_versions(world: World) -> dict[str, str]:
    listed = await world.client.list(GroupKind("", "ConfigMap"), namespace=world.namespace)
    return {item["metadata"]["name"]: item["metadata"]["resourceVersion"] for item in listed.items}


async def assert_quiet(world: World) -> None:
    """One more run writes nothing."""
    before = await resource_versions(world)
    await world.request_reconcile("Kustomization", "apps", "quiet")

    async def handled() -> bool:
        return (await world.status("apps")).get("lastHandledReconcileAt") == "quiet"

    await world.eventually("the request is handled", handled)
    assert await resource_versions(world) == before


WRITES = {"409": 409, "429": 429, "500": 500, "503": 503, "reset before": Reset.BEFORE, "reset after": Reset.AFTER}


@pytest.mark.parametrize("what", WRITES.values(), ids=WRITES)
async def test_writes_of_objects_that_fail(world: World, proxy: FaultProxy, what: int | Reset) -> None:
    await begin(world)
    proxy.fail(what, "PATCH", CONFIG_MAPS, times=3)
    commit(world, "2")
    await world.ready("apps")
    assert proxy.injected[str(what)] == 3
    await check(world, "2")
    await assert_quiet(world)


@pytest.mark.parametrize("what", [409, 429, 500, Reset.BEFORE, Reset.AFTER], ids=str)
async def test_writes_of_the_status_that_fail(
    world: World, proxy: FaultProxy, what: int | Reset, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A write that arrived and whose answer was lost is not repeated, so not all may be met."""
    show_progress_after(3600, monkeypatch)  # a run on a busy machine would write more
    proxy.fail(what, "PATCH", STATUS, times=3)
    await begin(world)
    assert proxy.injected[str(what)] == (1 if what is Reset.AFTER else 3)
    await check(world, "1")
    await assert_quiet(world)


async def test_a_refusal_is_told_and_tried_again(world: World, proxy: FaultProxy) -> None:
    await begin(world)
    proxy.fail(422, "PATCH", CONFIG_MAPS, times=1)
    commit(world, "2")
    message = (await world.event("apps", "injected failure 422"))["message"]
    assert f"ConfigMap/{world.namespace}/cm-" in message
    await world.ready("apps")
    await check(world, "2")


@pytest.mark.parametrize("what", [410, 429, 500, Reset.BEFORE], ids=str)
async def test_watches_that_cannot_begin(world: World, proxy: FaultProxy, what: int | Reset) -> None:
    """The gap is closed by a list: a change that no event told of is repaired."""
    await begin(world)
    proxy.fail(what, "GET", r"/configmaps\?.*watch=", times=2)
    proxy.break_watches()
    await world.patch("ConfigMap", "cm-0", {"data": {"k": "other"}})

    await world.eventually("the value is back", lambda: _has(world, "cm-0", "1"))
    await check(world, "1")


@pytest.mark.parametrize("away", ["watches", "server"])
async def test_changes_that_no_event_told_of(world: World, proxy: FaultProxy, away: str) -> None:
    """The watches break before and after each change, or the whole server is away meanwhile."""
    begins, ends = (proxy.break_watches, proxy.break_watches) if away == "watches" else (proxy.close, proxy.open)
    await begin(world)
    for value in ("2", "3", "4"):
        begins()
        commit(world, value)
        await world.delete("ConfigMap", "cm-1")
        await world.patch("ConfigMap", "cm-2", {"data": {"k": "other"}})
        ends()
        await world.ready("apps")
    await world.eventually("the deleted one is back", lambda: _has(world, "cm-1", "4"))
    await world.eventually("the last change is repaired", lambda: _has(world, "cm-2", "4"))
    await check(world, "4")


async def test_deletions_that_fail(world: World, proxy: FaultProxy) -> None:
    """An object stays in the inventory until it is gone."""
    await begin(world)
    world.repo.commit("Add", {"apps/extra.yaml": config_map("extra", world.namespace, {})})
    await world.ready("apps")
    faults: tuple[int | Reset, ...] = (500, 409, Reset.AFTER)
    for what in faults:
        proxy.fail(what, "DELETE", "/configmaps/extra")
    world.repo.commit("Drop", {"apps/extra.yaml": None})
    await world.ready("apps")
    assert await world.get("ConfigMap", "extra") is None
    await check(world, "1")


async def test_everything_at_random(world: World, proxy: FaultProxy) -> None:
    """Faults of all sorts during ten commits; the end is what Git says."""
    chance = random.Random(11)
    await begin(world)
    world.repo.commit("Fix", {"apps/fixed.yaml": config_map("fixed", world.namespace, {})})
    await world.ready("apps")
    fixed = await world.get("ConfigMap", "fixed")
    faults: list[int | Reset] = [409, 429, 500, 503, Reset.BEFORE, Reset.AFTER]
    for turn in range(10):
        for _ in range(3):
            proxy.fail(
                chance.choice(faults),
                chance.choice(["PATCH", "PATCH", "GET"]),
                chance.choice([CONFIG_MAPS, STATUS, "watch="]),
            )
        if chance.random() < 0.5:
            proxy.break_watches()
        commit(world, str(turn))
        if chance.random() < 0.5:
            await world.ready("apps")
    await world.ready("apps")
    assert await world.get("ConfigMap", "fixed") == fixed, "what did not change was written"
    world.repo.commit("Drop it", {"apps/fixed.yaml": None})
    await world.ready("apps")
    await check(world, "9")


async def _has(world: World, name: str, value: str) -> bool:
    found = await world.get("ConfigMap", name)
    return found is not None and found["data"] == {"k": value}
