"""Trees made of trees: sparse checkout and includes. Only folders on the way are written; all else is shared."""

from __future__ import annotations

import os
from pathlib import PurePosixPath
from typing import TYPE_CHECKING

import pygit2
from pygit2.enums import FileMode

from fairlead.sources.errors import GitSpecError, IncludeCopyError, IncludePathError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairlead.sources.spec import Include
    from fairlead.sources.store import ObjectStore

__all__ = ["clean_path", "find", "keep_folders", "overlay", "replace_at"]


def clean_path(path: str) -> tuple[str, ...]:
    """The parts of a relative path; a leading ``/`` or ``./`` does not matter; ``..`` raises :class:`GitSpecError`."""
    parts = tuple(part for part in PurePosixPath(path).parts if part not in ("/", "."))
    if ".." in parts or ".git" in parts:
        raise GitSpecError(f"the path {path!r} leads out of the repository")
    return parts


def find(store: ObjectStore, tree_id: str, parts: Iterable[str]) -> pygit2.Object | None:
    """The entry (with its file mode) at a path; ``None`` when there is nothing. The root has no file mode."""
    found: pygit2.Object = store.get_tree(tree_id)
    for part in parts:
        if not isinstance(found, pygit2.Tree) or part not in found:
            return None
        found = found[part]
    return found


def keep_folders(store: ObjectStore, tree_id: str, folders: Iterable[str]) -> str:
    """A tree with nothing but ``folders``; raises :class:`GitSpecError` when one of them does not exist."""
    result = store.write_tree({})
    for folder in folders:
        parts = clean_path(folder)
        if not parts:
            return tree_id
        found = find(store, tree_id, parts)
        if not isinstance(found, pygit2.Tree):
            raise GitSpecError(f"sparse checkout folder {folder!r} does not exist in the repository")
        result = replace_at(store, result, parts, (str(found.id), FileMode.TREE))
    return result


def overlay(store: ObjectStore, tree_id: str, include: Include) -> str:
    """``tree_id`` with the included tree copied over it; files of the included one win.

    Raises :class:`IncludePathError` and :class:`IncludeCopyError`.
    """
    try:
        origin, target = clean_path(include.from_path), clean_path(include.to_path)
    except GitSpecError as error:
        raise IncludePathError(f"include: {error}") from error
    source = find(store, include.tree_id, origin)
    if source is None:
        raise IncludeCopyError(f"the included repository has no {include.from_path!r}")
    if not isinstance(source, pygit2.Tree):
        return replace_at(store, tree_id, target, (str(source.id), source.filemode))
    below = find(store, tree_id, target)
    merged = _merge(store, below, source) if isinstance(below, pygit2.Tree) else str(source.id)
    return merged if not target else replace_at(store, tree_id, target, (merged, FileMode.TREE))


def replace_at(store: ObjectStore, tree_id: str, parts: tuple[str, ...], entry: tuple[str, int]) -> str:
    """``tree_id`` with ``entry`` (id and mode) at a path; missing folders are made, a file on the way is replaced."""
    if not parts:
        raise GitSpecError("a file cannot take the place of the whole repository")
    name, *rest = parts
    tree = store.get_tree(tree_id)
    builder = store.repository.TreeBuilder(tree)
    if rest:
        below = tree[name] if name in tree else None  # noqa: SIM401 - a Tree has no get
        base = str(below.id) if isinstance(below, pygit2.Tree) else store.write_tree({})
        entry = (replace_at(store, base, tuple(rest), entry), FileMode.TREE)
    builder.insert(name, pygit2.Oid(hex=entry[0]), entry[1])
    return str(builder.write())


def _merge(store: ObjectStore, below: pygit2.Tree, above: pygit2.Tree) -> str:
    builder = store.repository.TreeBuilder(below)
    for entry in above:
        name = os.fsdecode(entry.raw_name or b"")
        other = below[name] if name in below else None  # noqa: SIM401 - a Tree has no get
        if isinstance(entry, pygit2.Tree) and isinstance(other, pygit2.Tree):
            builder.insert(name, pygit2.Oid(hex=_merge(store, other, entry)), FileMode.TREE)
        else:
            builder.insert(name, entry.id, entry.filemode)
    return str(builder.write())
