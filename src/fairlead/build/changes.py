"""What differs between two trees, in the terms of a read set: so that of a thousand read sets few have to be compared.

Finding the changes costs what changed: a folder whose identity is the same is not looked into.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.objects.tree import EntryKind

if TYPE_CHECKING:
    from fairlead.build.tree import ReadSet
    from fairlead.objects.tree import Tree, TreeEntry

__all__ = ["TreeChanges", "changes_between"]


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


def changes_between(old: Tree, new: Tree) -> TreeChanges:
    """Everything that differs."""
    contents: set[str] = set()
    listings: set[str] = set()
    _compare(old, new, "", contents, listings)
    return TreeChanges(frozenset(contents), frozenset(listings))


def _compare(old: Tree, new: Tree, folder: str, contents: set[str], listings: set[str]) -> None:
    before = {entry.name: entry for entry in old.list(folder)}
    after = {entry.name: entry for entry in new.list(folder)}
    if {name: entry.kind for name, entry in before.items()} != {name: entry.kind for name, entry in after.items()}:
        listings.add(folder)
    for name in before.keys() | after.keys():
        one, other = before.get(name), after.get(name)
        if one == other:
            continue
        path = f"{folder}/{name}" if folder else name
        if _is_folder(one) and _is_folder(other):
            _compare(old, new, path, contents, listings)
            continue
        contents.add(path)
        for tree, entry in ((old, one), (new, other)):
            if _is_folder(entry):
                _add_all(tree, path, contents)


def _add_all(tree: Tree, folder: str, contents: set[str]) -> None:
    """All that is in a folder that only one of the trees has."""
    for entry in tree.list(folder):
        path = f"{folder}/{entry.name}"
        contents.add(path)
        if _is_folder(entry):
            _add_all(tree, path, contents)


def _is_folder(entry: TreeEntry | None) -> bool:
    return entry is not None and entry.kind is EntryKind.FOLDER
