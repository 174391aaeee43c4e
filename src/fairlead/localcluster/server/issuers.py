"""Tokens that others have signed: the issuers that a cluster trusts beside itself.

They are named as for the real server, by an ``AuthenticationConfiguration``: the URL of the issuer, for whom its tokens
have to be, and how the bearers are called here. Of the rest of that format (expressions, required claims) nothing is
known, and whoever says it is told so. Keys are asked for when the first token comes, and again when a token names
another key.
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import aiohttp
import msgspec

from fairlead.connections import Connector
from fairlead.errors import UserError
from fairlead.localcluster.server.jose import key_id, public_key, unverified_parts, verified_claims
from fairlead.localcluster.server.requests import CREDENTIAL_ID, UserInfo

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fairlead.localcluster.server.jose import PublicKey

__all__ = ["Issuer", "Issuers", "read_issuers"]

WELL_KNOWN = "/.well-known/openid-configuration"
FETCH_SECONDS = 5.0
ASK_AGAIN_SECONDS = 10.0
"""Between two questions for keys, whatever tokens come: nobody makes this server knock without end."""
VERSIONS = tuple(f"apiserver.config.k8s.io/{version}" for version in ("v1", "v1beta1", "v1alpha1"))

_log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Claim:
    """Which claim a name is read from, and what is put before it."""

    name: str = ""
    prefix: str = ""


@dataclass(frozen=True, slots=True)
class Issuer:
    """Whom a cluster trusts, and what for."""

    url: str
    audiences: tuple[str, ...]
    user: Claim
    groups: Claim = Claim()
    discovery_url: str = ""
    """Where the issuer says what its keys are, when that is not below its own URL."""
    ca: str = ""


def read_issuers(configuration: Any) -> tuple[Issuer, ...]:
    """Those of a decoded ``AuthenticationConfiguration``; raises ``UserError`` for what cannot be honoured."""
    _only(configuration, "configuration", "apiVersion", "kind", "jwt")
    if configuration.get("apiVersion") not in VERSIONS or configuration.get("kind") != "AuthenticationConfiguration":
        raise UserError(f"want an AuthenticationConfiguration of {VERSIONS[0]}")
    issuers = tuple(_issuer(item, f"jwt[{n}]") for n, item in enumerate(configuration.get("jwt") or []))
    if len({issuer.url for issuer in issuers}) < len(issuers):
        raise UserError("jwt: each issuer.url may be there once")
    return issuers


def _issuer(item: Any, path: str) -> Issuer:
    _only(item, path, "issuer", "claimMappings")
    issuer = _only(
        item.get("issuer"),
        f"{path}.issuer",
        "url",
        "discoveryURL",
        "certificateAuthority",
        "audiences",
        "audienceMatchPolicy",
    )
    mappings = _only(item.get("claimMappings"), f"{path}.claimMappings", "username", "groups")
    url, audiences = issuer.get("url") or "", tuple(issuer.get("audiences") or ())
    if not url.startswith("https://") or not audiences:
        raise UserError(f"{path}.issuer: 'url' (https) and 'audiences' are required")
    user = _claim(mappings.get("username"), f"{path}.claimMappings.username")
    if not user.name:
        raise UserError(f"{path}.claimMappings.username: 'claim' is required")
    groups = _claim(mappings.get("groups"), f"{path}.claimMappings.groups")
    ca = issuer.get("certificateAuthority") or ""
    return Issuer(url, audiences, user, groups, issuer.get("discoveryURL") or "", ca)


def _claim(value: Any, path: str) -> Claim:
    mapping = _only({} if value is None else value, path, "claim", "prefix")
    if mapping.get("claim") and mapping.get("prefix") is None:
        raise UserError(f"{path}: 'prefix' is required; it may be empty")
    return Claim(mapping.get("claim") or "", mapping.get("prefix") or "")


def _only(value: Any, path: str, *known: str) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise UserError(f"{path}: a mapping is required")
    for key in value:
        if key not in known:
            raise UserError(f"{path}: the local cluster does not know '{key}', only {', '.join(known)}")
    return value


@dataclass(slots=True)
class _Keys:
    found: dict[str, PublicKey] = field(default_factory=dict)
    asked_at: float = float("-inf")
    lock: asyncio.Lock = field(default_factory=asyncio.Lock)


class Issuers:
    """Reads the tokens of those who are trusted."""

    def __init__(self, issuers: Iterable[Issuer] = ()) -> None:
        self._issuers = {issuer.url: issuer for issuer in issuers}
        self._keys = {url: _Keys() for url in self._issuers}

    async def user(self, token: str) -> UserInfo | None:
        """Who bears a token; ``None`` when nobody who is trusted has signed it, it is over, or it is for others."""
        parts = unverified_parts(token) if self._issuers else None
        if parts is None:
            return None
        issuer = self._issuers.get(str(parts[1].get("iss")))
        if issuer is None:
            return None
        claims = verified_claims(token, await self._keys_for(issuer, str(parts[0].get("kid"))))
        return _user(issuer, claims) if claims is not None and _in_time(claims) else None

    async def _keys_for(self, issuer: Issuer, wanted: str) -> list[PublicKey]:
        keys = self._keys[issuer.url]
        async with keys.lock:
            if wanted not in keys.found and time.monotonic() - keys.asked_at > ASK_AGAIN_SECONDS:
                keys.asked_at = time.monotonic()
                try:
                    keys.found = await _fetch_keys(issuer)
                except (aiohttp.ClientError, ssl.SSLError, TimeoutError, ValueError, KeyError, TypeError) as error:
                    _log.warning("the keys of the issuer %s cannot be had: %s", issuer.url, error)
        return [keys.found[wanted]] if wanted in keys.found else []


async def _fetch_keys(issuer: Issuer) -> dict[str, PublicKey]:
    context = ssl.create_default_context(cadata=issuer.ca or None)
    timeout = aiohttp.ClientTimeout(total=FETCH_SECONDS)
    connector = Connector(ssl=context)
    async with aiohttp.ClientSession(connector=connector, timeout=timeout, raise_for_status=True) as session:
        document = await _get(session, issuer.discovery_url or issuer.url.rstrip("/") + WELL_KNOWN)
        if document["issuer"] != issuer.url:
            raise ValueError(f"the document there is of another issuer: {document['issuer']}")
        found = await _get(session, document["jwks_uri"])
    keys = [(web.get("kid"), public_key(web)) for web in found["keys"]]
    return {kid or key_id(key): key for kid, key in keys if key is not None}


async def _get(session: aiohttp.ClientSession, url: str) -> Mapping[str, Any]:
    async with session.get(url) as response:
        return msgspec.json.decode(await response.read(), type=dict[str, Any])


def _in_time(claims: Mapping[str, Any]) -> bool:
    ends, begins, now = claims.get("exp"), claims.get("nbf", 0), time.time()
    return isinstance(ends, int | float) and ends > now and isinstance(begins, int | float) and begins <= now


def _user(issuer: Issuer, claims: Mapping[str, Any]) -> UserInfo | None:
    audiences = claims.get("aud")
    meant = [audiences] if isinstance(audiences, str) else audiences or []
    name = claims.get(issuer.user.name)
    if not isinstance(name, str) or not name or not set(issuer.audiences) & set(meant):
        return None
    said = claims.get(issuer.groups.name) or []
    groups = [said] if isinstance(said, str) else said
    prefixed = tuple(f"{issuer.groups.prefix}{group}" for group in groups)
    extra = {CREDENTIAL_ID: [f"JTI={claims['jti']}"]} if claims.get("jti") else {}
    return UserInfo(f"{issuer.user.prefix}{name}", (*prefixed, "system:authenticated"), extra=extra)
