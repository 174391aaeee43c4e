"""A small GitHub: enough of its API for the tokens of an app."""

from __future__ import annotations

import base64
import json
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from aiohttp import web
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from tests.support.serving import served

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator

__all__ = ["PEM", "FakeGitHub", "fake_github"]

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


@asynccontextmanager
async def fake_github(tls: ssl.SSLContext | None = None) -> AsyncIterator[FakeGitHub]:
    """A server of the API, and the app 7 with the installation 42."""
    fake = FakeGitHub()
    installation = web.get("/{kind:orgs|users}/{owner}/installation", fake.installation)
    token = web.post("/app/installations/{id}/access_tokens", fake.token)
    async with served(installation, token, tls=tls) as fake.url:
        yield fake
