"""GitHub Apps: a private key becomes a token for one installation, which is then the password of basic authentication.

Tokens live for an hour and are kept until shortly before their end. Facts: GitHub's REST API, version 2022-11-28.
"""

from __future__ import annotations

import base64
import json
import time
from dataclasses import replace
from datetime import datetime
from typing import TYPE_CHECKING

import aiohttp
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

from fairlead.sources.errors import GitAccessDeniedError, GitAuthError, GitOperationError
from fairlead.sources.socks import SocksError
from fairlead.sources.tokens import Token, TokenCache

if TYPE_CHECKING:
    from fairlead.sources.http import HttpPool
    from fairlead.sources.spec import GitAuth, GitHubApp

__all__ = ["GitHubTokens"]

TOKEN_USER = "x-access-token"  # noqa: S105 - the user name that GitHub wants beside a token


class GitHubTokens:
    """Gets and remembers the tokens of all apps of a process."""

    def __init__(self, pool: HttpPool) -> None:
        self._pool = pool
        self._tokens = TokenCache()

    async def log_in(self, auth: GitAuth) -> GitAuth:
        """``auth`` with the token of its app as password; unchanged when it names no app."""
        app = auth.github_app
        if app is None:
            return auth
        token = await self._tokens.get(auth.fingerprint(), lambda: self._fetch(auth, app))
        return replace(auth, github_app=None, username=TOKEN_USER, password=token)

    async def _fetch(self, auth: GitAuth, app: GitHubApp) -> Token:
        if bool(app.installation_id) == bool(app.installation_owner):
            raise GitAuthError("a GitHub App needs either 'githubAppInstallationID' or 'githubAppInstallationOwner'")
        bearer = _signed_claim(app, int(time.time()))
        installation = app.installation_id or await self._find_installation(auth, app, bearer)
        path = f"/app/installations/{installation}/access_tokens"
        answer = await self._call(auth, app, "POST", path, bearer)
        try:
            expires = datetime.fromisoformat(str(answer["expires_at"])).timestamp()
            return Token(str(answer["token"]), expires)
        except (KeyError, ValueError):
            raise GitOperationError(f"{app.base_url} answered without a token") from None

    async def _find_installation(self, auth: GitAuth, app: GitHubApp, bearer: str) -> str:
        for kind in ("orgs", "users"):
            answer = await self._call(auth, app, "GET", f"/{kind}/{app.installation_owner}/installation", bearer)
            if "id" in answer:
                return str(answer["id"])
        raise GitAccessDeniedError(f"GitHub App {app.app_id} is not installed for '{app.installation_owner}'")

    async def _call(self, auth: GitAuth, app: GitHubApp, method: str, path: str, bearer: str) -> dict[str, object]:
        """The decoded answer; an empty one for "not found"."""
        headers = {"Authorization": f"Bearer {bearer}", "Accept": "application/vnd.github+json"}
        proxy = auth.proxy.address if auth.proxy and not auth.proxy.is_socks else None
        url = app.base_url.rstrip("/") + path
        try:
            async with self._pool.session(auth).request(
                method, url, headers=headers, ssl=self._pool.tls(auth), proxy=proxy, allow_redirects=False
            ) as response:
                if response.status in (401, 403):
                    raise GitAccessDeniedError(f"{app.base_url} refused the key of GitHub App {app.app_id}")
                if response.status == 404 and method == "GET":
                    return {}
                if response.status not in (200, 201):
                    raise GitOperationError(f"{app.base_url} answered {response.status} for GitHub App {app.app_id}")
                answer = await response.json()
        except SocksError as error:
            raise GitOperationError(f"{app.base_url} cannot be asked for a token: {error}") from None
        except (aiohttp.ClientError, ValueError) as error:
            raise GitOperationError(f"{app.base_url} cannot be asked for a token: {type(error).__name__}") from None
        return answer if isinstance(answer, dict) else {}


def _signed_claim(app: GitHubApp, now: int) -> str:
    """The JWT that proves possession of the app's key; valid for two minutes, from a little before now."""
    try:
        key = load_pem_private_key(app.private_key.encode(), None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        key = None
    if not isinstance(key, rsa.RSAPrivateKey):
        raise GitAuthError("'githubAppPrivateKey' is no RSA private key in PEM form")
    parts = [{"alg": "RS256", "typ": "JWT"}, {"iat": now - 30, "exp": now + 120, "iss": app.app_id}]
    signed = ".".join(_encode(json.dumps(part, separators=(",", ":")).encode()) for part in parts)
    return f"{signed}.{_encode(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}"


def _encode(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
