"""The detector finds what computes and what collects, and does not mind a busy machine."""

from __future__ import annotations

import asyncio
import time

import pytest

from tests.support.loop import LoopWatch, no_blocking


async def test_a_step_that_computes_is_found_with_its_stack() -> None:
    with LoopWatch(0.05) as watch:
        await asyncio.sleep(0)
        _compute(0.2)
        await asyncio.sleep(0)
    (block,) = watch.blocks
    assert block.computed >= 0.2
    assert "_compute" in block.stack


async def test_a_step_that_waits_a_little_is_none() -> None:
    with LoopWatch(0.05) as watch:
        await asyncio.sleep(0)
        time.sleep(0.1)  # noqa: ASYNC251 - as if the thread did not get its turn
        await asyncio.sleep(0)
    assert not watch.blocks


async def test_a_step_that_waits_for_long_is_found() -> None:
    with LoopWatch(0.01) as watch:
        await asyncio.sleep(0)
        time.sleep(0.3)  # noqa: ASYNC251
        await asyncio.sleep(0)
    assert watch.blocks[0].waited > 0.1


async def test_a_block_fails_the_test() -> None:
    with pytest.raises(AssertionError, match="held the loop"):
        await _held()


async def _held() -> None:
    with no_blocking():
        await asyncio.sleep(0)
        _compute(0.1)
        await asyncio.sleep(0)


async def test_another_thread_may_compute() -> None:
    with no_blocking():
        await asyncio.to_thread(_compute, 0.1)


def _compute(seconds: float) -> None:
    end = time.thread_time() + seconds
    while time.thread_time() < end:
        sum(range(1000))
