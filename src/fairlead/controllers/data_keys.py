"""Data keys of encrypted files that a key service opens; the build asks for them, and is carried out again with them.

What was opened is kept for as long as the process lives, by the digest of the credentials: a data key never changes,
and a service that is down then harms nobody whose files it has opened before.
"""

from __future__ import annotations

import asyncio
import hashlib
from typing import TYPE_CHECKING

import msgspec

from fairlead.sources.flight import SharedCalls
from fairlead.sources.vault import decrypt

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairlead.build.sops import Keys

__all__ = ["DataKeys"]

AT_ONCE = 4
MOST_KNOWN = 10_000


class DataKeys:
    """Asks HashiCorp Vault, the only service that is known."""

    def __init__(self) -> None:
        self.asked = 0
        self._known: dict[tuple[str, ...], bytes] = {}
        self._calls: SharedCalls[bytes] = SharedCalls()
        self._free = asyncio.Semaphore(AT_ONCE)

    async def open(self, keys: Keys, wanted: Iterable[tuple[str, str]]) -> Keys:
        """The keys with these data keys beside. Raises ``BuildError`` and ``UnavailableError``, which name the key."""
        try:
            async with asyncio.TaskGroup() as group:
                tasks = {each: group.create_task(self._open(keys.vault_token, *each)) for each in sorted(set(wanted))}
        except ExceptionGroup as failures:
            raise failures.exceptions[0] from None  # one is enough to mend it
        opened = [(*each, task.result()) for each, task in tasks.items()]
        return msgspec.structs.replace(keys, opened=[*keys.opened, *opened])

    async def _open(self, token: str, address: str, encrypted: str) -> bytes:
        key = (hashlib.sha256(token.encode()).hexdigest(), address, encrypted)
        if key not in self._known:
            opened = await self._calls.run(key, lambda: self._ask(token, address, encrypted))
            if len(self._known) >= MOST_KNOWN:
                self._known.clear()
            self._known[key] = opened
        return self._known[key]

    async def _ask(self, token: str, address: str, encrypted: str) -> bytes:
        async with self._free:
            self.asked += 1
            return await decrypt(address, encrypted, token)
