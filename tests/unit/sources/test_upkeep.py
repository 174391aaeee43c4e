"""Upkeep drops what is unused for a month, and nothing of what a live source's artifact is made of."""

from __future__ import annotations

import os
import shutil
import subprocess
import time
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from fairlead.sources.errors import MissingObjectError
from fairlead.sources.git import GitSource
from fairlead.sources.remote import IncompleteError
from fairlead.sources.spec import GitRef, GitSpec, Include
from fairlead.sources.store import ObjectStore
from fairlead.sources.upkeep import InUse
from tests.support.repo import RepoBuilder, Submodule

if TYPE_CHECKING:
    from pathlib import Path

    from fairlead.sources.spec import GitRevision
    from tests.support.git_server import GitServer

MAIN = GitRef(branch="main")
LATER = timedelta(days=40)


async def sync(git: GitSource, spec: GitSpec) -> GitRevision:
    return await git.fetch(spec, await git.resolve(spec))


def age(folder: Path) -> None:
    """As if the time until :data:`LATER` had passed."""
    moment = time.time() - LATER.total_seconds()
    for path in folder.rglob("*"):
        os.utime(path, (moment, moment), follow_symlinks=False)


def readable(folder: Path, tree_id: str) -> bool:
    """Whether a new process can read every file; this one still has what was deleted in its memory."""
    command = ["git", f"--git-dir={folder / 'objects.git'}", "archive", tree_id]
    return subprocess.run(command, capture_output=True, check=False).returncode == 0


async def test_what_a_suspended_source_shows_is_held(
    git: GitSource, store: ObjectStore, server: GitServer, served: RepoBuilder
) -> None:
    served.commit("Ignore", {".sourceignore": "README.md\n", "apps/deep/x.yaml": "a: 1\n"})
    revision = await sync(git, GitSpec(server.url("fleet.git"), MAIN))
    age(store.folder)
    await git.maintain([InUse(revision.tree_id, (revision.commit,))])
    assert readable(store.folder, revision.tree_id)
    await git.maintain()
    assert not readable(store.folder, revision.tree_id)


async def test_time_is_handed_in(git: GitSource, store: ObjectStore, server: GitServer, served: RepoBuilder) -> None:
    revision = await sync(git, GitSpec(server.url("fleet.git"), MAIN))
    await git.maintain(now=datetime.now(UTC) + timedelta(days=20))
    assert readable(store.folder, revision.tree_id)
    await git.maintain(now=datetime.now(UTC) + LATER)
    assert not readable(store.folder, revision.tree_id)


async def test_submodules_and_includes_are_held(
    git: GitSource, store: ObjectStore, server: GitServer, served: RepoBuilder
) -> None:
    library = RepoBuilder(server.folder / "library.git")
    inner = library.commit("Begin", {"lib.yaml": "a: 1\n"})
    other = RepoBuilder(server.folder / "other.git")
    other.commit("Begin", {"other.yaml": "a: 2\n"})
    modules = f'[submodule "library"]\npath = vendor/library\nurl = {server.url("library.git")}\n'
    served.commit("Use", {".gitmodules": modules, "vendor/library": Submodule(inner)})
    included = await sync(git, GitSpec(server.url("other.git"), MAIN))
    include = Include(included.tree_id, "", "other")
    spec = GitSpec(server.url("fleet.git"), MAIN, recurse_submodules=True, includes=(include,))
    revision = await sync(git, spec)
    age(store.folder)
    await git.maintain([InUse(revision.tree_id, (revision.commit, included.commit))])
    assert readable(store.folder, revision.tree_id)
    tree = ObjectStore(store.folder).tree(revision.tree_id)
    assert tree.read("vendor/library/lib.yaml") == b"a: 1\n"
    assert tree.read("other/other.yaml") == b"a: 2\n"


async def test_an_older_revision_is_held_while_others_move_on(
    git: GitSource, store: ObjectStore, server: GitServer, served: RepoBuilder
) -> None:
    spec = GitSpec(server.url("fleet.git"), MAIN)
    first = await sync(git, spec)
    for number in range(3):
        served.commit(f"{number}", {"apps/web.yaml": f"n: {number}\n"})
        newest = await sync(git, spec)
    later = datetime.now(UTC) + timedelta(days=1)
    live = [InUse(first.tree_id, (first.commit,)), InUse(newest.tree_id, (newest.commit,))]
    await git.maintain(live, now=later)
    assert readable(store.folder, first.tree_id)
    assert readable(store.folder, newest.tree_id)
    await git.maintain(live[1:], now=later)
    assert not readable(store.folder, first.tree_id)
    assert readable(store.folder, newest.tree_id)


async def test_asking_counts_as_use_also_when_nothing_is_new(
    git: GitSource, store: ObjectStore, server: GitServer, served: RepoBuilder
) -> None:
    spec = GitSpec(server.url("fleet.git"), MAIN)
    revision = await sync(git, spec)
    age(store.folder)
    await sync(git, spec)
    await git.maintain()
    assert readable(store.folder, revision.tree_id)


@pytest.mark.parametrize("suffix", [".pack", ".idx", ""])
async def test_damage_is_healed_by_forgetting(
    git: GitSource, store: ObjectStore, server: GitServer, served: RepoBuilder, suffix: str
) -> None:
    """Packs whose bytes are wrong, packs without an index, composed trees that are empty files."""
    served.commit("Picture", {"logo.png": "x"})
    spec = GitSpec(server.url("fleet.git"), MAIN)
    revision = await sync(git, spec)
    pattern = f"pack-*{suffix}" if suffix else "[0-9a-f][0-9a-f]/*"
    for path in [each for each in store.folder.rglob(pattern) if each.is_file()]:
        path.unlink()  # a file that is mapped into memory must not be shortened
        path.write_bytes(b"")
    assert not readable(store.folder, revision.tree_id)
    async with GitSource(ObjectStore(store.folder)) as again:
        await again.forget(spec, (revision.commit,))
        assert await sync(again, spec) == revision
    assert readable(store.folder, revision.tree_id)


async def test_damage_that_others_have_open_is_healed(
    git: GitSource, store: ObjectStore, server: GitServer, served: RepoBuilder, tmp_path: Path
) -> None:
    """Another thread's store, and an error that was kept, still have the map of the pack that is replaced."""
    spec = GitSpec(server.url("fleet.git"), MAIN)
    revision = await sync(git, spec)
    folder = tmp_path / "nobody-has-this-open"
    shutil.copytree(store.folder, folder)
    for pack in folder.rglob("*.pack"):
        content = pack.read_bytes()
        pack.unlink()
        pack.write_bytes(content[:20] + bytes(len(content) - 40) + content[-20:])
    fresh, others = ObjectStore(folder), ObjectStore(folder)
    for each in (fresh, others):
        with pytest.raises(MissingObjectError):
            each.commit(revision.commit)
    with pytest.raises(IncompleteError, match="cannot be read") as kept:
        fresh.remotes()[0].check_complete(revision.commit)
    async with GitSource(fresh) as again:
        await again.forget(spec, (revision.commit,))
        assert await sync(again, spec) == revision
    assert others.commit(revision.commit).tree_id == revision.tree_id
    assert kept.tb is not None
