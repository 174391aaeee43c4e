"""Kustomization: what a folder of a source says is so in the cluster, and stays so.

A run reads as the steps in :meth:`Kustomizations._deliver`: source, dependencies, build, apply, prune, health. Each
step returns or raises; :mod:`outcomes` turns the outcome into status, Event and next run. Health is awaited beside the
workers: the run ends, and the end of the wait brings the next one. A drift repairs the object that drifted and nothing
else. A revision that changes no file that a Kustomization is made from is only noted, see :mod:`notes`.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from fairlead.api import names
from fairlead.build.flux import PathNotFoundError
from fairlead.controllers.artifacts import tree_id_of
from fairlead.controllers.attempt import Attempt
from fairlead.controllers.builds import TreeMissingError
from fairlead.controllers.claims import Claims
from fairlead.controllers.decision import Decision
from fairlead.controllers.decryption import check_account, load_keys
from fairlead.controllers.deletion import finalize
from fairlead.controllers.delivery import Delivery
from fairlead.controllers.dependencies import read_conditions
from fairlead.controllers.faults import OwnFaultError
from fairlead.controllers.flux_scale import FluxScale, tell_held
from fairlead.controllers.health import HealthChecks, health_rules
from fairlead.controllers.memory import Memory
from fairlead.controllers.notes import Notes
from fairlead.controllers.origins import artifact_of
from fairlead.controllers.outcomes import Outcomes
from fairlead.controllers.outlook import Outlook
from fairlead.controllers.pauses import seconds_of
from fairlead.controllers.resources import Malformed
from fairlead.controllers.rivals import warn_of_rivals
from fairlead.controllers.shards import OtherShards, check_dependencies_with
from fairlead.controllers.suspension import end_progress, hold
from fairlead.controllers.variables import load_variables
from fairlead.engine.drift import field_list
from fairlead.engine.plan import Action
from fairlead.errors import FairleadError, UnavailableError
from fairlead.kube.errors import NotFoundError
from fairlead.objects.duration import format_duration
from fairlead.objects.ref import ObjectRef
from fairlead.runtime.controller import Result
from fairlead.runtime.phases import Phases

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from fairlead.api.kustomization import Kustomization
    from fairlead.api.meta import ArtifactStatus
    from fairlead.build.flux import Variables
    from fairlead.controllers.access import Access
    from fairlead.controllers.builds import Build, Builds
    from fairlead.controllers.clusters import Clusters, Target
    from fairlead.controllers.flux_scale import Held
    from fairlead.controllers.following import SourceAccess
    from fairlead.controllers.journal import Journal
    from fairlead.controllers.references import References
    from fairlead.controllers.resume import Resumption
    from fairlead.controllers.waits import Waits
    from fairlead.controllers.wakes import Wake, Wakes
    from fairlead.kube.reflector import Key
    from fairlead.runtime.clock import Clock
    from fairlead.runtime.status import StatusSession
    from fairlead.settings import Settings

__all__ = ["Kustomizations"]

PROGRESS_SECONDS = 0.5
"""How long a run goes on before its status tells of it."""
CROWDED_PROGRESS_SECONDS = 40.0
"""The same while others are delivered: then all take longer, and the server has more to do than to hear of it."""


class Kustomizations:
    """Reconciles all Kustomizations of a cluster."""

    def __init__(
        self,
        access: Access[Kustomization],
        sources: SourceAccess,
        clusters: Clusters,
        builds: Builds,
        references: References,
        waits: Waits,
        wakes: Wakes,
        settings: Settings,
        clock: Clock,
        journal: Journal,
        phases: Phases | None = None,
        resumption: Resumption | None = None,
    ) -> None:
        self.notes = Notes()
        """Who has a new revision to note; its owner runs it."""
        self.has_dependants: Callable[[Key], bool] = lambda _: False
        """Whether others wait until a Kustomization is ready; set by who knows."""
        self.outcomes = Outcomes(access, settings.reconcile, clock)
        self.outcomes.crowded = waits.crowded = journal.crowded = lambda: self.notes.crowded
        self._access = access
        self._sources = sources
        self._clusters = clusters
        self._builds = builds
        self._references = references
        self._waits = waits
        self._wakes = wakes
        self._settings = settings
        self._clock = clock
        self._journal = journal
        self._phases = phases or Phases()
        self._resumption = resumption
        self._flux_scale = FluxScale.of(settings)
        self._health = HealthChecks(waits, self.outcomes, clock)
        strict = settings.reconcile.strict_substitution
        self._artifact = partial(artifact_of, sources=sources, settings=settings)
        outlook = Outlook(builds, references, self._artifact, settings.storage.folder, strict=strict)
        sharded, namespace = bool(settings.scope.label_selector), settings.scope.namespace
        self._others = OtherShards(access, sources, clock, namespace=namespace) if sharded else None
        self._claims = Claims(access, outlook, self._others)
        self._memories: dict[Key, Memory] = {}
        self.decision = Decision(access, builds, waits, self._memories, self._artifact)
        self._claims.has_said_all, self._claims.about_to_list = self._has_said_all, journal.holders

    def _has_said_all(self, key: Key, kustomization: Kustomization) -> bool:
        """Whether its status lists all that it has and, at the newest revision, will have."""
        return self.decision.is_at_newest(key, kustomization) and not self._journal.holds(kustomization)

    def is_unhealthy(self, key: Key) -> bool:
        """Whether the last run failed its health check."""
        return key in self._memories and self._memories[key].unhealthy

    def unblocked(self) -> list[Key]:
        """Something that the cluster lacked is there: those that wait for such; who is at work is told, too."""
        self.outcomes.something_came_at = self._clock.monotonic()
        return [key for key, memory in self._memories.items() if memory.blocked]

    def waits_for_dependency(self, key: Key) -> bool:
        """Whether the last run could not go on because of something in ``dependsOn``."""
        return key in self._memories and self._memories[key].waits_for_dependency

    def sort_out(self, source: Key, users: AbstractSet[Key]) -> list[Key]:
        """Which of its users a new revision of the source changes; the others will take a note."""
        with self._phases.span("decide"):
            found = self._sources.typed(source)
            changed = self.decision.changed_by(tree_id_of(found.status.artifact if found else None), users)
        self.notes.add(users - changed)
        return sorted(changed)

    async def reconcile(self, key: Key) -> Result:
        """One run for one key; see the module's text."""
        try:
            with self.decision.at_work(key):
                return await self._reconcile(key, self._wakes.take(key))
        finally:
            self.notes.done(key)

    async def _reconcile(self, key: Key, wake: Wake) -> Result:
        kustomization = self._access.current(key)
        if kustomization is None:
            self._forget(key)
            return Result()
        if isinstance(kustomization, Malformed):
            await self._access.report_malformed(kustomization, self._clock.now())
            return Result()
        if kustomization.metadata.deletion_timestamp:
            return await self._finalize(key, kustomization)
        if names.FINALIZER not in kustomization.metadata.finalizers:
            kustomization = await self._access.add_finalizer(kustomization)
        if kustomization.spec.suspend:
            self._waits.cancel(key)
            self._memories.pop(key, None)
            await end_progress(self._access, kustomization, self._clock.now())
            return await hold(self._access, kustomization, self._clock.now())
        delay = PROGRESS_SECONDS if not self.notes.crowded else CROWDED_PROGRESS_SECONDS
        async with self._access.session(kustomization, delay=delay) as session:
            attempt = self._attempt(key, kustomization, session)
            result = await self._guarded(attempt, wake)
        if attempt.inventory is not None and (written := self._access.typed(key)) is not None:
            self._journal.settle(written, attempt.inventory)
        return result

    async def _guarded(self, attempt: Attempt, wake: Wake) -> Result:
        memory = self._memories.setdefault(attempt.key, Memory())
        try:
            async with asyncio.timeout(attempt.timeout.total_seconds()):
                return await self._work(attempt, memory, wake)
        except TimeoutError:
            error = UnavailableError(f"the run took longer than its timeout of {format_duration(attempt.timeout)}")
            return await self.outcomes.fail(attempt, memory, error)
        except FairleadError as error:
            if isinstance(error, NotFoundError) and error.subject == _subject(attempt.kustomization):
                return Result()  # it was deleted while we worked
            return await self.outcomes.fail(attempt, memory, error)
        except Exception as error:
            with contextlib.suppress(FairleadError):
                await self.outcomes.fail(attempt, memory, OwnFaultError(error))
            memory.due = 0.0  # the controller decides when to try again
            raise

    async def _work(self, attempt: Attempt, memory: Memory, wake: Wake) -> Result:
        if wake.full or self._clock.monotonic() >= memory.due:
            return await self._deliver(attempt, memory)
        if wake.drifted:
            await self._repair(attempt, memory, wake)
        if wake.health:
            result = await self._health.conclude(attempt, memory)
            if self._resumption is not None:
                self._resumption.renew(attempt.key)
            return result
        if wake.noted:
            return await self._note(attempt, memory)
        return memory.as_planned(self._clock.monotonic())

    # -- everything ------------------------------------------------------------------------------------------------

    async def _deliver(self, attempt: Attempt, memory: Memory) -> Result:
        self.notes.drop(attempt.key)
        with self.notes.held():
            if not (memory.delivered and memory.delivered.is_whole) and await self._resume(attempt, memory):
                return memory.next_in(seconds_of(attempt.interval), self._clock.monotonic())
            return await self._deliver_all(attempt, memory)

    async def _resume(self, attempt: Attempt, memory: Memory) -> bool:
        """Whether an earlier process has delivered all that there is to deliver, and nothing has changed since."""
        kustomization = attempt.kustomization
        if self._resumption is None or self._journal.holds(kustomization):
            return False
        artifact = self._artifact(kustomization)
        build = await self._resumption.find(attempt.key, kustomization, artifact)
        if build is None:
            return False
        memory.delivered, memory.artifact = build, artifact
        if kustomization.status.last_applied_revision != artifact.revision:
            self.notes.add([attempt.key])
        return True

    async def _deliver_all(self, attempt: Attempt, memory: Memory) -> Result:
        memory.blocked = memory.unhealthy = False
        read_conditions(attempt.kustomization)
        health_rules(attempt.kustomization)
        check_account(attempt.kustomization)
        attempt.artifact, attempt.tried = self._artifact(attempt.kustomization), False
        memory.waits_for_dependency = True
        await check_dependencies_with(
            self._others, attempt.kustomization, attempt.revision, self._access.typed, self.decision.is_unaffected
        )
        memory.waits_for_dependency = False
        memory.impatient_at = None
        with self._phases.span("build"):
            variables, build = await self._build(attempt, attempt.artifact)
        attempt.reason = "ReconciliationFailed"
        target = await self._clusters.target(attempt.kustomization)
        memory.delivered = None
        held = self._flux_scale.hold(attempt.kustomization, build.objects())
        delivered = await self._delivery(attempt, target, variables.sensitive, held).deliver(held.objects)
        memory.delivered, memory.sensitive, memory.inventory = build, variables.sensitive, attempt.inventory
        memory.leaves_entries = attempt.inventory is not None and len(attempt.inventory) > build.count
        if self._resumption is not None:
            self._resumption.keep(attempt.key, attempt.kustomization, build, delivered.applied)
        await warn_of_rivals(attempt, memory, delivered.written, self._claims, self.outcomes)
        tell_held(attempt, memory, held, delivered.written, self.outcomes)
        return await self._health.check(attempt, memory, target, build, delivered)

    async def _build(self, attempt: Attempt, artifact: ArtifactStatus) -> tuple[Variables, Build]:
        text = (
            f"Fetching manifests for revision {attempt.revision} with a timeout of {format_duration(attempt.timeout)}"
        )
        attempt.session.progress(attempt.progress(text))
        attempt.reason, attempt.tried = "BuildFailed", True
        strict = self._settings.reconcile.strict_substitution
        variables = await load_variables(attempt.kustomization, self._references, strict=strict)
        keys = await load_keys(attempt.kustomization, self._references)
        try:
            build = await self._builds.get(
                attempt.key, attempt.kustomization, tree_id_of(artifact), variables, keys, since=attempt.started
            )
        except (PathNotFoundError, TreeMissingError):
            attempt.tried = False
            raise
        attempt.digest = build.digest
        return replace(variables, sensitive=variables.sensitive | build.sensitive), build

    def _delivery(self, attempt: Attempt, target: Target, sensitive: frozenset[str], held: Held) -> Delivery:
        return Delivery(
            attempt,
            target,
            self._settings.apply,
            sensitive=sensitive,
            tell=lambda text: self.outcomes.tell(attempt, "Normal", "Progressing", text),
            claims=self._claims,
            records=self._journal,
            span=self._phases.span,
            clock=self._clock,
            keeps=held.rules,
            patient=not self.has_dependants(attempt.key),
        )

    # -- a new revision that changes nothing -----------------------------------------------------------------------

    async def _note(self, attempt: Attempt, memory: Memory) -> Result:
        """Write down the newest revision, if it still is one that changes nothing."""
        untold = self._journal.holds(attempt.kustomization)  # its status was to be written, and was not
        if untold or not self.decision.is_unaffected(attempt.key) or memory.delivered is None:
            return await self._deliver(attempt, memory)
        attempt.artifact = memory.artifact = self._artifact(attempt.kustomization)
        attempt.digest = memory.delivered.digest
        if attempt.kustomization.status.last_applied_revision != attempt.revision:
            await self.outcomes.note(attempt)
        return memory.as_planned(self._clock.monotonic())

    # -- drift -----------------------------------------------------------------------------------------------------

    async def _repair(self, attempt: Attempt, memory: Memory, wake: Wake) -> None:
        """Take back what others did to single objects; what is not fully applied yet is left to the next full run."""
        if memory.delivered is None or memory.artifact is None:
            return
        attempt.artifact = memory.artifact
        if not memory.delivered.is_whole:
            variables, memory.delivered = await self._build(attempt, memory.artifact)
            memory.sensitive = variables.sensitive
        wanted = [manifest for manifest in memory.delivered.objects() if _is_among(manifest, wake.drifted)]
        attempt.reason = "ReconciliationFailed"
        attempt.digest = memory.delivered.digest
        target = await self._clusters.target(attempt.kustomization)
        held = self._flux_scale.hold(attempt.kustomization, wanted)
        changes = await self._delivery(attempt, target, memory.sensitive, held).repair(held.objects)
        for change in changes.written:
            if change.action is Action.CREATED:
                text = f"{change}: it had been deleted"
            else:
                fields = field_list(change.fields)
                text = f"{change}: drift{f' of {fields}' if fields else ''} corrected"
            self.outcomes.tell(attempt, "Normal", "DriftCorrected", text)

    # -- life ------------------------------------------------------------------------------------------------------

    def _attempt(self, key: Key, kustomization: Kustomization, session: StatusSession) -> Attempt:
        return Attempt(
            key=key,
            kustomization=kustomization,
            session=session,
            now=self._clock.now(),
            started=self._clock.monotonic(),
            shortest_timeout=self._settings.reconcile.shortest_timeout,
        )

    async def _finalize(self, key: Key, kustomization: Kustomization) -> Result:
        self._waits.cancel(key)
        self._memories.pop(key, None)
        await finalize(
            kustomization,
            self._access,
            self._clusters,
            self._journal.inventory_of(kustomization),
            partial(self._claims.wanted, key, kustomization),
            self._settings.reconcile.shortest_timeout,
        )
        return Result()

    def _forget(self, key: Key) -> None:
        if self._resumption is not None:
            self._resumption.forget(key)
        self._waits.cancel(key)
        self._builds.forget(key)
        self._clusters.release(key)
        self.notes.drop(key)
        self._memories.pop(key, None)


def _is_among(manifest: dict[str, object], refs: set[ObjectRef]) -> bool:
    """Cluster-scoped objects may be written with a namespace, which the cluster does not know."""
    ref = ObjectRef.of(manifest)
    return ref in refs or ref._replace(namespace="") in refs


def _subject(kustomization: Kustomization) -> str:
    return f"Kustomization/{kustomization.metadata.namespace}/{kustomization.metadata.name}"
