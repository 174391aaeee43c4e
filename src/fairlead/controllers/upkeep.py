"""Looks after the object store once a day: packs it, and drops what no GitRepository of the cluster needs any more.

Archives of GitRepositories that are gone are removed as well.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from fairlead.controllers.artifacts import tree_id_of
from fairlead.errors import FairleadError
from fairlead.runtime import garbage
from fairlead.sources.upkeep import InUse

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.api.meta import ArtifactStatus
    from fairlead.controllers.following import SourceAccess
    from fairlead.controllers.storage import Storage
    from fairlead.runtime.clock import Clock
    from fairlead.sources.git import GitSource

__all__ = ["FIRST_SECONDS", "PERIOD_SECONDS", "Upkeep", "in_use"]

log = logging.getLogger(__name__)

FIRST_SECONDS = 10 * 60.0
"""Starting is busy enough; and a process that starts often should get there, too."""
PERIOD_SECONDS = 24 * 3600.0


class Upkeep:
    """Calls :meth:`GitSource.maintain` with what is in use, and sweeps the archives."""

    def __init__(self, source: GitSource, repositories: SourceAccess, storage: Storage, clock: Clock) -> None:
        self._storage = storage
        self._source = source
        self._repositories = repositories
        self._clock = clock

    async def run(self) -> None:
        """Until cancelled. Starts when all GitRepositories are known: what is not known looks unused."""
        await self._clock.sleep(FIRST_SECONDS)
        while True:
            try:
                await self._source.maintain(list(self._artifacts()), now=self._clock.now())
                await self._storage.sweep()
            except (FairleadError, OSError) as error:
                log.warning("upkeep of the object store failed, it is tried again tomorrow: %s", error)
            garbage.everything()
            await self._clock.sleep(PERIOD_SECONDS)

    def _artifacts(self) -> Iterator[InUse]:
        for _, repository in self._repositories.items():  # noqa: PERF102 - it is no dict
            status = getattr(repository, "status", None)
            if status is not None and status.artifact:
                yield in_use(status.artifact, status.included_artifacts or ())


def in_use(artifact: ArtifactStatus, included: list[ArtifactStatus] | tuple[ArtifactStatus, ...]) -> InUse:
    """What an artifact is made of; revisions end with the commit."""
    commits = tuple(each.revision.rpartition(":")[2] for each in (artifact, *included))
    return InUse(tree_id_of(artifact), commits)
