"""Tokens that are lent for a while: kept until shortly before their end, and asked for once however many need them.

Clouds lend them in exchange for a token that they trust; :class:`Exchange` asks for one.
"""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

import aiohttp

from fairlead.sources.errors import GitAccessDeniedError, GitOperationError
from fairlead.sources.flight import SharedCalls
from fairlead.sources.socks import SocksError
from fairlead.sources.spec import GitAuth

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Coroutine

    from fairlead.sources.http import HttpPool

__all__ = ["Exchange", "Token", "TokenCache"]

_RENEW_BEFORE_SECONDS = 5 * 60
_MOST_TOKENS = 4096


@dataclass(frozen=True, slots=True)
class Token:
    text: str = field(repr=False)
    expires: float
    """By the wall clock."""


class TokenCache:
    """Tokens by the credentials that they were given for."""

    def __init__(self) -> None:
        self._tokens: dict[str, Token] = {}
        self._calls: SharedCalls[Token] = SharedCalls()

    async def get(self, key: str, fetch: Callable[[], Coroutine[None, None, Token]]) -> str:
        """The text of a token that is good for a while yet."""
        token = self._tokens.get(key)
        if token is None or token.expires - _RENEW_BEFORE_SECONDS < time.time():
            token = await self._calls.run(key, fetch)
            if len(self._tokens) >= _MOST_TOKENS:
                self._tokens.clear()
            self._tokens[key] = token
        return token.text


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request to a cloud's token service, and the words for its failure."""

    server: str
    bearer: str
    """Whose token is exchanged."""
    wanted: str
    """What is asked for: ``a token``."""
    code: re.Pattern[str]
    """Finds the code of an error in an answer. Nothing else of one is shown; a code everybody can look up."""
    denial: str
    """What the server does when it refuses."""
    question: str
    """What a person should look at then."""

    async def post(self, pool: HttpPool, auth: GitAuth, url: str, form: dict[str, str]) -> str:
        """The answer. The way is that of the repository, through its proxy; its credentials and authorities are not."""
        try:
            async with pool.post_form(GitAuth(proxy=auth.proxy), url, form) as response:
                body = await response.text(errors="replace")
                if response.status != 200:
                    raise self._refusal(response.status, body)
                return body
        except SocksError as error:
            raise GitOperationError(f"{self.server} cannot be asked for {self.wanted}: {error}") from None
        except aiohttp.ClientError as error:
            raise GitOperationError(
                f"{self.server} cannot be asked for {self.wanted}: {type(error).__name__}"
            ) from None

    def unusable(self) -> GitOperationError:
        """The error for an answer that cannot be read."""
        return GitOperationError(f"{self.server} answered without {self.wanted}")

    def _refusal(self, status: int, body: str) -> GitAccessDeniedError | GitOperationError:
        code = self.code.search(body)
        text = f"{status}{f' {code[code.lastindex or 0]}' if code else ''}"
        if status in (400, 401, 403):
            return GitAccessDeniedError(f"{self.server} {self.denial} ({text}); {self.question}")
        return GitOperationError(f"{self.server} answered {text} for {self.bearer}")
