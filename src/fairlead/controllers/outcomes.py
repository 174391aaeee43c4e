"""The one place where the end of a run becomes status, Event and next run."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import TYPE_CHECKING

from fairlead.api import names
from fairlead.controllers.builds import TreeMissingError
from fairlead.controllers.delivery import inventory_of
from fairlead.controllers.dependencies import DependencyNotReadyError, source_of
from fairlead.controllers.faults import may_pass_soon, reason_of, stalls
from fairlead.controllers.pauses import NEVER, seconds_of
from fairlead.engine.wait import HealthCheckFailedError
from fairlead.errors import ConflictError, NotReadyError, UnavailableError
from fairlead.kube.errors import NotFoundError
from fairlead.kube.reflector import Key
from fairlead.objects.duration import format_duration, format_seconds
from fairlead.runtime.conditions import READY, find_condition
from fairlead.runtime.controller import Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.api.kustomization import Kustomization
    from fairlead.controllers.access import Access
    from fairlead.controllers.attempt import Attempt
    from fairlead.controllers.memory import Memory
    from fairlead.errors import FairleadError
    from fairlead.runtime.clock import Clock
    from fairlead.runtime.events import EventType
    from fairlead.settings import ReconcileSettings

__all__ = ["MORE_PATIENCE_SECONDS", "PATIENCE_SECONDS", "Outcomes", "patience_with"]

PATIENCE_SECONDS = 2.0
"""How long a run says nothing about what it waits for: as a rule it comes, and a false alarm helps nobody."""
MORE_PATIENCE_SECONDS = 10.0
"""How much longer while others are delivered, for it likely waits for one of those."""
MOST_DOUBLINGS = 20


class Outcomes:
    """Ends runs of Kustomizations."""

    def __init__(self, access: Access[Kustomization], settings: ReconcileSettings, clock: Clock) -> None:
        self._access = access
        self._settings = settings
        self._clock = clock
        self.refetch: Callable[[Key], None] = lambda _: None
        """Asks a source to fetch again; set by who owns its queue."""
        self.crowded: Callable[[], bool] = lambda: False
        """Whether others are being delivered; set by who knows."""
        self.something_came_at = float("-inf")
        """When a kind or a namespace last began to be there."""

    def tell(
        self, attempt: Attempt, type: EventType, reason: str, message: str, metadata: dict[str, str] | None = None
    ) -> None:
        """An Event with the revision that the attempt is about."""
        self._access.event(attempt.kustomization, type, reason, message, attempt.event_metadata | (metadata or {}))

    async def succeed(self, attempt: Attempt, memory: Memory, *, healthy: str) -> Result:
        """Applied and, where asked for, healthy: ``healthy`` is the message of that condition, or empty."""
        memory.failures = 0
        now = self._clock.monotonic()
        duration, is_news = now - attempt.started, _is_news(attempt, memory, healthy=bool(healthy))
        if await attempt.session.take_back() or is_news:
            await attempt.session.write(attempt.succeeded(healthy=healthy, duration=duration))
            memory.told = attempt.digest
        if is_news:
            self.tell(attempt, "Normal", "ReconciliationSucceeded", _finished(attempt, duration), _marking(attempt))
        jitter = self._settings.interval_jitter
        spread = random.uniform(1 - jitter, 1 + jitter)  # noqa: S311 - spreads load, hides nothing
        return memory.next_in(seconds_of(attempt.interval, spread), now)

    async def note(self, attempt: Attempt) -> None:
        """A revision that changes nothing is written down. Who marks commits hears of it; it is no news otherwise."""
        await attempt.session.write(attempt.noted())
        text = _finished(attempt, self._clock.monotonic() - attempt.started)
        self._access.forward_event(attempt.kustomization, "ReconciliationSucceeded", text, _marking(attempt))

    async def fail(self, attempt: Attempt, memory: Memory, error: FairleadError) -> Result:
        """One condition, one Event, and when to try again."""
        now = self._clock.monotonic()
        if (patience := patience_with(memory, error, now, crowded=self.crowded())) > 0:
            return memory.next_in(patience, now)
        reason, duration = reason_of(error, attempt.reason), now - attempt.started
        memory.blocked = isinstance(error, NotReadyError) and reason == "ReconciliationFailed"
        if memory.blocked and attempt.started <= self.something_came_at:
            return memory.next_in(0.0, now)  # the run may have looked just before, and nobody tells it again
        message = _message(attempt, error, reason, duration)
        memory.unhealthy = isinstance(error, HealthCheckFailedError)
        try:
            await attempt.session.write(attempt.failed(reason, message, duration=duration, stalled=stalls(error)))
        except NotFoundError:
            return Result()
        self._tell_failure(attempt, error, reason, message)
        if isinstance(error, TreeMissingError):
            ref = source_of(attempt.kustomization)
            self.refetch(Key(ref.namespace, ref.name))
        return self._retry(attempt, memory, error)

    def _tell_failure(self, attempt: Attempt, error: FairleadError, reason: str, message: str) -> None:
        if not isinstance(error, DependencyNotReadyError):
            self.tell(attempt, "Warning", reason, message)
            return
        before = find_condition(attempt.kustomization.status.conditions or (), READY)
        if before is None or (before.reason, before.message) != (reason, message):
            again = format_duration(self._settings.dependency_interval)
            text = f"Dependencies do not meet ready condition, retrying in {again}: {message}"
            self.tell(attempt, "Normal", reason, text)

    def _retry(self, attempt: Attempt, memory: Memory, error: FairleadError) -> Result:
        """Flux's retry interval; sooner for what tends to pass by itself."""
        if stalls(error):
            return memory.never()
        delay = seconds_of(attempt.retry_interval)
        if may_pass_soon(error) or isinstance(error, TreeMissingError):
            delay = min(delay, self._settings.dependency_interval.total_seconds())
        elif isinstance(error, (UnavailableError, ConflictError)):
            retry = self._settings.retry
            delay = min(delay, retry.base_seconds * 2.0**memory.failures, retry.maximum_seconds)
            memory.failures = min(memory.failures + 1, MOST_DOUBLINGS)
        planned = memory.next_in(delay, self._clock.monotonic())
        return replace(planned, error=error) if delay != NEVER else planned


def _finished(attempt: Attempt, duration: float) -> str:
    return f"Reconciliation finished in {format_seconds(duration)}, next run in {format_duration(attempt.interval)}"


def _marking(attempt: Attempt) -> dict[str, str]:
    """What makes an Event the mark of its commit."""
    return attempt.audit | {names.EVENT_COMMIT_STATUS: names.COMMIT_STATUS_UPDATE}


def patience_with(memory: Memory, error: FairleadError, now: float, *, crowded: bool) -> float:
    """Seconds for which a missing thing is not worth a word."""
    if not may_pass_soon(error):
        memory.impatient_at = None
        return 0.0
    if memory.impatient_at is None:
        memory.impatient_at = now + PATIENCE_SECONDS
    left = memory.impatient_at - now
    return min(PATIENCE_SECONDS, left + MORE_PATIENCE_SECONDS) if crowded and left <= 0 else left


def _message(attempt: Attempt, error: FairleadError, reason: str, duration: float) -> str:
    match reason:
        case "HealthCheckFailed":
            return f"health check failed after {format_seconds(duration)}: {error}{attempt.commit_text()}"
        case "BuildFailed" if not str(error).startswith(("post build", "substitute from")):
            return f"kustomize build failed: {error}"
        case _:
            return str(error)


def _is_news(attempt: Attempt, memory: Memory, *, healthy: bool) -> bool:
    """Whether a success is worth a write; an idle cluster costs none."""
    status = attempt.kustomization.status
    ready = find_condition(status.conditions or (), READY)
    checked = find_condition(status.conditions or (), "Healthy")
    known = (
        ready is not None and ready.status,
        checked is not None and checked.status == "True",
        status.observed_generation,
        status.last_applied_revision,
        status.last_attempted_revision,
        status.last_handled_reconcile_at,
        status.history[0].digest if status.history else memory.told,
    )
    found = (
        "True",
        healthy,
        attempt.kustomization.metadata.generation,
        attempt.revision,
        attempt.revision,
        attempt.requested,
        attempt.digest,
    )
    same_inventory = attempt.inventory is None or attempt.inventory == inventory_of(attempt.kustomization)
    return memory.changed or known != found or not same_inventory
