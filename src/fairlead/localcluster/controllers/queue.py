"""A queue of keys: each at most once, never in two workers, with delays that cost a timer only while they run."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import NamedTuple

_FIRST_BACKOFF_SECONDS = 0.05
_LAST_BACKOFF_SECONDS = 30.0


class Key(NamedTuple):
    """One object as one controller sees it."""

    controller: str
    namespace: str
    name: str


class WorkQueue:
    """FIFO of keys. An addition during work brings exactly one more run after it."""

    def __init__(self) -> None:
        self._ready: deque[Key] = deque()
        self._waiting: set[Key] = set()
        self._working: set[Key] = set()
        self._timers: dict[Key, asyncio.TimerHandle] = {}
        self._failures: dict[Key, int] = {}
        self._wake = asyncio.Event()

    def __len__(self) -> int:
        return len(self._waiting)

    @property
    def timers(self) -> int:
        """Delays that are running; 0 when nothing is pending."""
        return len(self._timers)

    @property
    def idle(self) -> bool:
        """Nothing to do now and nothing being done; delays may run."""
        return not self._waiting and not self._working

    def add(self, key: Key) -> None:
        if key in self._waiting:
            return
        self._waiting.add(key)
        if key not in self._working:
            self._ready.append(key)
            self._wake.set()

    def add_after(self, key: Key, seconds: float) -> None:
        """Add ``key`` later; of several delays of one key the earliest counts."""
        loop = asyncio.get_running_loop()
        due = loop.time() + seconds
        running = self._timers.get(key)
        if running is not None:
            if running.when() <= due:
                return
            running.cancel()
        self._timers[key] = loop.call_at(due, self._fire, key)

    def cancel(self, key: Key) -> None:
        """Take a delay back."""
        timer = self._timers.pop(key, None)
        if timer is not None:
            timer.cancel()

    def add_failed(self, key: Key) -> None:
        """Add ``key`` after a delay that doubles with each failure."""
        failures = self._failures.get(key, 0)
        self._failures[key] = failures + 1
        self.add_after(key, min(_FIRST_BACKOFF_SECONDS * 2**failures, _LAST_BACKOFF_SECONDS))

    def forget(self, key: Key) -> None:
        """The work on ``key`` succeeded: its next failure starts with the first delay again."""
        self._failures.pop(key, None)

    async def take(self) -> Key:
        """The next key; the caller must answer with :meth:`done`."""
        while not self._ready:
            self._wake.clear()
            await self._wake.wait()
        key = self._ready.popleft()
        self._waiting.discard(key)
        self._working.add(key)
        return key

    def done(self, key: Key) -> None:
        self._working.discard(key)
        if key in self._waiting:
            self._ready.append(key)
            self._wake.set()

    def close(self) -> None:
        """Stop all delays."""
        for timer in self._timers.values():
            timer.cancel()
        self._timers.clear()

    def _fire(self, key: Key) -> None:
        self._timers.pop(key, None)
        self.add(key)
