"""GitHub Apps: the key proves itself, the token is used for Git and kept while it lives."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest
from aiohttp import web
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from fairlead.sources.errors import GitAccessDeniedError, GitAuthError
from fairlead.sources.spec import GitAuth, GitHubApp, GitRef, GitSpec

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fairlead.sources.git import GitSource
    from tests.support.git_server import GitServer
    from tests.support.repo import RepoBuilder

KEY = rsa.generate_private_key(65537, 2048)
PEM = KEY.private_bytes(
    serialization.Encoding.PEM, serialization.PrivateFormat.TraditionalOpenSSL, serialization.NoEncryption()
).decode()


class FakeGitHub:
    """The three calls that matter; checks the signature as GitHub does."""

    def __init__(self) -> None:
        self.given = 0
        self.lifetime = timedelta(hours=1)
        self.url = ""

    async def installation(self, request: web.Request) -> web.Response:
        self._check(request)
        if request.match_info["kind"] == "orgs":
            raise web.HTTPNotFound
        return web.json_response({"id": 42})

    async def token(self, request: web.Request) -> web.Response:
        self._check(request)
        if request.match_info["id"] != "42":
            raise web.HTTPNotFound
        self.given += 1
        expires = (datetime.now(UTC) + self.lifetime).strftime("%Y-%m-%dT%H:%M:%SZ")
        return web.json_response({"token": f"ghs_{self.given}", "expires_at": expires}, status=201)

    @staticmethod
    def _check(request: web.Request) -> None:
        signed, _, signature = request.headers["Authorization"].removeprefix("Bearer ").rpartition(".")
        claims = json.loads(base64.urlsafe_b64decode(signed.split(".")[1] + "=="))
        if claims["iss"] != "7" or not claims["iat"] < datetime.now(UTC).timestamp() < claims["exp"]:
            raise web.HTTPUnauthorized
        KEY.public_key().verify(
            base64.urlsafe_b64decode(signature + "=="), signed.encode(), padding.PKCS1v15(), hashes.SHA256()
        )


@pytest.fixture
async def github() -> AsyncIterator[FakeGitHub]:
    fake = FakeGitHub()
    app = web.Application()
    app.router.add_get("/{kind:orgs|users}/{owner}/installation", fake.installation)
    app.router.add_post("/app/installations/{id}/access_tokens", fake.token)
    runner = web.AppRunner(app)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    fake.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    yield fake
    await runner.cleanup()


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
