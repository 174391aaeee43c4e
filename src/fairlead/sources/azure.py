"""Azure DevOps without a password: a workload identity's token is exchanged at the authority for one that opens Git.

Facts: Microsoft Entra, OAuth 2.0 client credentials with a federated credential. The token that is exchanged goes to
the authority alone, whose certificate is checked against the system's authorities, not those of a repository's Secret.
"""

from __future__ import annotations

import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import aiohttp

from fairlead.sources.errors import GitAccessDeniedError, GitOperationError
from fairlead.sources.socks import SocksError
from fairlead.sources.spec import GitAuth
from fairlead.sources.tokens import Token, TokenCache

if TYPE_CHECKING:
    from fairlead.sources.http import HttpPool
    from fairlead.sources.spec import AzureIdentity

__all__ = ["AzureTokens"]

SCOPE = "499b84ac-1321-427f-aa17-267ca6975798/.default"
"""Azure DevOps, as every tenant knows it."""
ASSERTION_TYPE = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"
_CODE = re.compile(r"AADSTS\d+")


class AzureTokens:
    """Gets and remembers the tokens of all identities of a process."""

    def __init__(self, pool: HttpPool) -> None:
        self._pool = pool
        self._tokens = TokenCache()

    async def log_in(self, auth: GitAuth) -> GitAuth:
        """``auth`` with a bearer token in the place of its identity; unchanged when it has none."""
        identity = auth.azure
        if identity is None:
            return auth
        token = await self._tokens.get(auth.fingerprint(), lambda: self._exchange(auth, identity))
        return replace(auth, azure=None, bearer_token=token)

    async def _exchange(self, auth: GitAuth, identity: AzureIdentity) -> Token:
        form = {
            "client_id": identity.client_id,
            "scope": SCOPE,
            "grant_type": "client_credentials",
            "client_assertion_type": ASSERTION_TYPE,
            "client_assertion": await identity.assertion(),
        }
        url = f"{identity.authority.rstrip('/')}/{identity.tenant_id}/oauth2/v2.0/token"
        way = GitAuth(proxy=auth.proxy)
        try:
            async with self._pool.post_form(way, url, form) as response:
                if response.status != 200:
                    raise _refusal(identity, response.status, await response.text(errors="replace"))
                answer = await response.json()
                return Token(str(answer["access_token"]), time.time() + float(answer["expires_in"]))
        except SocksError as error:
            raise GitOperationError(f"{identity.authority} cannot be asked for a token: {error}") from None
        except aiohttp.ClientError as error:
            raise GitOperationError(
                f"{identity.authority} cannot be asked for a token: {type(error).__name__}"
            ) from None
        except (KeyError, TypeError, ValueError):
            raise GitOperationError(f"{identity.authority} answered without a token") from None


def _refusal(identity: AzureIdentity, status: int, body: str) -> GitAccessDeniedError | GitOperationError:
    """Of the body only the code of the error is shown; everybody can look that up."""
    code = _CODE.search(body)
    text = f"{status}{f' {code[0]}' if code else ''}"
    if status in (400, 401, 403):
        return GitAccessDeniedError(
            f"{identity.authority} refused the token of {identity.bearer} for client {identity.client_id} ({text}); "
            "does a federated credential of that client name its issuer, subject and audience?"
        )
    return GitOperationError(f"{identity.authority} answered {text} for {identity.bearer}")
