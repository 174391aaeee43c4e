"""GitRepository: which tree is current.

A run asks the server where the reference points, fetches if that is new, and publishes the tree in ``status.artifact``.
It writes nothing when nothing changed. Repositories on this machine are noticed when their references move; others are
asked at their interval, on request, and when their spec changes.
"""

from __future__ import annotations

import contextlib
from functools import partial
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from fairlead.api import names
from fairlead.controllers.artifacts import content_of, seen_as, tree_id_of
from fairlead.controllers.faults import OwnFaultError
from fairlead.controllers.following import made_from, published_head
from fairlead.controllers.gitspec import git_spec
from fairlead.controllers.includes import Included, includes_of
from fairlead.controllers.localrepos import LocalRepositories
from fairlead.controllers.resources import Malformed
from fairlead.controllers.source_outcomes import SourceOutcomes
from fairlead.controllers.suspension import hold
from fairlead.controllers.upkeep import in_use
from fairlead.errors import FairleadError
from fairlead.kube.errors import NotFoundError
from fairlead.kube.reflector import Key
from fairlead.runtime.controller import Result
from fairlead.runtime.phases import Phases
from fairlead.sources.errors import MissingObjectError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from contextlib import AbstractContextManager

    from fairlead.api.gitrepository import GitRepository
    from fairlead.api.meta import ArtifactStatus
    from fairlead.controllers.following import SourceAccess
    from fairlead.controllers.references import References
    from fairlead.controllers.storage import Storage
    from fairlead.runtime.clock import Clock
    from fairlead.runtime.status import StatusSession
    from fairlead.settings import Settings
    from fairlead.sources.git import GitSource
    from fairlead.sources.spec import GitRevision, GitSpec, RemoteHead
    from fairlead.sources.watch import RefWatcher

__all__ = ["GitRepositories"]


class GitRepositories:
    """Reconciles all GitRepositories of a cluster; state that is kept is only what can be lost."""

    def __init__(
        self,
        access: SourceAccess,
        source: GitSource,
        references: References,
        storage: Storage,
        watcher: RefWatcher,
        settings: Settings,
        clock: Clock,
        phases: Phases | None = None,
    ) -> None:
        self._phases = phases or Phases()
        self._access = access
        self._source = source
        self._references = references
        self._storage = storage
        self._settings = settings
        self._clock = clock
        self._local = LocalRepositories(watcher)
        self._outcomes = SourceOutcomes(access, settings.reconcile, clock)
        self._damaged: set[Key] = set()
        """Whose artifact could not be read: it is fetched anew."""
        self.wake: Callable[[Key], None] = lambda _: None
        """Adds a key to the queue; set by who owns the queue."""

        self.restored: Callable[[Key], None] = lambda _: None
        """Hears that the same artifact can be read again; set by who knows the users."""

        self.is_read: Callable[[Key], bool] = lambda _: True
        """Whether a Kustomization of this shard is made from it; set by who knows the users."""

        self.followed: Callable[[Key], None] = lambda _: None
        """Hears of each new artifact of another shard's source that can be read here, or cannot be got."""

        self.hurry: Callable[[], AbstractContextManager[None]] = contextlib.nullcontext
        """Around the fetch of something new: what can wait does, for deliveries are about to come."""

        self.compare: Callable[[str, str], Awaitable[None]] = _nothing
        """Hears which tree follows which before anybody else does; set by who decides whom that changes."""

    def refetch(self, key: Key) -> None:
        """Somebody could not read the artifact: forget what is here of it, and fetch it again."""
        self._damaged.add(key)
        self.wake(key)

    async def reconcile(self, key: Key) -> Result:
        """One run for one key; see the module's text."""
        repository = self._access.current(key)
        if repository is None:
            self._local.unwatch(key)
            self._damaged.discard(key)
            self._access.unfollow(key)
            await self._storage.forget(key)
            return Result()
        if not self._access.is_ours(repository):
            self._local.unwatch(key)
            return await self._follow(key)
        self._access.unfollow(key)
        if isinstance(repository, Malformed):
            await self._access.report_malformed(repository, self._clock.now())
            return Result()
        if repository.metadata.deletion_timestamp:
            return await self._finalize(key, repository)
        if names.FINALIZER not in repository.metadata.finalizers:
            repository = await self._access.add_finalizer(repository)
        if repository.spec.suspend:
            self._local.unwatch(key)
            return await hold(self._access, repository, self._clock.now())
        self._local.watch(key, repository.spec.url, lambda: self.wake(key))
        async with self._access.session(repository) as session:
            try:
                return await self._fetch(key, repository, session)
            except NotFoundError:
                return Result()  # deleted while we worked
            except FairleadError as error:
                return await self._outcomes.fail(repository, session, error)
            except Exception as error:
                with contextlib.suppress(FairleadError):
                    await self._outcomes.fail(repository, session, OwnFaultError(error))
                raise

    # -- the work --------------------------------------------------------------------------------------------------

    async def _fetch(self, key: Key, repository: GitRepository, session: StatusSession) -> Result:
        included = self._includes(repository)
        spec = await git_spec(repository, self._references, included.trees, self._settings.cloud)
        self._source.check(spec)
        whole = await self._storage.look(key, repository)
        self._outcomes.show_progress(repository, session, whole)
        with contextlib.ExitStack() as stack:
            with self._phases.span("fetch"):
                head = await self._source.resolve(spec)
                publish = partial(self._storage.publish, key, repository, whole=whole)
                revision, artifact = await self._bring(key, repository, spec, head, stack, publish)
            await self.compare(tree_id_of(repository.status.artifact), revision.tree_id)
            status = self._outcomes.succeeded(repository, artifact, revision, included)
            await session.write(msgspec.to_builtins(status))
        self._is_whole_again(key)
        self._outcomes.tell(repository, artifact, revision)
        await self._source.tidy(spec)
        return Result(requeue_after=self._outcomes.interval(repository))

    async def _bring(
        self,
        key: Key,
        repository: GitRepository,
        spec: GitSpec,
        head: RemoteHead,
        stack: contextlib.ExitStack,
        publish: Callable[[GitRevision], Awaitable[ArtifactStatus]],
    ) -> tuple[GitRevision, ArtifactStatus]:
        """The revision in the store and its artifact; when the store is damaged, all of it is fetched anew."""
        known, included = repository.status.artifact, repository.status.included_artifacts
        commits = in_use(known, included or ()).commits if known else ()
        if head.commit not in commits:
            stack.enter_context(self.hurry())
        if key in self._damaged and not await self._source.is_whole(tree_id_of(known) or head.commit):
            await self._source.forget(spec, commits)
        try:
            revision = await self._source.fetch(spec, head)
            return revision, await publish(revision)
        except MissingObjectError:
            await self._source.forget(spec, (head.commit, *commits))
        revision = await self._source.fetch(spec, head)
        return revision, await publish(revision)

    def _is_whole_again(self, key: Key) -> None:
        if key in self._damaged:
            self._damaged.discard(key)
            self.restored(key)

    async def _follow(self, key: Key) -> Result:
        """One of another shard: fetch what that one publishes, if a Kustomization of this shard reads it."""
        published = self._access.published(key)
        theirs = published.status.artifact if published else None
        if published is None or theirs is None or not self.is_read(key):
            self._access.unfollow(key)
            return Result()
        shown = self._access.typed(key)
        before = shown.status.artifact if shown else None
        if before is not None and published.status.observed_generation != published.metadata.generation:
            return Result()  # what its new spec means is seen over there first
        try:
            artifact = await self._fetch_published(key, published, theirs, before)
        except FairleadError as error:
            reason = getattr(error, "reason", "") or "GitOperationFailed"
            if self._access.cannot_follow(key, str(error)):
                text = f"{theirs.revision}, which another shard has fetched, cannot be fetched for this one: {error}"
                self._access.event(published, "Warning", reason, text)
                self.followed(key)
            return Result(error=error)
        self._access.follow(key, artifact)
        if content_of(artifact) != content_of(before):
            self.followed(key)
        self._is_whole_again(key)
        return Result()

    async def _fetch_published(
        self, key: Key, published: GitRepository, theirs: ArtifactStatus, before: ArtifactStatus | None
    ) -> ArtifactStatus:
        """Our artifact for theirs."""
        repository = made_from(published)
        included = self._includes(repository)
        wanted = await git_spec(repository, self._references, included.trees, self._settings.cloud)
        spec, head = published_head(theirs, wanted)
        shown = replace(repository, status=replace(repository.status, artifact=before))
        with contextlib.ExitStack() as stack:
            with self._phases.span("fetch"):
                revision, artifact = await self._bring(key, shown, spec, head, stack, partial(_followed, theirs))
            await self.compare(tree_id_of(before), revision.tree_id)
        return before if before == artifact else artifact

    def _includes(self, repository: GitRepository) -> Included:
        for include in repository.spec.include or ():
            key = Key(repository.metadata.namespace, include.repository.name)
            if (other := self._access.typed(key)) and not (self._access.is_ours(other) or other.status.artifact):
                self.wake(key)  # of another shard, and now something here is made from it
        return includes_of(repository, self._access)

    async def _finalize(self, key: Key, repository: GitRepository) -> Result:
        self._local.unwatch(key)
        await self._storage.forget(key, repository)
        if names.FINALIZER in repository.metadata.finalizers:
            await self._access.remove_finalizer(repository)
        return Result()


async def _followed(theirs: ArtifactStatus, revision: GitRevision) -> ArtifactStatus:
    return seen_as(theirs, revision)


async def _nothing(_: str, __: str) -> None:
    """Nobody wants to compare."""
