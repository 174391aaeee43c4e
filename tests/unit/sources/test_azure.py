"""Azure DevOps: a workload identity's token is exchanged, and kept while what it brought lives."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fairlead.sources.errors import GitAccessDeniedError, GitOperationError
from fairlead.sources.spec import AzureIdentity, GitAuth, GitRef, GitSpec
from tests.support.azure import FakeAuthority, fake_authority

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fairlead.sources.git import GitSource
    from tests.support.git_server import GitServer
    from tests.support.repo import RepoBuilder


@pytest.fixture
async def authority() -> AsyncIterator[FakeAuthority]:
    async with fake_authority() as fake:
        yield fake


def spec(server: GitServer, url: str, tenant: str = "tenant-3") -> GitSpec:
    async def assertion() -> str:
        return "eyJsecret"

    identity = AzureIdentity(url, tenant, "client-7", "the controllers", assertion)
    return GitSpec(server.url("fleet.git"), GitRef(branch="main"), GitAuth(azure=identity))


async def test_a_token_is_exchanged_once(
    git: GitSource, server: GitServer, served: RepoBuilder, authority: FakeAuthority
) -> None:
    server.tokens.add("azure-token-1")
    for _ in range(2):
        wanted = spec(server, authority.url)
        assert (await git.fetch(wanted, await git.resolve(wanted))).commit == served.head
        served.commit("Next")
    assert authority.assertions == ["eyJsecret"]
    assert "eyJ" not in repr(spec(server, authority.url))


async def test_a_token_is_renewed_before_it_ends(
    git: GitSource, server: GitServer, served: RepoBuilder, authority: FakeAuthority
) -> None:
    authority.seconds = 240
    server.tokens.update({"azure-token-1", "azure-token-2"})
    for _ in range(2):
        await git.resolve(spec(server, authority.url))
    assert authority.given == 2


async def test_a_refusal_tells_the_code_and_no_token(
    git: GitSource, server: GitServer, served: RepoBuilder, authority: FakeAuthority
) -> None:
    with pytest.raises(GitAccessDeniedError) as caught:
        await git.resolve(spec(server, authority.url, tenant="tenant-4"))
    assert "(401 AADSTS700211)" in str(caught.value)
    assert "client-7" in str(caught.value)
    assert "eyJ" not in str(caught.value)


async def test_an_authority_that_is_not_there(git: GitSource, server: GitServer, served: RepoBuilder) -> None:
    with pytest.raises(GitOperationError, match=r"http://127.0.0.1:1 cannot be asked for a token"):
        await git.resolve(spec(server, "http://127.0.0.1:1"))
