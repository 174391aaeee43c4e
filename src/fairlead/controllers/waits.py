"""Waits for health, beside the workers: a run starts one and ends; when the wait ends, the key runs again.

A wait that lasts longer than a moment brings a run, too: the status then tells what is waited for. Most waits are over
before, and cost no request.

A wait is for one generation, revision and set of manifests. Whoever has a newer one cancels it.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from fairlead.engine.wait import HealthTracker
from fairlead.errors import FairleadError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fairlead.engine.wait import WaitOptions
    from fairlead.engine.watcher import ManagedWatcher
    from fairlead.kube.reflector import Key
    from fairlead.objects.ref import ObjectRef

__all__ = ["Subject", "Wait", "Waits"]

log = logging.getLogger(__name__)

MOMENT_SECONDS = 0.5
"""How long a wait goes on before the status tells of it; as with any other progress."""


class Subject(NamedTuple):
    """What exactly is waited for."""

    generation: int
    revision: str
    digest: str


@dataclass(slots=True)
class Wait:
    """One wait; ``outcome`` is set when it has ended: seconds, or why it failed."""

    subject: Subject
    refs: Sequence[ObjectRef]
    outcome: float | FairleadError | None = None
    told: bool = False
    """Whether the status tells that it goes on."""
    task: asyncio.Task[None] | None = None
    moment: asyncio.TimerHandle | None = None
    """Asks for the run that tells."""

    def end(self) -> None:
        """Nothing more will come of it."""
        if self.task is not None:
            self.task.cancel()
        if self.moment is not None:
            self.moment.cancel()


class Waits:
    """The waits by key; an async context manager that owns their tasks."""

    def __init__(self, ended: Callable[[Key], None]) -> None:
        """``ended`` is told when a wait has an outcome, and before that once when it takes longer than a moment."""
        self._ended = ended
        self._waits: dict[Key, Wait] = {}
        self._tasks = asyncio.TaskGroup()

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(self, *details: Any) -> None:
        for key in list(self._waits):
            self.cancel(key)
        await self._tasks.__aexit__(*details)

    def get(self, key: Key, subject: Subject) -> Wait | None:
        """The wait for exactly this, whether it goes on or has ended."""
        wait = self._waits.get(key)
        return wait if wait and wait.subject == subject else None

    def running(self, key: Key) -> Wait | None:
        return self._waits.get(key)

    def start(
        self, key: Key, subject: Subject, watcher: ManagedWatcher, refs: Sequence[ObjectRef], options: WaitOptions
    ) -> None:
        """Begin to wait, in place of any other wait of this key."""
        self.cancel(key)
        wait = self._waits[key] = Wait(subject, refs)
        wait.task = self._tasks.create_task(self._run(key, wait, watcher, options), name=f"health of {key}")
        wait.moment = asyncio.get_running_loop().call_later(MOMENT_SECONDS, self._ended, key)

    def cancel(self, key: Key) -> None:
        """Forget the wait of a key; nobody is told."""
        wait = self._waits.pop(key, None)
        if wait is not None:
            wait.end()

    async def _run(self, key: Key, wait: Wait, watcher: ManagedWatcher, options: WaitOptions) -> None:
        try:
            wait.outcome = await HealthTracker(watcher).wait(wait.refs, options)
        except FairleadError as error:
            wait.outcome = error
        except Exception:
            log.exception("the health check of %s failed by a fault of this program", key)
            wait.outcome = FairleadError("the health check failed by a fault of this program; see its log")
        if wait.moment is not None:
            wait.moment.cancel()
        if self._waits.get(key) is wait:
            self._ended(key)
