"""The work queue: which keys need a run, each at most once at a time.

Guarantees:

- A key is never with two workers. Adding a key that is being worked on brings exactly one more run after it.
- Adding a key that waits already changes nothing, so the queue holds at most as many entries as there are objects; that
  is its bound.
- A run answers everything that was asked before it began: taking a key also takes its pending deadline. Whoever needs
  a later run asks for it while, or after, the key is worked on.
- Of several deadlines for a key the earliest counts; ``replace=True`` sets a new one whatever there was.

Everything is synchronous except :meth:`WorkQueue.get`; use it from one event loop.
"""

from __future__ import annotations

import asyncio
import heapq
import itertools
from collections import OrderedDict, deque
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from fairlead.kube.options import Backoff
from fairlead.runtime.clock import SystemClock

if TYPE_CHECKING:
    from collections.abc import Hashable, Mapping

    from fairlead.runtime.clock import Clock, Timer

    K = TypeVar("K", bound=Hashable)
else:
    K = TypeVar("K")

__all__ = ["DEFAULT_BACKOFF", "WorkQueue"]

DEFAULT_BACKOFF = Backoff(base=0.75, maximum=900.0, jitter=0.1)
"""Flux's: 750 ms, doubled up to 15 minutes; the jitter is ours."""


class WorkQueue(Generic[K]):
    """A de-duplicating queue of keys with deadlines and per-key back-off."""

    def __init__(self, *, clock: Clock | None = None, backoff: Backoff = DEFAULT_BACKOFF) -> None:
        self._clock = clock or SystemClock()
        self._backoff = backoff
        self._ready: OrderedDict[K, int] = OrderedDict()
        """The ordinary line: the number of each entry, see ``entered``."""
        self._ahead: OrderedDict[K, None] = OrderedDict()
        """Those that are taken before all of the ordinary line."""
        self._queued: dict[K, float] = {}
        """Keys in either of them and when they entered."""
        self._active: dict[K, float] = {}
        """Keys with a worker and since when."""
        self._dirty: dict[K, bool] = {}
        """Active keys that need one more run, and whether that goes ahead of the others."""
        self._failures: dict[K, int] = {}
        self._deadlines: dict[K, float] = {}
        """The truth about deadlines; ``_heap`` may hold outdated ones, which are skipped when they come up."""
        self._heap: list[tuple[float, int, K]] = []
        self._tie = itertools.count()
        self._timer: Timer | None = None
        self._timer_due = 0.0
        self._waiters: deque[asyncio.Future[None]] = deque()
        self.adds = 0
        """Keys that entered the queue so far; an addition that changed nothing does not count."""
        self.entered = 0
        """The part of them that entered the ordinary line."""
        self.retries = 0
        self.last_wait = 0.0
        """Seconds that the key taken last had waited."""

    @property
    def depth(self) -> int:
        """Keys that wait for a worker."""
        return len(self._queued)

    @property
    def left(self) -> int:
        """Of the entries to the ordinary line, so many, from the first one on, are not in it any more."""
        return next(iter(self._ready.values())) - 1 if self._ready else self.entered

    @property
    def hurries(self) -> bool:
        """Whether a key goes ahead of the ordinary line."""
        return bool(self._ahead)

    @property
    def delayed(self) -> int:
        """Keys with a deadline in the future."""
        return len(self._deadlines)

    @property
    def active(self) -> Mapping[K, float]:
        """Keys with a worker, and since when (monotonic)."""
        return self._active

    def ages(self) -> list[float]:
        """For how many seconds each active key has been worked on."""
        now = self._clock.monotonic()
        return [now - since for since in list(self._active.values())]

    @property
    def idle(self) -> bool:
        """Nothing waits and nothing is worked on; deadlines may be pending."""
        return not self._queued and not self._active

    def is_dirty(self, key: K) -> bool:
        """Whether the key, which is being worked on, has been added again: newer intent than this run's."""
        return key in self._dirty

    def failures(self, key: K) -> int:
        return self._failures.get(key, 0)

    def deadline(self, key: K) -> float | None:
        """When the key will be added by itself (monotonic), if ever."""
        return self._deadlines.get(key)

    def add(self, key: K, *, ahead: bool = False) -> None:
        """The key needs a run, now; ``ahead`` of all others that wait, when somebody waits for it."""
        if key in self._active:
            self._dirty[key] = ahead or self._dirty.get(key, False)
        elif key not in self._queued:
            self._enqueue(key, ahead=ahead)
        elif ahead and key in self._ready:
            del self._ready[key]
            self._ahead[key] = None

    def add_after(self, key: K, seconds: float, *, replace: bool = False) -> None:
        """The key needs a run in so many seconds; an earlier deadline stays unless it is replaced."""
        if seconds <= 0 and not replace:
            self.add(key)
            return
        due = self._clock.monotonic() + max(seconds, 0.0)
        known = self._deadlines.get(key)
        if known is not None and known <= due and not replace:
            return
        self._deadlines[key] = due
        heapq.heappush(self._heap, (due, next(self._tie), key))
        self._arm()

    def add_rate_limited(self, key: K, *, at_least: float = 0.0) -> float:
        """The key failed: run it again after its back-off (and ``at_least`` seconds); returns the seconds."""
        failures = self._failures[key] = self._failures.get(key, 0) + 1
        self.retries += 1
        delay = max(self._backoff.delay(failures), at_least)
        self.add_after(key, delay)
        return delay

    def forget(self, key: K) -> None:
        """The key succeeded: its back-off begins anew."""
        self._failures.pop(key, None)

    def drop(self, key: K) -> None:
        """The object behind the key is gone: forget its back-off and its deadline. A queued run stays."""
        self.forget(key)
        self._deadlines.pop(key, None)

    async def get(self) -> K:
        """The next key, in the order in which they came; the caller must call :meth:`done` with it."""
        while not self._queued:
            waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                self._pass_on(waiter)
                raise
        line: OrderedDict[K, Any] = self._ahead or self._ready
        key, _ = line.popitem(last=False)
        now = self._clock.monotonic()
        self.last_wait = now - self._queued.pop(key)
        self._active[key] = now
        self._deadlines.pop(key, None)
        return key

    def done(self, key: K) -> None:
        """The worker has finished with the key; it is queued again at once if it was added meanwhile."""
        del self._active[key]
        if key in self._dirty:
            self._enqueue(key, ahead=self._dirty.pop(key))

    def _enqueue(self, key: K, *, ahead: bool) -> None:
        if ahead:
            self._ahead[key] = None
        else:
            self.entered += 1
            self._ready[key] = self.entered
        self._queued[key] = self._clock.monotonic()
        self.adds += 1
        self._wake_one()

    def _wake_one(self) -> None:
        while self._waiters:
            waiter = self._waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _pass_on(self, waiter: asyncio.Future[None]) -> None:
        """A cancelled worker may have been woken already: then another one has to take what it was woken for."""
        if waiter in self._waiters:
            self._waiters.remove(waiter)
        elif self._queued:
            self._wake_one()

    def _arm(self) -> None:
        """Keep one timer, for the earliest deadline that is still true."""
        while self._heap and self._deadlines.get(self._heap[0][2]) != self._heap[0][0]:
            heapq.heappop(self._heap)
        if not self._heap:
            return
        due = self._heap[0][0]
        if self._timer is not None:
            if self._timer_due <= due:
                return
            self._timer.cancel()
        self._timer_due = due
        self._timer = self._clock.call_later(max(due - self._clock.monotonic(), 0.0), self._ring)

    def _ring(self) -> None:
        """Add every key whose deadline has come."""
        self._timer = None
        now = self._clock.monotonic()
        while self._heap and self._heap[0][0] <= now:
            due, _, key = heapq.heappop(self._heap)
            if self._deadlines.get(key) == due:
                del self._deadlines[key]
                self.add(key)
        self._arm()

    def close(self) -> None:
        """Cancel the timer; the queue is not used any more."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
