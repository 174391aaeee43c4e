"""Find what blocks the event loop, and say where.

One callback, or one step of a task, must not hold the loop for longer than 50 ms. What counts is CPU time of the
loop's own thread, garbage collection included: on a busy machine wall time says little, for a thread may just not get
its turn. What waits inside a callback (a disk, a lock, the interpreter that another thread holds) is measured as time
that was neither spent computing nor waiting for a processor, and has a wider limit: whom it waits for may not get its
turn either.

A second thread looks at the stack of a callback that has computed for long already, so that a block tells its cause.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import os
import resource
import sys
import threading
import time
import traceback
import weakref
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

__all__ = ["LIMIT_SECONDS", "Block", "LoopWatch", "no_blocking"]

LIMIT_SECONDS = 0.05
WAITING = 10
"""How many times the limit a callback may wait for something that is no processor."""
LOOK_SECONDS = 0.005
FRAMES = 12


@dataclass(frozen=True, slots=True)
class Block:
    """One callback that held the loop; times in seconds."""

    callback: str
    computed: float
    waited: float
    collected: float
    """The part that went into garbage collection."""
    in_kernel: float
    """The part that the system worked for the thread, by its own rough count."""
    stack: str
    """Where it was most often seen; empty when it was too short, or never let go of the interpreter."""

    def __str__(self) -> str:
        parts = f"{self.collected * 1000:.0f} ms of garbage collection, {self.in_kernel * 1000:.0f} ms in the kernel"
        times = f"{self.computed * 1000:.0f} ms of CPU (of it {parts})"
        return f"{self.callback} held the loop: {times}, {self.waited * 1000:.0f} ms of waiting\n{self.stack}"


class LoopWatch:
    """Measures every callback of the loops of the thread that makes it; a context manager."""

    def __init__(self, limit: float = LIMIT_SECONDS, tell: Callable[[Block], None] | None = None) -> None:
        """``tell`` hears of each block; they are in :attr:`blocks`, too."""
        self.blocks: list[Block] = []
        self.longest = 0.0
        """CPU time of the longest callback, whether or not it was a block."""
        self._limit = limit
        self._tell = tell or self.blocks.append
        self._thread = threading.get_ident()
        self._clock = time.pthread_getcpuclockid(self._thread)
        self._since: float | None = None
        """The thread's CPU time when the present callback began."""
        self._seen: Counter[str] = Counter()
        self._collecting = 0.0
        self._collected = 0.0
        self._queue = -1
        self._end = threading.Event()
        self._looking = threading.Thread(target=self._look, name="loop watch", daemon=True)

    def __enter__(self) -> LoopWatch:
        with contextlib.suppress(OSError):  # nobody counts that on this system
            self._queue = os.open(f"/proc/self/task/{threading.get_native_id()}/schedstat", os.O_RDONLY)
            weakref.finalize(self, os.close, self._queue)  # the callback that ends the watch is measured to its end
        self._run = asyncio.Handle._run
        watch, run, own = self, self._run, self._thread

        def measured(handle: asyncio.Handle) -> None:
            if threading.get_ident() == own:
                watch._measure(handle, run)
            else:
                run(handle)

        asyncio.Handle._run = measured  # type: ignore[method-assign,assignment]
        gc.callbacks.append(self._on_collection)
        self._looking.start()
        return self

    def __exit__(self, *_: object) -> None:
        asyncio.Handle._run = self._run  # type: ignore[method-assign]
        gc.callbacks.remove(self._on_collection)
        self._end.set()
        self._looking.join()

    def _measure(self, handle: asyncio.Handle, run: Callable[[asyncio.Handle], None]) -> None:
        self._collected = 0.0
        wall, cpu, queued = time.perf_counter(), time.thread_time(), self._queued()
        kernel = resource.getrusage(resource.RUSAGE_THREAD).ru_stime
        self._since = cpu
        try:
            run(handle)
        finally:
            self._since = None
            wall, cpu = time.perf_counter() - wall, time.thread_time() - cpu
            self.longest = max(self.longest, cpu)
            waited = wall - cpu - (self._queued() - queued) if wall > self._limit * WAITING else 0.0
            if cpu > self._limit or waited > self._limit * WAITING:
                stack = self._seen.most_common(1)[0][0] if self._seen else ""
                kernel = resource.getrusage(resource.RUSAGE_THREAD).ru_stime - kernel
                self._tell(Block(_name(handle), cpu, waited, self._collected, kernel, stack))
            if self._seen:
                self._seen = Counter()

    def _queued(self) -> float:
        """How long the thread has been ready to run and had no processor; 0 where nobody counts that."""
        return int(os.pread(self._queue, 80, 0).split()[1]) / 1e9 if self._queue >= 0 else 0.0

    def _on_collection(self, phase: str, _: dict[str, int]) -> None:
        if threading.get_ident() != self._thread:
            return
        if phase == "start":
            self._collecting = time.thread_time()
        else:
            self._collected += time.thread_time() - self._collecting

    def _look(self) -> None:
        """The stack of a callback that has used up half of what it may, again and again until it ends."""
        while not self._end.wait(LOOK_SECONDS):
            since = self._since
            if since is None or time.clock_gettime(self._clock) - since < self._limit / 2:
                continue
            frame = sys._current_frames().get(self._thread)
            if frame is not None and self._since == since:
                self._seen[_stack(frame)] += 1


def _stack(frame: FrameType) -> str:
    """The innermost frames, outermost first."""
    frames = traceback.extract_stack(frame, limit=None)[-FRAMES:]
    return "\n".join(f"    {each.filename}:{each.lineno} {each.name}" for each in frames)


def _name(handle: asyncio.Handle) -> str:
    owner = getattr(handle._callback, "__self__", None)  # type: ignore[attr-defined]
    if isinstance(owner, asyncio.Task):
        return f"task {owner.get_name()!r}: {getattr(owner.get_coro(), '__qualname__', '')}"
    return repr(handle)


@contextlib.contextmanager
def no_blocking(limit: float = LIMIT_SECONDS) -> Iterator[list[Block]]:
    """Fail when one callback or one step of a task of this thread's loop holds it for longer than ``limit``."""
    gc.collect()
    gc.freeze()  # the test runner's own objects would make each full collection take tens of milliseconds
    try:
        with LoopWatch(limit) as watch:
            yield watch.blocks
    finally:
        gc.unfreeze()
    if watch.blocks:
        raise AssertionError("\n".join(map(str, watch.blocks)))
