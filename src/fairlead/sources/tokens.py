"""Tokens that are lent for a while: kept until shortly before their end, and asked for once however many need them."""

from __future__ import annotations

import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fairlead.sources.flight import SharedCalls

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["Token", "TokenCache"]

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
