"""A pack comes in: from the network into the folder of the server that sends it, and to nobody's harm.

A small one is taken apart in this process, which takes a fraction of what starting Git does; Git indexes all others,
and those that are not in perfect order. A server may refer to what it gave us, and to nothing else.
"""

from __future__ import annotations

import asyncio
import struct
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

import pygit2
from pygit2.enums import ObjectType

from fairlead.sources.errors import GitOperationError
from fairlead.sources.packing import write_pack
from fairlead.sources.process import GitFailedError, start_git
from fairlead.sources.unpacking import MOST_BASE_BYTES, MOST_BYTES, unpack

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fairlead.sources.remote import Remote

__all__ = ["receive_pack", "take_apart"]

_PACK_HEADER = struct.Struct(">4sII")


async def receive_pack(remote: Remote, chunks: AsyncIterator[bytes], *, largest_bytes: int) -> None:
    """Take in a pack that arrives in pieces; thin packs are completed from what is here. Nothing stays on failure.

    Called with the lock of ``remote`` held. Raises :class:`GitOperationError`.
    """
    header = b""
    async for chunk in chunks:
        header += chunk
        if len(header) > MOST_BYTES:
            break
    if len(header) < _PACK_HEADER.size or header[:4] != b"PACK":
        raise GitOperationError("the server sent no pack")
    if _PACK_HEADER.unpack_from(header)[2] == 0:
        return
    if len(header) <= min(MOST_BYTES, largest_bytes) and await asyncio.to_thread(take_apart, remote, header):
        return
    limit = f"--max-input-size={largest_bytes}"
    command = ["-c", "pack.threads=1", "index-pack", "--stdin", "--fix-thin", limit]
    try:
        async with start_git(command, folder=remote.folder) as process:
            await _feed(process, header, chunks)
    except BaseException:
        remote.sweep()
        raise
    remote.reopen()


def take_apart(remote: Remote, pack: bytes) -> bool:
    """Write what is in a small pack; ``False`` when Git has to look at it."""
    objects = unpack(pack, partial(_permitted_base, remote))
    if objects is not None:
        write_pack(objects, remote.pack_folder)
    return objects is not None


def _permitted_base(remote: Remote, object_id: str) -> tuple[int, bytes] | None:
    """What its server may refer to: what it gave us."""
    objects, identity = remote.repository.odb, pygit2.Oid(hex=object_id)
    try:
        if objects.read_header(identity)[1] > MOST_BASE_BYTES:
            return None
        known = remote.memory.get(object_id)
        return (ObjectType.TREE, known) if known is not None else objects.read(identity)
    except (KeyError, pygit2.GitError):
        return None


async def _feed(process: asyncio.subprocess.Process, header: bytes, chunks: AsyncIterator[bytes]) -> None:
    """Write the pack while reading what Git prints, so that neither side can block the other for ever."""
    stdin = process.stdin
    if stdin is None:
        raise ValueError("the process has no standard input")
    readers = [asyncio.create_task(_drain(stream)) for stream in (process.stdout, process.stderr)]
    try:
        with suppress(BrokenPipeError, ConnectionResetError):  # Git gave up; its message comes below
            stdin.write(header)
            async for chunk in chunks:
                stdin.write(chunk)
                await stdin.drain()
            stdin.close()
        _, stderr = await asyncio.gather(*readers)
    finally:
        for reader in readers:
            reader.cancel()
        await asyncio.gather(*readers, return_exceptions=True)
    if await process.wait() != 0:
        raise GitFailedError("index-pack", stderr.decode("utf-8", "replace"))


async def _drain(stream: asyncio.StreamReader | None) -> bytes:
    return b"" if stream is None else await stream.read()
