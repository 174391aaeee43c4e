"""Kustomization: what a folder of a source says is so in the cluster, and stays so.

A run reads as the steps in :meth:`Kustomizations._deliver`: source, dependencies, build, apply, prune, health. Each
step returns or raises; one place turns the outcome into status, Event and next run. Health is awaited beside the
workers: the run ends, and the end of the wait brings the next one. A drift repairs the object that drifted and nothing
else.
"""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

from fairlead.api import names
from fairlead.api.names import GIT_REPOSITORY
from fairlead.controllers.artifacts import tree_id_of
from fairlead.controllers.attempt import Attempt
from fairlead.controllers.builds import TreeMissingError
from fairlead.controllers.conditionset import ConditionSet
from fairlead.controllers.deletion import finalize
from fairlead.controllers.delivery import Delivery, inventory_of, owner_of
from fairlead.controllers.dependencies import DependencyNotReadyError, check_dependencies, source_of
from fairlead.controllers.faults import (
    AccessDeniedError,
    CelError,
    SourceNotReadyError,
    may_pass_soon,
    reason_of,
    stalls,
)
from fairlead.controllers.resources import Malformed
from fairlead.controllers.variables import load_variables
from fairlead.controllers.waits import Subject
from fairlead.engine.drift import field_list
from fairlead.engine.plan import Action
from fairlead.engine.wait import HealthCheckFailedError, WaitOptions, jobs_with_ttl
from fairlead.errors import ConflictError, FairleadError, NotReadyError, UnavailableError
from fairlead.kube.errors import NotFoundError
from fairlead.kube.reflector import Key
from fairlead.objects.duration import format_duration, format_seconds
from fairlead.objects.ref import ObjectRef, split_api_version
from fairlead.runtime.conditions import READY, find_condition
from fairlead.runtime.controller import Result

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from fairlead.api.gitrepository import GitRepository
    from fairlead.api.kustomization import Kustomization
    from fairlead.api.meta import ArtifactStatus
    from fairlead.build.flux import Variables
    from fairlead.controllers.access import Access
    from fairlead.controllers.builds import Build, Builds
    from fairlead.controllers.clusters import Clusters, Target
    from fairlead.controllers.delivery import Delivered
    from fairlead.controllers.references import References
    from fairlead.controllers.waits import Waits
    from fairlead.controllers.wakes import Wake, Wakes
    from fairlead.runtime.clock import Clock
    from fairlead.runtime.events import EventType
    from fairlead.runtime.status import StatusSession
    from fairlead.settings import Settings

__all__ = ["Kustomizations"]

PATIENCE_SECONDS = 2.0
"""How long a run says nothing about what it waits for: as a rule it comes, and a false alarm helps nobody."""
FIRST_RETRY_SECONDS = 0.75
DEFAULT_HEALTH_API_VERSION = "apps/v1"


@dataclass(slots=True)
class _Memory:
    """What is remembered between runs. All of it may be lost: then the next run does more than it had to."""

    due: float = 0.0
    """When the next run that does everything is due (monotonic)."""
    impatient_at: float | None = None
    """When it will be said that something is missing; ``None`` while nothing is."""
    failures: int = 0
    """Failures in a row that may pass by themselves."""
    blocked: bool = False
    """The last run failed for want of something in the cluster: a kind, a namespace."""
    unhealthy: bool = False
    """The last run failed its health check."""
    delivered: Build | None = None
    """What was applied last, when all of it was."""
    sensitive: frozenset[str] = frozenset()
    changed: bool = False
    """Whether the delivery that is checked now has changed anything."""
    artifact: ArtifactStatus | None = None
    started: float = 0.0
    """When that delivery began (monotonic)."""


class Kustomizations:
    """Reconciles all Kustomizations of a cluster."""

    def __init__(
        self,
        access: Access[Kustomization],
        sources: Access[GitRepository],
        clusters: Clusters,
        builds: Builds,
        references: References,
        waits: Waits,
        wakes: Wakes,
        settings: Settings,
        clock: Clock,
    ) -> None:
        self._access = access
        self._sources = sources
        self._clusters = clusters
        self._builds = builds
        self._references = references
        self._waits = waits
        self._wakes = wakes
        self._settings = settings
        self._clock = clock
        self._memories: dict[Key, _Memory] = {}
        self.refetch: Callable[[Key], None] = lambda _: None
        """Asks a source to fetch again; set by who owns its queue."""

    def is_blocked(self, key: Key) -> bool:
        """Whether the Kustomization waits for something that the cluster lacks."""
        return key in self._memories and self._memories[key].blocked

    def is_unhealthy(self, key: Key) -> bool:
        return key in self._memories and self._memories[key].unhealthy

    def blocked(self) -> list[Key]:
        return [key for key, memory in self._memories.items() if memory.blocked]

    async def reconcile(self, key: Key) -> Result:
        """One run for one key; see the module's text."""
        wake = self._wakes.take(key)
        kustomization = self._access.current(key)
        if kustomization is None:
            self._forget(key)
            return Result()
        if isinstance(kustomization, Malformed):
            return await self._report_malformed(key, kustomization)
        if kustomization.metadata.deletion_timestamp:
            return await self._finalize(key, kustomization)
        if names.FINALIZER not in kustomization.metadata.finalizers:
            kustomization = await self._access.add_finalizer(kustomization)
        if kustomization.spec.suspend:
            self._waits.cancel(key)
            self._memories.pop(key, None)
            return Result()
        async with self._access.session(kustomization) as session:
            return await self._guarded(self._attempt(key, kustomization, session), wake)

    async def _guarded(self, attempt: Attempt, wake: Wake) -> Result:
        memory = self._memories.setdefault(attempt.key, _Memory())
        try:
            async with asyncio.timeout(attempt.timeout.total_seconds()):
                return await self._work(attempt, memory, wake)
        except TimeoutError:
            error = UnavailableError(f"the run took longer than its timeout of {format_duration(attempt.timeout)}")
            return await self._fail(attempt, memory, error)
        except FairleadError as error:
            if isinstance(error, NotFoundError) and error.subject == _subject(attempt.kustomization):
                return Result()  # it was deleted while we worked
            return await self._fail(attempt, memory, error)

    async def _work(self, attempt: Attempt, memory: _Memory, wake: Wake) -> Result:
        if wake.full or self._clock.monotonic() >= memory.due:
            return await self._deliver(attempt, memory)
        if wake.drifted:
            await self._repair(attempt, memory, wake)
        if wake.health:
            return await self._conclude(attempt, memory)
        return self._until_due(memory)

    # -- everything ------------------------------------------------------------------------------------------------

    async def _deliver(self, attempt: Attempt, memory: _Memory) -> Result:
        memory.blocked = memory.unhealthy = False
        self._check_spec(attempt.kustomization)
        attempt.artifact = artifact = self._artifact(attempt)
        check_dependencies(attempt.kustomization, attempt.revision, self._access.typed)
        memory.impatient_at = None
        variables, build = await self._build(attempt, artifact)
        target = await self._clusters.target(attempt.kustomization)
        delivered = await self._apply(attempt, memory, target, variables, build)
        return await self._check_health(attempt, memory, target, build, delivered)

    def _check_spec(self, kustomization: Kustomization) -> None:
        spec = kustomization.spec
        if spec.health_check_exprs or any(dependency.ready_expr for dependency in spec.depends_on or ()):
            raise CelError("CEL expressions (healthCheckExprs, dependsOn[].readyExpr) are not supported yet")

    def _artifact(self, attempt: Attempt) -> ArtifactStatus:
        ref = source_of(attempt.kustomization)
        namespace = attempt.kustomization.metadata.namespace
        if self._settings.scope.no_cross_namespace_refs and ref.namespace != namespace:
            raise AccessDeniedError(f"can't access '{ref}', cross-namespace references have been blocked")
        if ref.group_kind != GIT_REPOSITORY:
            raise SourceNotReadyError(f"sources of kind {ref.kind} are not supported yet; use a GitRepository")
        source = self._sources.typed(Key(ref.namespace, ref.name))
        if source is None:
            raise SourceNotReadyError(f"Source '{ref}' not found")
        if source.status.artifact is None or not tree_id_of(source.status.artifact):
            raise SourceNotReadyError("Source artifact not found, retrying in 30s")
        return source.status.artifact

    async def _build(self, attempt: Attempt, artifact: ArtifactStatus) -> tuple[Variables, Build]:
        text = (
            f"Fetching manifests for revision {attempt.revision} with a timeout of {format_duration(attempt.timeout)}"
        )
        attempt.session.progress(attempt.progress(text))
        attempt.reason = "BuildFailed"
        strict = self._settings.reconcile.strict_substitution
        variables = await load_variables(attempt.kustomization, self._references, strict=strict)
        build = await self._builds.get(attempt.key, attempt.kustomization, tree_id_of(artifact), variables)
        attempt.digest = build.digest
        return variables, build

    async def _apply(
        self, attempt: Attempt, memory: _Memory, target: Target, variables: Variables, build: Build
    ) -> Delivered:
        memory.delivered = None
        delivery = self._delivery(attempt, target, variables.sensitive)
        delivered = await delivery.deliver(build.objects())
        memory.delivered, memory.sensitive = build, variables.sensitive
        return delivered

    def _delivery(self, attempt: Attempt, target: Target, sensitive: frozenset[str]) -> Delivery:
        return Delivery(
            attempt,
            target,
            self._settings.apply,
            sensitive=sensitive,
            tell=lambda text: self._tell(attempt, "Normal", "Progressing", text),
            claimed=lambda ref: self._claimed(attempt.key, ref),
        )

    def _claimed(self, key: Key, ref: ObjectRef) -> bool:
        """Whether another Kustomization has the object in its inventory."""
        for other, kustomization in self._access.reflector.items():
            if other == key or isinstance(kustomization, Malformed) or kustomization.metadata.deletion_timestamp:
                continue
            if ref in inventory_of(kustomization):
                return True
        return False

    # -- health ----------------------------------------------------------------------------------------------------

    async def _check_health(
        self, attempt: Attempt, memory: _Memory, target: Target, build: Build, delivered: Delivered
    ) -> Result:
        attempt.reason = "HealthCheckFailed"
        refs = _health_refs(attempt.kustomization, delivered.applied)
        subject = Subject(attempt.kustomization.metadata.generation, attempt.revision, build.digest)
        wait = self._waits.get(attempt.key, subject)
        if wait is not None and wait.outcome is None and not delivered.changed:
            return self._until_due(memory)  # it goes on
        memory.changed = delivered.changed
        memory.artifact, memory.started = attempt.artifact, attempt.started
        if not refs:
            self._waits.cancel(attempt.key)
            return await self._succeed(attempt, memory, healthy="")
        state, watcher = target.watcher.state, target.watcher
        if all(watcher.follows(ref.group_kind) and state.status(ref).ready for ref in refs):
            self._waits.cancel(attempt.key)
            return await self._succeed(attempt, memory, healthy=_passed(self._elapsed(attempt)))
        left = attempt.timeout.total_seconds() - self._elapsed(attempt)
        options = WaitOptions(timeout=left, may_vanish=jobs_with_ttl(build.objects()))
        self._waits.start(attempt.key, subject, watcher, refs, options)
        attempt.session.progress(attempt.waiting())
        await attempt.session.write(attempt.waiting())
        return self._next(memory, attempt.timeout.total_seconds() + attempt.interval.total_seconds())

    async def _conclude(self, attempt: Attempt, memory: _Memory) -> Result:
        """The wait has ended: so has the delivery."""
        wait = self._waits.running(attempt.key)
        if wait is None or wait.outcome is None or memory.delivered is None or memory.artifact is None:
            return self._until_due(memory)
        attempt.artifact, attempt.digest, attempt.started = memory.artifact, memory.delivered.digest, memory.started
        attempt.reason = "HealthCheckFailed"
        self._waits.cancel(attempt.key)
        if isinstance(wait.outcome, FairleadError):
            raise wait.outcome
        text = _passed(wait.outcome)
        if memory.changed:
            self._tell(attempt, "Normal", "Progressing", text)
        return await self._succeed(attempt, memory, healthy=text)

    # -- drift -----------------------------------------------------------------------------------------------------

    async def _repair(self, attempt: Attempt, memory: _Memory, wake: Wake) -> None:
        """Take back what others did to single objects; what is not fully applied yet is left to the next full run."""
        if memory.delivered is None:
            return
        wanted = [manifest for manifest in memory.delivered.objects() if _is_among(manifest, wake.drifted)]
        target = await self._clusters.target(attempt.kustomization)
        attempt.reason = "ReconciliationFailed"
        attempt.digest = memory.delivered.digest
        changes = await self._delivery(attempt, target, memory.sensitive).repair(wanted)
        attempt.artifact = memory.artifact
        for change in changes.written:
            if change.action is Action.CREATED:
                text = f"{change}: it had been deleted"
            else:
                fields = field_list(change.fields)
                text = f"{change}: drift{f' of {fields}' if fields else ''} corrected"
            self._tell(attempt, "Normal", "DriftCorrected", text)

    # -- outcomes --------------------------------------------------------------------------------------------------

    async def _succeed(self, attempt: Attempt, memory: _Memory, *, healthy: str) -> Result:
        memory.failures = 0
        interval = attempt.interval.total_seconds()
        if not _says_something_new(attempt, memory, healthy=bool(healthy)):
            return self._next(memory, self._spread(interval))
        duration = self._elapsed(attempt)
        await attempt.session.write(attempt.succeeded(healthy=healthy, duration=duration))
        text = f"Reconciliation finished in {format_seconds(duration)}, next run in {format_duration(attempt.interval)}"
        metadata = {names.EVENT_COMMIT_STATUS: names.COMMIT_STATUS_UPDATE}
        self._tell(attempt, "Normal", "ReconciliationSucceeded", text, metadata)
        return self._next(memory, self._spread(interval))

    async def _fail(self, attempt: Attempt, memory: _Memory, error: FairleadError) -> Result:
        if (patience := self._patience(memory, error)) > 0:
            return self._next(memory, patience)
        reason, duration = reason_of(error, attempt.reason), self._elapsed(attempt)
        message = _message(attempt, error, reason, duration)
        memory.blocked = isinstance(error, NotReadyError) and reason == "ReconciliationFailed"
        memory.unhealthy = isinstance(error, HealthCheckFailedError) and reason == "HealthCheckFailed"
        before = find_condition(attempt.kustomization.status.conditions or (), READY)
        try:
            await attempt.session.write(attempt.failed(reason, message, duration=duration, stalled=stalls(error)))
        except NotFoundError:
            return Result()
        if isinstance(error, DependencyNotReadyError):
            if before is None or (before.reason, before.message) != (reason, message):
                text = f"Dependencies do not meet ready condition, retrying in 30s: {error}"
                self._tell(attempt, "Normal", reason, text)
        else:
            self._tell(attempt, "Warning", reason, message)
        if isinstance(error, TreeMissingError):
            ref = source_of(attempt.kustomization)
            self.refetch(Key(ref.namespace, ref.name))
        return self._retry(attempt, memory, error)

    def _patience(self, memory: _Memory, error: FairleadError) -> float:
        """Seconds for which a missing thing is not worth a word."""
        if not may_pass_soon(error):
            memory.impatient_at = None
            return 0.0
        if memory.impatient_at is None:
            memory.impatient_at = self._clock.monotonic() + PATIENCE_SECONDS
        return memory.impatient_at - self._clock.monotonic()

    def _retry(self, attempt: Attempt, memory: _Memory, error: FairleadError) -> Result:
        """Flux's retry interval; sooner for what tends to pass by itself."""
        if stalls(error):
            memory.due = float("inf")
            return Result()
        delay = attempt.retry_interval.total_seconds()
        if may_pass_soon(error) or isinstance(error, TreeMissingError):
            delay = min(delay, self._settings.reconcile.dependency_interval.total_seconds())
        elif isinstance(error, (UnavailableError, ConflictError)):
            delay = min(delay, FIRST_RETRY_SECONDS * 2.0**memory.failures)
            memory.failures = min(memory.failures + 1, 20)
        self._next(memory, delay)
        return Result(requeue_after=delay, error=error)

    def _next(self, memory: _Memory, seconds: float) -> Result:
        memory.due = self._clock.monotonic() + seconds
        return Result(requeue_after=seconds)

    def _until_due(self, memory: _Memory) -> Result:
        return Result(requeue_after=max(0.0, memory.due - self._clock.monotonic()))

    def _spread(self, seconds: float) -> float:
        jitter = self._settings.reconcile.interval_jitter
        return seconds * random.uniform(1 - jitter, 1 + jitter)  # noqa: S311 - spreads load, hides nothing

    def _elapsed(self, attempt: Attempt) -> float:
        return self._clock.monotonic() - attempt.started

    # -- life ------------------------------------------------------------------------------------------------------

    def _attempt(self, key: Key, kustomization: Kustomization, session: StatusSession) -> Attempt:
        return Attempt(
            key=key,
            kustomization=kustomization,
            session=session,
            now=self._clock.now(),
            started=self._clock.monotonic(),
        )

    async def _finalize(self, key: Key, kustomization: Kustomization) -> Result:
        self._waits.cancel(key)
        self._memories.pop(key, None)
        await finalize(kustomization, self._access, self._clusters, lambda ref: self._claimed(key, ref))
        return Result()

    def _forget(self, key: Key) -> None:
        self._waits.cancel(key)
        self._builds.forget(key)
        self._memories.pop(key, None)

    async def _report_malformed(self, key: Key, malformed: Malformed) -> Result:
        generation = malformed.metadata.generation
        conditions = ConditionSet((), generation, self._clock.now())
        conditions.stalled("InvalidSpec", f"the spec cannot be read: {malformed.problem}")
        status = {"conditions": msgspec.to_builtins(conditions.list()), "observedGeneration": generation}
        await self._access.report_malformed(key, malformed, status)
        return Result()

    def _tell(
        self, attempt: Attempt, type: EventType, reason: str, message: str, metadata: dict[str, str] | None = None
    ) -> None:
        self._access.event(attempt.kustomization, type, reason, message, attempt.event_metadata | (metadata or {}))


def _health_refs(kustomization: Kustomization, applied: Sequence[ObjectRef]) -> list[ObjectRef]:
    """The objects whose health counts: all that were applied, or those that are listed; never the Kustomization."""
    own = ObjectRef(names.KUSTOMIZE_GROUP, "Kustomization", *owner_of_key(kustomization))
    if kustomization.spec.wait:
        return [ref for ref in applied if ref != own]
    found = []
    for check in kustomization.spec.health_checks or ():
        group, _ = split_api_version(check.api_version or DEFAULT_HEALTH_API_VERSION)
        found.append(ObjectRef(group, check.kind, check.namespace or "", check.name))
    return [ref for ref in found if ref != own]


def owner_of_key(kustomization: Kustomization) -> tuple[str, str]:
    owner = owner_of(kustomization)
    return owner.namespace, owner.name


def _is_among(manifest: dict[str, object], refs: set[ObjectRef]) -> bool:
    """Cluster-scoped objects may be written with a namespace, which the cluster does not know."""
    ref = ObjectRef.of(manifest)
    return ref in refs or ref._replace(namespace="") in refs


def _passed(seconds: float) -> str:
    return f"Health check passed in {format_seconds(seconds)}"


def _says_something_new(attempt: Attempt, memory: _Memory, *, healthy: bool) -> bool:
    """Whether a success is worth a write: an idle cluster costs none."""
    status = attempt.kustomization.status
    ready = find_condition(status.conditions or (), READY)
    checked = find_condition(status.conditions or (), "Healthy")
    return not (
        ready is not None
        and ready.status == "True"
        and status.observed_generation == attempt.kustomization.metadata.generation
        and (checked is not None and checked.status == "True") == healthy
        and status.last_applied_revision == status.last_attempted_revision == attempt.revision
        and bool(status.history)
        and status.history is not None
        and status.history[0].digest == attempt.digest
        and status.last_handled_reconcile_at == attempt.requested
        and not memory.changed
        and (attempt.inventory is None or attempt.inventory == inventory_of(attempt.kustomization))
    )


def _message(attempt: Attempt, error: FairleadError, reason: str, duration: float) -> str:
    match reason:
        case "HealthCheckFailed":
            return f"health check failed after {format_seconds(duration)}: {error}{attempt.commit_text()}"
        case "BuildFailed" if not str(error).startswith(("post build", "substitute from")):
            return f"kustomize build failed: {error}"
        case _:
            return str(error)


def _subject(kustomization: Kustomization) -> str:
    return f"Kustomization/{kustomization.metadata.namespace}/{kustomization.metadata.name}"
