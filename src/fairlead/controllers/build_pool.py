"""Builds in processes of their own, so that the loop is never blocked and all cores count.

Workers start when they are needed, end when there was nothing to do for a while, and are replaced when one dies.
Cancelling a build kills its worker: there is no other way to stop a computation. A small build takes less time than
the way to a worker and back; it runs in a thread of this process.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Protocol, Self

import msgspec

from fairlead.controllers.build_worker import HEADER, Job, Outcome, execute
from fairlead.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fairlead.sources.store import ObjectStore

__all__ = ["BuildPool", "Builder", "ThreadBuilder"]

IDLE_SECONDS = 10.0
"""A worker holds some forty megabytes and takes a third of a second to start."""
PATIENCE_SECONDS = 0.5
"""How long nothing ends, while a job waits, before one more worker is started: most builds take milliseconds."""
STARTING, LONGEST_WAIT = 6, 8
"""The same, in multiples: while a worker starts, and at most, though others end all the time."""
MOST_HERE = 32
"""Small builds that wait for each other in this process; what comes beyond is shared with the workers."""

_PASSED_ON = ("PATH", "TMPDIR", "LD_LIBRARY_PATH")
"""Of our environment, beside what is for Python: a build asks nobody, so tokens and keys are not for its process."""

_OUTCOME = msgspec.msgpack.Decoder(Outcome)


class Builder(Protocol):
    """Who carries out builds."""

    async def run(self, job: Job, *, small: bool = False) -> Outcome:
        """``small``: it is known to take a few milliseconds only."""
        ...


class ThreadBuilder:
    """Builds in this process, one at a time: for tests, and for commands that build once."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._thread = ThreadPoolExecutor(1, "build")  # the next one begins without the loop, which may be busy

    async def run(self, job: Job, *, small: bool = False) -> Outcome:
        del small
        return await asyncio.get_running_loop().run_in_executor(self._thread, execute, self._store, job)


class BuildPool:
    """A bounded number of worker processes; an async context manager. More jobs wait in line."""

    def __init__(
        self,
        workers: int,
        here: Builder | None = None,
        *,
        idle_seconds: float = IDLE_SECONDS,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """``here`` carries out small builds."""
        self._here = here
        self._queued_here = 0
        self._workers = workers
        self._active = 0
        """Workers with a job, and those that are being started."""
        self._progressed = 0.0
        """When a job was last done, or when it may be expected of a new worker."""
        self._freed = asyncio.Condition()
        self._idle_seconds = idle_seconds
        self._patience_seconds = patience_seconds
        self._idle: dict[asyncio.subprocess.Process, asyncio.TimerHandle] = {}
        self._all: set[asyncio.subprocess.Process] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        for timer in self._idle.values():
            timer.cancel()
        await asyncio.gather(*(self._end(process) for process in list(self._all)))

    async def run(self, job: Job, *, small: bool = False) -> Outcome:
        """Raises ``UnavailableError`` when the worker dies: of too little memory, as a rule."""
        if not small or self._here is None or self._queued_here >= MOST_HERE:
            return await self._run_away(job)
        self._queued_here += 1
        try:
            return await self._here.run(job)
        finally:
            self._queued_here -= 1

    async def _run_away(self, job: Job) -> Outcome:
        async with self._turn():
            process = await self._take()
            finished = False
            try:
                outcome = await _talk(process, msgspec.msgpack.encode(job))
                finished = True
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                raise UnavailableError("the build process died; is there enough memory for this build?") from error
            finally:
                if finished:
                    self._put_aside(process)
                else:
                    await self._end(process)
            return _OUTCOME.decode(outcome)

    @contextlib.asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One of the workers; the first at once, and one more only when those that are there stay busy."""
        async with self._freed:
            await self._wait_patiently()
            await self._freed.wait_for(lambda: self._active < self._workers)
            self._active += 1
            if not self._idle:  # a worker is going to be started
                self._progressed = asyncio.get_running_loop().time() + self._patience_seconds * (STARTING - 1)
        try:
            yield
        finally:
            self._active -= 1
            self._progressed = asyncio.get_running_loop().time()
            async with self._freed:
                self._freed.notify_all()

    async def _wait_patiently(self) -> None:
        """Until a worker that is there is free, or it is time for another one."""
        loop, patience = asyncio.get_running_loop(), self._patience_seconds
        end = loop.time() + patience * LONGEST_WAIT
        while self._active and not self._idle:
            left = min(self._progressed + patience, end) - loop.time()
            if left <= 0:
                return
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(left):
                    await self._freed.wait()

    async def _take(self) -> asyncio.subprocess.Process:
        if not self._idle:
            return await self._start()
        process, timer = self._idle.popitem()
        timer.cancel()
        return process

    def _put_aside(self, process: asyncio.subprocess.Process) -> None:
        timer = asyncio.get_running_loop().call_later(self._idle_seconds, self._dismiss, process)
        self._idle[process] = timer

    def _dismiss(self, process: asyncio.subprocess.Process) -> None:
        """A worker ends by itself when nothing can come any more; it gives its memory back."""
        del self._idle[process]
        if process.stdin is not None:
            process.stdin.close()

    async def _start(self) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "fairlead.controllers.build_worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=_environment(),
            start_new_session=True,  # an interrupt at the terminal is for the controllers, which end their workers
        )
        self._all = {other for other in self._all if other.returncode is None} | {process}
        return process

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        self._all.discard(process)
        if process.returncode is None:
            process.kill()
        await process.wait()


def _environment() -> dict[str, str]:
    kept = {name: text for name, text in os.environ.items() if name in _PASSED_ON or name.startswith("PYTHON")}
    return {**kept, "PYTHONUNBUFFERED": "1"}


async def _talk(process: asyncio.subprocess.Process, message: bytes) -> bytes:
    if process.stdin is None or process.stdout is None:
        raise ConnectionError("the build process has no pipes")
    process.stdin.write(HEADER.pack(len(message)) + message)
    await process.stdin.drain()
    length = HEADER.unpack(await process.stdout.readexactly(HEADER.size))[0]
    return await process.stdout.readexactly(length)
