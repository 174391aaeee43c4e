"""The demo's stage with a view on the controllers: their process, their metrics, what holds their loop, a restart."""

from __future__ import annotations

import asyncio
import re
import sys
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp

from fairlead.cli.demo.stage import Stage
from tests.support.ports import free_port
from tests.support.tether import tethered
from tests.support.watched_program import read_blocks

if TYPE_CHECKING:
    from asyncio.subprocess import Process

    from tests.support.loop import Block

NOTICED_SECONDS = 0.01


def _tied(*module: str) -> tuple[str, ...]:
    """What follows the interpreter: a module that does not outlive the benchmark, were it killed."""
    _, *words = tethered([sys.executable, "-m", *module])
    return tuple(words)


class BenchStage(Stage):
    """Controllers that serve metrics on a free port of this machine."""

    _program = _tied("fairlead")
    controllers: Process
    watch_loop = False
    """Run the controllers with a detector for what holds their loop, which costs some CPU."""
    _port = 0

    async def start_controllers(self) -> None:
        self._port = free_port()
        state = str(self._folder / "state")
        address = f"127.0.0.1:{self._port}"
        arguments = ("run", *self._connection(), "--state-dir", state, "--metrics-address", address)
        if self.watch_loop:
            detector = "tests.support.watched_program", str(NOTICED_SECONDS), str(self._folder / "blocks.jsonl")
            self._program = _tied(*detector)
        try:
            await self._start(*arguments, log="controllers.log")
        finally:
            self._program = BenchStage._program
        self.controllers = self._processes[-1]

    def blocks(self) -> list[Block]:
        """What has held the loop for longer than ten milliseconds so far."""
        return read_blocks(self._folder / "blocks.jsonl")

    async def stop_controllers(self) -> None:
        self._processes.remove(self.controllers)
        self.controllers.terminate()
        await self.controllers.wait()

    async def figures(self) -> Figures:
        """What the controllers count, from their metrics."""
        async with aiohttp.ClientSession() as session:
            for _ in range(600):
                try:
                    async with session.get(f"http://127.0.0.1:{self._port}/metrics") as answer:
                        return Figures.read(await answer.text())
                except aiohttp.ClientConnectionError:
                    # The port opens a moment after the process starts.
                    await asyncio.sleep(0.1)
        raise TimeoutError("the controllers serve no metrics")


@dataclass(frozen=True, slots=True)
class Figures:
    """Counters at one moment, or (a difference) over a time."""

    requests: dict[str, float]
    """By verb and resource."""
    seconds: dict[str, float]
    """By phase."""
    spans: dict[str, float]

    @classmethod
    def read(cls, text: str) -> Figures:
        found: dict[str, dict[str, float]] = {name: {} for name in ("requests", "phase_seconds", "phase_spans")}
        for line in text.splitlines():
            name, _, rest = line.partition("{")
            known = found.get(name.removeprefix("fairlead_").removesuffix("_total"))
            if known is not None and rest:
                labels, _, value = rest.rpartition("} ")
                known[" ".join(re.findall('"([^"]*)"', labels))] = float(value)
        return cls(found["requests"], found["phase_seconds"], found["phase_spans"])

    def __sub__(self, other: Figures) -> Figures:
        return Figures(
            _difference(self.requests, other.requests),
            _difference(self.seconds, other.seconds),
            _difference(self.spans, other.spans),
        )

    def phases(self) -> str:
        """``build 40 × 2 ms, …``"""
        return ", ".join(
            f"{name} {count:.0f} × {self.seconds[name] / count * 1000:.0f} ms" for name, count in self.spans.items()
        )

    def sent(self) -> str:
        return ", ".join(f"{name} {count:.0f}" for name, count in sorted(self.requests.items()))


def _difference(after: dict[str, float], before: dict[str, float]) -> dict[str, float]:
    return {key: value - before.get(key, 0) for key, value in after.items() if value != before.get(key, 0)}
