"""Find what blocks the event loop."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

LIMIT_SECONDS = 0.05


@contextlib.contextmanager
def no_blocking(limit: float = LIMIT_SECONDS) -> Iterator[list[str]]:
    """Fail when one callback or one step of a task holds the loop for longer than ``limit``.

    CPU time of this thread counts, because wall time on a busy machine says little; a call that waits is noticed when
    it takes ten times the limit.
    """
    found: list[str] = []
    gc.collect()
    gc.freeze()  # the test runner's own objects would make each full collection take tens of milliseconds
    run = asyncio.Handle._run

    def measured(self: asyncio.Handle) -> None:
        wall, cpu = time.perf_counter(), time.thread_time()
        try:
            run(self)
        finally:
            wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
            if cpu > limit or wall > 10 * limit:
                found.append(f"{self!r} held the loop for {wall * 1000:.0f} ms ({cpu * 1000:.0f} ms of CPU)")

    asyncio.Handle._run = measured  # type: ignore[method-assign]
    try:
        yield found
    finally:
        asyncio.Handle._run = run  # type: ignore[method-assign]
        gc.unfreeze()
    if found:
        raise AssertionError("the loop was blocked: " + "; ".join(found))
