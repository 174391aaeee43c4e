"""`fairlead run` may be killed at any moment: the end is what Git says, and no object is orphaned, lost or disturbed.

The process is the one that users start, and it is killed with SIGKILL at random moments (the seed is fixed) while
commits, removals and a chain of dependencies are under way. ``RESTART_SECONDS`` makes the loop longer than in the
normal suite.
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

from fairlead.objects.ref import GroupKind
from tests.support.controllers import Controllers
from tests.support.manifests import config_map
from tests.support.moving_fleet import inventories, journalled

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.world import World

SECONDS = float(os.environ.get("RESTART_SECONDS", "15"))
SEED = int(os.environ.get("RESTART_SEED", "3"))
OWNED = "kustomize.toolkit.fluxcd.io/name"
CHAIN = ("base", "middle", "top")


@pytest_asyncio.fixture
async def controllers(world: World, kubeconfig: str, tmp_path: Path) -> AsyncIterator[Controllers]:
    await world.stop()  # those in this process
    (tmp_path / "kubeconfig").write_text(kubeconfig)
    running = Controllers(world.namespace, tmp_path)
    yield running
    await running.end()


class Story:
    """A growing and shrinking set of ConfigMaps in three Kustomizations, each of which depends on the one before."""

    def __init__(self, world: World, chance: random.Random) -> None:
        self.world = world
        self._chance = chance
        self._turn = 0

    async def begin(self) -> None:
        self.advance()
        await self.world.git_repository()
        for number, name in enumerate(CHAIN):
            depends = [{"name": CHAIN[number - 1]}] if number else []
            await self.world.kustomization(
                name,
                path=name,
                dependsOn=depends,
                wait=True,
                timeout="1m",
                annotations={"fairlead.dev/prune-budget": "unlimited"},
            )

    def advance(self) -> None:
        """One more commit: some files change, some come, some go; ``fixed`` never does."""
        self._turn += 1
        files: dict[str, str | None] = {}
        for folder in CHAIN:
            if self._turn == 1:
                files[f"{folder}/fixed.yaml"] = config_map(f"{folder}-fixed", self.world.namespace, {"k": "v"})
            for number in self._chance.sample(range(8), 4):
                name = f"{folder}-{number}"
                present = self._chance.random() < 0.6
                data = {"turn": str(self._turn)}
                files[f"{folder}/{name}.yaml"] = config_map(name, self.world.namespace, data) if present else None
        known = self.world.repo.files() if self._turn > 1 else {}
        self.world.repo.commit(
            f"Turn {self._turn}", {path: text for path, text in files.items() if text is not None or path in known}
        )

    def wanted(self) -> dict[str, str]:
        """Name to owner of everything in Git."""
        paths = (path.split("/") for path in self.world.repo.files())
        return {f"{file}".removesuffix(".yaml").replace("fixed", f"{owner}-fixed"): owner for owner, file in paths}

    async def live(self) -> dict[str, dict[str, Any]]:
        listed = await self.world.client.list(
            GroupKind("", "ConfigMap"), namespace=self.world.namespace, label_selector=OWNED
        )
        return {item["metadata"]["name"]: item for item in listed.items}

    async def assert_recorded(self) -> None:
        """Whatever exists because of us is on record for its owner: looked at while nothing runs."""
        recorded, begun = await inventories(self.world), await journalled(self.world)
        for name, item in (await self.live()).items():
            owner = item["metadata"]["labels"][OWNED]
            assert f"{name}__ConfigMap" in recorded[owner] | begun.get(owner, set()), f"{name} is an orphan"


@pytest.mark.timeout(60 + 2 * SECONDS)
async def test_killed_at_random_moments(world: World, controllers: Controllers) -> None:
    chance = random.Random(SEED)
    story = Story(world, chance)
    await story.begin()
    fixed: dict[str, tuple[str, str]] = {}
    deadline = time.monotonic() + SECONDS
    kills = 0
    while time.monotonic() < deadline or kills < 3:  # on a busy machine a start takes long
        await controllers.start()
        await _until_started(world, controllers, kills)
        for _ in range(chance.randrange(1, 4)):
            story.advance()
            await asyncio.sleep(chance.random() * 0.15)  # the moment of death is what is tried here
        await controllers.end(signal.SIGKILL)
        kills += 1
        await story.assert_recorded()
        _assert_untouched(fixed, await story.live())

    await controllers.start()
    # Readiness may stand from before the kill; without its word the count of starts below would be one too high.
    await _until_started(world, controllers, kills)
    await world.ready(*CHAIN)
    live, wanted = await story.live(), story.wanted()
    assert {name: item["metadata"]["labels"][OWNED] for name, item in live.items()} == wanted
    for name in CHAIN:
        entries = {f"{world.namespace}_{each}__ConfigMap" for each, owner in wanted.items() if owner == name}
        assert set(await world.inventory(name)) == entries
    _assert_untouched(fixed, live)
    assert all(
        [entry["manager"] for entry in item["metadata"]["managedFields"]] == ["kustomize-controller"]
        for item in live.values()
    )
    versions = {name: item["metadata"]["resourceVersion"] for name, item in live.items()}
    await controllers.end(signal.SIGKILL)
    await controllers.start()
    await _until_started(world, controllers, kills + 1)
    world.repo.commit("The last", {"base/last.yaml": config_map("last", world.namespace, {})})
    await world.ready(*CHAIN)
    after = {name: item["metadata"]["resourceVersion"] for name, item in (await story.live()).items()}
    assert after.pop("last")
    assert after == versions, "a restart wrote what was as it should be"

    begun = time.monotonic()
    assert await controllers.end(signal.SIGTERM) == 0
    assert time.monotonic() - begun < 5
    assert not re.search("Traceback|ERROR|never awaited", controllers.log.read_text()), controllers.log.read_text()


def _assert_untouched(fixed: dict[str, tuple[str, str]], live: dict[str, dict[str, Any]]) -> None:
    """What does not change in Git is written exactly once in its life, whatever happens around it."""
    for name, item in live.items():
        if name.endswith("-fixed"):
            seen = (item["metadata"]["uid"], item["metadata"]["resourceVersion"])
            assert fixed.setdefault(name, seen) == seen, f"{name} was written again"


async def _until_started(world: World, controllers: Controllers, before: int) -> None:
    """Until the process says so: for the (``before`` + 1)th time."""

    async def said() -> bool:
        return controllers.log.read_text().count("started with") > before

    await world.eventually("the controllers have started", said)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=lambda number: number.name)
async def test_a_signal_ends_it_in_the_middle_of_work(
    world: World, controllers: Controllers, number: signal.Signals
) -> None:
    story = Story(world, random.Random(SEED))
    await story.begin()
    await controllers.start()
    await _until_started(world, controllers, 0)
    for _ in range(5):
        story.advance()
    begun = time.monotonic()
    assert await controllers.end(number) == 0
    assert time.monotonic() - begun < 5
    await story.assert_recorded()
    assert "Traceback" not in controllers.log.read_text()
