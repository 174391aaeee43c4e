"""Notes wait for deliveries, go a few at a time, and come in order; a second revision does not double them."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from fairlead.controllers.notes import AT_ONCE, Notes
from fairlead.kube.reflector import Key
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

KEYS = [Key("apps", name) for name in ("a", "b", "c", "d")]


class Taker:
    """Notes that run, and who was let take one."""

    def __init__(self, notes: Notes) -> None:
        self.notes = notes
        self.begun: list[Key] = []
        self.is_quick = False
        self._some = asyncio.Event()
        notes.begin = self._begin

    def _begin(self, key: Key) -> None:
        self.begun.append(key)
        if self.is_quick:
            self.notes.done(key)
        self._some.set()

    async def until(self, count: int) -> list[Key]:
        async with asyncio.timeout(PATIENCE):
            while len(self.begun) < count:
                self._some.clear()
                await self._some.wait()
        return self.begun


@pytest.fixture
async def taker() -> AsyncIterator[Taker]:
    notes = Notes()
    found = Taker(notes)
    running = asyncio.create_task(notes.run())
    yield found
    running.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await running


async def test_in_order_and_each_once(taker: Taker) -> None:
    taker.is_quick = True
    taker.notes.add(KEYS)
    taker.notes.add(reversed(KEYS))
    assert await taker.until(len(KEYS)) == KEYS
    assert taker.notes.depth == 0


async def test_a_few_at_a_time(taker: Taker) -> None:
    taker.notes.add(KEYS)
    assert await taker.until(AT_ONCE) == KEYS[:AT_ONCE]
    await asyncio.sleep(0.05)
    assert taker.begun == KEYS[:AT_ONCE]
    taker.notes.done(KEYS[0])
    assert await taker.until(AT_ONCE + 1) == KEYS[: AT_ONCE + 1]


@pytest.fixture
def busy(monkeypatch: pytest.MonkeyPatch) -> None:
    """A machine that does not let this process run for a second proves nothing."""
    monkeypatch.setattr("fairlead.controllers.notes.PATIENCE_SECONDS", PATIENCE)
    monkeypatch.setattr("fairlead.controllers.notes.REST_SECONDS", 1.5)


@pytest.mark.usefixtures("busy")
async def test_deliveries_go_first(taker: Taker) -> None:
    with taker.notes.held():
        taker.notes.add(KEYS[:1])
        await asyncio.sleep(0.05)
        assert taker.begun == []
    assert await taker.until(1) == KEYS[:1]


@pytest.mark.usefixtures("busy")
async def test_deliveries_that_follow_each_other_are_not_disturbed(taker: Taker) -> None:
    """Notes that began between two commits kept the API server busy when the second one came."""
    taker.notes.add(KEYS)
    for _ in range(2):
        with taker.notes.held():
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.01)
    assert taker.begun == []
    assert await taker.until(1) == KEYS[:1]


async def test_a_long_delivery_holds_nobody_up_for_ever(taker: Taker) -> None:
    with taker.notes.held():
        taker.notes.add(KEYS[:1])
        assert await taker.until(1) == KEYS[:1]


async def test_who_has_run_meanwhile_takes_no_note(taker: Taker) -> None:
    with taker.notes.held():
        taker.notes.add(KEYS[:2])
        taker.notes.drop(KEYS[0])
    assert await taker.until(1) == [KEYS[1]]
