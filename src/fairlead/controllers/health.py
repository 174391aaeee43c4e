"""The health of what was delivered: known at once from the watches, or awaited beside the workers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.api import names
from fairlead.controllers.attempt import HEALTHY
from fairlead.controllers.waits import Subject
from fairlead.engine.custom_health import CustomHealth, HealthRules
from fairlead.engine.wait import HealthTracker, WaitOptions, jobs_with_ttl
from fairlead.errors import FairleadError
from fairlead.objects.duration import format_seconds
from fairlead.objects.ref import GroupKind, ObjectRef, split_api_version
from fairlead.runtime.conditions import is_true

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.api.kustomization import Kustomization
    from fairlead.controllers.attempt import Attempt
    from fairlead.controllers.builds import Build
    from fairlead.controllers.clusters import Target
    from fairlead.controllers.delivery import Delivered
    from fairlead.controllers.memory import Memory
    from fairlead.controllers.outcomes import Outcomes
    from fairlead.controllers.waits import Waits
    from fairlead.engine.custom_health import Rule
    from fairlead.runtime.clock import Clock
    from fairlead.runtime.controller import Result

__all__ = ["HealthChecks", "health_refs", "health_rules"]

DEFAULT_API_VERSION = "apps/v1"


class HealthChecks:
    """The last step of a delivery."""

    def __init__(self, waits: Waits, outcomes: Outcomes, clock: Clock) -> None:
        self._waits = waits
        self._outcomes = outcomes
        self._clock = clock

    async def check(
        self, attempt: Attempt, memory: Memory, target: Target, build: Build, delivered: Delivered
    ) -> Result:
        """End the delivery when its objects are healthy; otherwise begin to wait, and end only the run."""
        attempt.reason = "HealthCheckFailed"
        now = self._clock.monotonic()
        subject = Subject(attempt.kustomization.metadata.generation, attempt.revision, build.digest)
        wait = self._waits.get(attempt.key, subject)
        if wait is not None and wait.outcome is None and not delivered.changed:
            return memory.as_planned(now)  # it goes on
        memory.changed, memory.artifact, memory.started = delivered.changed, attempt.artifact, attempt.started
        if attempt.written:
            attempt.written.setdefault("appliedIn", format_seconds(now - attempt.started))
        memory.written, memory.tells_health = attempt.written, _is_news(attempt, changed=delivered.changed)
        refs = health_refs(attempt.kustomization, delivered.applied)
        rules = _rules(attempt.kustomization, refs)
        if await HealthTracker(target.watcher).is_ready(refs, rules):
            self._waits.cancel(attempt.key)
            return await self._succeed(attempt, memory, _passed(now - attempt.started) if refs else "")
        timeout = attempt.timeout.total_seconds()
        options = WaitOptions(
            timeout=timeout - (now - attempt.started), may_vanish=jobs_with_ttl(build.objects()), rules=rules
        )
        self._waits.start(attempt.key, subject, target.watcher, refs, options)
        return memory.next_in(timeout + attempt.interval.total_seconds(), now)

    async def conclude(self, attempt: Attempt, memory: Memory) -> Result:
        """The wait has ended, and so has the delivery; raises why it failed. Or it lasts: then the status says so."""
        wait = self._waits.running(attempt.key)
        if wait is None or memory.delivered is None:
            return memory.as_planned(self._clock.monotonic())
        attempt.artifact, attempt.digest, attempt.started = memory.artifact, memory.delivered.digest, memory.started
        attempt.reason, attempt.written, attempt.inventory = "HealthCheckFailed", memory.written, memory.inventory
        if wait.outcome is None:
            if missing := wait.to_tell():
                await attempt.session.write(attempt.waiting(missing))
            return memory.as_planned(self._clock.monotonic())
        self._waits.cancel(attempt.key)
        if isinstance(wait.outcome, FairleadError):
            raise wait.outcome
        return await self._succeed(attempt, memory, _passed(wait.outcome))

    async def _succeed(self, attempt: Attempt, memory: Memory, healthy: str) -> Result:
        """``healthy`` is what to tell of the health; empty when nothing was checked."""
        if healthy and memory.tells_health:
            self._outcomes.tell(attempt, "Normal", "Progressing", healthy)
        return await self._outcomes.succeed(attempt, memory, healthy=healthy)


def _is_news(attempt: Attempt, *, changed: bool) -> bool:
    """Flux's rule for the Event: it was not known to be healthy, or a new revision has changed something."""
    status = attempt.kustomization.status
    was_healthy = is_true(status.conditions or (), HEALTHY)
    return not was_healthy or (changed and status.last_applied_revision != attempt.revision)


def health_refs(kustomization: Kustomization, applied: Sequence[ObjectRef]) -> list[ObjectRef]:
    """The objects whose health counts: all that were applied, or those that are listed; never the Kustomization."""
    meta, spec = kustomization.metadata, kustomization.spec
    own = ObjectRef(names.KUSTOMIZE_GROUP, "Kustomization", meta.namespace, meta.name)
    listed = (
        ObjectRef(_group(check.api_version), check.kind, check.namespace or "", check.name)
        for check in spec.health_checks or ()
    )
    return [ref for ref in (applied if spec.wait else listed) if ref != own]


def health_rules(kustomization: Kustomization) -> HealthRules:
    """The user's rules for the health of kinds; raises ``ExpressionError``."""
    return HealthRules(
        CustomHealth(
            kind=GroupKind(split_api_version(check.api_version)[0], check.kind or ""),
            current=check.current,
            in_progress=check.in_progress or "",
            failed=check.failed or "",
        )
        for check in kustomization.spec.health_check_exprs or ()
    )


def _rules(kustomization: Kustomization, refs: Sequence[ObjectRef]) -> dict[ObjectRef, Rule]:
    rules = health_rules(kustomization)
    found = ((ref, rules.rule(ref.group_kind)) for ref in refs)
    return {ref: rule for ref, rule in found if rule is not None}


def _group(api_version: str | None) -> str:
    return split_api_version(api_version or DEFAULT_API_VERSION)[0]


def _passed(seconds: float) -> str:
    return f"Health check passed in {format_seconds(seconds)}"
