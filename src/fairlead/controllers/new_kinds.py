"""Kinds whose definitions were established a moment ago, until the server serves them.

An established definition is served a little later: milliseconds as a rule, more on a busy server, and nothing announces
it. Who waits for a kind and is woken at once may look too early, and not again before its retry interval.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING

from fairlead.errors import FairleadError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.kube.discovery import Discovery
    from fairlead.objects.ref import GroupKind
    from fairlead.runtime.clock import Clock

__all__ = ["NewKinds"]

FIRST_PAUSE_SECONDS = 0.1
"""Before the first look, so that definitions that come together cost one reading of the discovery."""
LOOKS = 6
"""With doubled pauses before them, some six seconds in all: a definition may also serve no version at all."""


class NewKinds:
    """Calls back for each kind that was added, when it is served or is likely not going to be."""

    def __init__(self, discovery: Discovery, clock: Clock, served: Callable[[], None]) -> None:
        self._discovery = discovery
        self._clock = clock
        self._served = served
        self._added: asyncio.Queue[GroupKind] = asyncio.Queue()

    def add(self, kind: GroupKind) -> None:
        self._discovery.invalidate()
        self._added.put_nowait(kind)

    async def run(self) -> None:
        """Until cancelled."""
        async with asyncio.TaskGroup() as group:
            while True:
                kind = await self._added.get()
                group.create_task(self._follow(kind), name=f"new kind {kind}")

    async def _follow(self, kind: GroupKind) -> None:
        pause = FIRST_PAUSE_SECONDS
        for _ in range(LOOKS):
            await self._clock.sleep(pause)
            if await self._is_served(kind):
                break
            self._discovery.invalidate()
            pause *= 2
        self._served()

    async def _is_served(self, kind: GroupKind) -> bool:
        with contextlib.suppress(FairleadError):
            return bool(await self._discovery.versions(kind))
        return False
