"""The demo's stage with a view on the controllers: their process, their metrics, and a restart."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING

import aiohttp

from fairlead.cli.demo.stage import Stage

if TYPE_CHECKING:
    from asyncio.subprocess import Process


class BenchStage(Stage):
    """Controllers that serve metrics on a free port of this machine."""

    controllers: Process
    _port = 0

    async def start_controllers(self) -> None:
        self._port = _free_port()
        state = str(self._folder / "state")
        address = f"127.0.0.1:{self._port}"
        arguments = ("run", *self._connection(), "--state-dir", state, "--metrics-address", address)
        await self._start(*arguments, log="controllers.log")
        self.controllers = self._processes[-1]

    async def stop_controllers(self) -> None:
        self._processes.remove(self.controllers)
        self.controllers.terminate()
        await self.controllers.wait()

    async def requests(self) -> dict[str, float]:
        """How many requests the controllers have sent, by method and resource."""
        async with aiohttp.ClientSession() as session:
            for _ in range(100):
                try:
                    async with session.get(f"http://127.0.0.1:{self._port}/metrics") as answer:
                        return _counters(await answer.text())
                except aiohttp.ClientConnectionError:
                    # The port opens a moment after the process starts.
                    await asyncio.sleep(0.1)
        raise TimeoutError("the controllers serve no metrics")


def _counters(text: str) -> dict[str, float]:
    found = {}
    for line in text.splitlines():
        if line.startswith("rest_client_requests_total{"):
            key, _, value = line.rpartition(" ")
            found[key.removeprefix("rest_client_requests_total")] = float(value)
    return found


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port
