"""A pack that comes in: what is left when it does not come to its end."""

from __future__ import annotations

import asyncio
import gc
import struct
from typing import TYPE_CHECKING, Any

from fairlead.sources.receiving import receive_pack
from fairlead.sources.remote import Remote

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


async def test_a_transfer_that_is_given_up_leaves_nothing(tmp_path: Path) -> None:
    """The readers of what Git prints were gathered by nobody: asyncio complained of each shutdown amid a fetch."""
    complaints: list[dict[str, Any]] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
    remote = Remote(tmp_path / "remote")
    remote.prepare()
    begun = asyncio.Event()

    async def chunks() -> AsyncIterator[bytes]:
        yield struct.pack(">4sII", b"PACK", 2, 1)
        begun.set()
        await asyncio.Event().wait()

    work = asyncio.create_task(receive_pack(remote, chunks(), largest_bytes=10_000))
    await begun.wait()
    await asyncio.sleep(0)
    work.cancel()
    await asyncio.wait([work])
    assert work.cancelled()
    del work
    gc.collect()
    assert complaints == []
    assert list(remote.pack_folder.iterdir()) == []
