from __future__ import annotations

import asyncio

from fairlead.localcluster.controllers.queue import Key, WorkQueue

ONE, TWO = Key("Pod", "default", "one"), Key("Pod", "default", "two")


async def test_a_key_is_there_once() -> None:
    queue = WorkQueue()
    queue.add(ONE)
    queue.add(TWO)
    queue.add(ONE)
    assert [await queue.take(), await queue.take()] == [ONE, TWO]
    assert len(queue) == 0


async def test_an_addition_during_work_brings_one_more_run() -> None:
    queue = WorkQueue()
    queue.add(ONE)
    assert await queue.take() == ONE
    queue.add(ONE)
    queue.add(ONE)
    waiting = asyncio.create_task(queue.take())
    await asyncio.sleep(0)
    assert not waiting.done()
    queue.done(ONE)
    assert await waiting == ONE
    queue.done(ONE)
    assert queue.idle


async def test_of_several_delays_the_earliest_counts() -> None:
    queue = WorkQueue()
    queue.add_after(ONE, 60)
    queue.add_after(ONE, 0.001)
    queue.add_after(ONE, 60)
    assert queue.timers == 1
    assert await asyncio.wait_for(queue.take(), 30) == ONE
    assert queue.timers == 0


async def test_failures_wait_longer_and_longer() -> None:
    queue = WorkQueue()
    loop = asyncio.get_running_loop()
    waits = []
    for _ in range(3):
        queue.add_failed(ONE)
        waits.append(queue._timers[ONE].when() - loop.time())
        queue.cancel(ONE)
    assert waits[0] < waits[1] < waits[2]
    queue.forget(ONE)
    queue.add_failed(ONE)
    assert queue._timers[ONE].when() - loop.time() < waits[1]
    queue.close()
    assert queue.timers == 0
