"""A moved reference of a repository on this machine is noticed at once."""

from __future__ import annotations

import asyncio
import shutil
import subprocess
import time
from typing import TYPE_CHECKING

import pygit2
import pytest

from fairlead.sources.watch import RefWatcher
from tests.support.patience import PATIENCE
from tests.support.repo import RepoBuilder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from pathlib import Path


class Bell:
    """Counts callbacks, and waits for the next one."""

    def __init__(self) -> None:
        self.rung = 0
        self._event = asyncio.Event()

    def __call__(self) -> None:
        self.rung += 1
        self._event.set()

    async def after(self, change: Callable[[], object]) -> float:
        """Make ``change`` in a thread and return the seconds until the bell rang after it was done."""
        self._event.clear()
        await asyncio.to_thread(change)
        done = time.perf_counter()
        async with asyncio.timeout(PATIENCE):
            await self._event.wait()
        return time.perf_counter() - done

    async def settle(self) -> None:
        """Wait until nothing came for a while."""
        while True:
            self._event.clear()
            try:
                async with asyncio.timeout(0.05):
                    await self._event.wait()
            except TimeoutError:
                return


@pytest.fixture
async def watcher() -> AsyncIterator[RefWatcher]:
    async with RefWatcher() as watcher:
        yield watcher


@pytest.fixture
def bell() -> Bell:
    return Bell()


async def test_a_commit_is_noticed_quickly(watcher: RefWatcher, bell: Bell, repo: RepoBuilder) -> None:
    watcher.watch(repo.folder, bell)
    times = [await bell.after(lambda: repo.commit("Again", {"a.yaml": "a: 1\n"})) for _ in range(10)]
    assert min(times) < 0.03, "a pause of our own would be in all of them, those of a busy machine are not"


async def test_all_the_ways_in_which_references_move(watcher: RefWatcher, bell: Bell, repo: RepoBuilder) -> None:
    watcher.watch(repo.folder, bell)
    for change in (
        lambda: repo.commit("A branch in new folders", branch="team/web/next"),
        lambda: repo.commit("Again", branch="team/web/next"),
        lambda: repo.tag("v1"),
        lambda: repo.tag("v2", annotated=True),
        lambda: repo.reference("refs/pull/1/head", repo.head),
        lambda: repo.force("team/web/next", repo.head),
        lambda: subprocess.run(["git", "--git-dir", repo.folder, "pack-refs", "--all"], check=True),
        lambda: repo.commit("After packing"),
        lambda: repo.delete_branch("team/web/next"),
        lambda: repo.repository.set_head("refs/heads/other"),
    ):
        await bell.after(change)
        await bell.settle()


async def test_a_push_of_many_references_rings_few_times(watcher: RefWatcher, bell: Bell, repo: RepoBuilder) -> None:
    watcher.watch(repo.folder, bell)
    await bell.after(lambda: [repo.tag(f"v{number}") for number in range(200)])
    await bell.settle()
    assert bell.rung < 40


async def test_objects_alone_do_not_ring(watcher: RefWatcher, bell: Bell, repo: RepoBuilder) -> None:
    watcher.watch(repo.folder, bell)
    repo.repository.create_blob(b"nobody refers to this")
    await bell.settle()
    assert bell.rung == 0


async def test_a_checkout_and_its_worktree(watcher: RefWatcher, repo: RepoBuilder, tmp_path: Path) -> None:
    checkout = pygit2.clone_repository(str(repo.folder), str(tmp_path / "checkout"))
    checkout.add_worktree("side", str(tmp_path / "side"))
    bells = Bell(), Bell()
    watcher.watch(tmp_path / "checkout", bells[0])
    watcher.watch(tmp_path / "side", bells[1])
    for bell in bells:
        await bell.after(lambda: checkout.references.create(f"refs/heads/{time.time_ns()}", repo.head))
    linked = pygit2.Repository(str(tmp_path / "side"))
    await bells[1].after(lambda: linked.set_head(pygit2.Oid(hex=repo.head)))


async def test_a_repository_that_comes_goes_and_comes_back(watcher: RefWatcher, bell: Bell, tmp_path: Path) -> None:
    folder = tmp_path / "not" / "yet" / "there"
    watcher.watch(folder, bell)
    for _ in range(3):
        await bell.after(lambda: RepoBuilder(folder).commit("Start"))
        await bell.settle()
        await bell.after(lambda: pygit2.Repository(str(folder)).references.delete("refs/heads/main"))
        await bell.settle()
        await bell.after(lambda: shutil.rmtree(tmp_path / "not"))
        await bell.settle()


async def test_without_inotify_nothing_is_noticed_and_that_is_said(
    bell: Bell, repo: RepoBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> None:
        raise OSError("this system has no inotify")

    monkeypatch.setattr("fairlead.sources.watch.Inotify", refuse)
    async with RefWatcher() as watcher:
        stop = watcher.watch(repo.folder, bell)
        assert watcher.degraded.endswith("this system has no inotify")
        stop()


async def test_stopping(watcher: RefWatcher, repo: RepoBuilder) -> None:
    first, second = Bell(), Bell()
    stop = watcher.watch(repo.folder, first)
    stop_second = watcher.watch(repo.folder, second)
    stop()
    stop()
    await second.after(lambda: repo.commit("Again"))
    stop_second()
    repo.commit("Unseen")
    await second.settle()
    assert (first.rung, second.rung) == (0, 1)


async def test_many_repositories_share_one_watcher(watcher: RefWatcher, tmp_path: Path) -> None:
    repos = [RepoBuilder(tmp_path / f"r{number}") for number in range(50)]
    bells = [Bell() for _ in repos]
    tasks = len(asyncio.all_tasks())
    for repo, bell in zip(repos, bells, strict=True):
        watcher.watch(repo.folder, bell)
    await bells[7].after(lambda: repos[7].commit("Start"))
    assert [bell.rung > 0 for bell in bells].count(True) == 1
    assert len(asyncio.all_tasks()) == tasks
