"""Places for runs: how many there are says how many requests a server has to answer at a time, more or less.

A run that waits, and not for a server, lends its place: one more worker begins, and one ends when the run is back. So
the server always has as much to do as it may have. A run whose work is done, but for what nobody waits for, lends its
place to those that have not begun.
"""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
from collections import deque
from typing import TYPE_CHECKING, Any, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator

__all__ = ["Places", "lent_place", "stand_back"]

_places: contextvars.ContextVar[Places | None] = contextvars.ContextVar("fairlead_places", default=None)


@contextlib.asynccontextmanager
async def lent_place(*, briefly: bool = False) -> AsyncIterator[None]:
    """While a run waits for something that is no server: another run has its place, and it goes on when one is free.

    A run may do so as often as it likes, but once at a time. Outside of a run, or when enough others have lent theirs,
    it does nothing. One that does so ``briefly`` is waited for by those that stand back, as if it were in line.
    """
    places = _places.get()
    if places is None or not places.lend():
        yield
        return
    places.passing += briefly
    try:
        try:
            yield
        except BaseException:
            places.take_back_at_once()
            raise
        await places.take_back()
    finally:
        places.passing -= briefly
        places.use_idle()


async def stand_back(seconds: float) -> None:
    """Let all those begin that wait for a worker now, unless that takes longer than ``seconds``.

    Outside of a run, or when enough others have lent their place, it does nothing; nor when nobody waits.
    """
    places = _places.get()
    if places is not None and (places.passing or places.line.left < places.line.entered) and places.lend():
        await places.stand_back(seconds)


class Line(Protocol):
    """What waits for workers; see :class:`fairlead.runtime.queue.WorkQueue`."""

    entered: int
    """How many have ever entered it, not counting those that went ahead of it."""

    @property
    def left(self) -> int:
        """How many of them, from the first one on, are not in it any more."""

    @property
    def hurries(self) -> bool:
        """Whether somebody waits who goes ahead of it."""


class Places:
    """Those of one controller. Workers come and go, so that as many as at the beginning are idle or have a place."""

    def __init__(self, begin: Callable[[], object], line: Line, *, most_lent: int) -> None:
        """``begin`` starts one more worker; ``most_lent`` is a bound for what those that wait hold in memory."""
        self.line = line
        self.passing = 0
        """Runs that have lent their place and come back soon."""
        self._begin = begin
        self._most_lent = most_lent
        self._lent = 0
        self._idle: dict[asyncio.Task[Any] | None, None] = {}
        self._returning: deque[asyncio.Future[None]] = deque()
        """Runs that wait until a worker gives way to them."""
        self._standing_back: deque[tuple[int, asyncio.Future[None]]] = deque()
        """Runs that wait until so many have left the line: as many as had entered it before."""
        self._surplus = 0
        """Workers that are to give way to runs which did not wait for that."""

    def enter(self) -> None:
        """The present task is a worker: its runs may lend their place."""
        _places.set(self)

    @contextlib.contextmanager
    def idling(self) -> Iterator[None]:
        """While a worker waits for something to do; it may be cancelled."""
        task = asyncio.current_task()
        self._idle[task] = None
        try:
            yield
        finally:
            self._idle.pop(task, None)

    def gives_way(self) -> bool:
        """Whether the worker that asks, which has no run, is to end."""
        if self._surplus:
            self._surplus -= 1
            return True
        while self._returning:
            if _go_on(self._returning.popleft()):
                return True
        return self._lets_one_go_on()

    def use_idle(self) -> None:
        """Idle workers give way to runs that stand back: what those waited for may just have ended."""
        while self._idle and self._lets_one_go_on():
            self._end_idle()

    def _lets_one_go_on(self) -> bool:
        """Whether one of those that stand back has nobody left before it, and goes on now."""
        if self.passing or self.line.hurries:
            return False
        while self._standing_back and self._standing_back[0][0] <= self.line.left:
            if _go_on(self._standing_back.popleft()[1]):
                return True
        return False

    def lend(self) -> bool:
        """Start another worker in place of one that is going to wait, if there is room for one more that waits."""
        if self._lent >= self._most_lent:
            return False
        self._lent += 1
        self._begin()
        return True

    async def take_back(self) -> None:
        """Wait until a worker has ended: one that is idle, or the next one whose run has ended."""
        try:
            if not self._end_idle():
                await self._line_up()
        finally:
            self._lent -= 1

    async def _line_up(self) -> None:
        free: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._returning.append(free)
        try:
            await free
        except asyncio.CancelledError:
            if free.cancelled():
                self._surplus += 1
            raise

    async def stand_back(self, seconds: float) -> None:
        """Wait, with the place lent, until those in line have begun and a worker has given way; not for ever."""
        free: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._standing_back.append((self.line.entered, free))
        try:
            await asyncio.wait((free,), timeout=seconds)
        except asyncio.CancelledError:
            self._lent -= 1
            if free.cancel():
                self._surplus += 1
            raise
        if free.cancel():
            await self.take_back()
        else:
            self._lent -= 1

    def take_back_at_once(self) -> None:
        """For a run that was cancelled or has failed: it goes on, and a worker ends as soon as it can."""
        self._lent -= 1
        if not self._end_idle():
            self._surplus += 1

    def _end_idle(self) -> bool:
        if not self._idle:
            return False
        task, _ = self._idle.popitem()
        if task is not None:
            task.cancel()
        return True


def _go_on(free: asyncio.Future[None]) -> bool:
    """Let a run go on, unless it does so already."""
    if free.done():
        return False
    free.set_result(None)
    return True
