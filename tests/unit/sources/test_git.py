"""Which commit a spec means, and what lands in the store: over http in both versions, and from this machine."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from typing import TYPE_CHECKING

import pygit2
import pytest

from fairlead.sources.errors import GitRefNotFoundError, GitSpecError, GitUrlError
from fairlead.sources.git import GitOptions, GitSource
from fairlead.sources.process import GitFailedError
from fairlead.sources.remote import Remote
from fairlead.sources.spec import GitAuth, GitRef, GitSpec, Include
from tests.support.git_server import Failure, GitServer
from tests.support.patience import PATIENCE
from tests.support.repo import RepoBuilder, Submodule
from tests.support.trees import all_paths, changed_paths

if TYPE_CHECKING:
    from pathlib import Path

    from fairlead.sources.spec import GitRevision
    from fairlead.sources.store import ObjectStore


@pytest.fixture(params=["http", "http-v0", "local"])
def place(request: pytest.FixtureRequest, server: GitServer, served: RepoBuilder) -> tuple[RepoBuilder, str]:
    """The same repository, reached in different ways."""
    server.old_protocol = request.param == "http-v0"
    return served, served.url if request.param == "local" else server.url("fleet.git")


async def sync(git: GitSource, spec: GitSpec) -> GitRevision:
    return await git.fetch(spec, await git.resolve(spec))


async def test_branch(git: GitSource, store: ObjectStore, place: tuple[RepoBuilder, str]) -> None:
    repo, url = place
    revision = await sync(git, GitSpec(url, GitRef(branch="main")))
    assert revision.revision == f"main@sha1:{repo.head}"
    assert (revision.subject, revision.author_name, revision.author_email) == ("Start", "Ada", "ada@example.com")
    assert store.tree(revision.tree_id).read("apps/web.yaml") == b"kind: ConfigMap\n"


async def test_new_commits_and_a_forced_push_are_followed(
    git: GitSource, store: ObjectStore, place: tuple[RepoBuilder, str]
) -> None:
    repo, url = place
    spec = GitSpec(url, GitRef(branch="main"))
    first = await sync(git, spec)
    repo.commit("Change", {"apps/web.yaml": "kind: Secret\n"})
    second = await sync(git, spec)
    assert changed_paths(store, first.tree_id, second.tree_id) == ["apps/web.yaml"]
    repo.force("main", first.commit)
    repo.commit("Another history", {"other.yaml": "a: 1\n"})
    third = await sync(git, spec)
    assert third.revision == f"main@sha1:{repo.head}"
    assert all_paths(store, third.tree_id) == ["README.md", "apps/web.yaml", "other.yaml"]


async def test_the_default_branch_is_master(git: GitSource, place: tuple[RepoBuilder, str]) -> None:
    repo, url = place
    with pytest.raises(GitRefNotFoundError, match=r"branch 'master' not found .*branches there: main"):
        await git.resolve(GitSpec(url))
    repo.commit("Old habits", branch="master")
    assert (await git.resolve(GitSpec(url))).revision == f"master@sha1:{repo.at('master')}"


@pytest.mark.parametrize("annotated", [True, False])
async def test_tag(git: GitSource, place: tuple[RepoBuilder, str], annotated: bool) -> None:
    repo, url = place
    repo.tag("v1.0.0", annotated=annotated)
    commit = repo.head
    repo.commit("Later")
    revision = await sync(git, GitSpec(url, GitRef(tag="v1.0.0", branch="main")))
    assert (revision.revision, revision.tag) == (f"v1.0.0@sha1:{commit}", "v1.0.0")


async def test_semver_takes_the_highest_in_range(git: GitSource, place: tuple[RepoBuilder, str]) -> None:
    repo, url = place
    for tag in ("v1.0.0", "1.2.0", "v1.10.0", "v2.0.0", "v1.11.0-rc.1", "1.99", "nightly"):
        repo.commit(tag)
        repo.tag(tag, annotated=tag == "v1.10.0")
    head = await git.resolve(GitSpec(url, GitRef(semver=">=1.0.0 <2.0.0")))
    assert (head.label, head.commit) == ("v1.10.0", str(repo.repository.references["refs/tags/v1.10.0"].peel().id))
    assert (await git.resolve(GitSpec(url, GitRef(semver="~1.11-0")))).label == "v1.11.0-rc.1"


async def test_equal_versions_are_told_apart_by_the_time_of_their_commits(
    git: GitSource, place: tuple[RepoBuilder, str]
) -> None:
    repo, url = place
    newer = repo.commit("Newer", when=1_800_000_000)
    repo.tag("1.0.0")
    repo.commit("Older", when=1_700_000_000)
    repo.tag("v1.0.0")
    head = await git.resolve(GitSpec(url, GitRef(semver="1.x")))
    assert (head.label, head.commit) == ("1.0.0", newer)


async def test_name_of_any_reference(git: GitSource, place: tuple[RepoBuilder, str]) -> None:
    repo, url = place
    commit = repo.commit("A proposal", {"new.yaml": "a: 1\n"}, branch="proposal")
    repo.delete_branch("proposal")
    repo.reference("refs/pull/1/head", commit)
    revision = await sync(git, GitSpec(url, GitRef(name="refs/pull/1/head", tag="ignored", branch="main")))
    assert revision.revision == f"refs/pull/1/head@sha1:{commit}"


async def test_commit_alone(git: GitSource, place: tuple[RepoBuilder, str]) -> None:
    repo, url = place
    commit = repo.head
    repo.commit("Later")
    revision = await sync(git, GitSpec(url, GitRef(commit=commit)))
    assert revision.revision == f"sha1:{commit}"
    with pytest.raises(GitRefNotFoundError, match="not found in"):
        await sync(git, GitSpec(url, GitRef(commit="0" * 40)))


async def test_commit_of_a_branch(git: GitSource, place: tuple[RepoBuilder, str]) -> None:
    repo, url = place
    old = repo.head
    repo.commit("Later")
    elsewhere = repo.commit("Elsewhere", branch="feature")
    revision = await sync(git, GitSpec(url, GitRef(commit=old, branch="main")))
    assert revision.revision == f"main@sha1:{old}"
    with pytest.raises(GitRefNotFoundError, match=f"commit {elsewhere} is not in branch 'main'"):
        await sync(git, GitSpec(url, GitRef(commit=elsewhere, branch="main")))


async def test_the_history_of_a_branch_is_read_from_servers_that_cannot_filter(
    git: GitSource, server: GitServer, served: RepoBuilder
) -> None:
    server.filters = False
    old = served.head
    served.commit("Later")
    revision = await sync(git, GitSpec(server.url("fleet.git"), GitRef(commit=old, branch="main")))
    assert revision.commit == old


@pytest.mark.parametrize(
    "ref",
    [
        GitRef(branch="--upload-pack=touch /tmp/x"),
        GitRef(branch="a b"),
        GitRef(branch="a..b"),
        GitRef(tag="x\nwant"),
        GitRef(name="refs/heads/x^{}"),
        GitRef(commit="abc"),
        GitRef(semver="not a range"),
    ],
)
async def test_impossible_references_are_refused_before_anybody_is_asked(
    git: GitSource, server: GitServer, ref: GitRef
) -> None:
    with pytest.raises(GitSpecError):
        await git.resolve(GitSpec(server.url("fleet.git"), ref))
    assert not server.seen


# -- how little is asked ----------------------------------------------------------------------------------------------


async def test_many_sources_of_one_repository_ask_once(git: GitSource, server: GitServer, served: RepoBuilder) -> None:
    spec = GitSpec(server.url("fleet.git"), GitRef(branch="main"))
    await git.resolve(spec)
    before = len(server.seen)
    heads = await asyncio.gather(*(git.resolve(spec) for _ in range(50)))
    assert {head.commit for head in heads} == {served.head}
    assert len(server.seen) == before + 1


async def test_other_credentials_ask_for_themselves(git: GitSource, server: GitServer, served: RepoBuilder) -> None:
    spec = GitSpec(server.url("fleet.git"), GitRef(branch="main"))
    other = GitSpec(spec.url, spec.ref, GitAuth(username="ada", password="x"))
    await asyncio.gather(git.resolve(spec), git.resolve(other))
    assert {seen.authorization for seen in server.seen} == {"", "Basic YWRhOng="}


async def test_an_unchanged_revision_is_not_fetched_again(
    git: GitSource, server: GitServer, served: RepoBuilder
) -> None:
    spec = GitSpec(server.url("fleet.git"), GitRef(branch="main"))
    head = await git.resolve(spec)
    first = await git.fetch(spec, head)
    before = len(server.seen)
    assert await git.fetch(spec, head) == first
    assert len(server.seen) == before


async def test_a_new_process_finds_what_the_old_one_fetched(
    store: ObjectStore, server: GitServer, served: RepoBuilder
) -> None:
    spec = GitSpec(server.url("fleet.git"), GitRef(branch="main"))
    async with GitSource(store) as git:
        head = await git.resolve(spec)
        first = await git.fetch(spec, head)
    before = len(server.seen)
    async with GitSource(type(store)(store.folder)) as git:
        assert await git.fetch(spec, head) == first
    assert len(server.seen) == before


async def test_many_small_packs_become_one(store: ObjectStore, server: GitServer, served: RepoBuilder) -> None:
    spec = GitSpec(server.url("fleet.git"), GitRef(branch="main"))
    async with GitSource(store, options=GitOptions(packs_before_repack=4)) as git:
        trees = []
        for number in range(12):
            served.commit(f"{number}", {"apps/web.yaml": f"n: {number}\n"})
            trees.append((await sync(git, spec)).tree_id)
        reader = store.tree(trees[0])
    packs = list((store.folder / "objects.git/objects/pack").glob("*.idx"))
    assert len(packs) <= 5
    assert store.tree(trees[-1]).read("apps/web.yaml") == b"n: 11\n"
    assert store.tree(trees[-2]).read("apps/web.yaml") == b"n: 10\n"
    assert reader.read("apps/web.yaml") == b"n: 0\n", "a build may still read a revision that was replaced just now"


async def test_packs_are_merged_when_nobody_waits(
    store: ObjectStore, server: GitServer, served: RepoBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = GitSpec(server.url("fleet.git"), GitRef(branch="main"))
    most, merged = 0, list[int]()
    merge_packs = Remote.merge_packs

    async def merge(remote: Remote) -> None:
        merged.append(len(remote.packs()))
        await merge_packs(remote)

    monkeypatch.setattr(Remote, "merge_packs", merge)
    async with GitSource(store, options=GitOptions(packs_before_repack=8)) as git:
        for number in range(12):
            served.commit(f"{number}", {"apps/web.yaml": f"n: {number}\n"})
            revision = await sync(git, spec)
            before = len(merged)
            await git.tidy(spec)
            most = max(most, len(merged) - before)
        assert most == 1
        assert set(merged) == {5}
    assert store.tree(revision.tree_id).read("apps/web.yaml") == b"n: 11\n"


async def test_what_cannot_be_merged_is_left_to_a_fetch(
    store: ObjectStore, server: GitServer, served: RepoBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def merge(_: Remote) -> None:
        raise GitFailedError("repack", "no space left on device")

    monkeypatch.setattr(Remote, "merge_packs", merge)
    spec = GitSpec(server.url("fleet.git"), GitRef(branch="main"))
    async with GitSource(store, options=GitOptions(packs_before_repack=4)) as git:
        for number in range(3):
            served.commit(f"{number}", {"apps/web.yaml": f"n: {number}\n"})
            await sync(git, spec)
            await git.tidy(spec)
        for number in range(2):
            served.commit(f"{number}", {"apps/web.yaml": f"m: {number}\n"})
            with contextlib.suppress(GitFailedError):
                await sync(git, spec)
        with pytest.raises(GitFailedError, match="no space left"):
            await sync(git, spec)
        await git.tidy(spec)


async def test_old_revisions_are_let_go(
    store: ObjectStore, server: GitServer, served: RepoBuilder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fairlead.sources.remote._PAST_LIFE_SECONDS", 0)
    spec = GitSpec(server.url("fleet.git"), GitRef(branch="main"))
    async with GitSource(store, options=GitOptions(packs_before_repack=2)) as git:
        for number in range(9):
            served.commit(f"{number}", {"apps/web.yaml": f"n: {number}\n"})
            revision = await sync(git, spec)
        before = sum(path.stat().st_size for path in store.folder.rglob("*.pack"))
        await git.maintain()
        assert sum(path.stat().st_size for path in store.folder.rglob("*.pack")) < before
    (remote,) = (store.folder / "remotes").iterdir()
    assert len((remote / "shallow").read_text().split()) == 2
    assert len([*(remote / "refs/kept").rglob("past-*")]) == 1
    assert store.tree(revision.tree_id).read("apps/web.yaml") == b"n: 8\n"


# -- this machine's repositories --------------------------------------------------------------------------------------


async def test_local_repositories_need_permission(store: ObjectStore, repo: RepoBuilder) -> None:
    async with GitSource(store) as git:
        for url in (repo.url, str(repo.folder)):
            with pytest.raises(GitUrlError, match="not permitted"):
                await git.resolve(GitSpec(url, GitRef(branch="main")))


async def test_checkout_and_worktree_are_repositories(git: GitSource, repo: RepoBuilder, tmp_path: Path) -> None:
    checkout, tree = tmp_path / "checkout", tmp_path / "tree"
    pygit2.clone_repository(str(repo.folder), str(checkout)).add_worktree("side", str(tree))
    for path, branch in ((checkout, "main"), (tree, "side"), (tree, "main")):
        revision = await sync(git, GitSpec(str(path), GitRef(branch=branch)))
        assert revision.revision == f"{branch}@sha1:{repo.head}"


# -- shaping the tree -------------------------------------------------------------------------------------------------


async def test_sparse_checkout(git: GitSource, store: ObjectStore, repo: RepoBuilder) -> None:
    repo.commit("More", {"apps/a/x.yaml": "a: 1\n", "apps/b/x.yaml": "b: 1\n", "infra/x.yaml": "i: 1\n"})
    spec = GitSpec(repo.url, GitRef(branch="main"), sparse_checkout=("./apps/a", "infra/"))
    assert all_paths(store, (await sync(git, spec)).tree_id) == ["apps/a/x.yaml", "infra/x.yaml"]
    missing = GitSpec(repo.url, GitRef(branch="main"), sparse_checkout=("nowhere",))
    with pytest.raises(GitSpecError, match="'nowhere' does not exist"):
        await sync(git, missing)


async def test_include(git: GitSource, store: ObjectStore, repo: RepoBuilder, tmp_path: Path) -> None:
    library = RepoBuilder(tmp_path / "library")
    library.commit("Start", {"charts/x.yaml": "x: 1\n", "charts/deep/y.yaml": "y: 1\n", "notes.md": "no\n"})
    included = await sync(git, GitSpec(library.url, GitRef(branch="main")))
    includes = (Include(included.tree_id, "charts", "apps"), Include(included.tree_id, "./", "vendor/library"))
    revision = await sync(git, GitSpec(repo.url, GitRef(branch="main"), includes=includes))
    assert all_paths(store, revision.tree_id) == [
        "README.md",
        "apps/deep/y.yaml",
        "apps/web.yaml",
        "apps/x.yaml",
        "vendor/library/charts/deep/y.yaml",
        "vendor/library/charts/x.yaml",
        "vendor/library/notes.md",
    ]
    for bad in (Include(included.tree_id, "../x", "apps"), Include(included.tree_id, "gone", "apps")):
        with pytest.raises(GitSpecError):
            await sync(git, GitSpec(repo.url, GitRef(branch="main"), includes=(bad,)))


async def test_submodules(git: GitSource, store: ObjectStore, server: GitServer, served: RepoBuilder) -> None:
    inner = RepoBuilder(server.folder / "inner.git")
    innermost = inner.commit("Inner", {"z.yaml": "z: 1\n"})
    library = RepoBuilder(server.folder / "library.git")
    module = '[submodule "inner"]\n\tpath = deep/inner\n\turl = ../inner.git\n'
    pinned = library.commit("Lib", {".gitmodules": module, "deep/inner": Submodule(innermost), "lib.yaml": "l: 1\n"})
    library.commit("Newer", {"lib.yaml": "l: 2\n"})
    text = f'[submodule "lib"]\n\tpath = vendor/lib\n\turl = {server.url("library.git")}\n[core]\n\tpath = README.md\n'
    served.commit("Use it", {".gitmodules": text, "vendor/lib": Submodule(pinned)})
    spec = GitSpec(server.url("fleet.git"), GitRef(branch="main"))
    assert "vendor/lib/lib.yaml" not in all_paths(store, (await sync(git, spec)).tree_id)
    revision = await sync(git, GitSpec(spec.url, spec.ref, recurse_submodules=True))
    tree = store.tree(revision.tree_id)
    assert tree.read("vendor/lib/lib.yaml") == b"l: 1\n"
    assert tree.read("vendor/lib/deep/inner/z.yaml") == b"z: 1\n"


async def test_a_submodule_elsewhere_gets_no_credentials(
    git: GitSource, server: GitServer, served: RepoBuilder, tmp_path: Path
) -> None:
    async with GitServer(tmp_path / "other") as other:
        library = RepoBuilder(other.folder / "library.git")
        pinned = library.commit("Lib", {"lib.yaml": "l: 1\n"})
        text = f'[submodule "lib"]\n\tpath = lib\n\turl = {other.url("library.git")}\n'
        served.commit("Use it", {".gitmodules": text, "lib": Submodule(pinned)})
        server.users["ada"] = "secret"
        auth = GitAuth(username="ada", password="secret")
        await sync(git, GitSpec(server.url("fleet.git"), GitRef(branch="main"), auth, recurse_submodules=True))
        assert {seen.authorization for seen in other.seen} == {""}


async def test_a_remote_repository_cannot_name_a_local_submodule(
    git: GitSource, server: GitServer, served: RepoBuilder, repo: RepoBuilder
) -> None:
    text = f'[submodule "lib"]\n\tpath = lib\n\turl = {repo.url}\n'
    served.commit("Peek", {".gitmodules": text, "lib": Submodule(repo.head)})
    with pytest.raises(GitSpecError, match="cannot name a folder of this machine"):
        await sync(git, GitSpec(server.url("fleet.git"), GitRef(branch="main"), recurse_submodules=True))


async def test_cancelled_calls_leave_nothing_behind(git: GitSource, server: GitServer, served: RepoBuilder) -> None:
    server.failure = Failure.HANG
    spec = GitSpec(server.url("fleet.git"), GitRef(branch="main"), timeout=timedelta(seconds=30))
    before = asyncio.all_tasks()
    waiters = [asyncio.create_task(git.resolve(spec)) for _ in range(3)]
    async with asyncio.timeout(PATIENCE):
        await server.asked.wait()
    for waiter in waiters:
        waiter.cancel()
    await asyncio.gather(*waiters, return_exceptions=True)
    assert not [task for task in asyncio.all_tasks() - before if "shared call" in task.get_name()]
