"""Builds in processes of their own, so that the loop is never blocked and all cores count.

Workers start when they are needed, live on, and are replaced when one dies. Cancelling a build kills its worker: there
is no other way to stop a computation.
"""

from __future__ import annotations

import asyncio
import os
import sys
from typing import TYPE_CHECKING, Protocol, Self

import msgspec

from fairlead.controllers.build_worker import HEADER, Job, Outcome, execute
from fairlead.errors import UnavailableError

if TYPE_CHECKING:
    from fairlead.sources.store import ObjectStore

__all__ = ["BuildPool", "Builder", "ThreadBuilder"]

_OUTCOME = msgspec.msgpack.Decoder(Outcome)


class Builder(Protocol):
    """Who carries out builds."""

    async def run(self, job: Job) -> Outcome: ...


class ThreadBuilder:
    """Builds in this process, one at a time: for tests, and for commands that build once."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._one = asyncio.Lock()

    async def run(self, job: Job) -> Outcome:
        async with self._one:
            return await asyncio.to_thread(execute, self._store, job)


class BuildPool:
    """A bounded number of worker processes; an async context manager. More jobs wait in line."""

    def __init__(self, workers: int) -> None:
        self._free = asyncio.Semaphore(workers)
        self._idle: list[asyncio.subprocess.Process] = []
        self._all: set[asyncio.subprocess.Process] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await asyncio.gather(*(self._end(process) for process in list(self._all)))

    async def run(self, job: Job) -> Outcome:
        """Raises ``UnavailableError`` when the worker dies: of too little memory, as a rule."""
        async with self._free:
            process = self._idle.pop() if self._idle else await self._start()
            finished = False
            try:
                outcome = await _talk(process, msgspec.msgpack.encode(job))
                finished = True
            except (asyncio.IncompleteReadError, ConnectionError) as error:
                raise UnavailableError("the build process died; is there enough memory for this build?") from error
            finally:
                if finished:
                    self._idle.append(process)
                else:
                    await self._end(process)
            return _OUTCOME.decode(outcome)

    async def _start(self) -> asyncio.subprocess.Process:
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "fairlead.controllers.build_worker",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env={**os.environ, "PYTHONUNBUFFERED": "1"},
            start_new_session=True,  # an interrupt at the terminal is for the controllers, which end their workers
        )
        self._all.add(process)
        return process

    async def _end(self, process: asyncio.subprocess.Process) -> None:
        self._all.discard(process)
        if process.returncode is None:
            process.kill()
        await process.wait()


async def _talk(process: asyncio.subprocess.Process, message: bytes) -> bytes:
    if process.stdin is None or process.stdout is None:
        raise ConnectionError("the build process has no pipes")
    process.stdin.write(HEADER.pack(len(message)) + message)
    await process.stdin.drain()
    length = HEADER.unpack(await process.stdout.readexactly(HEADER.size))[0]
    return await process.stdout.readexactly(length)
