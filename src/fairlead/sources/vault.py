"""HashiCorp Vault's transit engine: it opens what was encrypted with one of its keys, and never gives the key away.

Facts: Vault's HTTP API, ``POST /v1/ENGINE/decrypt/KEY``. Of its answers nothing but the status is shown.
"""

from __future__ import annotations

import base64
from typing import Any
from urllib.parse import quote, urlsplit

import aiohttp
import msgspec

from fairlead.connections import Connector
from fairlead.errors import BuildError
from fairlead.objects.urls import redact_url
from fairlead.sources.errors import KeyServiceError

__all__ = ["decrypt"]

SECONDS = 15.0
_LARGEST_BYTES = 2**20


async def decrypt(address: str, encrypted: str, token: str) -> bytes:
    """``address`` is of a key, as SOPS writes it: ``https://HOST/v1/ENGINE/keys/KEY``.

    Raises ``BuildError`` when Vault refuses, and :class:`KeyServiceError` when it cannot answer.
    """
    url, shown = _decrypt_url(address), f"HashiCorp Vault {redact_url(address)}"
    timeout = aiohttp.ClientTimeout(total=SECONDS)
    try:
        async with (
            aiohttp.ClientSession(
                connector=Connector(), timeout=timeout, cookie_jar=aiohttp.DummyCookieJar()
            ) as session,
            session.post(
                url, json={"ciphertext": encrypted}, headers={"X-Vault-Token": token}, allow_redirects=False
            ) as response,
        ):
            if response.status in (400, 401, 403, 404):
                raise BuildError(
                    f"{shown} refuses to open a data key ({response.status}); "
                    "may the token in sops.vault-token decrypt with that key?"
                )
            if response.status != 200:
                raise KeyServiceError(f"{shown} answered {response.status}")
            return _plain(await _bounded(response, shown), shown)
    except (aiohttp.ClientError, TimeoutError) as error:
        raise KeyServiceError(f"{shown} cannot be asked: {type(error).__name__}") from None


async def _bounded(response: aiohttp.ClientResponse, shown: str) -> bytes:
    body = bytearray()
    async for chunk in response.content.iter_any():
        body += chunk
        if len(body) > _LARGEST_BYTES:
            raise KeyServiceError(f"{shown} answered with more than {_LARGEST_BYTES} bytes")
    return bytes(body)


def _decrypt_url(address: str) -> str:
    try:
        parts = urlsplit(address)
        usable = parts.scheme in ("https", "http") and parts.hostname and "@" not in parts.netloc and parts.port != 0
    except ValueError:
        usable = False
    head, _, key = address.rpartition("/keys/")
    if not usable or not head or not key:
        raise BuildError(f"'{redact_url(address)}' is no address of a key in HashiCorp Vault")
    return f"{head}/decrypt/{quote(key, safe='')}"


def _plain(body: bytes, shown: str) -> bytes:
    try:
        answer: Any = msgspec.json.decode(body)
        return base64.b64decode(answer["data"]["plaintext"], validate=True)
    except (msgspec.DecodeError, KeyError, TypeError, ValueError):
        raise KeyServiceError(f"{shown} answered without a data key") from None
