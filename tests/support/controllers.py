"""The controllers as users start them: a process that can be killed."""

from __future__ import annotations

import asyncio
import signal
import sys
from typing import TYPE_CHECKING

from tests.support.tether import tethered

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["Controllers"]


class Controllers:
    """``fairlead run`` for one namespace, as a process; ``folder`` holds its kubeconfig, state and log."""

    program: tuple[str, ...] = ("-m", "fairlead")

    def __init__(self, namespace: str, folder: Path, *flags: str) -> None:
        self._namespace = namespace
        self._folder = folder
        self._flags = flags
        self.log = folder / "controllers.log"
        self._process: asyncio.subprocess.Process | None = None

    async def start(self) -> None:
        with self.log.open("ab") as log:
            self._process = await asyncio.create_subprocess_exec(
                *tethered([sys.executable, *self.program, "run"]),
                f"--kubeconfig={self._folder / 'kubeconfig'}",
                f"--state-dir={self._folder / 'state'}",
                f"--watch-namespace={self._namespace}",
                "--local-repositories",
                "--build-workers=1",
                "--alongside-flux",  # tests run beside each other, and some play Flux
                *self._flags,
                stdin=asyncio.subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def send(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    async def ended(self) -> int:
        """The exit code, when it ends by itself."""
        assert self._process is not None
        return await self._process.wait()

    async def end(self, number: signal.Signals = signal.SIGKILL) -> int:
        """The exit code."""
        if self._process is None:
            return 0
        if self._process.returncode is None:
            self._process.send_signal(number)
        return await self._process.wait()
