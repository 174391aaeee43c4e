"""Kustomizations with URLs in them: fetched once, asked again, shared; a server that is down harms nothing."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import pytest_asyncio

from tests.support.git_server import Failure, GitServer
from tests.support.manifests import config_map
from tests.support.repo import RepoBuilder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.world import World


class Remote:
    """A base on a server, and Kustomizations that use it."""

    def __init__(self, world: World, server: GitServer) -> None:
        self.world = world
        self.server = server
        self.base = RepoBuilder(server.folder / "base.git")
        self._turn = 0
        self.change("1")

    @property
    def url(self) -> str:
        return f"{self.server.url('base.git')}//deploy"

    def change(self, value: str) -> None:
        files = {"deploy/kustomization.yaml": "resources: [cm.yaml]\n", "other/x.txt": value}
        self.base.commit(f"Set {value}", {**files, "deploy/cm.yaml": config_map("base", "default", {"k": value})})

    async def begin(self, *names: str, ref: str = "?ref=main") -> None:
        world = self.world
        for name in names:
            lines = f"namespace: {world.namespace}\nnamePrefix: {name}-\nresources: ['{self.url}{ref}']\n"
            world.repo.commit("Begin", {f"{name}/kustomization.yaml": lines})
        await world.git_repository()
        for name in names:
            await world.kustomization(name, path=name)

    async def ask(self, name: str) -> None:
        self._turn += 1
        await self.world.request_reconcile("Kustomization", name, f"turn-{self._turn}")

    async def handled(self, name: str) -> None:
        async def seen() -> bool:
            return bool((await self.world.status(name)).get("lastHandledReconcileAt") == f"turn-{self._turn}")

        await self.world.eventually("the request is handled", seen)

    async def delivered(self, name: str, value: str) -> None:
        async def seen() -> bool:
            found = await self.world.get("ConfigMap", f"{name}-base")
            return found is not None and found["data"] == {"k": value}

        await self.world.eventually(f"{name} has {value}", seen)


@pytest_asyncio.fixture
async def remote(world: World, tmp_path: Path) -> AsyncIterator[Remote]:
    async with GitServer(tmp_path / "srv") as server:
        yield Remote(world, server)


async def test_a_base_is_delivered_and_its_change_at_the_next_request(remote: Remote) -> None:
    await remote.begin("apps")
    await remote.world.ready("apps")
    await remote.delivered("apps", "1")
    remote.change("2")
    await remote.ask("apps")
    await remote.delivered("apps", "2")


async def test_a_change_comes_at_the_interval(remote: Remote) -> None:
    await remote.begin("apps")
    await remote.world.ready("apps")
    remote.change("2")
    await remote.world.patch("Kustomization", "apps", {"spec": {"interval": "1s"}})
    await remote.delivered("apps", "2")
    remote.change("3")
    await remote.delivered("apps", "3")


async def test_a_build_in_a_process_of_its_own(remote: Remote) -> None:
    await remote.world.restart_with(build_workers=1)
    await remote.begin("apps")
    await remote.world.ready("apps")
    await remote.delivered("apps", "1")


async def test_a_pass_without_a_change_transfers_and_writes_nothing(remote: Remote) -> None:
    await remote.begin("apps")
    await remote.world.ready("apps")
    await remote.ask("apps")
    await remote.handled("apps")
    asked, writes = len(remote.server.seen), remote.world.object_writes()
    await remote.ask("apps")
    await remote.handled("apps")
    assert remote.world.object_writes() == writes
    assert len(remote.server.seen) - asked == 1, "the question about references"


async def test_a_commit_is_asked_for_once(remote: Remote) -> None:
    commit = remote.base.head
    await remote.begin("apps", ref=f"?ref={commit}")
    await remote.world.ready("apps")
    asked = len(remote.server.seen)
    remote.server.failure = Failure.RESET
    remote.change("2")
    await remote.ask("apps")
    await remote.handled("apps")
    await remote.world.ready("apps")
    assert len(remote.server.seen) == asked
    await remote.delivered("apps", "1")


async def test_two_share_a_base(remote: Remote) -> None:
    await remote.begin("one")
    await remote.world.ready("one")
    asked = len(remote.server.seen)
    assert any(request.fetches for request in remote.server.seen)
    await remote.begin("two")
    await remote.world.ready("two")
    await remote.delivered("two", "1")
    assert len(remote.server.seen) > asked, "the second one asks for references"
    assert not any(request.fetches for request in remote.server.seen[asked:])


async def test_a_server_that_is_down(remote: Remote) -> None:
    world = remote.world
    await remote.begin("apps")
    await world.ready("apps")
    remote.server.failure = Failure.RESET
    remote.change("2")
    await remote.ask("apps")
    failure = await world.failed("apps", reason="BuildFailed")
    assert "remote base cannot be fetched" in failure["message"]
    assert remote.server.url("base.git") in failure["message"]
    await remote.delivered("apps", "1")
    assert await world.inventory("apps")
    remote.server.failure = None
    await world.ready("apps")
    await remote.delivered("apps", "2")


async def test_a_base_that_nobody_needs_any_more_is_not_missed(remote: Remote) -> None:
    world = remote.world
    await remote.begin("apps")
    await world.ready("apps")
    remote.server.failure = Failure.RESET
    lines = "resources: [cm.yaml]\n"
    cm = config_map("apps-base", world.namespace, {"k": "own"})
    world.repo.commit("Copy the base", {"apps/kustomization.yaml": lines, "apps/cm.yaml": cm})
    await world.request_reconcile("GitRepository", "fleet", "now")
    await world.ready("apps")
    await remote.delivered("apps", "own")


async def test_they_may_be_forbidden(remote: Remote) -> None:
    world = remote.world
    world.settings = replace(world.settings, scope=replace(world.settings.scope, no_remote_bases=True))
    await world.restart()
    await remote.begin("apps")
    failure = await world.failed("apps", reason="BuildFailed")
    assert f"apps/kustomization.yaml: remote base '{remote.url}?ref=main' is refused" in failure["message"]
    assert not remote.server.seen


async def test_passwords_do_not_show(remote: Remote) -> None:
    remote.server.users["ada"] = "swordfish"
    world = remote.world
    url = f"{remote.server.url('base.git', user='ada:wrong-one')}//deploy"
    world.repo.commit("Begin", {"apps/kustomization.yaml": f"resources: ['{url}']\n"})
    await world.git_repository()
    await world.kustomization("apps", path="apps")
    failure = await world.failed("apps", reason="BuildFailed")
    assert "wrong-one" not in failure["message"]
    assert "base.git" in failure["message"]
