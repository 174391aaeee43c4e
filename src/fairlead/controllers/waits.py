"""Waits for health, beside the workers: a run starts one and ends; when the wait ends, the key runs again.

A wait that lasts longer than a moment brings a run, too: the status then tells which objects are waited for, and tells
it again, now and then, when they have changed. Most waits are over before, and cost no request.

A wait is for one generation, revision and set of manifests. Whoever has a newer one cancels it.
"""

from __future__ import annotations

import asyncio
import logging
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, NamedTuple, Self

from fairlead.engine.causes import brief
from fairlead.engine.wait import HealthTracker
from fairlead.errors import FairleadError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from fairlead.engine.health import HealthStatus
    from fairlead.engine.wait import WaitOptions
    from fairlead.engine.watcher import ManagedWatcher
    from fairlead.kube.reflector import Key
    from fairlead.objects.ref import ObjectRef

__all__ = ["Subject", "Wait", "Waits"]

log = logging.getLogger(__name__)

MOMENT_SECONDS = 0.5
"""How long a wait goes on before the status tells of it; as with any other progress."""
MOST_MOMENTS = 6
"""While others are delivered, the status tells of it after so many moments: the server has more to do than that."""
AGAIN_SECONDS = 10.0
"""How long what the status tells may be old: a rollout changes often, and each word costs a request."""


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
    unready: Mapping[ObjectRef, HealthStatus] = field(default_factory=dict)
    """What is not ready at present."""
    told: str = ""
    """What the status tells of them; empty when it tells nothing yet."""
    task: asyncio.Task[None] | None = None
    moment: asyncio.TimerHandle | None = None
    """Asks for the run that tells; ``None`` when there is nothing new."""

    def to_tell(self) -> str:
        """What is waited for, when the status does not tell it yet, else empty; it counts as told from now on."""
        known, self.told = self.told, brief(self.unready)
        return self.told if self.told != known else ""

    def end(self) -> None:
        """Nothing more will come of it."""
        if self.task is not None:
            self.task.cancel()
        if self.moment is not None:
            self.moment.cancel()


class Waits:
    """The waits by key; an async context manager that owns their tasks."""

    def __init__(self, ended: Callable[[Key], None]) -> None:
        """``ended`` is told when a wait has an outcome, and before that when there is something to tell of it."""
        self.crowded: Callable[[], bool] = lambda: False
        """Whether others are being delivered; set by who knows."""
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
        options = replace(options, seen=lambda unready: self._see(key, wait, unready))
        wait.task = self._tasks.create_task(self._run(key, wait, watcher, options), name=f"health of {key}")
        self.tell_later(key, wait, MOMENT_SECONDS)

    def _see(self, key: Key, wait: Wait, unready: Mapping[ObjectRef, HealthStatus]) -> None:
        wait.unready = unready
        if wait.moment is None and brief(unready) != wait.told:
            self.tell_later(key, wait, AGAIN_SECONDS if wait.told else 0.0)

    def tell_later(self, key: Key, wait: Wait, seconds: float, moments: int = MOST_MOMENTS) -> None:
        """Ask for the run that tells of the wait; while it is crowded, some moments later."""

        def tell() -> None:
            wait.moment = None
            if self.crowded() and moments > 1:
                self.tell_later(key, wait, MOMENT_SECONDS, moments - 1)
            else:
                self._ended(key)

        wait.moment = asyncio.get_running_loop().call_later(seconds, tell)

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
