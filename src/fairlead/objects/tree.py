"""The shape of what a build reads: a tree of files, be it a folder on disk or a Git tree in an object store.

Every entry has an identity that changes exactly when its content changes, so that a build can say what it depended on.
Trees do not follow symbolic links; who reads them decides (see ``fairlead.build``).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["EntryKind", "Tree", "TreeEntry", "joined"]


class EntryKind(StrEnum):
    FILE = "file"
    FOLDER = "folder"
    SYMLINK = "symlink"
    SUBMODULE = "submodule"


@dataclass(frozen=True, slots=True)
class TreeEntry:
    """One name in a folder of a tree."""

    name: str
    kind: EntryKind
    identity: str
    """Changes exactly when the content changes: a Git object id, or a digest. For a folder it covers all below it."""


class Tree(Protocol):
    """A read-only snapshot of files; paths are relative, ``/``-separated, normalised, and ``""`` is the root."""

    def entry(self, path: str) -> TreeEntry | None:
        """What is at ``path``; ``None`` when there is nothing, also when a parent is no folder."""
        ...

    def list(self, path: str) -> Sequence[TreeEntry]:
        """The entries of a folder in byte order of their names; raises ``NotADirectoryError`` for anything else."""
        ...

    def read(self, path: str) -> bytes:
        """A file's content, or a symbolic link's target; raises ``FileNotFoundError`` or ``IsADirectoryError``."""
        ...

    def size(self, path: str) -> int:
        """A file's size in bytes, without reading it; raises like :meth:`read`."""
        ...


def joined(folder: str, path: str) -> str | None:
    """The place in a tree that ``path`` means for somebody in ``folder``, normalised; ``None`` when it is outside.

    A path that begins with ``/`` begins at the root of the tree. Links are not followed, nor is anything looked up.
    """
    parts = folder.split("/") if folder and not path.startswith("/") else []
    for part in path.split("/"):
        if part == "..":
            if not parts:
                return None
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return "/".join(parts)
