"""Servers that are down, slow, wrong or hostile: one clear error each, the right reason, and no secret in it."""

from __future__ import annotations

import asyncio
import time
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from fairlead.errors import FairleadError, ForbiddenError, NotReadyError, UnavailableError
from fairlead.sources.errors import (
    GitAccessDeniedError,
    GitAuthError,
    GitOperationError,
    GitRefNotFoundError,
    GitRepositoryEmptyError,
    GitTimeoutError,
    SourceError,
)
from fairlead.sources.git import GitOptions, GitSource
from fairlead.sources.spec import GitAuth, GitProxy, GitRef, GitSpec
from tests.support.certificates import CertificateAuthority
from tests.support.git_server import Failure, GitServer
from tests.support.repo import RepoBuilder

if TYPE_CHECKING:
    from pathlib import Path

    from fairlead.sources.spec import GitRevision
    from fairlead.sources.store import ObjectStore

MAIN = GitRef(branch="main")


async def sync(git: GitSource, spec: GitSpec) -> GitRevision:
    return await git.fetch(spec, await git.resolve(spec))


async def failure_of(git: GitSource, spec: GitSpec) -> SourceError:
    with pytest.raises(SourceError) as caught:
        await sync(git, spec)
    assert "\n" not in str(caught.value)
    return caught.value


# -- servers ----------------------------------------------------------------------------------------------------------


async def test_nobody_listens(git: GitSource) -> None:
    error = await failure_of(git, GitSpec("http://127.0.0.1:1/fleet", MAIN))
    assert isinstance(error, UnavailableError)
    assert str(error) == "http://127.0.0.1:1/fleet cannot be reached: connection refused"
    assert error.reason == "GitOperationFailed"


async def test_unknown_host(git: GitSource) -> None:
    error = await failure_of(git, GitSpec("http://no-such-host.invalid/fleet", MAIN))
    assert "http://no-such-host.invalid/fleet cannot be reached" in str(error)


@pytest.mark.parametrize("known", [False, True], ids=["first", "known server"])
@pytest.mark.parametrize(
    ("failure", "words"),
    [
        (Failure.ERROR_500, "the server answered 500 Internal Server Error"),
        (Failure.TOO_MANY_429, "the server answered 429 Too Many Requests"),
        (Failure.GARBAGE, "something that is not Git's protocol"),
        (Failure.HTML, "is no Git repository: the answer is text/html"),
        (Failure.RESET, "broke off"),
        (Failure.NOT_FOUND, "repository not found"),
    ],
)
async def test_bad_answers(
    git: GitSource, server: GitServer, served: RepoBuilder, failure: Failure, words: str, known: bool
) -> None:
    spec = GitSpec(server.url("fleet.git"), MAIN)
    if known:
        await git.resolve(spec)
    server.failure = failure
    error = await failure_of(git, spec)
    assert isinstance(error, GitOperationError)
    assert words in str(error)
    server.failure = None
    assert (await sync(git, spec)).commit == served.head


async def test_a_server_that_never_answers(git: GitSource, server: GitServer, served: RepoBuilder) -> None:
    server.failure = Failure.HANG
    spec = GitSpec(server.url("fleet.git"), MAIN, timeout=timedelta(seconds=0.2))
    started = time.monotonic()
    error = await failure_of(git, spec)
    assert isinstance(error, GitTimeoutError)
    assert str(error) == f"{server.url('fleet.git')} did not answer within 0.2s"
    assert time.monotonic() - started < 2


@pytest.mark.parametrize("failure", [Failure.CUT, Failure.CORRUPT])
async def test_a_damaged_transfer_is_noticed_and_repeated(
    git: GitSource, store: ObjectStore, server: GitServer, served: RepoBuilder, failure: Failure
) -> None:
    spec = GitSpec(server.url("fleet.git"), MAIN)
    head = await git.resolve(spec)
    server.failure = failure
    with pytest.raises(GitOperationError):
        await git.fetch(spec, head)
    assert not store.has(head.commit)
    server.failure = None
    revision = await git.fetch(spec, head)
    assert store.tree(revision.tree_id).read("apps/web.yaml") == b"kind: ConfigMap\n"
    leftovers = [
        path for path in (store.folder / "remotes").rglob("*") if "tmp_" in path.name or "scratch" in path.name
    ]
    assert not leftovers


async def test_a_pack_that_is_too_large_is_refused(store: ObjectStore, server: GitServer, served: RepoBuilder) -> None:
    served.commit("Big", {"big.bin": bytes(range(256)) * 4096})
    async with GitSource(store, options=GitOptions(largest_pack_bytes=1000)) as git:
        error = await failure_of(git, GitSpec(server.url("fleet.git"), MAIN))
    assert "exceeds maximum allowed size" in str(error)


async def test_one_bad_server_does_not_hold_up_the_others(
    git: GitSource, server: GitServer, served: RepoBuilder, tmp_path: Path
) -> None:
    async with GitServer(tmp_path / "bad") as bad:
        bad.failure = Failure.HANG
        slow = GitSpec(bad.url("fleet.git"), MAIN, timeout=timedelta(seconds=1))
        waiting = asyncio.create_task(failure_of(git, slow))
        assert (await sync(git, GitSpec(server.url("fleet.git"), MAIN))).commit == served.head
        assert not waiting.done()
        assert isinstance(await waiting, GitTimeoutError)


async def test_a_client_that_gives_up_ends_the_child(
    store: ObjectStore, server: GitServer, served: RepoBuilder
) -> None:
    served.commit("Big", {f"f{number}": f"{number}" * 500 for number in range(500)})
    async with GitSource(store) as git:
        spec = GitSpec(server.url("fleet.git"), MAIN)
        head = await git.resolve(spec)
        for delay in (0, 0.005, 0.02, 0.04):
            task = asyncio.create_task(git.fetch(spec, head))
            await asyncio.sleep(delay)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
        assert (await git.fetch(spec, head)).commit == head.commit


# -- references -------------------------------------------------------------------------------------------------------


async def test_an_empty_repository(git: GitSource, server: GitServer) -> None:
    RepoBuilder(server.folder / "empty.git")
    for url in (server.url("empty.git"), str(server.folder / "empty.git")):
        for ref in (MAIN, GitRef(tag="v1"), GitRef(semver="*")):
            error = await failure_of(git, GitSpec(url, ref))
            assert isinstance(error, GitRepositoryEmptyError)
            assert (error.reason, str(error)) == ("EmptyGitRepository", "git repository is empty")


async def test_a_branch_that_is_deleted_and_comes_back(git: GitSource, server: GitServer, served: RepoBuilder) -> None:
    served.commit("Side", branch="side")
    spec = GitSpec(server.url("fleet.git"), GitRef(branch="side"))
    assert (await sync(git, spec)).commit == served.at("side")
    served.delete_branch("side")
    error = await failure_of(git, spec)
    assert isinstance(error, GitRefNotFoundError)
    assert isinstance(error, NotReadyError)
    assert str(error) == f"branch 'side' not found in {spec.url} (branches there: main)"
    served.commit("Again", branch="side")
    assert (await sync(git, spec)).commit == served.at("side")


async def test_missing_tag_and_range(git: GitSource, server: GitServer, served: RepoBuilder) -> None:
    url = server.url("fleet.git")
    assert "tag 'v9' not found" in str(await failure_of(git, GitSpec(url, GitRef(tag="v9"))))
    assert "no tag" in str(await failure_of(git, GitSpec(url, GitRef(semver=">=9"))))
    assert "reference 'refs/pull/7/head' not found" in str(
        await failure_of(git, GitSpec(url, GitRef(name="refs/pull/7/head")))
    )


async def test_a_missing_local_repository(git: GitSource, tmp_path: Path) -> None:
    assert "does not exist" in str(await failure_of(git, GitSpec(str(tmp_path / "gone"), MAIN)))
    assert "is no Git repository" in str(await failure_of(git, GitSpec(str(tmp_path), MAIN)))


# -- credentials ------------------------------------------------------------------------------------------------------


async def test_credentials_right_wrong_and_expired(git: GitSource, server: GitServer, served: RepoBuilder) -> None:
    url = server.url("fleet.git")
    server.users["ada"] = "hunter2"
    server.tokens.add("good-token")
    assert await sync(git, GitSpec(url, MAIN, GitAuth(username="ada", password="hunter2")))
    token = GitSpec(url, MAIN, GitAuth(bearer_token="good-token"))
    assert await sync(git, token)

    error = await failure_of(git, GitSpec(url, MAIN))
    assert isinstance(error, ForbiddenError)
    assert str(error) == f"{url}: authentication required"
    error = await failure_of(git, GitSpec(url, MAIN, GitAuth(username="ada", password="wrong-secret")))
    assert isinstance(error, GitAccessDeniedError)
    assert str(error) == f"{url}: credentials were refused (wrong or expired)"
    assert error.reason == "GitOperationFailed"

    server.tokens.clear()
    served.commit("Later")
    error = await failure_of(git, token)
    assert isinstance(error, GitAccessDeniedError)
    assert "good-token" not in repr(error)


async def test_a_revision_is_not_shared_with_other_credentials(
    git: GitSource, server: GitServer, served: RepoBuilder
) -> None:
    server.users["ada"] = "hunter2"
    url = server.url("fleet.git")
    await sync(git, GitSpec(url, MAIN, GitAuth(username="ada", password="hunter2")))
    assert isinstance(await failure_of(git, GitSpec(url, GitRef(commit=served.head))), GitAccessDeniedError)


async def test_a_server_cannot_lend_us_the_objects_of_another(
    git: GitSource, server: GitServer, served: RepoBuilder, tmp_path: Path
) -> None:
    """A hostile server names a commit of somebody else's repository, which is in our store already."""
    secret = await sync(git, GitSpec(server.url("fleet.git"), MAIN))
    async with GitServer(tmp_path / "hostile") as hostile:
        RepoBuilder(hostile.folder / "bait.git").commit("Bait", {"a.yaml": "a: 1\n"})
        error = await failure_of(git, GitSpec(hostile.url("bait.git"), GitRef(commit=secret.commit)))
    assert isinstance(error, GitRefNotFoundError)


@pytest.mark.parametrize(
    "auth",
    [
        GitAuth(username="ada", password="x", bearer_token="y"),
        GitAuth(ca="no certificate"),
        GitAuth(client_certificate="x"),
        GitAuth(client_certificate="x", client_key="y"),
        GitAuth(proxy=GitProxy("gopher://127.0.0.1:1")),
    ],
)
async def test_secrets_that_cannot_be_used(git: GitSource, auth: GitAuth) -> None:
    error = await failure_of(git, GitSpec("https://127.0.0.1:1/x", MAIN, auth))
    assert isinstance(error, GitAuthError)
    assert error.reason == "AuthenticationFailed"


# -- TLS, redirects, proxies ------------------------------------------------------------------------------------------


async def test_private_authority_and_client_certificate(git: GitSource, tmp_path: Path) -> None:
    authority = CertificateAuthority()
    client = authority.client()
    context = authority.server_context(tmp_path / "tls", ask_client=True)
    async with GitServer(tmp_path / "srv", tls=context) as server:
        repo = RepoBuilder(server.folder / "fleet.git")
        repo.commit("Start", {"a.yaml": "a: 1\n"})
        url = server.url("fleet.git")
        auth = GitAuth(ca=authority.pem, client_certificate=client.certificate, client_key=client.key)
        assert (await sync(git, GitSpec(url, MAIN, auth))).commit == repo.head
        assert "the certificate is not trusted" in str(await failure_of(git, GitSpec(url, MAIN)))
        other = GitAuth(ca=CertificateAuthority().pem)
        assert "the certificate is not trusted" in str(await failure_of(git, GitSpec(url, MAIN, other)))
        assert isinstance(await failure_of(git, GitSpec(url, MAIN, GitAuth(ca=authority.pem))), GitOperationError)


async def test_redirects_are_followed_without_taking_credentials_along(
    git: GitSource, server: GitServer, served: RepoBuilder, tmp_path: Path
) -> None:
    auth = GitAuth(username="ada", password="hunter2")
    async with GitServer(tmp_path / "front") as front:
        front.redirects["/moved.git"] = server.url("fleet.git")
        assert (await sync(git, GitSpec(front.url("moved.git"), MAIN, auth))).commit == served.head
        assert {seen.authorization for seen in server.seen} == {""}
        front.redirects["/renamed"] = front.url("moved.git")
        assert (await sync(git, GitSpec(front.url("renamed"), MAIN, auth))).commit == served.head


@pytest.mark.parametrize("target", ["/loop", "ftp://example.com/x", "http://127.0.0.1:1/login?next="])
async def test_redirects_that_lead_nowhere(git: GitSource, server: GitServer, target: str) -> None:
    server.redirects["/loop"] = server.url("loop") if target == "/loop" else target
    assert isinstance(await failure_of(git, GitSpec(server.url("loop"), MAIN)), GitOperationError)


async def test_no_redirect_from_https_to_http(git: GitSource, server: GitServer, tmp_path: Path) -> None:
    authority = CertificateAuthority()
    async with GitServer(tmp_path / "tls-srv", tls=authority.server_context(tmp_path / "tls")) as secure:
        secure.redirects["/x"] = server.url("fleet.git")
        error = await failure_of(git, GitSpec(secure.url("x"), MAIN, GitAuth(ca=authority.pem)))
    assert "redirects from https to http" in str(error)


async def test_a_proxy_is_used(git: GitSource, server: GitServer, served: RepoBuilder) -> None:
    """The Git server itself plays the proxy: a client that uses one sends it the whole URL."""
    proxy = GitProxy(server.url("").rstrip("/"), "ada", "hunter2")
    spec = GitSpec("http://git.invalid/fleet.git", MAIN, GitAuth(proxy=proxy))
    assert (await sync(git, spec)).commit == served.head
    assert "hunter2" not in repr(spec)
    down = GitSpec("http://git.invalid/fleet.git", MAIN, GitAuth(proxy=GitProxy("http://127.0.0.1:1")))
    assert "cannot be reached" in str(await failure_of(git, down))


async def test_errors_of_this_package_tell_what_to_do() -> None:
    def leaves(error: type[SourceError]) -> list[type[SourceError]]:
        return [error, *(leaf for below in error.__subclasses__() for leaf in leaves(below))]

    for error in leaves(SourceError)[1:]:
        assert len([base for base in error.__mro__ if issubclass(base, FairleadError)]) >= 3, error
