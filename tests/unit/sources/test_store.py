"""The object store: trees read without a checkout, and housekeeping that loses nothing in use."""

from __future__ import annotations

import pickle
import shutil
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from fairlead.objects.tree import EntryKind, Tree, TreeEntry
from fairlead.sources.errors import MissingObjectError
from fairlead.sources.git import GitSource
from fairlead.sources.spec import GitRef, GitSpec
from fairlead.sources.store import ObjectStore
from tests.support.repo import Executable, RepoBuilder, Submodule, Symlink
from tests.support.trees import changed_paths

if TYPE_CHECKING:
    from fairlead.sources.gittree import GitTree
    from tests.support.git_server import GitServer

MAIN = GitRef(branch="main")


async def load(git: GitSource, repo: RepoBuilder) -> GitTree:
    spec = GitSpec(repo.url, MAIN)
    return git.store.tree((await git.fetch(spec, await git.resolve(spec))).tree_id)


async def test_a_tree_shows_files_folders_links_and_submodules(git: GitSource, repo: RepoBuilder) -> None:
    repo.commit(
        "All kinds",
        {
            "b.yaml": "b: 1\n",
            "b/inner.yaml": "i: 1\n",
            "b-c": "dash sorts before slash",
            "run.sh": Executable("#!/bin/sh\n"),
            "link": Symlink("b/inner.yaml"),
            "module": Submodule("1" * 40),
            "ünïcode/ß.yaml": "u: 1\n",
        },
        replace=True,
    )
    tree: Tree = await load(git, repo)
    kinds = [(entry.name, entry.kind) for entry in tree.list("")]
    assert kinds == [
        ("b", EntryKind.FOLDER),
        ("b-c", EntryKind.FILE),
        ("b.yaml", EntryKind.FILE),
        ("link", EntryKind.SYMLINK),
        ("module", EntryKind.SUBMODULE),
        ("run.sh", EntryKind.FILE),
        ("ünïcode", EntryKind.FOLDER),
    ]
    assert tree.read("link") == b"b/inner.yaml"
    assert (tree.read("b/inner.yaml"), tree.size("b/inner.yaml")) == (b"i: 1\n", 5)
    assert tree.entry("module") == TreeEntry("module", EntryKind.SUBMODULE, "1" * 40)
    assert tree.read("ünïcode/ß.yaml") == b"u: 1\n"


async def test_what_is_not_there(git: GitSource, repo: RepoBuilder) -> None:
    repo.commit("Link", {"link": Symlink("apps")})
    tree = await load(git, repo)
    for path in ("nope", "nope/x", "README.md/x", "apps//web.yaml", "/apps", "apps/", ".", "..", "link/web.yaml"):
        assert tree.entry(path) is None, path
        with pytest.raises(FileNotFoundError):
            tree.read(path)
    for path in ("README.md", "nope", "link"):
        with pytest.raises(NotADirectoryError):
            tree.list(path)
    with pytest.raises(IsADirectoryError):
        tree.read("apps")
    with pytest.raises(IsADirectoryError):
        tree.size("")


async def test_identities_change_exactly_with_content(git: GitSource, repo: RepoBuilder) -> None:
    repo.commit("Two", {"a/x.yaml": "x: 1\n", "b/x.yaml": "x: 1\n"})
    first = await load(git, repo)
    repo.commit("Change", {"a/x.yaml": "x: 2\n"})
    second = await load(git, repo)
    assert first.entry("b") == second.entry("b")
    assert first.entry("a") != second.entry("a")
    assert first.entry("a/x.yaml") == first.entry("b/x.yaml")


async def test_a_tree_travels_to_another_process(git: GitSource, repo: RepoBuilder) -> None:
    tree = await load(git, repo)
    copy = pickle.loads(pickle.dumps(tree))
    assert copy.read("apps/web.yaml") == b"kind: ConfigMap\n"


def test_missing_objects(store: ObjectStore) -> None:
    with pytest.raises(MissingObjectError):
        store.tree("0" * 40).list("")
    with pytest.raises(MissingObjectError):
        store.commit("0" * 40)
    with pytest.raises(MissingObjectError):
        store.commit(store.write_tree({}))
    with pytest.raises(MissingObjectError):
        store.get_tree("not an id")


async def test_commit_information(git: GitSource, repo: RepoBuilder, store: ObjectStore) -> None:
    commit = repo.commit("  A subject  \n\nand a body\n", {"x": "1"}, when=1_770_000_000)
    await load(git, repo)
    info = store.commit(commit)
    assert (info.subject, info.author_name, info.author_email) == ("A subject", "Ada", "ada@example.com")
    assert info.committed_at == datetime.fromtimestamp(1_770_000_000, UTC)


async def test_a_new_commit_changes_what_it_changed_and_nothing_else(
    git: GitSource, repo: RepoBuilder, store: ObjectStore
) -> None:
    repo.commit("One", {"a/x.yaml": "1", "a/y.yaml": "1", "gone.yaml": "1", "swap": "1"})
    first = (await load(git, repo)).tree_id
    repo.commit("Two", {"a/x.yaml": "2", "gone.yaml": None, "new/z.yaml": "1", "swap": None})
    repo.commit("Three", {"swap/inner": "1"})
    second = (await load(git, repo)).tree_id
    assert changed_paths(store, first, second) == ["a/x.yaml", "gone.yaml", "new/z.yaml", "swap", "swap/inner"]
    assert changed_paths(store, second, second) == []


async def test_a_reader_survives_a_repack_by_the_writer(
    git: GitSource, store: ObjectStore, server: GitServer, served: RepoBuilder
) -> None:
    spec = GitSpec(server.url("fleet.git"), MAIN)
    for number in range(3):
        served.commit("n", {"apps/web.yaml": f"n: {number}\n"})
        revision = await git.fetch(spec, await git.resolve(spec))
    reader = ObjectStore(store.folder).tree(revision.tree_id)
    assert reader.entry("apps") is not None
    (remote,) = [store.remote(folder.name) for folder in (store.folder / "remotes").iterdir()]
    await remote.repack()
    store.link_packs(remote)
    assert store.drop_replaced_packs() == 3
    assert reader.read("apps/web.yaml") == b"n: 2\n"
    assert len(remote.packs()) == 1


async def test_housekeeping_drops_what_nobody_uses(
    git: GitSource, store: ObjectStore, server: GitServer, served: RepoBuilder
) -> None:
    spec = GitSpec(server.url("fleet.git"), MAIN)
    head = await git.resolve(spec)
    revision = await git.fetch(spec, head)
    week = timedelta(days=7)
    assert store.drop_unused_remotes(unused_for=week) == 0
    later = datetime.now(UTC) + timedelta(days=8)
    assert store.drop_unused_remotes(unused_for=week, now=later) == 1
    store.drop_replaced_packs()
    with pytest.raises(MissingObjectError):
        store.tree(revision.tree_id).list("")
    assert await git.fetch(spec, head) == revision
    assert store.tree(revision.tree_id).read("apps/web.yaml") == b"kind: ConfigMap\n"


async def test_composed_trees_are_made_again_on_demand(git: GitSource, store: ObjectStore, repo: RepoBuilder) -> None:
    repo.commit("Picture", {"logo.png": "x"})
    spec = GitSpec(repo.url, MAIN)
    head = await git.resolve(spec)
    revision = await git.fetch(spec, head)
    later = datetime.now(UTC) + timedelta(days=31)
    assert store.drop_composed_trees(older_than=timedelta(days=30), now=later) > 0
    assert not store.has(revision.tree_id)
    assert await git.fetch(spec, head) == revision
    assert store.tree(revision.tree_id).entry("logo.png") is None


async def test_a_damaged_remote_is_fetched_anew(
    git: GitSource, store: ObjectStore, server: GitServer, served: RepoBuilder
) -> None:
    spec = GitSpec(server.url("fleet.git"), MAIN)
    await git.fetch(spec, await git.resolve(spec))
    for pack in store.folder.rglob("*.pack"):
        pack.unlink()
    for index in store.folder.rglob("*.idx"):
        index.unlink()
    fresh = ObjectStore(store.folder)
    served.commit("Next", {"apps/web.yaml": "kind: Secret\n"})
    async with GitSource(fresh) as again:
        revision = await again.fetch(spec, await again.resolve(spec))
    assert fresh.tree(revision.tree_id).read("apps/web.yaml") == b"kind: Secret\n"
    assert fresh.tree(revision.tree_id).read("README.md") == b"# Fleet\n"


async def test_what_was_forgotten_is_fetched_again(
    git: GitSource, store: ObjectStore, server: GitServer, served: RepoBuilder
) -> None:
    spec = GitSpec(server.url("fleet.git"), MAIN)
    head = await git.resolve(spec)
    revision = await git.fetch(spec, head)
    await git.forget(spec)
    await git.maintain()
    with pytest.raises(MissingObjectError):
        store.tree(revision.tree_id).list("")
    assert await git.fetch(spec, head) == revision


async def test_a_lost_store_is_filled_again(server: GitServer, served: RepoBuilder, store: ObjectStore) -> None:
    spec = GitSpec(server.url("fleet.git"), MAIN)
    async with GitSource(store) as git:
        head = await git.resolve(spec)
        revision = await git.fetch(spec, head)
    shutil.rmtree(store.folder)
    async with GitSource(ObjectStore(store.folder)) as git:
        assert await git.fetch(spec, head) == revision
