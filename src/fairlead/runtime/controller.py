"""The controller loop: workers take keys from the queue, run them, and turn the outcome into the next run.

What follows a failure depends on who can do something about it:

- the user (``UserError``) or an administrator (``ForbiddenError``), a server (``UnavailableError``), another writer
  (``ConflictError``) and our own mistakes: again after a growing back-off, unless the run says when;
- another object (``NotReadyError``): an event wakes the key; ``not_ready_seconds`` is a safety net for lost events.

This is the one place that catches every exception: a fault in the run of one key must not stop the others.
"""

from __future__ import annotations

import asyncio
import contextvars
import itertools
import logging
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, Protocol, TypeVar

from fairlead.errors import FairleadError, NotReadyError
from fairlead.runtime.clock import SystemClock
from fairlead.runtime.places import Places
from fairlead.runtime.queue import DEFAULT_BACKOFF, WorkQueue

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Hashable

    from fairlead.kube.options import Backoff
    from fairlead.runtime.clock import Clock

    K = TypeVar("K", bound=Hashable)
else:
    K = TypeVar("K")

__all__ = ["Controller", "ControllerObserver", "Result", "Run", "current_run"]

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Result:
    """What a run that did not raise wants next."""

    requeue_after: float | None = None
    """Seconds until the next run; None: only an event brings one (or, after an error, the back-off)."""
    error: FairleadError | None = None
    """The failure that the run has already shown in the object's status; it counts as a failed run."""


@dataclass(frozen=True, slots=True)
class Run:
    """The run that the present task works on; for log lines."""

    controller: str
    key: Hashable
    id: str


_current: contextvars.ContextVar[Run | None] = contextvars.ContextVar("fairlead_run", default=None)


def current_run() -> Run | None:
    """The run of the present task, None outside of one."""
    return _current.get()


class ControllerObserver(Protocol):
    """Who wants to know how runs end (metrics)."""

    def run_started(self, controller: str, key: object, waited_seconds: float) -> None: ...

    def run_ended(self, controller: str, key: object, seconds: float, outcome: str) -> None:
        """``outcome`` is ``success``, ``requeue_after`` or ``error``."""
        ...


class Controller(Generic[K]):
    """Runs ``reconcile`` for the keys of its queue with a number of workers."""

    def __init__(
        self,
        name: str,
        reconcile: Callable[[K], Awaitable[Result | None]],
        *,
        workers: int = 4,
        most_lent: int = 0,
        clock: Clock | None = None,
        backoff: Backoff = DEFAULT_BACKOFF,
        not_ready_seconds: float | None = None,
        observer: ControllerObserver | None = None,
    ) -> None:
        """``most_lent``: so many runs at a time may lend their place, see :mod:`fairlead.runtime.places`."""
        self.name = name
        self.workers = workers
        self._most_lent = most_lent
        self._clock = clock or SystemClock()
        self.queue: WorkQueue[K] = WorkQueue(clock=self._clock, backoff=backoff)
        self._reconcile = reconcile
        self._not_ready_seconds = not_ready_seconds
        self._observer = observer

    async def run(self) -> None:
        """Work until cancelled. Runs that are under way are cancelled with it, which they must survive."""
        context, numbers = contextvars.copy_context(), itertools.count()
        try:
            async with asyncio.TaskGroup() as group:

                def begin() -> None:  # a worker knows nothing of the run that has lent it the place
                    name = f"{self.name}/{next(numbers)}"
                    group.create_task(self._work(places), name=name, context=context.copy())

                places = Places(begin, self.queue, most_lent=self._most_lent)
                for _ in range(self.workers):
                    begin()
        finally:
            self.queue.close()

    async def _work(self, places: Places) -> None:
        places.enter()
        while not places.gives_way():
            with places.idling():
                key = await self.queue.get()
            try:
                await self._run_one(key)
            finally:
                self.queue.done(key)

    async def _run_one(self, key: K) -> None:
        started = self._clock.monotonic()
        token = _current.set(Run(self.name, key, uuid.uuid4().hex[:8]))
        if self._observer is not None:
            self._observer.run_started(self.name, key, self.queue.last_wait)
        outcome = "error"  # also for a run that is cancelled
        try:
            outcome = self._settle(key, await self._reconcile(key) or Result())
        except FairleadError as error:
            outcome = self._settle(key, Result(error=error))
        except Exception:
            delay = self.queue.add_rate_limited(key)
            log.exception("%s: %s failed by a fault of this program; again in %.1f s", self.name, key, delay)
        finally:
            if self._observer is not None:
                self._observer.run_ended(self.name, key, self._clock.monotonic() - started, outcome)
            _current.reset(token)

    def _settle(self, key: K, result: Result) -> str:
        """Plan the next run; returns the outcome for the metrics."""
        if result.error is not None:
            self._plan_retry(key, result.error, result.requeue_after)
            return "error"
        self.queue.forget(key)
        if result.requeue_after is None:
            return "success"
        self.queue.add_after(key, result.requeue_after)
        return "requeue_after"

    def _plan_retry(self, key: K, error: FairleadError, requeue_after: float | None) -> None:
        if requeue_after is None and isinstance(error, NotReadyError):
            requeue_after = self._not_ready_seconds
            if requeue_after is None:
                log.info("%s: %s waits: %s", self.name, key, error)
                return
        if requeue_after is not None:
            self.queue.add_after(key, requeue_after)
            log.info("%s: %s: %s; again in %.1f s", self.name, key, error, requeue_after)
            return
        delay = self.queue.add_rate_limited(key, at_least=getattr(error, "retry_after", None) or 0.0)
        log.warning("%s: %s: %s; again in %.1f s", self.name, key, error, delay)
