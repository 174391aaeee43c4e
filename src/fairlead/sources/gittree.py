"""A Git tree as the :class:`~fairlead.objects.tree.Tree` that builds read, straight from the object database."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from pygit2.enums import FileMode

from fairlead.objects.tree import EntryKind, TreeEntry

if TYPE_CHECKING:
    from collections.abc import Sequence

    import pygit2

    from fairlead.sources.folders import RawEntry
    from fairlead.sources.store import ObjectStore

__all__ = ["GitTree", "entry_of", "kind_of", "name_of"]

_KINDS = {
    FileMode.TREE: EntryKind.FOLDER,
    FileMode.LINK: EntryKind.SYMLINK,
    FileMode.COMMIT: EntryKind.SUBMODULE,
}


def kind_of(mode: int) -> EntryKind:
    """What a file mode of a Git tree means here; executable files are files."""
    return _KINDS.get(FileMode(mode), EntryKind.FILE)


def entry_of(name: str, entry: RawEntry | None) -> TreeEntry | None:
    """A name of a folder as the build sees it."""
    return None if entry is None else TreeEntry(name, kind_of(entry[1]), entry[0])


def name_of(entry: pygit2.Object) -> str:
    """The name of a tree's entry; bytes that are no UTF-8 survive as surrogates."""
    return os.fsdecode(entry.raw_name or b"")


class GitTree:
    """Implements ``Tree``. Identities are Git object ids, so equal content has an equal identity in every revision.

    Folders that were visited are remembered for the life of this object; make one per build. It pickles as folder and
    id, so that a worker process opens the store itself.
    """

    __slots__ = ("_folders", "_store", "tree_id")

    def __init__(self, store: ObjectStore, tree_id: str) -> None:
        self.tree_id = tree_id
        self._store = store
        self._folders: dict[str, pygit2.Tree | None] = {}

    def __reduce__(self) -> tuple[type[GitTree], tuple[ObjectStore, str]]:
        return GitTree, (self._store, self.tree_id)

    def entry(self, path: str) -> TreeEntry | None:
        if path == "":
            return TreeEntry("", EntryKind.FOLDER, self.tree_id)
        parent, slash, name = path.rpartition("/")
        folder = self._folder(parent) if parent or not slash else None
        if folder is None:
            return None
        found = self._child(folder, name)
        return None if found is None else TreeEntry(name, kind_of(found.filemode), str(found.id))

    def list(self, path: str) -> Sequence[TreeEntry]:
        folder = self._folder(path)
        if folder is None:
            raise NotADirectoryError(path)
        entries = [(entry.raw_name or b"", kind_of(entry.filemode), str(entry.id)) for entry in folder]
        return [TreeEntry(os.fsdecode(name), kind, identity) for name, kind, identity in sorted(entries)]

    def read(self, path: str) -> bytes:
        return self._blob(path).data

    def size(self, path: str) -> int:
        return self._blob(path).size

    def _blob(self, path: str) -> pygit2.Blob:
        found = self.entry(path)
        if found is None:
            raise FileNotFoundError(path)
        if found.kind in (EntryKind.FOLDER, EntryKind.SUBMODULE):
            raise IsADirectoryError(path)
        return self._store.get_blob(found.identity)

    def _folder(self, path: str) -> pygit2.Tree | None:
        if path in self._folders:
            return self._folders[path]
        folder = self._store.get_tree(self.tree_id) if path == "" else self._open_folder(path)
        self._folders[path] = folder
        return folder

    def _open_folder(self, path: str) -> pygit2.Tree | None:
        parent, slash, name = path.rpartition("/")
        above = self._folder(parent) if parent or not slash else None
        found = None if above is None else self._child(above, name)
        if found is None or found.filemode != FileMode.TREE:
            return None
        return self._store.get_tree(found.id)

    @staticmethod
    def _child(folder: pygit2.Tree, name: str) -> pygit2.Object | None:
        if not name:
            return None
        try:
            return folder[name]
        except KeyError:
            return None
