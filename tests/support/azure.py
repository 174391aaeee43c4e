"""A small authority of Azure: exchanges tokens that it trusts for tokens of Azure DevOps."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web

from tests.support.serving import served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["FakeAuthority", "fake_authority"]

SCOPE = "499b84ac-1321-427f-aa17-267ca6975798/.default"
REFUSAL = {"error": "invalid_client", "error_description": "AADSTS700211: No matching credential for eyJhidden"}


class FakeAuthority:
    """Knows the client ``client-7`` of the tenant ``tenant-3``."""

    def __init__(self) -> None:
        self.url = ""
        self.given = 0
        self.seconds = 3600
        self.assertions: list[str] = []

    async def token(self, request: web.Request) -> web.Response:
        form = await request.post()
        self.assertions.append(str(form["client_assertion"]))
        assert form["grant_type"] == "client_credentials"
        assert form["scope"] == SCOPE
        assert form["client_assertion_type"] == "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
        if (request.match_info["tenant"], form["client_id"]) != ("tenant-3", "client-7"):
            return web.json_response(REFUSAL, status=401)
        self.given += 1
        token = {"token_type": "Bearer", "expires_in": self.seconds, "access_token": f"azure-token-{self.given}"}
        return web.json_response(token)


@asynccontextmanager
async def fake_authority() -> AsyncIterator[FakeAuthority]:
    fake = FakeAuthority()
    async with served(web.post("/{tenant}/oauth2/v2.0/token", fake.token)) as fake.url:
        yield fake
