"""Virtual time: hours of back-off in milliseconds of test."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

START = datetime(2026, 1, 1, tzinfo=UTC)


class VirtualTimer:
    def __init__(self, callback: Callable[[], None]) -> None:
        self.callback = callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True


class VirtualClock:
    """A :class:`fairlead.runtime.clock.Clock` that moves only when a test says so."""

    def __init__(self) -> None:
        self.elapsed = 0.0
        self._timers: list[tuple[float, int, VirtualTimer]] = []
        self._tie = itertools.count()

    def now(self) -> datetime:
        return START + timedelta(seconds=self.elapsed)

    def monotonic(self) -> float:
        return self.elapsed

    async def sleep(self, seconds: float) -> None:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.call_later(seconds, lambda: None if future.done() else future.set_result(None))
        await future

    def call_later(self, seconds: float, callback: Callable[[], None]) -> VirtualTimer:
        timer = VirtualTimer(callback)
        heapq.heappush(self._timers, (self.elapsed + seconds, next(self._tie), timer))
        return timer

    def step(self, seconds: float) -> None:
        """Move on without letting tasks run; timers ring in order, those that they set included."""
        end = self.elapsed + seconds
        while self._timers and self._timers[0][0] <= end:
            due, _, timer = heapq.heappop(self._timers)
            self.elapsed = max(self.elapsed, due)
            if not timer.cancelled:
                timer.callback()
        self.elapsed = end

    async def advance(self, seconds: float) -> None:
        """Move on, and let every task do what the time brings before the next timer rings."""
        end = self.elapsed + seconds
        await settle()
        while self._timers and self._timers[0][0] <= end:
            self.step(max(self._timers[0][0] - self.elapsed, 0.0))
            await settle()
        self.elapsed = end
        await settle()


async def settle(rounds: int = 20) -> None:
    """Let tasks run that can go on without time or I/O."""
    for _ in range(rounds):
        await asyncio.sleep(0)
