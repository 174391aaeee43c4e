"""The queue against a model of its promises, and what only tasks can show."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from fairlead.kube.options import Backoff
from fairlead.runtime.queue import DEFAULT_BACKOFF, WorkQueue
from tests.support.clock import VirtualClock, settle
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import Coroutine

KEYS = st.sampled_from(["a", "b", "c", "d"])
SECONDS = st.sampled_from([0.0, 1.0, 2.0, 5.0, 60.0])


def take_now(get: Coroutine[object, object, str]) -> str:
    """The result of a coroutine that has no reason to wait."""
    try:
        get.send(None)
    except StopIteration as stop:
        return str(stop.value)
    raise AssertionError("the queue waits although it is not empty")


class QueueModel(RuleBasedStateMachine):
    """Ready keys in their two lines, active keys, active keys that were added again, and one deadline per key."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = VirtualClock()
        self.queue: WorkQueue[str] = WorkQueue(clock=self.clock, backoff=Backoff(1.0, 60.0, jitter=0.0))
        self.ahead: list[str] = []
        self.ready: list[str] = []
        self.active: set[str] = set()
        self.dirty: dict[str, bool] = {}
        self.deadlines: dict[str, float] = {}
        self.failures: dict[str, int] = {}

    def model_add(self, key: str, *, ahead: bool = False) -> None:
        if key in self.active:
            self.dirty[key] = ahead or self.dirty.get(key, False)
        elif ahead and key not in self.ahead:
            self.ahead.append(key)
            self.ready = [other for other in self.ready if other != key]
        elif key not in self.ahead + self.ready:
            self.ready.append(key)

    def model_schedule(self, key: str, seconds: float) -> None:
        due = self.clock.monotonic() + seconds
        self.deadlines[key] = min(due, self.deadlines.get(key, due))

    @rule(key=KEYS, ahead=st.booleans())
    def add(self, key: str, ahead: bool) -> None:
        self.queue.add(key, ahead=ahead)
        self.model_add(key, ahead=ahead)

    @rule(key=KEYS, seconds=SECONDS)
    def add_after(self, key: str, seconds: float) -> None:
        self.queue.add_after(key, seconds)
        if seconds > 0:
            self.model_schedule(key, seconds)
        else:
            self.model_add(key)

    @rule(key=KEYS, seconds=SECONDS)
    def replace_deadline(self, key: str, seconds: float) -> None:
        self.queue.add_after(key, seconds, replace=True)
        self.deadlines[key] = self.clock.monotonic() + seconds

    @rule(key=KEYS)
    def fail(self, key: str) -> None:
        self.failures[key] = self.failures.get(key, 0) + 1
        delay = min(2.0 ** (self.failures[key] - 1), 60.0)
        assert self.queue.add_rate_limited(key) == delay
        self.model_schedule(key, delay)

    @rule(key=KEYS)
    def forget(self, key: str) -> None:
        self.queue.forget(key)
        self.failures.pop(key, None)

    @rule(key=KEYS)
    def drop(self, key: str) -> None:
        self.queue.drop(key)
        self.failures.pop(key, None)
        self.deadlines.pop(key, None)

    @precondition(lambda self: self.ahead + self.ready)
    @rule()
    def get(self) -> None:
        key = take_now(self.queue.get())
        assert key == (self.ahead or self.ready).pop(0)
        assert key not in self.active
        self.active.add(key)
        self.deadlines.pop(key, None)

    @precondition(lambda self: self.active)
    @rule(data=st.data())
    def done(self, data: st.DataObject) -> None:
        key = data.draw(st.sampled_from(sorted(self.active)))
        self.queue.done(key)
        self.active.discard(key)
        if key in self.dirty:
            self.model_add(key, ahead=self.dirty.pop(key))

    @rule(seconds=SECONDS)
    def wait(self, seconds: float) -> None:
        self.clock.step(seconds)
        # Keys that are due at the same moment have no promised order among each other: take the queue's.
        due = {key for key, at in self.deadlines.items() if at <= self.clock.monotonic()}
        for key in due:
            del self.deadlines[key]
        for key in [key for key in self.queue._ready if key in due] + sorted(due & self.active):
            self.model_add(key)

    @invariant()
    def same(self) -> None:
        assert list(self.queue._ahead) == self.ahead
        assert list(self.queue._ready) == self.ready
        assert self.queue.depth == len(self.ahead + self.ready)
        assert set(self.queue.active) == self.active
        assert {key for key in "abcd" if self.queue.is_dirty(key)} == self.dirty.keys()
        assert {key: self.queue.deadline(key) for key in self.deadlines} == self.deadlines
        assert self.queue.delayed == len(self.deadlines)
        waiting = self.ahead + self.ready
        assert len(set(waiting)) == len(waiting)
        assert not self.active & set(waiting)


TestQueueModel = QueueModel.TestCase
TestQueueModel.settings = settings(max_examples=150, stateful_step_count=40, deadline=None)


async def test_a_waiting_worker_gets_the_key_at_once() -> None:
    queue: WorkQueue[str] = WorkQueue()
    worker = asyncio.create_task(queue.get())
    await settle()
    queue.add("a")
    assert await worker == "a"


async def test_each_of_several_workers_gets_one_key() -> None:
    queue: WorkQueue[int] = WorkQueue()
    workers = [asyncio.create_task(queue.get()) for _ in range(4)]
    await settle()
    for key in range(4):
        queue.add(key)
    assert await asyncio.gather(*workers) == [0, 1, 2, 3]


async def test_a_cancelled_worker_loses_no_key() -> None:
    queue: WorkQueue[str] = WorkQueue()
    first, second = asyncio.create_task(queue.get()), asyncio.create_task(queue.get())
    await settle()
    queue.add("a")  # wakes the first, which is cancelled before it runs
    first.cancel()
    with pytest.raises(asyncio.CancelledError):
        await first
    assert await asyncio.wait_for(second, PATIENCE) == "a"


async def test_deadlines_ring_in_their_order() -> None:
    clock = VirtualClock()
    queue: WorkQueue[str] = WorkQueue(clock=clock)
    for key, seconds in (("late", 30.0), ("soon", 1.0), ("middle", 10.0)):
        queue.add_after(key, seconds)
    await clock.advance(30)
    assert [await queue.get() for _ in range(3)] == ["soon", "middle", "late"]
    assert queue.delayed == 0


def test_back_off_grows_from_750_ms_to_15_minutes() -> None:
    delays = [DEFAULT_BACKOFF.delay(failures) for failures in range(1, 40)]
    assert 0.6 < delays[0] <= 0.75
    assert all(delay <= 900 for delay in delays)
    assert delays[-1] > 800


def test_the_wait_for_a_worker_is_measured() -> None:
    clock = VirtualClock()
    queue: WorkQueue[str] = WorkQueue(clock=clock)
    queue.add("a")
    clock.step(3)
    take_now(queue.get())
    assert queue.last_wait == 3
    clock.step(2)
    assert queue.ages() == [2]


def test_how_far_the_line_is_counts_from_its_beginning() -> None:
    """One that goes ahead leaves a gap: those before it have not begun."""
    queue: WorkQueue[str] = WorkQueue(clock=VirtualClock())
    for key in "abc":
        queue.add(key)
    assert (queue.entered, queue.left) == (3, 0)
    queue.add("c", ahead=True)
    queue.add("d", ahead=True)
    assert (queue.entered, queue.left) == (3, 0)
    assert [take_now(queue.get()) for _ in range(3)] == ["c", "d", "a"]
    assert (queue.entered, queue.left) == (3, 1)
    assert take_now(queue.get()) == "b"
    assert (queue.entered, queue.left) == (3, 3)
