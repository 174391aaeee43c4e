"""What a process and its children cost, read from /proc."""

from __future__ import annotations

import asyncio
import contextlib
import os
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

TICK = os.sysconf("SC_CLK_TCK")


def family(pid: int) -> list[int]:
    """The process and all below it."""
    found = [pid]
    for task in Path(f"/proc/{pid}/task").glob("*/children"):
        for child in task.read_text().split():
            found += family(int(child))
    return found


def cpu_seconds(pid: int) -> float:
    """User and system time of the process, its living children, and those it has waited for."""
    total = 0
    for member in family(pid):
        fields = Path(f"/proc/{member}/stat").read_text().rpartition(") ")[2].split()
        total += sum(int(fields[index]) for index in (11, 12, 13, 14))
    return total / TICK


def rss_mib(pid: int) -> float:
    """Resident memory of the process and its children; pages that they share count once for each."""
    total = 0
    for member in family(pid):
        for line in Path(f"/proc/{member}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                total += int(line.split()[1])
    return total / 1024


class Memory:
    """The highest :func:`rss_mib` of a process that may be replaced by another, looked at several times a second."""

    def __init__(self, pid: Callable[[], int]) -> None:
        self._pid = pid
        self.highest = 0.0
        self.since = 0.0
        """The highest since :meth:`begin`."""

    def begin(self) -> None:
        self.since = 0.0

    async def follow(self) -> None:
        while True:
            # A process may end while it is looked at.
            with contextlib.suppress(OSError):
                now = rss_mib(self._pid())
                self.highest, self.since = max(self.highest, now), max(self.since, now)
            await asyncio.sleep(0.2)
