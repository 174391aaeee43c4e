"""A remote's folder: packs that arrive, and what is left when they do not."""

from __future__ import annotations

import asyncio
import gc
import shutil
import struct
import time
from typing import TYPE_CHECKING, Any

import pygit2

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

    work = asyncio.create_task(remote.receive_pack(chunks(), largest_bytes=10_000))
    await begun.wait()
    await asyncio.sleep(0)
    work.cancel()
    await asyncio.wait([work])
    assert work.cancelled()
    del work
    gc.collect()
    assert complaints == []
    assert list(remote.pack_folder.iterdir()) == []


def test_what_is_kept_is_what_a_fresh_reader_sees(tmp_path: Path) -> None:
    """The references of a day are read once: each fetch read them all three times."""
    remote = Remote(tmp_path / "remote")
    remote.prepare()
    signature = pygit2.Signature("Ada", "ada@example.com")
    tree = remote.repository.TreeBuilder().write()
    commits = [
        str(remote.repository.create_commit(None, signature, signature, text, tree, [])) for text in ("a", "b", "c")
    ]
    assert remote.kept() == {}
    for commit in [*commits, commits[0]]:
        remote.keep("main", commit)
        remote.keep("other", commits[0], commits[1])
        assert remote.kept() == Remote(tmp_path / "remote").kept()
        assert remote.holds(commit)
    assert len(remote.kept()) == 6
    remote._retire((), time.time() + 3600)
    assert remote.kept() == Remote(tmp_path / "remote").kept() != {}
    shutil.rmtree(remote.folder)
    assert remote.kept() == {}
    remote.prepare()
    assert remote.kept() == {}
