"""A small HashiCorp Vault: the transit engine's decryption, and files that are encrypted with it."""

from __future__ import annotations

import base64
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import yaml
from aiohttp import web

from fairlead.build.sops.keys import KeyRing, Keys
from fairlead.build.sops.metadata import Metadata
from tests.support.serving import served

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["TOKEN", "FakeVault", "fake_vault", "for_vault"]

TOKEN = "hvs.swordfish"  # opens nothing but the server of a test


class FakeVault:
    """Has one key, ``sops/keys/first``."""

    def __init__(self) -> None:
        self.url = ""
        self.asked = 0
        self.is_down = False

    @property
    def key(self) -> dict[str, str]:
        return {"vault_address": self.url, "engine_path": "sops", "key_name": "first"}

    async def decrypt(self, request: web.Request) -> web.Response:
        self.asked += 1
        if self.is_down:
            return web.json_response({"errors": ["Vault is sealed"]}, status=503)
        if request.headers.get("X-Vault-Token") != TOKEN:
            return web.json_response(
                {"errors": [f"permission denied: {request.headers.get('X-Vault-Token')}"]}, status=403
            )
        text: str = (await request.json())["ciphertext"]
        return web.json_response({"data": {"plaintext": text.removeprefix("vault:v1:")[::-1]}})


def for_vault(text: str, vault: FakeVault, age: str) -> str:
    """A YAML file that is encrypted for an age key, as if it had been for the key in Vault."""
    document: dict[str, Any] = yaml.safe_load(text)
    with KeyRing(Keys(age=age.split())) as ring:
        data_key = ring.data_key(Metadata.of(document["sops"]))
    encrypted = f"vault:v1:{base64.b64encode(data_key).decode()[::-1]}"
    document["sops"]["age"] = []
    document["sops"]["hc_vault"] = [{**vault.key, "created_at": "2026-11-21T12:00:00Z", "enc": encrypted}]
    return yaml.safe_dump(document, sort_keys=False)


@asynccontextmanager
async def fake_vault() -> AsyncIterator[FakeVault]:
    vault = FakeVault()
    async with served(web.post("/v1/sops/decrypt/first", vault.decrypt)) as vault.url:
        yield vault
