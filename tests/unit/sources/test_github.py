"""GitHub Apps: the key proves itself, the token is used for Git and kept while it lives."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from fairlead.sources.errors import GitAccessDeniedError, GitAuthError
from fairlead.sources.spec import GitAuth, GitHubApp, GitRef, GitSpec
from tests.support.github import PEM, FakeGitHub, fake_github

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fairlead.sources.git import GitSource
    from tests.support.git_server import GitServer
    from tests.support.repo import RepoBuilder


@pytest.fixture
async def github() -> AsyncIterator[FakeGitHub]:
    async with fake_github() as fake:
        yield fake


def spec(server: GitServer, app: GitHubApp) -> GitSpec:
    return GitSpec(server.url("fleet.git"), GitRef(branch="main"), GitAuth(github_app=app))


@pytest.mark.parametrize("by", ["id", "owner"])
async def test_a_token_is_fetched_once(
    git: GitSource, server: GitServer, served: RepoBuilder, github: FakeGitHub, by: str
) -> None:
    server.users["x-access-token"] = "ghs_1"
    chosen = {"installation_id": "42"} if by == "id" else {"installation_owner": "ada"}
    wanted = spec(server, GitHubApp("7", PEM, base_url=github.url, **chosen))
    for _ in range(2):
        assert (await git.fetch(wanted, await git.resolve(wanted))).commit == served.head
        served.commit("Next")
    assert github.given == 1
    assert "PRIVATE" not in repr(wanted)


async def test_a_token_is_renewed_before_it_ends(
    git: GitSource, server: GitServer, served: RepoBuilder, github: FakeGitHub
) -> None:
    github.lifetime = timedelta(minutes=4)
    server.users["x-access-token"] = "ghs_1"
    wanted = spec(server, GitHubApp("7", PEM, "42", base_url=github.url))
    await git.resolve(wanted)
    server.users["x-access-token"] = "ghs_2"
    await git.resolve(wanted)


async def test_apps_that_cannot_work(git: GitSource, server: GitServer, github: FakeGitHub) -> None:
    for app, error in (
        (GitHubApp("8", PEM, "42", base_url=github.url), GitAccessDeniedError),
        (GitHubApp("7", "no key", "42", base_url=github.url), GitAuthError),
        (GitHubApp("7", PEM, base_url=github.url), GitAuthError),
    ):
        with pytest.raises(error):
            await git.resolve(spec(server, app))
