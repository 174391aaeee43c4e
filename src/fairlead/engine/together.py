"""Work on many items at a time, with one owner for all the tasks."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable

__all__ = ["together"]

T = TypeVar("T")
U = TypeVar("U")


async def together(items: Iterable[T], work: Callable[[T], Awaitable[U]], *, limit: int) -> list[U]:
    """The results of `work` in the order of the items, at most `limit` in work at a time.

    An exception ends the others and leaves none behind; who wants the others to go on returns failures as values.
    """
    gate = asyncio.Semaphore(limit)

    async def one(item: T) -> U:
        async with gate:
            return await work(item)

    async with asyncio.TaskGroup() as group:
        tasks = [group.create_task(one(item)) for item in items]
    return [task.result() for task in tasks]
