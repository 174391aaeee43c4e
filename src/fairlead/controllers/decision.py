"""Whom a new revision changes, and who will only note it: asked of few, true for all.

Nothing changes for a Kustomization that is delivered and well and is made from files that are the same in the new
revision. Whether the files are the same is looked up for all of them at once (:mod:`standings`). Whether it is
delivered and well is found out when that may have become otherwise, at the end of its runs and when the watch brings
something new of it, and not at each revision.
"""

from __future__ import annotations

import contextlib
from typing import TYPE_CHECKING

from fairlead.controllers.artifacts import tree_id_of
from fairlead.controllers.notes import may_be_noted
from fairlead.errors import FairleadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from collections.abc import Set as AbstractSet

    from fairlead.api.kustomization import Kustomization
    from fairlead.api.meta import ArtifactStatus
    from fairlead.controllers.access import Access
    from fairlead.controllers.builds import Build, Builds
    from fairlead.controllers.memory import Memory
    from fairlead.controllers.waits import Waits
    from fairlead.kube.reflector import Key

__all__ = ["Decision"]


class Decision:
    """Knows of which Kustomizations it is certain that nothing but their files matters."""

    def __init__(
        self,
        access: Access[Kustomization],
        builds: Builds,
        waits: Waits,
        memories: Mapping[Key, Memory],
        artifact: Callable[[Kustomization], ArtifactStatus],
    ) -> None:
        """``artifact`` is what a Kustomization's source has now; it raises when there is none."""
        self._access = access
        self._builds = builds
        self._waits = waits
        self._memories = memories
        self._artifact = artifact
        self._at_work: set[Key] = set()

    def changed_by(self, tree_id: str, users: AbstractSet[Key]) -> set[Key]:
        """Which of its users the newest tree of a source changes; all of them when it has none."""
        asked = self._builds.asked(users, tree_id) if tree_id else users
        changed = {key for key in asked if not self.is_unaffected(key)}
        for key in asked - changed:
            self.look_again(key)
        return changed

    def is_unaffected(self, key: Key) -> bool:
        """Whether it is delivered and well, and made from files that are the same in its source's newest revision."""
        state = self._delivered(key)
        return state is not None and self._builds.holds(key, *state)

    def is_at_newest(self, key: Key, kustomization: Kustomization) -> bool:
        """Whether it is unaffected, and exactly as the caller knows it; then its status, too, lacks nothing."""
        return self._access.typed(key) is kustomization and self.is_unaffected(key)

    @contextlib.contextmanager
    def at_work(self, key: Key) -> Iterator[None]:
        """Around a run, which may change anything about it."""
        self._at_work.add(key)
        self._builds.standings.unsettle(key)
        try:
            yield
        finally:
            self._at_work.discard(key)
            self.look_again(key)

    def look_again(self, key: Key) -> None:
        """Something about the Kustomization may have changed: see whether nothing but its files matters."""
        state = None if key in self._at_work else self._delivered(key)
        if state is None:
            self._builds.standings.unsettle(key)
        else:
            self._builds.standings.settle(key, state[0])

    def _delivered(self, key: Key) -> tuple[Build, str] | None:
        """What is delivered and well, and the tree of its source's newest revision; ``None`` if a run is needed.

        Apart from the tree, what this reads changes in runs of the key and with what the watch brings of it. Anything
        else would have to bring :meth:`look_again` along.
        """
        kustomization, memory = self._access.typed(key), self._memories.get(key)
        if kustomization is None or memory is None or memory.delivered is None or not may_be_noted(kustomization):
            return None
        if memory.leaves_entries:
            return None  # somebody else was to take them, and may not any more
        if memory.delivered.generation != kustomization.metadata.generation or self._waits.running(key) is not None:
            return None
        try:
            return memory.delivered, tree_id_of(self._artifact(kustomization))
        except FairleadError:
            return None
