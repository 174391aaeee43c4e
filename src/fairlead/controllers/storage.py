"""The archives of GitRepositories for other programs: looked at in each run, made when the tree is another, served.

Our own builds read the object store and wait for none of this.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections import Counter
from typing import TYPE_CHECKING

from fairlead.api import names
from fairlead.controllers.announcement import announce
from fairlead.controllers.artifacts import advertised, git_artifact, is_same, tree_id_of
from fairlead.runtime.files import FileServer
from fairlead.sources.artifact_store import ArtifactStore, Place, State

if TYPE_CHECKING:
    from contextlib import AsyncExitStack

    from fairlead.api.gitrepository import GitRepository
    from fairlead.api.meta import ArtifactStatus
    from fairlead.controllers.following import SourceAccess
    from fairlead.kube.reflector import Key
    from fairlead.runtime.clock import Clock
    from fairlead.settings import StorageSettings
    from fairlead.sources.spec import GitRevision
    from fairlead.sources.store import ObjectStore

__all__ = ["Storage"]

log = logging.getLogger(__name__)

ALLOWED = re.compile(r"gitrepository/[a-z0-9-]+/[a-z0-9]([a-z0-9.-]*[a-z0-9])?/([0-9a-f]{40,64}|latest)\.tar\.gz")


class Storage:
    """Archives of all GitRepositories of this shard."""

    def __init__(self, settings: StorageSettings, store: ObjectStore, access: SourceAccess, clock: Clock) -> None:
        self._settings = settings
        self._access = access
        self._clock = clock
        self._address = settings.advertised_address or names.ADVERTISED_ADDRESS
        self._collected: Counter[Key] = Counter()
        """Old archives that were removed, and nobody was told."""
        self._archives = ArtifactStore(
            settings.archives or settings.folder / "artifacts",
            store,
            algorithm=settings.digest_algorithm,
            retention_seconds=settings.retention_seconds,
            retention_records=settings.retention_records,
        )

    async def serve(self, stack: AsyncExitStack) -> None:
        """Until the stack is unwound, if an address is set; raises :class:`AddressInUseError`."""
        if not self._settings.address:
            return
        host, _, port = self._settings.address.rpartition(":")
        host = host.strip("[]")
        server = FileServer(self._archives.root, ALLOWED, "application/gzip", host=host or None, port=int(port))
        await stack.enter_async_context(server)
        if not self._settings.advertised_address:
            shown = f"[{host}]" if ":" in host else host or "localhost"
            self._address = f"{shown}:{server.port}"
        await announce(self._access.client, self._address, self._settings.pod_address, server.port)
        log.info("archives of sources are served at port %d as http://%s/", server.port, self._address)

    async def look(self, key: Key, repository: GitRepository) -> str:
        """Remove old archives, and look at the present one: its digest if it is whole, else empty.

        One that is not what the status says is removed, and an Event tells of it.
        """
        artifact = repository.status.artifact
        if artifact is None:
            return ""
        place = Place(*key)
        removed, state = await asyncio.to_thread(self._look, place, artifact)
        self._collected[key] += removed
        if state is State.DAMAGED:
            message = f"failed to verify integrity of artifact: computed digest doesn't match '{artifact.digest}'"
            self._access.event(repository, "Warning", "ArtifactVerificationFailed", message)
            await asyncio.to_thread(self._archives.drop, place, artifact.path)
        return artifact.digest or "" if state is State.WHOLE else ""

    async def publish(self, key: Key, repository: GitRepository, revision: GitRevision, whole: str) -> ArtifactStatus:
        """The artifact of a revision with its archive; the very same as before when it says nothing new.

        ``whole`` is what :meth:`look` returned. Raises the errors of :meth:`ArtifactStore.pack`.
        """
        known = repository.status.artifact
        if known and whole and known.revision == revision.revision and tree_id_of(known) == revision.tree_id:
            return advertised(known, self._address)
        place = Place(*key)
        made = await asyncio.to_thread(self._archives.pack, place, revision.commit, revision.tree_id, trusted=whole)
        path = place.path(revision.commit)
        artifact = git_artifact(revision, path, made.digest, made.size, self._address, self._clock.now())
        if known and is_same(known, artifact):
            return known
        self._tell_collected(key, repository)
        return artifact

    def _tell_collected(self, key: Key, repository: GitRepository) -> None:
        """What was removed since the last revision. Not before there is a new one: an idle cluster costs no request."""
        if count := self._collected.pop(key, 0):
            self._access.trace(repository, "GarbageCollectionSucceeded", f"garbage collected {count} artifacts")

    async def forget(self, key: Key, repository: GitRepository | None = None) -> None:
        """The GitRepository is gone, or goes."""
        self._collected.pop(key, None)
        try:
            removed = await asyncio.to_thread(self._archives.remove, Place(*key))
        except OSError as error:
            log.warning("archives of GitRepository %s/%s cannot be removed: %s", *key, error.strerror)
            if repository is not None:
                message = f"garbage collection for deleted resource failed: {error.strerror}"
                self._access.event(repository, "Warning", "GarbageCollectionFailed", message)
            return
        if removed and repository is not None:
            message = "garbage collected artifacts for deleted resource"
            self._access.trace(repository, "GarbageCollectionSucceeded", message)

    async def sweep(self) -> None:
        """Remove what is left of GitRepositories that went while another process was at work; raises ``OSError``."""
        wanted = {Place(*key) for key, each in self._access.items() if each and self._access.is_ours(each)}
        await asyncio.to_thread(self._archives.sweep, wanted)

    def _look(self, place: Place, artifact: ArtifactStatus) -> tuple[int, State]:
        """How many old archives were removed, and what the present one is."""
        try:
            removed = self._archives.collect(place, artifact.path)
        except OSError as error:
            log.warning("old archives of %s cannot be removed: %s", place, error.strerror)  # Flux sends no Event of it
            removed = 0
        return removed, self._archives.state(place, artifact.path, artifact.digest or "")
