"""Remote bases are fetched when a build needs them, once, and asked again when a run wants to know."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from aiohttp import web

from fairlead.build.bases import Base
from fairlead.build.flux import Variables
from fairlead.controllers.bases import BaseUnavailableError, RemoteBases
from fairlead.controllers.build_pool import BuildPool, ThreadBuilder
from fairlead.controllers.builds import Builds, TreeMissingError
from fairlead.errors import BuildError
from fairlead.kube.reflector import Key
from fairlead.runtime.clock import SystemClock
from fairlead.sources.git import GitSource
from fairlead.sources.store import ObjectStore
from tests.support.git_server import Failure, GitServer
from tests.support.repo import RepoBuilder
from tests.support.serving import served
from tests.unit.controllers.resources_for_tests import kustomization

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from fairlead.controllers.build_pool import Builder
    from fairlead.controllers.builds import Build

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\n"
CLOCK = SystemClock()


class Fleet:
    """Builds that name bases on a server."""

    def __init__(self, store: ObjectStore, git: GitSource, server: GitServer) -> None:
        self.store = store
        self.server = server
        self.bases = RemoteBases(git, CLOCK)
        self.builds = Builds(store, ThreadBuilder(store), self.bases)
        self.repo = RepoBuilder(server.folder / "base.git")
        self.change("first")

    def change(self, name: str) -> str:
        files = {"a/kustomization.yaml": "resources: [cm.yaml]\n", "a/cm.yaml": CONFIG.replace("NAME", name)}
        return self.repo.commit(name, files)

    def base(self, ref: str = "main") -> Base:
        return Base(self.server.url("base.git"), ref)

    def tree(self, *resources: str) -> str:
        text = "".join(f"- {each}\n" for each in resources)
        return self.store.write_tree(
            {"kustomization.yaml": (self.store.write_blob(f"resources:\n{text}".encode()), 0o100644)}
        )

    async def build(self, *resources: str, name: str = "apps", builder: Builder | None = None) -> Build:
        builds = self.builds if builder is None else Builds(self.store, builder, self.bases)
        now = CLOCK.monotonic()
        return await builds.get(Key("ns", name), kustomization(name), self.tree(*resources), Variables(), since=now)


@pytest.fixture
async def fleet(tmp_path: Path) -> AsyncIterator[Fleet]:
    store = ObjectStore(tmp_path / "store")
    async with GitServer(tmp_path / "srv") as server, GitSource(store) as git:
        yield Fleet(store, git, server)


def names(build: Build) -> list[str]:
    return [each["metadata"]["name"] for each in build.objects()]


async def test_a_build_is_reused_until_its_base_changes(fleet: Fleet) -> None:
    url = f"{fleet.server.url('base.git')}//a?ref=main"
    first = await fleet.build(url)
    assert await fleet.build(url) is first
    fleet.change("second")
    second = await fleet.build(url)
    assert (names(first), names(second)) == (["first"], ["second"])
    assert await fleet.build(url) is second


async def test_a_process_builds_the_same(fleet: Fleet) -> None:
    url = f"{fleet.server.url('base.git')}//a?ref=main"
    async with BuildPool(1) as pool:
        there = await fleet.build(url, builder=pool)
    here = await fleet.build(url)
    assert (there.digest, there.bases) == (here.digest, here.bases)


async def test_bases_that_name_bases(fleet: Fleet) -> None:
    url = fleet.server.url("base.git")
    outer = RepoBuilder(fleet.server.folder / "outer.git")
    outer.commit("Start", {"kustomization.yaml": f"resources: ['{url}//a?ref=main']\n"})
    build = await fleet.build(fleet.server.url("outer.git"))
    assert names(build) == ["first"]
    assert len(build.bases) == 2


async def test_bases_that_name_each_other_end(fleet: Fleet) -> None:
    one, two = (RepoBuilder(fleet.server.folder / f"{name}.git") for name in ("one", "two"))
    one.commit("Start", {"kustomization.yaml": f"resources: ['{fleet.server.url('two.git')}']\n"})
    two.commit("Start", {"kustomization.yaml": f"resources: ['{fleet.server.url('one.git')}']\n"})
    with pytest.raises(BuildError, match="cycle detected"):
        await fleet.build(fleet.server.url("one.git"))


async def test_who_asks_at_once_shares_the_answer(fleet: Fleet) -> None:
    now = CLOCK.monotonic()
    found = await asyncio.gather(*(fleet.bases.get([fleet.base()], now) for _ in range(5)))
    assert all(each == found[0] for each in found)
    assert fleet.bases.fetched == 1
    await fleet.bases.get([fleet.base()], now)
    await fleet.bases.get([fleet.base()], None)
    assert fleet.bases.fetched == 1
    await fleet.bases.get([fleet.base()], CLOCK.monotonic())
    assert fleet.bases.fetched == 2


async def test_a_commit_is_fetched_once(fleet: Fleet) -> None:
    base = fleet.base(fleet.repo.head)
    found = await fleet.bases.get([base], CLOCK.monotonic())
    fleet.server.failure = Failure.RESET
    assert await fleet.bases.get([base], CLOCK.monotonic()) == found
    assert fleet.bases.fetched == 1


async def test_a_commit_is_confirmed_to_the_store_without_a_question(
    fleet: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fairlead.controllers.bases.CONFIRMED_SECONDS", 0.0)
    base = fleet.base(fleet.repo.head)
    found = await fleet.bases.get([base], None)
    (remote,) = [each for each in fleet.store.remotes() if each.commits()]
    used = remote.last_used()
    fleet.server.failure = Failure.RESET
    assert await fleet.bases.get([base], None) == found
    assert remote.last_used() > used


async def test_a_failure_is_told_with_the_url_and_passes(fleet: Fleet) -> None:
    url = f"{fleet.server.url('base.git')}//a"
    fleet.server.failure = Failure.ERROR_500
    with pytest.raises(BaseUnavailableError, match=r"remote base cannot be fetched: .*base\.git"):
        await fleet.build(url)
    assert fleet.bases.fetched == 1
    fleet.server.failure = None
    assert names(await fleet.build(url)) == ["first"]


async def test_a_file_is_read_anew_and_a_change_builds(fleet: Fleet) -> None:
    content = [CONFIG.replace("NAME", "one")]

    async def answer(_: web.Request) -> web.Response:
        return web.Response(text=content[0])

    async with served(web.get("/cm.yaml", answer)) as server:
        url = f"{server}/cm.yaml"
        first = await fleet.build(url)
        assert await fleet.build(url) is first
        content[0] = CONFIG.replace("NAME", "two")
        assert (names(first), names(await fleet.build(url))) == (["one"], ["two"])


async def test_a_file_that_its_server_has_not_changed_is_not_transferred_again(fleet: Fleet) -> None:
    content = CONFIG.replace("NAME", "one")
    statuses: list[int] = []

    async def answer(request: web.Request) -> web.Response:
        tag = f'"{hash(content)}"'
        same = request.headers.get("If-None-Match") == tag
        statuses.append(304 if same else 200)
        return web.Response(status=304) if same else web.Response(text=content, headers={"ETag": tag})

    async with served(web.get("/cm.yaml", answer)) as server:
        url = f"{server}/cm.yaml"
        first = await fleet.build(url)
        assert await fleet.build(url) is first
        assert await fleet.build(url) is first
        content = CONFIG.replace("NAME", "two")
        assert names(await fleet.build(url)) == ["two"]
        fleet.bases.forget([Base(url, is_file=True)])
        await fleet.build(url)
    assert statuses == [200, 304, 304, 200, 200]


async def test_a_file_that_is_not_there(fleet: Fleet) -> None:
    with pytest.raises(BaseUnavailableError, match=r"remote file cannot be fetched: .*none\.yaml: the server answered"):
        await fleet.build(fleet.server.url("none.yaml"))


async def test_files_of_this_machine_are_refused(fleet: Fleet) -> None:
    with pytest.raises(BaseUnavailableError, match="repositories on this machine are not permitted"):
        await fleet.build(fleet.repo.url)


async def test_content_that_was_damaged_is_fetched_again(fleet: Fleet) -> None:
    url = f"{fleet.server.url('base.git')}//a?ref={fleet.repo.head}"
    await fleet.build(url)
    for pack in fleet.store.folder.rglob("*.pack"):
        content = pack.read_bytes()
        pack.unlink()
        pack.write_bytes(content[:20] + b"\0" * (len(content) - 40) + content[-20:])
    async with BuildPool(1) as pool:  # this process still sees what was on disk
        with pytest.raises(TreeMissingError):
            await fleet.build(url, builder=pool)
    async with BuildPool(1) as pool:
        assert names(await fleet.build(url, builder=pool)) == ["first"]


async def test_content_that_was_lost_is_fetched_again(fleet: Fleet) -> None:
    base = fleet.base(fleet.repo.head)
    now = CLOCK.monotonic()
    await fleet.bases.get([base], now)
    for remote in fleet.store.remotes():
        remote.wipe()
    fleet.store.drop_replaced_packs()
    (tree_id,) = (await fleet.bases.get([base], now)).values()
    assert fleet.bases.fetched == 2
    assert fleet.store.has(tree_id)
