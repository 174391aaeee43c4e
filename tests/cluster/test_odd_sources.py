"""Addresses and credentials that can never work say so: a run never ends without a word."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.support.world import World


async def test_an_address_that_is_no_url_stalls(world: World) -> None:
    await world.git_repository(url="https://[::1")
    failure = await world.failed("fleet", kind="GitRepository", reason="URLInvalid")
    assert "is no URL: Invalid IPv6 URL" in failure["message"]
    assert (await world.condition("fleet", "Stalled", kind="GitRepository"))["status"] == "True"


@pytest.mark.parametrize("address", ["http://[::1", "socks5://proxy:99999", "https://"])
async def test_a_proxy_that_is_no_url_is_told(world: World, address: str) -> None:
    await world.apply("v1", "Secret", "proxy", stringData={"address": address})
    await world.git_repository(url="http://127.0.0.1:1/fleet", proxySecretRef={"name": "proxy"})
    failure = await world.failed("fleet", kind="GitRepository", reason="AuthenticationFailed")
    assert "the proxy's address is no URL" in failure["message"]


@pytest.mark.parametrize(
    ("token", "reason", "text"),
    [
        ("from-a-file\n", "GitOperationFailed", "cannot be reached"),
        ("two\nlines", "AuthenticationFailed", "the bearer token holds a line break"),
    ],
)
async def test_a_token_with_a_line_break(world: World, token: str, reason: str, text: str) -> None:
    """At its end it comes from the file that the Secret was made of."""
    await world.apply("v1", "Secret", "token", stringData={"bearerToken": token})
    await world.git_repository(url="http://127.0.0.1:1/fleet", secretRef={"name": "token"})
    failure = await world.failed("fleet", kind="GitRepository", reason=reason)
    assert text in failure["message"]
    assert "two" not in failure["message"], "it is a secret"
