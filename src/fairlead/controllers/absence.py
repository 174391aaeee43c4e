"""Why a file that a build looks for is not in the tree of its source: an ignore rule has left it out.

A source that was fetched since this process began is known with its rules. Of another, what its status tells is enough
to shape the same tree once more.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fairlead.controllers.artifacts import tree_id_of
from fairlead.controllers.resources import Malformed
from fairlead.sources.spec import GitSpec, Include

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.api.gitrepository import GitRepository
    from fairlead.controllers.following import SourceAccess
    from fairlead.sources.git import GitSource

__all__ = ["Absences"]


class Absences:
    """Asks the sources of this process, and those that have not run yet by their status."""

    def __init__(self, sources: SourceAccess, git: GitSource) -> None:
        self._sources = sources
        self._git = git

    async def explain(self, tree_id: str, paths: Sequence[str]) -> str:
        """Which rule took one of the paths out of a tree; empty when none did, as far as is known."""
        if not self._git.shaped(tree_id):
            await self._shape_again(tree_id)
        return await asyncio.to_thread(self._git.why_absent, tree_id, paths)

    async def _shape_again(self, tree_id: str) -> None:
        for _, repository in self._sources.items():  # noqa: PERF102 - no dict
            if repository is None or isinstance(repository, Malformed):
                continue
            artifact = repository.status.artifact
            if artifact is None or tree_id_of(artifact) != tree_id:
                continue
            commit = artifact.revision.rpartition(":")[2]
            await asyncio.to_thread(self._git.shape_again, _shape_of(repository), commit)
            if self._git.shaped(tree_id):
                return


def _shape_of(repository: GitRepository) -> GitSpec:
    """What its tree was made by, as far as the status tells it."""
    status = repository.status
    found = zip(status.observed_include or (), status.included_artifacts or (), strict=False)
    return GitSpec(
        repository.spec.url,
        sparse_checkout=tuple(status.observed_sparse_checkout or ()),
        ignore=status.observed_ignore,
        includes=tuple(
            Include(tree_id_of(artifact), include.from_path or "", include.to_path or include.repository.name)
            for include, artifact in found
        ),
    )
