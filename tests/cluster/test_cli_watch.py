"""`fairlead get --watch` and `events --watch` go on telling what happens, in the process that a user has."""

from __future__ import annotations

import asyncio
import sys
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from tests.support.cli import kubeconfig_text
from tests.support.manifests import config_map
from tests.support.patience import PATIENCE
from tests.support.tether import tethered

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.world import World


@asynccontextmanager
async def watching(world: World, folder: Path, *words: str) -> AsyncIterator[asyncio.StreamReader]:
    """The lines of a command that does not end."""
    kubeconfig = folder / "kubeconfig"
    kubeconfig.write_text(kubeconfig_text(world.client.config))
    command = [sys.executable, "-m", "fairlead", *words, "--kubeconfig", str(kubeconfig), "-n", world.namespace]
    process = await asyncio.create_subprocess_exec(*tethered(command), stdout=asyncio.subprocess.PIPE)
    assert process.stdout is not None
    try:
        yield process.stdout
    finally:
        process.terminate()
        await process.wait()


async def lines_with(lines: asyncio.StreamReader, *wanted: tuple[str, str]) -> None:
    """Until a line with both of each pair has come, in whatever order."""
    left = set(wanted)
    async with asyncio.timeout(PATIENCE):
        while left:
            line = (await lines.readline()).decode()
            assert line, f"the command ended before it said {left}"
            left = {texts for texts in left if not all(text in line for text in texts)}


async def line_with(lines: asyncio.StreamReader, *texts: str) -> str:
    async with asyncio.timeout(PATIENCE):
        while True:
            line = (await lines.readline()).decode()
            assert line, f"the command ended before it said {texts}"
            if all(text in line for text in texts):
                return line


async def test_get_follows_every_kind(world: World, tmp_path: Path) -> None:
    world.repo.commit("Begin", {"apps/settings.yaml": config_map("settings", world.namespace, {"zone": "a"})})
    await world.git_repository()
    await world.kustomization("apps", path="./apps")
    await world.ready("apps")
    async with watching(world, tmp_path, "get", "all", "--watch") as lines:
        header = await line_with(lines, "NAME", "REVISION")
        await line_with(lines, "kustomization/apps")
        head = world.repo.commit("Move", {"apps/settings.yaml": config_map("settings", world.namespace, {"zone": "b"})})
        await line_with(lines, "gitrepository/fleet", head[:8])
        changed = await line_with(lines, "kustomization/apps", head[:8], "True", "Applied revision")
        assert changed.index("main@") >= header.index("REVISION") - 1, "changes keep the columns"


async def test_events_follow(world: World, tmp_path: Path) -> None:
    async with watching(world, tmp_path, "events", "--watch") as lines:
        await line_with(lines, "LAST SEEN", "MESSAGE")
        world.repo.commit("Begin", {"apps/settings.yaml": config_map("settings", world.namespace, {"zone": "a"})})
        await world.git_repository()
        await world.kustomization("apps", path="./apps")
        await lines_with(
            lines, ("NewArtifact", "GitRepository/fleet"), ("ReconciliationSucceeded", "Kustomization/apps")
        )
