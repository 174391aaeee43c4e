"""The connections of HTTP clients: made in one place, and ended with their client at whatever moment it is broken off.

asyncio forgets a connection whose maker is cancelled amid its TLS greeting: nobody holds it, yet it stays open until
the other side or the collector ends it. Hence every socket is known here from its making on.
"""

from __future__ import annotations

import asyncio
import contextlib
import socket
from typing import TYPE_CHECKING, Any
from weakref import WeakSet

import aiohttp

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Connector", "plain_socket"]

_LAST_ROUNDS = 10
"""Of the loop, for connections to see their end: reading what came before it takes one or two."""


def plain_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    family, kind, protocol, _, _ = address
    return socket.socket(family=family, type=kind, proto=protocol)


class Connector(aiohttp.TCPConnector):
    """A pool of connections of which none outlives its closing; ``options`` are those of aiohttp's connector."""

    def __init__(
        self, *, make_socket: Callable[[aiohttp.AddrInfoType], socket.socket] = plain_socket, **options: Any
    ) -> None:
        super().__init__(socket_factory=self.made, **options)
        self._make_socket = make_socket
        self._sockets: WeakSet[socket.socket] = WeakSet()
        """All that are open, and some that were closed."""

    def made(self, address: aiohttp.AddrInfoType) -> socket.socket:
        """A new socket, not connected yet, which ends with this pool."""
        created = self._make_socket(address)
        self._sockets.add(created)
        return created

    async def close(self, *, abort_ssl: bool = False) -> None:
        await super().close(abort_ssl=abort_ssl)
        await asyncio.sleep(0)  # aborted connections close their sockets in the loop's next round
        await self._end_lost()

    async def _end_lost(self) -> None:
        """End connections that nobody knows: the end of their stream, which we bring about, still reaches them."""
        for _ in range(_LAST_ROUNDS):
            if not (lost := [each for each in self._sockets if each.fileno() >= 0]):
                return
            for each in lost:
                with contextlib.suppress(OSError):  # it has just ended by itself
                    each.shutdown(socket.SHUT_RDWR)
            await asyncio.sleep(0)
