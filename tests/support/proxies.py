"""Small proxies for tests: SOCKS5 with or without a login, and http with CONNECT; names go where the test says."""

from __future__ import annotations

import asyncio
import base64
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Proxy", "proxy"]


class Proxy:
    """Speaks both protocols; the first byte tells which."""

    def __init__(self, targets: dict[str, int], login: tuple[str, str] | None) -> None:
        self._targets = targets
        """Host name to a port of this machine."""
        self._login = login
        self.asked: list[tuple[str, str, int]] = []
        """Protocol, host and port of every connection."""
        self.port = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            first = await reader.readexactly(1)
            if first == b"\x05":
                await self._socks(reader, writer)
            else:
                await self._connect(reader, writer)
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    async def _socks(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        methods = await reader.readexactly((await reader.readexactly(1))[0])
        wanted = 2 if self._login else 0
        writer.write(bytes([5, wanted if wanted in methods else 255]))
        if wanted not in methods:
            return
        if self._login:
            await reader.readexactly(1)
            given = await self._text(reader), await self._text(reader)
            writer.write(bytes([1, int(given != self._login)]))
            if given != self._login:
                return
        await reader.readexactly(4)
        host, port = await self._text(reader), int.from_bytes(await reader.readexactly(2), "big")
        self.asked.append(("socks5", host, port))
        there = host in self._targets
        writer.write(bytes([5, 0 if there else 4, 0, 1, 0, 0, 0, 0, 0, 0]))
        if there:
            await self._join(self._targets[host], reader, writer)

    @staticmethod
    async def _text(reader: asyncio.StreamReader) -> str:
        return (await reader.readexactly((await reader.readexactly(1))[0])).decode()

    async def _connect(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = (await reader.readuntil(b"\r\n\r\n")).decode()
        host, _, port = head.split()[1].rpartition(":")
        if self._login and base64.b64encode(":".join(self._login).encode()).decode() not in head:
            writer.write(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n")
            return
        self.asked.append(("connect", host, int(port)))
        writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
        await self._join(self._targets[host], reader, writer)

    async def _join(self, port: int, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        far_reader, far_writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            await asyncio.gather(_copy(reader, far_writer), _copy(far_reader, writer))
        finally:
            far_writer.close()


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with suppress(ConnectionError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
    writer.close()


@asynccontextmanager
async def proxy(targets: dict[str, int], login: tuple[str, str] | None = None) -> AsyncIterator[Proxy]:
    made = Proxy(targets, login)
    server = await asyncio.start_server(made.serve, "127.0.0.1", 0)
    made.port = server.sockets[0].getsockname()[1]
    try:
        yield made
    finally:
        server.close()
