"""Wires the controllers and runs them: watches feed triggers, triggers feed queues, workers empty them."""

from __future__ import annotations

import asyncio
import logging
import uuid
from contextlib import AsyncExitStack
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

import msgspec

from fairlead.api import names
from fairlead.api.gitrepository import GitRepository
from fairlead.api.kustomization import Kustomization
from fairlead.controllers.absence import Absences
from fairlead.controllers.access import Access
from fairlead.controllers.bases import RemoteBases
from fairlead.controllers.build_pool import BuildPool, ThreadBuilder
from fairlead.controllers.builds import Builds
from fairlead.controllers.clusters import Clusters
from fairlead.controllers.definitions import API_VERSION
from fairlead.controllers.events import Configuration, Definition, Triggers
from fairlead.controllers.farewell import say_farewell
from fairlead.controllers.following import SourceAccess
from fairlead.controllers.gitrepository import GitRepositories
from fairlead.controllers.journal import Journal
from fairlead.controllers.keepsakes import Keepsakes
from fairlead.controllers.kustomization import Kustomizations
from fairlead.controllers.neighbours import FluxAtWorkError, Neighbours, shard_suffix
from fairlead.controllers.new_kinds import NewKinds
from fairlead.controllers.probes import labels_of, serve_probes
from fairlead.controllers.references import References
from fairlead.controllers.resources import decoder
from fairlead.controllers.resume import Resumption
from fairlead.controllers.storage import Storage
from fairlead.controllers.upkeep import Upkeep
from fairlead.controllers.waits import Waits
from fairlead.controllers.wakes import Wakes
from fairlead.engine.drift import Managers
from fairlead.engine.state import ClusterState
from fairlead.engine.watcher import ManagedWatcher
from fairlead.kube.client import KubeClient
from fairlead.kube.listing import Selection
from fairlead.kube.options import Backoff
from fairlead.kube.reflector import Key, Reflector
from fairlead.objects.ref import GroupKind, ObjectRef
from fairlead.runtime import garbage
from fairlead.runtime.clock import SystemClock
from fairlead.runtime.controller import Controller
from fairlead.runtime.events import EventRecorder
from fairlead.runtime.forwarding import EventForwarder
from fairlead.runtime.leases import LeaderElector, LeaseOptions
from fairlead.runtime.metrics import Metrics
from fairlead.runtime.status import StatusPatcher
from fairlead.sources.bases import LARGEST_PACK_BYTES
from fairlead.sources.git import GitOptions, GitSource
from fairlead.sources.store import ObjectStore
from fairlead.sources.watch import RefWatcher

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.controllers.build_pool import Builder
    from fairlead.controllers.notes import Notes
    from fairlead.controllers.resources import Malformed
    from fairlead.kube.config import ClusterConfig
    from fairlead.settings import Settings

__all__ = ["Manager", "lease_name", "run"]

log = logging.getLogger(__name__)

T = TypeVar("T")
R = TypeVar("R", bound=GitRepository | Kustomization)

LENT_PLACES = 40
"""Runs that may wait for others at a time, for each worker: what each has built and applied is in memory."""
_CRD = GroupKind("apiextensions.k8s.io", "CustomResourceDefinition")


async def run(settings: Settings, config: ClusterConfig, *, identity: str = "fairlead") -> None:
    """Run all controllers until cancelled; raises only when the cluster or the state folder cannot be used at all."""
    async with KubeClient(config) as client:
        while True:
            try:
                await Manager(settings, client, identity=identity).run()
            except FluxAtWorkError as error:
                log.warning("%s", error)
            else:
                return


class Manager:
    """The controllers of one cluster."""

    def __init__(self, settings: Settings, client: KubeClient, *, identity: str = "fairlead") -> None:
        self.client = client
        self.started = asyncio.Event()
        """Set when all existing resources are known and work has begun."""
        self.journal: Journal | None = None
        """What deliveries are about to add; there once work has begun."""
        self.metrics = Metrics(labels_of, self._exists)
        self._settings = settings
        self._identity = identity
        self._clock = SystemClock()
        self._wakes = Wakes()
        self._store = ObjectStore(settings.storage.folder)
        self._references = References(client, age_secret=_age_secret(settings))
        self._recorders = {
            name: EventRecorder(client, component=name, instance=identity)
            for name in (names.SOURCE_CONTROLLER, names.KUSTOMIZE_CONTROLLER)
        }
        label_selector = settings.scope.label_selector
        # Those of all shards: a Kustomization of this one may read from any.
        self.sources = SourceAccess(
            client,
            self._reflector(GitRepository, names.GIT_REPOSITORY),
            self._patcher(names.SOURCE_CONTROLLER),
            self._recorders[names.SOURCE_CONTROLLER],
            label_selector=label_selector,
        )
        self.kustomizations = Access(
            Kustomization,
            client,
            self._reflector(Kustomization, names.KUSTOMIZATION, label_selector),
            self._patcher(names.KUSTOMIZE_CONTROLLER),
            self._recorders[names.KUSTOMIZE_CONTROLLER],
        )
        self._definitions = Reflector(client, _CRD, decode=_typed(Definition))
        self._configurations = {
            kind: Reflector(
                client,
                GroupKind("", kind),
                decode=_typed(Configuration),
                selection=Selection(
                    namespace=settings.scope.namespace, label_selector=settings.scope.config_label_selector
                ),
            )
            for kind in ("ConfigMap", "Secret")
        }

    async def run(self) -> None:
        """Until cancelled; what was under way is broken off then, which the next start makes good.

        Raises :class:`FluxAtWorkError` when controllers of Flux have come meanwhile; then make a new one.
        """
        async with AsyncExitStack() as stack:
            addresses = (self._settings.metrics_address, self._settings.health_address)
            await serve_probes(stack, addresses, self.metrics, self.client, self._recorders.values(), self.started)
            if not self._settings.leader_election:
                await self._work()
                return
            lease = self._settings.lease
            elector = LeaderElector(
                self.client,
                namespace=self._settings.runtime_namespace,
                name=lease_name(self._settings.scope.label_selector),
                identity=f"{self._identity}_{uuid.uuid4().hex[:8]}",
                options=LeaseOptions(lease.duration, lease.renew_deadline, lease.retry),
            )
            await elector.run(self._work)

    async def _work(self) -> None:
        settings = self._settings
        if not settings.stand_back:
            await self._deliver()
            return
        selector = settings.scope.label_selector
        neighbours = Neighbours(self.client, settings.runtime_namespace, self._clock, selector)
        alone = await neighbours.wait_until_they_end()
        await neighbours.work_until_they_come(self._deliver(), alone)

    async def _deliver(self) -> None:
        settings = self._settings
        async with AsyncExitStack() as stack:
            options = GitOptions(local_repositories=settings.scope.local_repositories)
            source = await stack.enter_async_context(GitSource(self._store, options=options))
            watcher = await stack.enter_async_context(RefWatcher())
            storage = Storage(settings.storage, ObjectStore(settings.storage.folder), self.sources, self._clock)
            await storage.serve(stack)
            state = ClusterState(Managers(overridden=settings.apply.override_managers))
            local = await stack.enter_async_context(ManagedWatcher(self.client, state))
            builder = await self._builder(stack)
            # The triggers come last, for they need everybody; until then nothing happens that they would have to hear.
            waits = await stack.enter_async_context(Waits(lambda key: triggers.health_ended(key)))
            clusters = await stack.enter_async_context(
                Clusters(
                    local,
                    self._references,
                    settings,
                    lambda state: state.subscribe(lambda event: triggers.on_managed(event)),
                )
            )
            git = GitRepositories(
                self.sources,
                source,
                self._references,
                storage,
                watcher,
                settings,
                self._clock,
                self.metrics.phases,
            )
            builds = Builds(self._store, builder, await self._bases(stack))
            builds.explain = Absences(self.sources, source).explain
            journal = self.journal = Journal(self.client, settings.runtime_namespace, self._clock, scope=settings.scope)
            deliveries = Kustomizations(
                self.kustomizations,
                self.sources,
                clusters,
                builds,
                self._references,
                waits,
                self._wakes,
                settings,
                self._clock,
                journal,
                self.metrics.phases,
                Resumption(
                    stack.enter_context(Keepsakes(settings.storage.folder / _keepsakes_name(settings))), builds, local
                ),
            )
            loops = self._loops(git, deliveries)
            triggers = Triggers(
                self.sources,
                self.kustomizations,
                loops[0].queue,
                loops[1].queue,
                deliveries,
                self._wakes,
                settings.reconcile.drift_quiet_seconds,
                age_secret=self._references.age_secret,
            )
            git.restored = triggers.on_restored
            git.is_read = triggers.is_read
            git.followed = triggers.on_artifact
            git.compare = builds.compare
            git.hurry = deliveries.notes.held
            deliveries.notes.begin = triggers.take_note
            deliveries.has_dependants = triggers.has_dependants
            for recorder in self._recorders.values():
                recorder.yields = lambda: deliveries.notes.yields
            upkeep = Upkeep(source, self.sources, storage, self._clock)
            await self._run_all(triggers, loops, journal, deliveries.notes, upkeep)

    async def _builder(self, stack: AsyncExitStack) -> Builder:
        workers = self._settings.reconcile.build_workers
        here = ThreadBuilder(ObjectStore(self._settings.storage.folder))
        return await stack.enter_async_context(BuildPool(workers, here)) if workers else here

    async def _bases(self, stack: AsyncExitStack) -> RemoteBases | None:
        scope = self._settings.scope
        if scope.no_remote_bases:
            return None
        options = GitOptions(local_repositories=scope.local_repositories, largest_pack_bytes=LARGEST_PACK_BYTES)
        git = await stack.enter_async_context(GitSource(self._store, options=options))
        return RemoteBases(git, self._clock)

    def _loops(self, git: GitRepositories, deliveries: Kustomizations) -> tuple[Controller[Key], Controller[Key]]:
        pace = self._settings.reconcile
        sources: Controller[Key] = Controller(
            "gitrepository",
            git.reconcile,
            workers=pace.source_workers,
            backoff=Backoff(base=pace.retry.base_seconds, maximum=pace.retry.maximum_seconds),
            not_ready_seconds=pace.dependency_interval.total_seconds(),
            observer=self.metrics,
        )
        kustomizations: Controller[Key] = Controller(
            "kustomization",
            deliveries.reconcile,
            workers=pace.workers,
            most_lent=LENT_PLACES * pace.workers,
            observer=self.metrics,
        )
        git.wake = sources.queue.add
        deliveries.outcomes.refetch = git.refetch
        for loop in (sources, kustomizations):
            self.metrics.watch_controller(loop)
        return sources, kustomizations

    async def _run_all(
        self,
        triggers: Triggers,
        loops: tuple[Controller[Key], ...],
        journal: Journal,
        notes: Notes,
        upkeep: Upkeep,
    ) -> None:
        new_kinds = NewKinds(self.client.discovery, self._clock, triggers.on_new_kind)
        self._subscribe(triggers, new_kinds)
        reflectors = (self.sources.reflector, self.kustomizations.reflector)
        address = self._settings.events_address
        forwarder = EventForwarder(address, instance=self._identity) if address else None
        try:
            async with asyncio.TaskGroup() as group:
                watched: list[Reflector[Any]] = [*reflectors, self._definitions, *self._configurations.values()]
                for each in watched:
                    group.create_task(each.run(), name=f"watch {each.kind}")
                for recorder in self._recorders.values():
                    recorder.forwarder = forwarder
                    group.create_task(recorder.run(), name=f"events of {recorder.component}")
                if forwarder is not None:
                    group.create_task(forwarder.run(), name="forward events")
                for reflector in reflectors:
                    await reflector.wait_synced()
                await self._take_up(journal)
                group.create_task(journal.run(), name="journal")
                garbage.freeze()
                for loop in loops:
                    group.create_task(loop.run(), name=loop.name)
                group.create_task(new_kinds.run(), name="new kinds")
                group.create_task(notes.run(), name="notes")
                group.create_task(upkeep.run(), name="upkeep")
                self.started.set()
                log.info("started with %d sources and %d kustomizations", *(len(each) for each in reflectors))
        finally:
            await say_farewell(self._recorders.values(), self.kustomizations, journal)

    async def _take_up(self, journal: Journal) -> None:
        """What a process before us had begun, before anything is delivered."""
        reflector = self.kustomizations.reflector
        await journal.load([kustomization for _, kustomization in reflector.items()])
        reflector.subscribe(journal.learn)

    def _subscribe(self, triggers: Triggers, new_kinds: NewKinds) -> None:
        self.sources.reflector.subscribe(triggers.on_source)
        self.kustomizations.reflector.subscribe(triggers.on_kustomization)
        for kind, reflector in self._configurations.items():
            reflector.subscribe(partial(_tell_configuration, triggers, kind))
        self._definitions.subscribe(lambda _, old, new: self._on_definition(new_kinds, old, new))

    def _on_definition(self, new_kinds: NewKinds, old: Definition | None, new: Definition | None) -> None:
        if new is None or not new.established or (old is not None and old.established):
            return
        new_kinds.add(new.kind)
        for reflector in (self.sources.reflector, self.kustomizations.reflector):
            if reflector.kind == new.kind:
                reflector.nudge()

    def _exists(self, controller: str, key: object) -> bool:
        if not isinstance(key, Key):
            return False
        if controller != "gitrepository":
            return self.kustomizations.reflector.get(*key) is not None
        source = self.sources.reflector.get(*key)
        return source is not None and self.sources.is_ours(source)

    def _reflector(self, struct: type[R], kind: GroupKind, label_selector: str = "") -> Reflector[R | Malformed]:
        selection = Selection(
            namespace=self._settings.scope.namespace, label_selector=label_selector, version=API_VERSION
        )
        return Reflector(self.client, kind, decode=decoder(struct), selection=selection)

    def _patcher(self, component: str) -> StatusPatcher:
        manager = f"{names.OWN_FIELDS_PREFIX}{component}"
        return StatusPatcher(self.client, field_manager=manager, clock=self._clock, phases=self.metrics.phases)


def lease_name(label_selector: str) -> str:
    """The Lease of these replicas: shards work side by side, so each selector has its own, named as Flux does."""
    return f"fairlead-leader-election{shard_suffix(label_selector)}"


def _keepsakes_name(settings: Settings) -> str:
    """What was delivered with Flux's replicas as Git has them is no delivery without them, and the other way round."""
    return "keepsakes.db" if settings.apply.leave_flux_scale else "keepsakes-with-flux-scale.db"


def _age_secret(settings: Settings) -> ObjectRef | None:
    name = settings.scope.sops_age_secret
    return ObjectRef("", "Secret", settings.runtime_namespace, name) if name else None


def _tell_configuration(
    triggers: Triggers, kind: str, _: str, old: Configuration | None, new: Configuration | None
) -> None:
    triggers.on_configuration(kind, old, new)


def _typed(struct: type[T]) -> Callable[[msgspec.Raw], T]:
    return msgspec.json.Decoder(struct).decode
