"""What the loop does with success, failure and cancellation; time is virtual."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import logging
from typing import TYPE_CHECKING

import pytest

from fairlead.errors import (
    BuildError,
    ConflictError,
    FairleadError,
    ForbiddenError,
    NotReadyError,
    UnavailableError,
)
from fairlead.kube.errors import TooManyRequestsError
from fairlead.runtime.controller import Controller, Result, current_run
from tests.support.clock import VirtualClock
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable


@contextlib.asynccontextmanager
async def running(controller: Controller[str]) -> AsyncIterator[None]:
    task = asyncio.create_task(controller.run())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await asyncio.wait_for(task, PATIENCE)


def scripted(
    clock: VirtualClock, *outcomes: Result | Exception
) -> tuple[list[float], Callable[[str], Awaitable[Result]]]:
    """A reconcile that does what the script says, the last outcome for ever; and the times of its runs."""
    runs: list[float] = []

    async def reconcile(_: str) -> Result:
        outcome = outcomes[min(len(runs), len(outcomes) - 1)]
        runs.append(clock.monotonic())
        if isinstance(outcome, Exception):
            raise outcome
        return outcome

    return runs, reconcile


async def times_of(*outcomes: Result | Exception, seconds: float, not_ready: float | None = None) -> list[float]:
    clock = VirtualClock()
    runs, reconcile = scripted(clock, *outcomes)
    controller: Controller[str] = Controller("test", reconcile, clock=clock, not_ready_seconds=not_ready)
    async with running(controller):
        controller.queue.add("a")
        await clock.advance(seconds)
    return runs


async def test_success_runs_again_when_it_asked_to() -> None:
    assert await times_of(Result(requeue_after=60), seconds=150) == [0, 60, 120]


async def test_success_without_interval_waits_for_an_event() -> None:
    assert await times_of(Result(), seconds=10_000) == [0]


@pytest.mark.parametrize(
    "error", [UnavailableError("down"), ConflictError("changed"), ForbiddenError("no"), BuildError("bad file")]
)
async def test_failures_back_off(error: FairleadError) -> None:
    runs = await times_of(error, seconds=20)
    gaps = [later - earlier for earlier, later in itertools.pairwise(runs)]
    assert len(gaps) == 4
    for gap, expected in zip(gaps, (0.75, 1.5, 3, 6), strict=True):
        assert expected * 0.9 <= gap <= expected


async def test_a_failed_run_that_names_its_interval_gets_it() -> None:
    assert await times_of(Result(requeue_after=30, error=BuildError("bad")), seconds=70) == [0, 30, 60]


async def test_waiting_for_others_needs_an_event() -> None:
    assert await times_of(NotReadyError("CRD"), seconds=10_000) == [0]


async def test_waiting_for_others_may_have_a_safety_net() -> None:
    assert await times_of(NotReadyError("CRD"), seconds=70, not_ready=30) == [0, 30, 60]


async def test_the_servers_retry_after_counts() -> None:
    error = TooManyRequestsError("x", "apply", retry_after=12)
    assert await times_of(error, Result(), seconds=30) == [0, 12]


async def test_success_resets_the_back_off() -> None:
    down = UnavailableError("down")
    runs = await times_of(down, down, Result(requeue_after=100), down, seconds=104)
    assert runs[3] - runs[2] == 100
    assert runs[4] - runs[3] <= 0.75


async def test_a_fault_of_ours_is_logged_and_retried(caplog: pytest.LogCaptureFixture) -> None:
    runs = await times_of(ZeroDivisionError("oops"), Result(), seconds=5)
    assert len(runs) == 2
    assert "ZeroDivisionError" in caplog.text


async def test_a_key_is_never_with_two_workers_and_an_event_during_work_brings_one_more_run() -> None:
    clock = VirtualClock()
    active: list[str] = []
    runs: list[str] = []

    async def reconcile(key: str) -> Result:
        assert key not in active
        active.append(key)
        await clock.sleep(1)
        active.remove(key)
        runs.append(key)
        return Result()

    controller: Controller[str] = Controller("test", reconcile, workers=8, clock=clock)
    async with running(controller):
        for key in "abc":
            controller.queue.add(key)
        await clock.advance(0.5)
        assert sorted(active) == ["a", "b", "c"]
        for _ in range(5):
            controller.queue.add("a")
        await clock.advance(10)
    assert sorted(runs) == ["a", "a", "b", "c"]


async def test_a_bad_key_does_not_stop_the_others() -> None:
    clock = VirtualClock()
    done: list[str] = []

    async def reconcile(key: str) -> Result:
        if key == "bad":
            raise RuntimeError("fault")
        done.append(key)
        return Result()

    controller: Controller[str] = Controller("test", reconcile, workers=1, clock=clock)
    async with running(controller):
        for key in ("bad", "good", "better"):
            controller.queue.add(key)
        await clock.advance(1)
    assert done == ["good", "better"]


async def test_cancelling_is_quick_and_cleans_up() -> None:
    begun: list[str] = []
    cleaned: list[str] = []

    async def reconcile(key: str) -> Result:
        begun.append(key)
        try:
            await asyncio.sleep(3600)
        finally:
            cleaned.append(key)
        return Result()

    controller: Controller[str] = Controller("test", reconcile, workers=3)
    async with asyncio.timeout(PATIENCE):
        async with running(controller):
            for key in "ab":
                controller.queue.add(key)
            while len(begun) < 2:  # noqa: ASYNC110 - a few rounds of the loop
                await asyncio.sleep(0)
    assert sorted(cleaned) == ["a", "b"]
    assert controller.queue.idle


async def test_log_lines_can_name_the_run(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    seen: list[str] = []

    async def reconcile(key: str) -> None:
        run = current_run()
        assert run is not None
        seen.append(f"{run.controller} {run.key} {len(run.id)}")

    controller: Controller[str] = Controller("test", reconcile, clock=VirtualClock())
    async with running(controller):
        controller.queue.add("a")
        await asyncio.sleep(0.01)
    assert seen == ["test a 8"]
    assert current_run() is None
