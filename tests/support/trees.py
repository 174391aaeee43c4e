"""Trees in an object store, written from and read back as paths."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from fairlead.sources.ignore import TreeFilter

if TYPE_CHECKING:
    from fairlead.sources.store import ObjectStore

__all__ = ["Files", "all_paths", "changed_paths", "kept", "write"]

Files = dict[str, str]


def write(store: ObjectStore, files: Files) -> str:
    """A tree with these files in the store."""
    names: dict[str, tuple[str, int]] = {}
    below: dict[str, Files] = {}
    for path, content in files.items():
        head, _, rest = path.partition("/")
        if rest:
            below.setdefault(head, {})[rest] = content
        else:
            names[head] = (store.write_blob(content.encode()), 0o100644)
    for name, inner in below.items():
        names[name] = (write(store, inner), 0o40000)
    return store.write_tree(names)


def changed_paths(store: ObjectStore, before: str, after: str) -> list[str]:
    """The files (also links and submodules) that differ between two trees, in byte order, as libgit2 sees it."""
    diff = store.get_tree(before).diff_to_tree(store.get_tree(after))
    paths = {path for delta in diff.deltas for path in (delta.old_file.path, delta.new_file.path)}
    return sorted(paths, key=os.fsencode)


def all_paths(store: ObjectStore, tree_id: str) -> list[str]:
    """All that is in a tree; comparing with the empty one shows it."""
    return changed_paths(store, store.write_tree({}), tree_id)


def kept(store: ObjectStore, files: Files, spec_ignore: str | None = None) -> list[str]:
    """The paths that the ignore rules leave."""
    return all_paths(store, TreeFilter(store).apply(write(store, files), spec_ignore))
