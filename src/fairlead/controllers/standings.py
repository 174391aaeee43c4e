"""For which tree each build is known to hold, and whom the next one touches, without asking everybody.

A build holds for a tree when all that it has read is there as it was. Builds that hold for the same tree stand
together. When another tree takes the place of theirs, the changed paths name those that have read one of them; all the
others stand at the new tree at once, however many they are.

That is an answer only for those of whom nothing but files matters. Who owns the Kustomizations says of which that is
certain: they are *settled*. Everybody else has to be asked, each time; so to forget to settle somebody costs time, and
nothing else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.build.changes import ReaderIndex
from fairlead.sources.errors import MissingObjectError

if TYPE_CHECKING:
    from collections.abc import Callable
    from collections.abc import Set as AbstractSet

    from fairlead.build.changes import TreeChanges
    from fairlead.controllers.builds import Build
    from fairlead.kube.reflector import Key

__all__ = ["Standings"]


class _Standing:
    """Those whose builds hold for one tree."""

    __slots__ = ("keys", "tree_id")

    def __init__(self, tree_id: str, keys: set[Key]) -> None:
        self.tree_id = tree_id
        self.keys = keys


class Standings:
    """The builds by key, one of each."""

    def __init__(self) -> None:
        self._builds: dict[Key, Build] = {}
        self._readers: ReaderIndex[Key] = ReaderIndex()
        self._of: dict[Key, _Standing] = {}
        self._at: dict[str, _Standing] = {}
        self._settled: set[Key] = set()

    def stand(self, key: Key, build: Build, tree_id: str) -> None:
        """The build was found to hold for the tree; it takes the place of any other build of the key."""
        if self._builds.get(key) is not build:
            self._settled.discard(key)
            self._builds[key] = build
            self._readers.put(key, build.read_set)
        self._move_one(key, tree_id)

    def tree_of(self, key: Key, build: Build) -> str:
        """The tree for which this very build holds; empty when none is known."""
        return self._of[key].tree_id if self._builds.get(key) is build else ""

    def forget(self, key: Key) -> None:
        self._settled.discard(key)
        if self._builds.pop(key, None) is not None:
            self._readers.put(key, None)
            self._leave(key)

    def settle(self, key: Key, build: Build) -> None:
        """From now on nothing but the files of this build matters."""
        if self._builds.get(key) is build:
            self._settled.add(key)

    def unsettle(self, key: Key) -> None:
        """Something else may matter, too."""
        self._settled.discard(key)

    def follow(
        self, users: AbstractSet[Key], tree_id: str, changes: Callable[[str, str], TreeChanges]
    ) -> AbstractSet[Key]:
        """A tree takes the place of the one that the users had: who of them has to be asked what that means to them.

        For all the others it is certain that it means nothing. ``changes`` tells what differs between two trees, or
        raises ``MissingObjectError``.
        """
        settled = self._settled & users
        asked = set(users - settled)
        for standing in [each for each in self._at.values() if each.tree_id != tree_id]:
            here = standing.keys & settled
            if not here:
                continue
            try:
                touched = self._readers.touched(changes(standing.tree_id, tree_id))
            except MissingObjectError:
                asked |= here
                continue
            asked |= here & touched
            self._move(here - touched, standing, tree_id)
        return asked

    def _move(self, keys: set[Key], standing: _Standing, tree_id: str) -> None:
        """These stand at another tree from now on; when they are the most, the few others are moved out instead."""
        rest = standing.keys - keys
        if tree_id in self._at or len(rest) > len(keys):
            for key in keys:
                self._move_one(key, tree_id)
            return
        left = standing.tree_id
        del self._at[left]
        standing.keys, standing.tree_id = keys, tree_id
        self._at[tree_id] = standing
        if rest:
            behind = self._at[left] = _Standing(left, rest)
            self._of.update(dict.fromkeys(rest, behind))

    def _move_one(self, key: Key, tree_id: str) -> None:
        standing = self._of.get(key)
        if standing is not None and standing.tree_id == tree_id:
            return
        self._leave(key)
        standing = self._at.get(tree_id)
        if standing is None:
            standing = self._at[tree_id] = _Standing(tree_id, set())
        standing.keys.add(key)
        self._of[key] = standing

    def _leave(self, key: Key) -> None:
        standing = self._of.pop(key, None)
        if standing is not None:
            standing.keys.discard(key)
            if not standing.keys:
                del self._at[standing.tree_id]
