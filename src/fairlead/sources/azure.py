"""Azure DevOps without a password: a workload identity's token is exchanged at the authority for one that opens Git.

Facts: Microsoft Entra, OAuth 2.0 client credentials with a federated credential. The token that is exchanged goes to
the authority alone, whose certificate is checked against the system's authorities, not those of a repository's Secret.
"""

from __future__ import annotations

import json
import re
import time
from dataclasses import replace
from typing import TYPE_CHECKING

from fairlead.sources.tokens import Exchange, Token, TokenCache

if TYPE_CHECKING:
    from fairlead.sources.http import HttpPool
    from fairlead.sources.spec import AzureIdentity, GitAuth

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
        exchange = Exchange(
            server=identity.authority,
            bearer=identity.bearer,
            wanted="a token",
            code=_CODE,
            denial=f"refused the token of {identity.bearer} for client {identity.client_id}",
            question="does a federated credential of that client name its issuer, subject and audience?",
        )
        body = await exchange.post(self._pool, auth, url, form)
        try:
            answer = json.loads(body)
            return Token(str(answer["access_token"]), time.time() + float(answer["expires_in"]))
        except (KeyError, TypeError, ValueError):
            raise exchange.unusable() from None
