"""Kustomizations for which a new revision brings nothing but its name.

Most commits change few of the Kustomizations that read from a source. Those run at once; all the others only write
down that they are at that revision, too. That is one small write each, which nobody waits for: notes are taken after
the deliveries, a few at a time, and one note stands for all revisions that came while it waited.
"""

from __future__ import annotations

import asyncio
import contextlib
import math
import time
from typing import TYPE_CHECKING

from fairlead.runtime.conditions import READY, is_true

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fairlead.api.kustomization import Kustomization
    from fairlead.kube.reflector import Key

__all__ = ["Notes", "may_be_noted"]

AT_ONCE = 2
"""Notes in work at a time: the API server is for the deliveries."""
PATIENCE_SECONDS = 0.5
"""How long one note waits for deliveries to end, so that a long delivery does not hold up the notes of all others."""
REST_SECONDS = 0.1
"""After a delivery: commits come in bursts, and the next one should find a server that is not busy with notes."""
PAUSE_SECONDS = 0.004
"""Between two notes, so that a delivery that comes meanwhile finds a free loop and a free server."""


def may_be_noted(kustomization: Kustomization) -> bool:
    """Whether its status says that all is well, and nothing but files of the source can have changed.

    Variables and keys from the cluster are read anew for each revision, so who has them takes no notes.
    """
    spec, meta, status = kustomization.spec, kustomization.metadata, kustomization.status
    return (
        not spec.suspend
        and not meta.deletion_timestamp
        and status.observed_generation == meta.generation
        and status.last_applied_revision == status.last_attempted_revision
        and is_true(status.conditions or (), READY)
        and not (spec.post_build and spec.post_build.substitute_from)
        and not spec.decryption
    )


class Notes:
    """The keys that have a note to take, in the order in which they came."""

    def __init__(self) -> None:
        self.begin: Callable[[Key], None] = lambda _: None
        """Lets a key take its note; set by who owns the queue. :meth:`done` must follow."""
        self._waiting: dict[Key, None] = {}
        self._working: set[Key] = set()
        self._deliveries = 0
        self._ended = -math.inf
        """When the last delivery did; monotonic."""
        self._some = asyncio.Event()
        self._calm = asyncio.Event()
        self._calm.set()
        self._room = asyncio.Event()
        self._room.set()

    @property
    def depth(self) -> int:
        return len(self._waiting)

    @property
    def yields(self) -> bool:
        """Whether a delivery is at work, which goes first."""
        return bool(self._deliveries)

    @property
    def crowded(self) -> bool:
        """Whether several deliveries are at work: what one of them waits for may be among the others."""
        return self._deliveries > 1

    def add(self, keys: Iterable[Key]) -> None:
        """These have a note to take; who waits already keeps the place."""
        self._waiting |= dict.fromkeys(keys)
        if self._waiting:
            self._some.set()

    def drop(self, key: Key) -> None:
        """The key has said, or will say, all that there is to say."""
        self._waiting.pop(key, None)

    def done(self, key: Key) -> None:
        """A run of the key has ended, whatever it was for."""
        self._working.discard(key)
        if len(self._working) < AT_ONCE:
            self._room.set()

    @contextlib.contextmanager
    def held(self) -> Iterator[None]:
        """Around a delivery, or the fetch of what will be delivered: notes wait until it has ended."""
        self._deliveries += 1
        self._calm.clear()
        try:
            yield
        finally:
            self._deliveries -= 1
            if not self._deliveries:
                self._ended = time.monotonic()
                self._calm.set()

    async def run(self) -> None:
        """Let keys take their notes until cancelled."""
        while True:
            await self._some.wait()
            await self._room.wait()
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PATIENCE_SECONDS):
                    await self._rest()
            self._begin_next()
            await asyncio.sleep(PAUSE_SECONDS)

    async def _rest(self) -> None:
        """Until no delivery is at work, and none has been for a moment."""
        await self._calm.wait()
        while (left := self._ended + REST_SECONDS - time.monotonic()) > 0:
            await asyncio.sleep(left)
            await self._calm.wait()

    def _begin_next(self) -> None:
        key = next(iter(self._waiting), None)
        if key is None:
            self._some.clear()
            return
        del self._waiting[key]
        self._working.add(key)
        if len(self._working) >= AT_ONCE:
            self._room.clear()
        self.begin(key)
