"""Git over ssh: keys, passphrases, host keys, and nothing left on disk."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from fairlead.sources.errors import (
    GitAccessDeniedError,
    GitAuthError,
    GitOperationError,
    GitRefNotFoundError,
    GitTimeoutError,
)
from fairlead.sources.spec import GitAuth, GitRef, GitSpec
from tests.support.repo import RepoBuilder
from tests.support.ssh_server import GitSshServer, make_key

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from fairlead.sources.git import GitSource
    from fairlead.sources.spec import GitRevision
    from fairlead.sources.store import ObjectStore

MAIN = GitRef(branch="main")
PRIVATE, PUBLIC = make_key()


@pytest.fixture
async def ssh(tmp_path: Path) -> AsyncIterator[GitSshServer]:
    async with GitSshServer(tmp_path / "ssh-served", [PUBLIC]) as server:
        yield server


@pytest.fixture
def shelf(ssh: GitSshServer) -> RepoBuilder:
    repo = RepoBuilder(ssh.folder / "fleet.git")
    repo.commit("Start", {"a.yaml": "a: 1\n"})
    return repo


def spec(
    ssh: GitSshServer,
    ref: GitRef = MAIN,
    *,
    identity: str = PRIVATE,
    known_hosts: str | None = None,
    password: str = "",
) -> GitSpec:
    hosts = ssh.known_hosts if known_hosts is None else known_hosts
    return GitSpec(ssh.url("fleet.git"), ref, GitAuth(identity=identity, known_hosts=hosts, password=password))


async def sync(git: GitSource, wanted: GitSpec) -> GitRevision:
    return await git.fetch(wanted, await git.resolve(wanted))


@pytest.mark.parametrize("version_2", [True, False])
async def test_references(
    git: GitSource, store: ObjectStore, ssh: GitSshServer, shelf: RepoBuilder, version_2: bool
) -> None:
    ssh.version_2 = version_2
    old = shelf.head
    shelf.tag("v1.0.0", annotated=True)
    shelf.commit("Later", {"a.yaml": "a: 2\n"})
    for ref, revision in (
        (MAIN, f"main@sha1:{shelf.head}"),
        (GitRef(tag="v1.0.0"), f"v1.0.0@sha1:{old}"),
        (GitRef(semver="1.x"), f"v1.0.0@sha1:{old}"),
        (GitRef(name="refs/heads/main"), f"refs/heads/main@sha1:{shelf.head}"),
        (GitRef(commit=old), f"sha1:{old}"),
        (GitRef(commit=old, branch="main"), f"main@sha1:{old}"),
    ):
        assert (await sync(git, spec(ssh, ref))).revision == revision
    newer = shelf.commit("Even later", {"a.yaml": "a: 3\n"})
    latest = await sync(git, spec(ssh))
    assert latest.commit == newer
    assert store.tree(latest.tree_id).read("a.yaml") == b"a: 3\n"


async def test_a_pinned_commit_stays_pinned_where_only_tips_are_given(
    git: GitSource, ssh: GitSshServer, shelf: RepoBuilder
) -> None:
    """Old servers give no commit by its id; the branch's newest one must not come instead."""
    ssh.version_2 = False
    old = shelf.head
    shelf.commit("Later", {"a.yaml": "a: 2\n"})
    assert (await sync(git, spec(ssh, GitRef(commit=old, branch="main")))).commit == old


async def test_a_missing_commit_and_branch(git: GitSource, ssh: GitSshServer, shelf: RepoBuilder) -> None:
    for ref in (GitRef(commit="0" * 40), GitRef(branch="gone")):
        with pytest.raises(GitRefNotFoundError, match="not found in ssh://"):
            await sync(git, spec(ssh, ref))


@pytest.mark.parametrize("form", ["openssh", "pkcs8-pem"])
async def test_a_key_with_a_passphrase(git: GitSource, tmp_path: Path, form: str) -> None:
    private, public = make_key(passphrase="open sesame", form=form)
    async with GitSshServer(tmp_path / "locked", [public]) as server:
        repo = RepoBuilder(server.folder / "fleet.git")
        repo.commit("Start", {"a.yaml": "a: 1\n"})
        assert await sync(git, spec(server, identity=private, password="open sesame"))
        for password in ("", "wrong"):
            with pytest.raises((GitAuthError, GitAccessDeniedError)) as caught:
                await sync(git, spec(server, identity=private, password=password))
            assert "open sesame" not in str(caught.value)


async def test_an_unknown_host_is_refused(git: GitSource, ssh: GitSshServer, shelf: RepoBuilder) -> None:
    with pytest.raises(GitAccessDeniedError, match="the host key is not in known_hosts"):
        await git.resolve(spec(ssh, known_hosts="example.com ssh-ed25519 AAAA"))


async def test_a_changed_host_key_is_refused(git: GitSource, ssh: GitSshServer, shelf: RepoBuilder) -> None:
    place = ssh.known_hosts.split()[0]
    with pytest.raises(GitAccessDeniedError, match="differs from the one in known_hosts"):
        await git.resolve(spec(ssh, known_hosts=f"{place} {PUBLIC}"))


async def test_a_stranger_is_refused(git: GitSource, ssh: GitSshServer, shelf: RepoBuilder) -> None:
    stranger, _ = make_key()
    with pytest.raises(GitAccessDeniedError, match="the server refused the key"):
        await git.resolve(spec(ssh, identity=stranger))


async def test_incomplete_secrets(git: GitSource, ssh: GitSshServer) -> None:
    for incomplete in (spec(ssh, identity=""), spec(ssh, known_hosts="")):
        with pytest.raises(GitAuthError, match="must hold 'identity' and 'known_hosts'"):
            await git.resolve(incomplete)


async def test_an_unreadable_key(git: GitSource, ssh: GitSshServer) -> None:
    with pytest.raises(GitAuthError, match="cannot be read"):
        await git.resolve(spec(ssh, identity="-----BEGIN OPENSSH PRIVATE KEY-----\nxxx\n"))


async def test_no_such_repository(git: GitSource, ssh: GitSshServer) -> None:
    with pytest.raises(GitOperationError, match="repository not found"):
        await git.resolve(spec(ssh))


async def test_nobody_listens(git: GitSource, ssh: GitSshServer) -> None:
    wanted = GitSpec("ssh://git@127.0.0.1:1/x", MAIN, GitAuth(identity=PRIVATE, known_hosts=ssh.known_hosts))
    with pytest.raises(GitOperationError, match="cannot be reached"):
        await git.resolve(wanted)


async def test_no_key_stays_on_disk(git: GitSource, store: ObjectStore, ssh: GitSshServer, shelf: RepoBuilder) -> None:
    await sync(git, spec(ssh))
    assert not [path for path in store.folder.rglob("*") if "scratch" in path.name or path.name == "identity"]
    for config in store.folder.rglob("config"):
        assert "127.0.0.1" not in config.read_text()


async def test_a_silent_server_is_left_after_the_timeout(git: GitSource, store: ObjectStore) -> None:
    connections: list[asyncio.StreamWriter] = []

    async def say_nothing(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connections.append(writer)
        await reader.read()

    async with await asyncio.start_server(say_nothing, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        auth = GitAuth(identity=PRIVATE, known_hosts=f"[127.0.0.1]:{port} {PUBLIC}")
        wanted = GitSpec(f"ssh://git@127.0.0.1:{port}/x", MAIN, auth, timeout=timedelta(seconds=0.3))
        with pytest.raises(GitTimeoutError, match=r"did not answer within 0\.3s"):
            await git.resolve(wanted)
        for connection in connections:
            connection.close()
    assert not list(store.folder.rglob("scratch-*"))
