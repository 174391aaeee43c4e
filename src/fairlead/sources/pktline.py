"""The framing of Git's wire protocol: pieces with a length of four hexadecimal digits before them."""

from __future__ import annotations

import asyncio
from enum import Enum
from typing import TYPE_CHECKING, Protocol

from fairlead.sources.errors import GitOperationError, GitRefNotFoundError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

__all__ = ["Mark", "PktReader", "pkt", "pkts"]

LARGEST = 65520


class Mark(Enum):
    """The packets without content."""

    FLUSH = b"0000"
    DELIMITER = b"0001"
    END = b"0002"


class ByteSource(Protocol):
    """What a reader needs of a stream; ``asyncio.StreamReader`` and aiohttp's have it."""

    async def readexactly(self, n: int, /) -> bytes: ...


def pkt(text: str) -> bytes:
    """One packet."""
    data = text.encode()
    return b"%04x%b" % (len(data) + 4, data)


def pkts(parts: Iterable[str | Mark]) -> bytes:
    """Packets and marks, ready to send."""
    return b"".join(part.value if isinstance(part, Mark) else pkt(part) for part in parts)


class PktReader:
    """Reads packets; anything that is none raises :class:`GitOperationError`."""

    def __init__(self, stream: ByteSource, url: str) -> None:
        self._stream = stream
        self._url = url

    async def read(self) -> bytes | Mark | None:
        """The next packet without its line feed, or ``None`` at the end of the stream."""
        try:
            head = await self._stream.readexactly(4)
        except asyncio.IncompleteReadError as error:
            if not error.partial:
                return None
            raise GitOperationError(f"{self._url} broke off in the middle of its answer") from None
        if head in (b"0000", b"0001", b"0002"):
            return Mark(head)
        return await self._content(head)

    async def _content(self, head: bytes) -> bytes:
        try:
            length = int(head, 16)
        except ValueError:
            length = -1
        if not 4 <= length <= LARGEST:
            raise GitOperationError(f"{self._url} answered with something that is not Git's protocol")
        try:
            data = await self._stream.readexactly(length - 4)
        except asyncio.IncompleteReadError:
            raise GitOperationError(f"{self._url} broke off in the middle of its answer") from None
        if data.startswith(b"ERR "):
            raise _server_error(data[4:].decode("utf-8", "replace").strip(), self._url)
        return data

    async def lines(self) -> list[str]:
        """Text lines up to the next mark or the end."""
        found: list[str] = []
        while isinstance(data := await self.read(), bytes):
            found.append(data.decode("utf-8", "surrogateescape").rstrip("\n"))
        return found

    async def sideband(self, first: bytes | None = None) -> AsyncIterator[bytes]:
        """The pack data of a multiplexed answer; progress is dropped, an error message raises."""
        data: bytes | Mark | None = first if first is not None else await self.read()
        while isinstance(data, bytes):
            if data[:1] == b"\x01":
                yield data[1:]
            elif data[:1] == b"\x03":
                raise _server_error(data[1:].decode("utf-8", "replace").strip(), self._url)
            data = await self.read()
        if data is None:
            raise GitOperationError(f"{self._url} broke off while sending objects")


def _server_error(text: str, url: str) -> Exception:
    if "not our ref" in text or "no such ref" in text:
        return GitRefNotFoundError(f"{url} does not give that commit: {text[:200]}")
    return GitOperationError(f"{url} refused: {text[:200]}")
