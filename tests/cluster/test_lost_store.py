"""The object store is a cache: whatever happens to it, it is filled again and nothing is pruned."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.support.git_server import GitServer
from tests.support.manifests import config_map
from tests.support.repo import RepoBuilder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path

    from tests.support.world import World


@pytest_asyncio.fixture
async def served(world: World, tmp_path: Path) -> AsyncIterator[RepoBuilder]:
    """A delivered repository on a server, whose artifact is partly made by us: the picture is left out."""
    async with GitServer(tmp_path / "srv") as server:
        repo = RepoBuilder(server.folder / "fleet.git")
        files = {f"apps/{name}.yaml": config_map(name, world.namespace, {"k": "1"}) for name in ("one", "two")}
        repo.commit("Begin", files | {"apps/logo.png": "x"})
        await world.git_repository(url=server.url("fleet.git"))
        await world.kustomization("apps", path="apps")
        await world.ready("apps", commit=repo.head)
        yield repo


def lose_all(state: Path) -> None:
    shutil.rmtree(state)


def lose_packs(state: Path) -> None:
    for pack in [*state.rglob("*.pack"), *state.rglob("*.idx")]:
        pack.unlink()


def lose_composed(state: Path) -> None:
    for loose in (state / "objects.git/objects").glob("[0-9a-f][0-9a-f]/*"):
        loose.unlink()


def lose_common_packs(state: Path) -> None:
    for pack in (state / "objects.git").rglob("pack-*"):
        pack.unlink()


def damage_packs(state: Path) -> None:
    for pack in state.rglob("*.pack"):
        content = pack.read_bytes()
        pack.unlink()
        pack.write_bytes(content[:20] + b"\0" * (len(content) - 40) + content[-20:])


LOSSES = [lose_all, lose_packs, lose_composed, lose_common_packs, damage_packs]


async def _uids(world: World) -> list[str]:
    found = [await world.get("ConfigMap", name) for name in ("one", "two")]
    return [each["metadata"]["uid"] for each in found if each]


async def _still_delivers(world: World, repo: RepoBuilder) -> None:
    """What is wanted now is built from the tree as it is, and from the one after."""
    uids = await _uids(world)
    await world.request_reconcile("GitRepository", "fleet", "after")
    await world.patch("Kustomization", "apps", {"spec": {"commonMetadata": {"labels": {"seen": "again"}}}})

    async def labelled() -> bool:
        found = await world.get("ConfigMap", "one")
        assert found is not None
        return (found["metadata"].get("labels") or {}).get("seen") == "again"

    await world.eventually("the same tree is built again", labelled)
    await world.ready("apps", commit=repo.head)
    repo.commit("More", {"apps/one.yaml": config_map("one", world.namespace, {"k": "2"})})
    await world.request_reconcile("GitRepository", "fleet", "more")
    await world.ready("apps", commit=repo.head)
    assert await _uids(world) == uids
    assert len(uids) == 2, "nothing was pruned"
    assert len(await world.inventory("apps")) == 2


@pytest.mark.parametrize("lose", LOSSES, ids=lambda lose: lose.__name__)
async def test_lost_while_running(world: World, served: RepoBuilder, lose: Callable[[Path], None]) -> None:
    lose(world.settings.storage.folder)
    await _still_delivers(world, served)


@pytest.mark.parametrize("lose", LOSSES, ids=lambda lose: lose.__name__)
async def test_lost_while_stopped(world: World, served: RepoBuilder, lose: Callable[[Path], None]) -> None:
    await world.stop()
    lose(world.settings.storage.folder)
    await world.start()
    await _still_delivers(world, served)
