"""One call for many callers: whoever asks for the same thing while it is under way gets the same answer."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Hashable

__all__ = ["SharedCalls"]

T = TypeVar("T")


class SharedCalls(Generic[T]):
    """Runs one task per key. The task ends when its last waiter is cancelled, so nothing is left behind."""

    def __init__(self) -> None:
        self._calls: dict[Hashable, tuple[asyncio.Task[T], set[object]]] = {}

    async def run(self, key: Hashable, start: Callable[[], Coroutine[None, None, T]]) -> T:
        if key not in self._calls:
            task = asyncio.create_task(start(), name=f"shared call {key!r:.60}")
            self._calls[key] = (task, set())
            task.add_done_callback(lambda _: self._calls.pop(key, None))
        task, waiters = self._calls[key]
        me = object()
        waiters.add(me)
        try:
            return await asyncio.shield(task)
        finally:
            waiters.discard(me)
            if not waiters and not task.done():
                task.cancel()
                self._calls.pop(key, None)
                await asyncio.wait([task])
