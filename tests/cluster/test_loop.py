"""Nothing that the controllers do holds their loop for longer than 50 ms, however much there is of it.

They run as the process that users start, with a detector in it (``tests/support/loop.py``): install, a change of all,
small commits, a commit over thousands of folders, drift, restarts, lists of more than a thousand objects.
"""

from __future__ import annotations

import asyncio
import json
import signal
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from tests.support.controllers import Controllers
from tests.support.loop import LIMIT_SECONDS
from tests.support.manifests import config_map, kustomization
from tests.support.watched_program import read_blocks

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.world import World

APPS = [f"app-{number:03}" for number in range(100)]
MANY = 250
FOLDERS = 3000
PATIENCE_SECONDS = 300.0


@pytest_asyncio.fixture
async def controllers(world: World, kubeconfig: str, tmp_path: Path) -> AsyncIterator[Controllers]:
    await world.stop()  # those in this process
    (tmp_path / "kubeconfig").write_text(kubeconfig)
    running = Controllers(world.namespace, tmp_path)
    running.program = ("-m", "tests.support.watched_program", str(LIMIT_SECONDS), str(tmp_path / "blocks"))
    await running.start()
    yield running
    await running.end()


@pytest.mark.timeout(900)
async def test_the_loop_is_never_held(world: World, controllers: Controllers, tmp_path: Path) -> None:
    world.repo.commit("Begin", _files(world))
    await world.git_repository()
    await world.kustomization("many", path="many")
    await world.kustomization("fleet", path="cluster")
    await _ready(world)
    world.repo.commit("Change all", {"base/settings.yaml": _settings("aye")})
    await _ready(world)
    for turn in range(5):
        world.repo.commit(
            f"Change one, {turn}", {f"apps/{APPS[turn * 7]}/kustomization.yaml": _overlay(world, turn * 7, turn)}
        )
        await _ready(world, APPS[turn * 7])
    world.repo.commit("Change thousands of folders", {f"docs/{n}/page.md": "new" for n in range(FOLDERS)})
    await _drift(world)
    await _ready(world)
    await controllers.end(signal.SIGTERM)
    await controllers.start()
    world.repo.commit("Many again", {"many/all.yaml": _many(world, "2")})
    await _ready(world)
    await controllers.end(signal.SIGTERM)
    blocks = read_blocks(tmp_path / "blocks")
    assert not blocks, "\n".join(map(str, blocks))


def _files(world: World) -> dict[str, str]:
    files = {
        "base/kustomization.yaml": kustomization(resources=["settings.yaml", "account.yaml"]),
        "base/settings.yaml": _settings("ahoy"),
        "base/account.yaml": json.dumps({"apiVersion": "v1", "kind": "ServiceAccount", "metadata": {"name": "web"}}),
        "many/all.yaml": _many(world, "1"),
    }
    for number, name in enumerate(APPS):
        files[f"apps/{name}/kustomization.yaml"] = _overlay(world, number, 0)
        files[f"cluster/{name}.yaml"] = json.dumps(
            {
                "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
                "kind": "Kustomization",
                "metadata": {"name": name, "namespace": world.namespace},
                "spec": {
                    "interval": "10m",
                    "path": f"apps/{name}",
                    "prune": True,
                    "wait": True,
                    "sourceRef": {"kind": "GitRepository", "name": "fleet"},
                    "dependsOn": [{"name": APPS[number - 1]}] if number % 20 in range(1, 5) else [],
                },
            }
        )
    return files | {f"docs/{number}/page.md": "old" for number in range(FOLDERS)}


def _overlay(world: World, number: int, turn: int) -> str:
    return kustomization(
        namespace=world.namespace,
        nameSuffix=f"-{APPS[number]}",
        resources=["../../base"],
        commonAnnotations={"turn": str(turn)},
    )


def _settings(greeting: str) -> str:
    return config_map("settings", "", {"greeting": greeting})


def _many(world: World, value: str) -> str:
    return "---\n".join(config_map(f"many-{number:04}", world.namespace, {"value": value}) for number in range(MANY))


async def _ready(world: World, *names: str) -> None:
    async with asyncio.timeout(PATIENCE_SECONDS):
        for name in names or ("many", "fleet", *APPS):
            while True:
                try:
                    await world.ready(name)
                    break
                except AssertionError:
                    continue  # on a busy machine; the whole has a limit


async def _drift(world: World) -> None:
    for name in APPS[::10]:
        await world.patch("ConfigMap", f"settings-{name}", {"data": {"greeting": "drift"}})

    async def repaired() -> bool:
        found = [await world.get("ConfigMap", f"settings-{name}") for name in APPS[::10]]
        return all(each is not None and each["data"] == {"greeting": "aye"} for each in found)

    await world.eventually("the greetings are repaired", repaired, seconds=PATIENCE_SECONDS)
