"""What differs between two trees, in the terms of a read set: so that of a thousand read sets few have to be compared.

Finding the changes costs what changed: a folder whose identity is the same is not looked into. Who has read what is
indexed by path, so that the changes name those whom they touch, and nobody else is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from fairlead.objects.tree import EntryKind

if TYPE_CHECKING:
    from fairlead.build.tree import ReadSet
    from fairlead.objects.tree import Tree, TreeEntry

__all__ = ["Differ", "ReaderIndex", "TreeChanges", "changes_between"]

K = TypeVar("K", bound=Hashable)
Differ = Callable[["TreeEntry", "TreeEntry"], Iterable[tuple["TreeEntry | None", "TreeEntry | None"]]]
"""Tells what differs between two folders, in any order; what is the same may be among it."""


@dataclass(frozen=True, slots=True)
class TreeChanges:
    """Paths by what happened to them."""

    contents: frozenset[str]
    """Files and links with another content; also what appeared, vanished, or became another kind of thing."""
    listings: frozenset[str]
    """Folders with other names or kinds in them."""

    def may_touch(self, seen: ReadSet) -> bool:
        """Whether a read set that held before may not hold any more; ``False`` is certain."""
        return not (
            self.contents.isdisjoint(seen.read)
            and self.contents.isdisjoint(seen.missed)
            and self.contents.isdisjoint(seen.folders)
            and self.contents.isdisjoint(seen.listed)
            and self.listings.isdisjoint(seen.listed)
        )


class ReaderIndex(Generic[K]):
    """Read sets by who has read them, and the other way round; keys are no sets."""

    def __init__(self) -> None:
        self._seen: dict[K, ReadSet] = {}
        self._readers: dict[str, K | set[K]] = {}
        """Most paths are read by one only, and a set would take more memory than all the rest."""

    def put(self, key: K, seen: ReadSet | None) -> None:
        """The key has read exactly this; ``None`` forgets it."""
        known = self._seen.pop(key, None)
        before = _traces(known) if known is not None else set()
        after = _traces(seen) if seen is not None else set()
        for trace in before - after:
            self._remove(trace, key)
        for trace in after - before:
            self._add(trace, key)
        if seen is not None:
            self._seen[key] = seen

    def touched(self, changes: TreeChanges) -> set[K]:
        """Those for whose read sets :meth:`TreeChanges.may_touch` is true."""
        found: set[K] = set()
        for trace in (*changes.contents, *map(_listing_of, changes.listings)):
            readers = self._readers.get(trace)
            if isinstance(readers, set):
                found |= readers
            elif readers is not None:
                found.add(readers)
        return found

    def _add(self, trace: str, key: K) -> None:
        readers = self._readers.get(trace)
        if readers is None:
            self._readers[trace] = key
        elif isinstance(readers, set):
            readers.add(key)
        else:
            self._readers[trace] = {readers, key}

    def _remove(self, trace: str, key: K) -> None:
        readers = self._readers[trace]
        if isinstance(readers, set) and len(readers) > 1:
            readers.discard(key)
        else:
            del self._readers[trace]


def _traces(seen: ReadSet) -> set[str]:
    """The paths whose change matters to who has read this, and :func:`_listing_of` the folders that were listed."""
    return {*seen.read, *seen.missed, *seen.folders, *seen.listed, *map(_listing_of, seen.listed)}


def _listing_of(folder: str) -> str:
    """Names in a folder; no path of a thing ends like that."""
    return f"{folder}/"


def changes_between(old: Tree, new: Tree, differ: Differ | None = None) -> TreeChanges:
    """Everything that differs; ``differ`` is for trees of which that can be told without listing their folders."""
    comparison = _Comparison(old, new, differ)
    one, other = old.entry(""), new.entry("")
    if one is not None and other is not None:
        comparison.compare("", one, other)
    return TreeChanges(frozenset(comparison.contents), frozenset(comparison.listings))


class _Comparison:
    def __init__(self, old: Tree, new: Tree, differ: Differ | None) -> None:
        self._old = old
        self._new = new
        self._differ = differ
        self.contents: set[str] = set()
        self.listings: set[str] = set()

    def compare(self, folder: str, before: TreeEntry, after: TreeEntry) -> None:
        pairs = self._differ(before, after) if self._differ else self._pairs(folder)
        for one, other in pairs:
            known = one or other
            if known is None or one == other:
                continue
            path = f"{folder}/{known.name}" if folder else known.name
            if one is None or other is None or one.kind is not other.kind:
                self.listings.add(folder)
            elif _is_folder(one):
                self.compare(path, one, other)
                continue
            self.contents.add(path)
            for tree, entry in ((self._old, one), (self._new, other)):
                if _is_folder(entry):
                    self._add_all(tree, path)

    def _pairs(self, folder: str) -> Iterable[tuple[TreeEntry | None, TreeEntry | None]]:
        before = {entry.name: entry for entry in self._old.list(folder)}
        after = {entry.name: entry for entry in self._new.list(folder)}
        return [(before.get(name), after.get(name)) for name in {**before, **after}]

    def _add_all(self, tree: Tree, folder: str) -> None:
        """All that is in a folder that only one of the trees has."""
        for entry in tree.list(folder):
            path = f"{folder}/{entry.name}"
            self.contents.add(path)
            if _is_folder(entry):
                self._add_all(tree, path)


def _is_folder(entry: TreeEntry | None) -> bool:
    return entry is not None and entry.kind is EntryKind.FOLDER
