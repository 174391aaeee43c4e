"""Killed again and again while thirty Kustomizations change and the API server fails: the end is that of a clean run.

``FAULT_KILLS`` and ``FAULT_SEED`` say how often and in which order; ``make fault-test`` kills 200 times. The seed fixes
the commits, the moments of death and the faults drawn; which request meets which fault depends on the machine.
"""

from __future__ import annotations

import asyncio
import os
import random
import re
import signal
import time
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.support.accounts import service_account
from tests.support.cli import kubeconfig_text
from tests.support.controllers import Controllers
from tests.support.fault_proxy import FaultProxy
from tests.support.moving_fleet import MovingFleet, comparable, inventories, journalled, live_objects, names
from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


KILLS = int(os.environ.get("FAULT_KILLS", "12"))
SEED = int(os.environ.get("FAULT_SEED", "1"))
RATE = 0.03
LATEST_SECONDS = 1.2
"""Nearly always before the work of a commit is done: how often it was is printed."""
LONG = 180.0
"""Seconds for thirty Kustomizations, with a process that starts anew, on a machine that others use, too."""


@pytest_asyncio.fixture
async def proxy(world: World, tmp_path: Path) -> AsyncIterator[FaultProxy]:
    await world.stop()  # the controllers in this process
    async with FaultProxy(await service_account(world), tmp_path / "proxy") as proxy:
        yield proxy


@pytest_asyncio.fixture
async def controllers(world: World, proxy: FaultProxy, tmp_path: Path) -> AsyncIterator[Controllers]:
    (tmp_path / "kubeconfig").write_text(kubeconfig_text(proxy.config))
    running = Controllers(world.namespace, tmp_path)
    await running.start()
    yield running
    await running.end()


@pytest.mark.timeout(600 + 15 * KILLS)
async def test_the_end_is_that_of_a_clean_run(
    world: World, proxy: FaultProxy, controllers: Controllers, tmp_path: Path
) -> None:
    chance = random.Random(SEED)
    fleet = MovingFleet(chance)
    fleet.advance(world)
    await fleet.resources(world)
    await world.ready(*names(), seconds=LONG)
    uids: dict[str, str] = {}
    busy = in_request = 0
    begun = time.monotonic()
    proxy.harass(random.Random(SEED), RATE)
    for number in range(KILLS):
        for _ in range(chance.randrange(1, 3)):
            fleet.advance(world)
            await asyncio.sleep(chance.random() * LATEST_SECONDS / 2)  # the moment of death is what is tried
        if chance.random() < 0.2:
            proxy.break_watches()
        in_request += proxy.under_way > 0
        await controllers.end(signal.SIGKILL)
        await _settled(proxy)
        busy += await _unfinished(world)
        await _check_dead(world, fleet, uids, number)
        starts = controllers.log.read_text().count("started with")
        await controllers.start()
        await _until_started(world, controllers, starts)
    proxy.harass(None)
    seconds = time.monotonic() - begun
    print(
        f"\nseed {SEED}: {KILLS} kills in {seconds:.0f} s, {busy} of them with work to do, {in_request} amid requests; "
        f"{fleet.turn} commits; faults: {dict(proxy.injected)}"
    )
    await world.ready(*names(), seconds=LONG)
    await _another_run(world)
    _check_uids(uids, await live_objects(world), fleet)
    await controllers.end(signal.SIGTERM)
    assert not re.search("Traceback|never awaited", controllers.log.read_text()), controllers.log.read_text()
    assert busy >= KILLS * 0.8, "too many kills hit an idle process: this run shows little"
    await _compare_with_clean_run(world, fleet, tmp_path)


async def _another_run(world: World) -> None:
    """As the interval would bring: the entry of an object that moved leaves its first inventory in the run after."""
    for name in names():
        await world.request_reconcile("Kustomization", name, "now")
    for name in names():

        async def handled(name: str = name) -> bool:
            return (await world.status(name)).get("lastHandledReconcileAt") == "now"

        await world.eventually(f"{name} has run again", handled, seconds=LONG)
    await world.ready(*names(), seconds=LONG)


async def _compare_with_clean_run(world: World, fleet: MovingFleet, folder: Path) -> None:
    """The same commit, applied once and without faults, where nothing was before."""
    clean = World(world.client, world.repo, folder / "clean", namespace=f"{world.namespace}-clean")
    async with clean:
        await fleet.resources(clean)
        await clean.ready(*names(), seconds=LONG)
        expected, found = await live_objects(clean), await live_objects(world)
        assert {
            name: item["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] for name, item in found.items()
        } == (fleet.wanted())
        assert found.keys() == expected.keys()
        for name, item in expected.items():
            assert comparable(found[name], world.namespace) == comparable(item, clean.namespace)
        assert await inventories(world) == await inventories(clean)


async def _check_dead(world: World, fleet: MovingFleet, uids: dict[str, str], number: int) -> None:
    """What holds whenever nothing runs: each object is on record, and none was made again.

    Between two Kustomizations the entry goes first and the object's label follows.
    """
    live = await live_objects(world)
    recorded = set().union(*(await inventories(world)).values(), *(await journalled(world)).values())
    for name, item in live.items():
        owner = item["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"]
        assert f"{name}__{item['kind']}" in recorded, f"kill {number}: {name} of {owner} is an orphan"
    _check_uids(uids, live, fleet)


def _check_uids(uids: dict[str, str], live: dict[str, dict[str, Any]], fleet: MovingFleet) -> None:
    wanted = fleet.wanted()
    for name in uids.keys() - wanted.keys():
        del uids[name]
    assert uids.keys() <= live.keys(), (
        f"turn {fleet.turn}: deleted although in Git: {sorted(uids.keys() - live.keys())}"
    )
    for name in wanted.keys() & live.keys():
        uid = live[name]["metadata"]["uid"]
        assert uids.setdefault(name, uid) == uid, f"turn {fleet.turn}: {name} was deleted and made again"


async def _settled(proxy: FaultProxy) -> None:
    """Until the server has answered what the dead process had asked for."""
    async with asyncio.timeout(30):
        while proxy.under_way:  # noqa: ASYNC110 - nobody else needs an event for it
            await asyncio.sleep(0.01)


async def _unfinished(world: World) -> bool:
    """Whether a Kustomization was not yet ready at the newest commit."""
    for name in names():
        if (await world.status(name)).get("lastAppliedRevision") != f"main@sha1:{world.repo.head}":
            return True
    return False


async def _until_started(world: World, controllers: Controllers, before: int) -> None:
    async def said() -> bool:
        return controllers.log.read_text().count("started with") > before

    await world.eventually("the controllers have started", said, seconds=LONG)
