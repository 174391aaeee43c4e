"""A run that waits for no server lets another one go on, and never more runs than places are at work."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

import pytest

from fairlead.errors import UnavailableError
from fairlead.runtime.controller import Controller, Result, current_run
from fairlead.runtime.places import lent_place, stand_back
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator


class Work:
    """Runs that wait for one event with their place lent, and then for another one without."""

    def __init__(self) -> None:
        self.answered = asyncio.Event()
        self.served = asyncio.Event()
        self.waiting: set[str] = set()
        self.at_work: set[str] = set()
        self.most = 0
        self.two_at_work = asyncio.Event()
        self.ended: list[str] = []
        self.patience: float | None = None

    async def reconcile(self, key: str) -> Result:
        self.waiting.add(key)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.patience), lent_place():
                await self.answered.wait()
        self.waiting.discard(key)
        self.at_work.add(key)
        self.most = max(self.most, len(self.at_work))
        if self.most == 2:
            self.two_at_work.set()
        await self.served.wait()
        self.at_work.discard(key)
        self.ended.append(key)
        return Result()


@contextlib.asynccontextmanager
async def running(work: Work | Modest, *, workers: int, most_lent: int, keys: int) -> AsyncIterator[Controller[str]]:
    controller: Controller[str] = Controller("test", work.reconcile, workers=workers, most_lent=most_lent)
    task = asyncio.create_task(controller.run())
    for number in range(keys):
        controller.queue.add(str(number))
    await settled()
    try:
        yield controller
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait_for(task, 1)


async def settled() -> None:
    for _ in range(50):
        await asyncio.sleep(0)


async def test_those_that_wait_let_others_begin_up_to_a_bound() -> None:
    work = Work()
    async with running(work, workers=2, most_lent=3, keys=10):
        assert len(work.waiting) == 5


async def test_never_more_than_the_places_are_at_work() -> None:
    work = Work()
    async with running(work, workers=2, most_lent=4, keys=10) as controller:
        work.answered.set()
        await settled()
        assert len(work.at_work) == 2
        work.served.set()
        await settled()
        assert sorted(work.ended) == [str(number) for number in range(10)]
        assert work.most == 2
        assert controller.queue.idle


async def test_idle_workers_give_way_and_the_number_of_places_stays() -> None:
    work = Work()
    async with running(work, workers=3, most_lent=5, keys=3) as controller:
        assert len(work.waiting) == 3
        work.answered.set()
        await settled()
        assert len(work.at_work) == 3
        for number in range(3, 9):
            controller.queue.add(str(number))
        await settled()
        assert len(work.at_work) == 3, "the idle workers have ended, so the new keys wait"
        work.served.set()
        await settled()
        assert len(work.ended) == 9
        work.served.clear()
        for number in range(9):
            controller.queue.add(str(number))
        await settled()
        assert len(work.at_work) == 3


async def test_one_that_is_out_of_time_goes_on_and_a_worker_gives_way_later() -> None:
    work = Work()
    work.patience = 0.01
    async with running(work, workers=1, most_lent=1, keys=3) as controller:
        await asyncio.wait_for(work.two_at_work.wait(), 5)
        work.answered.set()
        work.served.set()
        await settled()
        assert len(work.ended) == 3
        work.served.clear()
        for number in range(3):
            controller.queue.add(str(number))
        await settled()
        assert len(work.at_work) == 1


async def test_the_place_of_one_that_fails_while_it_waits_is_not_lost() -> None:
    begun: list[str] = []

    async def reconcile(key: str) -> Result:
        begun.append(key)
        async with lent_place():
            raise UnavailableError("away")

    controller: Controller[str] = Controller("test", reconcile, workers=1, most_lent=1)
    task = asyncio.create_task(controller.run())
    for number in range(20):
        controller.queue.add(str(number))
    await settled()
    assert len(begun) == 20
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_worker_in_place_of_another_has_a_run_of_its_own() -> None:
    found: dict[str, str] = {}
    go_on = asyncio.Event()

    async def reconcile(key: str) -> Result:
        run = current_run()
        assert run is not None
        found[key] = run.id
        async with lent_place():
            await go_on.wait()
        assert current_run() is run
        return Result()

    controller: Controller[str] = Controller("test", reconcile, workers=1, most_lent=2)
    task = asyncio.create_task(controller.run())
    for key in "abc":
        controller.queue.add(key)
    await settled()
    go_on.set()
    await settled()
    assert len(set(found.values())) == 3
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


class Modest:
    """Runs with two parts, of which the second one is of no hurry; and then they are served."""

    def __init__(self) -> None:
        self.seconds = 60.0
        self.limit: float | None = None
        self.begun: list[str] = []
        self.begun_before: dict[str, int] = {}
        """How many runs had begun when the second part of each did."""
        self.served = asyncio.Event()
        self.served.set()
        self.at_work = 0
        self.most = 0
        self.two_at_work = asyncio.Event()

    async def reconcile(self, key: str) -> Result:
        self.begun.append(key)
        with self._working():
            await asyncio.sleep(0)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self.limit):
                await stand_back(self.seconds)
        with self._working():
            self.begun_before[key] = len(self.begun)
            await self.served.wait()
        return Result()

    @contextlib.contextmanager
    def _working(self) -> Iterator[None]:
        self.at_work += 1
        self.most = max(self.most, self.at_work)
        if self.at_work == 2:
            self.two_at_work.set()
        yield
        self.at_work -= 1


async def test_those_that_have_not_begun_go_first() -> None:
    work = Modest()
    async with running(work, workers=2, most_lent=10, keys=10) as controller:
        assert list(work.begun_before.values()) == [10] * 10
        assert work.most == 2
        assert controller.queue.idle


async def test_who_lends_a_place_briefly_is_waited_for() -> None:
    """It has begun, and what the others stand back for is still to come."""
    work, answered = Modest(), asyncio.Event()

    async def reconcile(key: str) -> Result:
        if key == "brief":
            async with lent_place(briefly=True):
                await answered.wait()
        return await work.reconcile(key)

    controller: Controller[str] = Controller("test", reconcile, workers=1, most_lent=10)
    for key in ("brief", "a", "b"):
        controller.queue.add(key)
    task = asyncio.create_task(controller.run())
    await settled()
    assert (work.begun, work.begun_before) == (["a", "b"], {})
    answered.set()
    await settled()
    assert work.begun_before == {"brief": 3, "a": 3, "b": 3}
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_workers_that_went_idle_meanwhile_give_way_to_those_that_stood_back() -> None:
    work, answered = Modest(), asyncio.Event()
    work.served.clear()

    async def reconcile(key: str) -> Result:
        if key == "brief":
            async with lent_place(briefly=True):
                await answered.wait()
        return await work.reconcile(key)

    controller: Controller[str] = Controller("test", reconcile, workers=3, most_lent=10)
    for key in ("brief", "a", "b", "c", "d"):
        controller.queue.add(key)
    task = asyncio.create_task(controller.run())
    await settled()
    assert (work.at_work, work.begun_before) == (0, {})
    answered.set()
    await settled()
    assert work.at_work == 3
    work.served.set()
    await settled()
    assert (len(work.begun_before), work.most) == (5, 3)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_who_goes_ahead_of_the_line_is_waited_for() -> None:
    work = Modest()
    work.served.clear()
    async with running(work, workers=1, most_lent=10, keys=3) as controller:
        controller.queue.add("later", ahead=True)
        work.served.set()
        await settled()
        assert list(work.begun_before) == ["2", "later", "0", "1"]


async def test_no_more_stand_back_than_the_bound() -> None:
    work = Modest()
    async with running(work, workers=1, most_lent=3, keys=10):
        assert [work.begun_before[str(number)] for number in range(3, 10)] == list(range(4, 11))
        assert [work.begun_before[str(number)] for number in range(3)] == [10] * 3
        assert work.most == 1


async def test_nobody_stands_back_for_nobody() -> None:
    work = Modest()
    work.served.clear()
    async with running(work, workers=2, most_lent=10, keys=2):
        assert work.at_work == 2
        assert len(work.begun_before) == 2


async def test_what_comes_later_waits_for_them() -> None:
    work = Modest()
    work.served.clear()
    async with running(work, workers=1, most_lent=10, keys=3) as controller:
        assert list(work.begun_before) == ["2"], "it was the last, and holds the place"
        controller.queue.add("later")
        work.served.set()
        await settled()
        assert list(work.begun_before) == ["2", "0", "1", "later"]


async def test_a_line_without_an_end_is_no_reason_to_wait_for_ever() -> None:
    work = Modest()
    ended = asyncio.Event()

    async def reconcile(key: str) -> Result:
        if key == "modest":
            await work.reconcile(key)
            ended.set()
        else:
            controller.queue.add(f"{key}+")
            await asyncio.sleep(0)
        return Result()

    controller: Controller[str] = Controller("test", reconcile, workers=1, most_lent=1)
    controller.queue.add("modest")
    controller.queue.add("endless")
    task = asyncio.create_task(controller.run())
    await asyncio.wait_for(ended.wait(), PATIENCE)
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_a_slow_line_is_none_either() -> None:
    work = Modest()
    work.seconds = 0.01

    async def reconcile(key: str) -> Result:
        if key == "modest":
            return await work.reconcile(key)
        work.begun.append(key)
        await asyncio.sleep(0.05)
        return Result()

    controller: Controller[str] = Controller("test", reconcile, workers=1, most_lent=1)
    for key in ("modest", "slow", "other", "another"):
        controller.queue.add(key)
    task = asyncio.create_task(controller.run())
    while not controller.queue.idle:
        await asyncio.wait((task,), timeout=0.01)
    assert work.begun_before == {"modest": 2}
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


async def test_one_that_stands_back_and_is_out_of_time_takes_its_place_back_later() -> None:
    work = Modest()
    work.limit = 0.01
    work.served.clear()
    async with running(work, workers=1, most_lent=1, keys=3) as controller:
        await asyncio.wait_for(work.two_at_work.wait(), PATIENCE)
        work.served.set()
        await settled()
        work.served.clear()
        for number in range(3):
            controller.queue.add(str(number))
        await settled()
        assert work.at_work == 1


async def test_outside_of_a_run_there_is_nothing_to_lend() -> None:
    await stand_back(60)
    with pytest.raises(UnavailableError):
        async with lent_place():
            raise UnavailableError("as it was")
