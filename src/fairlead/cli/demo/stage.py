"""What the demo plays on: a cluster and the controllers, as the processes that a user would start."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from typing import TYPE_CHECKING

from fairlead.errors import UnavailableError

if TYPE_CHECKING:
    from pathlib import Path
    from typing import Self

__all__ = ["Stage"]

START_SECONDS = 30.0
STOP_SECONDS = 5.0


class Stage:
    """Starts ``fairlead cluster start`` (unless a kubeconfig is given) and ``fairlead run``; ends both on exit."""

    _program: tuple[str, ...] = ("-m", "fairlead")

    def __init__(self, folder: Path, *, kubeconfig: Path | None = None, context: str | None = None) -> None:
        self._folder = folder
        self._own_cluster = kubeconfig is None
        self._context = context
        self.kubeconfig = kubeconfig or folder / "kubeconfig"
        self._processes: list[asyncio.subprocess.Process] = []

    async def __aenter__(self) -> Self:
        self._folder.mkdir(parents=True, exist_ok=True)
        return self

    async def __aexit__(self, *_exc: object) -> None:
        for process in reversed(self._processes):
            await _stop(process)

    async def start_cluster(self) -> None:
        """Return when the API answers; the local cluster says so with its first line."""
        if self._own_cluster:
            await self._start(
                "cluster", "start", "--kubeconfig", str(self.kubeconfig), log="cluster.log", until_line=True
            )

    async def install(self) -> None:
        """``fairlead install``."""
        process = await self._spawn("install", *self._connection(), log="install.log")
        if await process.wait():
            raise UnavailableError(f"fairlead install failed: {self._tail('install.log')}")

    async def start_controllers(self) -> None:
        """``fairlead run``, from now on."""
        await self._start("run", *self._connection(), "--state-dir", str(self._folder / "state"), log="controllers.log")

    def check(self) -> None:
        """Raise when one of the processes has ended by itself."""
        for process in self._processes:
            if process.returncode is not None:
                log = "cluster.log" if self._own_cluster and process is self._processes[0] else "controllers.log"
                raise UnavailableError(f"a process of the demo ended with code {process.returncode}: {self._tail(log)}")

    def _connection(self) -> list[str]:
        return ["--kubeconfig", str(self.kubeconfig), *(["--context", self._context] if self._context else [])]

    async def _start(self, *arguments: str, log: str, until_line: bool = False) -> None:
        process = await self._spawn(*arguments, log=log, pipe=until_line)
        self._processes.append(process)
        if not until_line or process.stdout is None:
            return
        try:
            async with asyncio.timeout(START_SECONDS):
                if not await process.stdout.readline():
                    raise UnavailableError(f"fairlead {arguments[0]} did not start: {self._tail(log)}")
        except TimeoutError as error:
            raise UnavailableError(f"fairlead {arguments[0]} said nothing for {START_SECONDS:g} s") from error

    async def _spawn(self, *arguments: str, log: str, pipe: bool = False) -> asyncio.subprocess.Process:
        # Only the child keeps the log open.
        with (self._folder / log).open("ab") as sink:
            return await asyncio.create_subprocess_exec(
                sys.executable,
                *self._program,
                *arguments,
                env={**os.environ, "PYTHONUNBUFFERED": "1"},
                stdin=asyncio.subprocess.DEVNULL,
                stdout=asyncio.subprocess.PIPE if pipe else sink,
                stderr=sink,
                # An interrupt at the terminal is for the demo, which then ends its children in order.
                start_new_session=True,
            )

    def _tail(self, log: str) -> str:
        lines = (self._folder / log).read_text(errors="replace").strip().splitlines()
        return lines[-1] if lines else "it left no message"


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            process.terminate()
    try:
        async with asyncio.timeout(STOP_SECONDS):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()
