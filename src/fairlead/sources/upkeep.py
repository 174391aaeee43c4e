"""What must stay in the object store: everything that the artifacts of live sources are made of.

A source that is suspended fetches nothing, so the age of what it fetched says nothing about its use. What is held is
named by commits (of the artifact, of what it includes, and of their submodules) and by the composed trees between the
artifact's tree and the folders that came from a server.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pygit2
from pygit2.enums import FileMode

from fairlead.sources.errors import MissingObjectError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairlead.sources.store import ObjectStore

__all__ = ["Held", "InUse", "held_by", "with_submodules"]


@dataclass(frozen=True, slots=True)
class InUse:
    """One artifact that somebody may read."""

    tree_id: str
    commits: tuple[str, ...]
    """Its own commit, and those of the artifacts that it includes."""


@dataclass(frozen=True, slots=True)
class Held:
    """What upkeep must leave alone."""

    commits: frozenset[str] = frozenset()
    composed: frozenset[str] = frozenset()


def held_by(store: ObjectStore, artifacts: Iterable[InUse]) -> Held:
    """Blocking: reads the trees of repositories with submodules, and composed trees of all."""
    commits: set[str] = set()
    composed: set[str] = set()
    for artifact in artifacts:
        commits |= with_submodules(store, artifact.commits)
        _add_composed(store, artifact.tree_id, composed)
    return Held(frozenset(commits), frozenset(composed))


def with_submodules(store: ObjectStore, commits: Iterable[str]) -> set[str]:
    """The commits and those that their trees name, as far as they can be read."""
    found: set[str] = set()
    pending = list(commits)
    while pending:
        commit = pending.pop()
        if commit in found:
            continue
        found.add(commit)
        try:
            root = store.get_tree(store.commit(commit).tree_id)
            if ".gitmodules" in root:
                pending += _submodules(root)
        except (MissingObjectError, pygit2.GitError, KeyError):
            continue  # a submodule that was not asked for, or what is damaged; the next fetch sees to it
    return found


def _submodules(folder: pygit2.Tree) -> list[str]:
    named: list[str] = []
    for entry in folder:
        if entry.filemode == FileMode.COMMIT:
            named.append(str(entry.id))
        elif isinstance(entry, pygit2.Tree):
            named += _submodules(entry)
    return named


def _add_composed(store: ObjectStore, tree_id: str, composed: set[str]) -> None:
    """A tree from a server holds nothing composed, so only composed ones are looked into."""
    if tree_id in composed or not store.is_composed(tree_id):
        return
    composed.add(tree_id)
    try:
        found: object = store.get(tree_id)
    except MissingObjectError:
        return
    if isinstance(found, pygit2.Tree):
        for entry in found:
            _add_composed(store, str(entry.id), composed)
