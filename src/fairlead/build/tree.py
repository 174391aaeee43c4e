"""Trees to build from: a folder on disk, a tree with files laid over it, and one that records what is read.

No tree here follows symbolic links: they are entries, and the build resolves them inside the tree's root. A path that
leads out of the root through a link or ``..`` is simply not there.
"""

from __future__ import annotations

import hashlib
import os
import stat
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Final

from fairlead.objects.tree import EntryKind, TreeEntry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fairlead.objects.tree import Tree

__all__ = ["FolderTree", "OverlayTree", "ReadSet", "RecordingTree"]


_NOWHERE: Final = "..nowhere"
"""What a link out of the root is read as: a name that no folder holds."""


class _DiskEntry(TreeEntry):
    """An entry whose identity is worked out when somebody asks: most builds never do."""

    __slots__ = ("_identity", "_path", "_tree")
    _identity: str
    _path: str
    _tree: FolderTree

    def __init__(self, name: str, kind: EntryKind, tree: FolderTree, path: str) -> None:
        object.__setattr__(self, "name", name)
        object.__setattr__(self, "kind", kind)
        object.__setattr__(self, "_tree", tree)
        object.__setattr__(self, "_path", path)
        object.__setattr__(self, "_identity", "")

    @property
    def identity(self) -> str:
        if not self._identity:
            object.__setattr__(self, "_identity", self._tree.identity(self._path, self.kind))
        return self._identity


class FolderTree:
    """A folder on disk as a tree. Names and contents are read at most once; make a new one to see changes.

    Identities of files are those that Git would give them, so what is cached for a commit serves the same files on
    disk.
    """

    def __init__(self, root: str | Path) -> None:
        self._root = os.path.realpath(root)
        self._entries: dict[str, TreeEntry | None] = {"": _DiskEntry("", EntryKind.FOLDER, self, "")}
        self._contents: dict[str, bytes] = {}

    @property
    def root(self) -> str:
        return self._root

    def entry(self, path: str) -> TreeEntry | None:
        if path not in self._entries:
            self._entries[path] = self._look(path)
        return self._entries[path]

    def _look(self, path: str) -> TreeEntry | None:
        parent, _, name = path.rpartition("/")
        above = self.entry(parent)
        if above is None or above.kind is not EntryKind.FOLDER or name in ("", ".", "..") or "\0" in name:
            return None
        try:
            mode = os.lstat(self._absolute(path)).st_mode
        except (OSError, ValueError):
            return None
        for is_kind, kind in _KINDS:
            if is_kind(mode):
                return _DiskEntry(name, kind, self, path)
        return None

    def list(self, path: str) -> Sequence[TreeEntry]:
        entry = self.entry(path)
        if entry is None or entry.kind is not EntryKind.FOLDER:
            raise NotADirectoryError(path)
        names = sorted((entry.name for entry in os.scandir(self._absolute(path))), key=os.fsencode)
        found = (self.entry(f"{path}/{name}" if path else name) for name in names)
        return [entry for entry in found if entry is not None]

    def read(self, path: str) -> bytes:
        content = self._contents.get(path)
        if content is None:
            entry = self._file(path)
            absolute = self._absolute(path)
            if entry.kind is EntryKind.SYMLINK:
                content = os.fsencode(self._inside(path, str(Path(absolute).readlink())))
            else:
                content = Path(absolute).read_bytes()
            self._contents[path] = content
        return content

    def size(self, path: str) -> int:
        self._file(path)
        return os.lstat(self._absolute(path)).st_size

    def identity(self, path: str, kind: EntryKind) -> str:
        """The identity of what is at a path; a folder's covers all names and contents below it."""
        if kind is not EntryKind.FOLDER:
            content = self.read(path)
            return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()
        digest = hashlib.sha256()
        for child in self.list(path):
            line = f"{child.kind} {child.identity} {child.name}\0"
            digest.update(line.encode(errors="surrogateescape"))
        return digest.hexdigest()

    def _file(self, path: str) -> TreeEntry:
        entry = self.entry(path)
        if entry is None:
            raise FileNotFoundError(path)
        if entry.kind is EntryKind.FOLDER:
            raise IsADirectoryError(path)
        return entry

    def _inside(self, path: str, target: str) -> str:
        """A link's target relative to the link: an absolute one is made relative when it stays below the root."""
        if not target.startswith("/"):
            return target
        base = self._root.rstrip("/") + "/"
        if not (os.path.normpath(target) + "/").startswith(base):
            return _NOWHERE
        return os.path.relpath(target, str(Path(self._absolute(path)).parent))

    def _absolute(self, path: str) -> str:
        return f"{self._root}/{path}" if path else self._root


_KINDS: Final = (
    (stat.S_ISREG, EntryKind.FILE),
    (stat.S_ISDIR, EntryKind.FOLDER),
    (stat.S_ISLNK, EntryKind.SYMLINK),
)


class OverlayTree:
    """A tree with some files replaced, added or removed, without a copy: path to content, ``None`` removes.

    Folders on the way to an added file exist; removing works for files and for whole folders.
    """

    def __init__(self, base: Tree, files: Mapping[str, bytes | None]) -> None:
        self._base = base
        self._files = dict(files)
        self._folders = {
            path[:end]
            for path, content in self._files.items()
            if content is not None
            for end in [0, *(at for at, character in enumerate(path) if character == "/")]
        }

    def entry(self, path: str) -> TreeEntry | None:
        name = path.rpartition("/")[2]
        content = self._files.get(path)
        if content is not None:
            return TreeEntry(name, EntryKind.FILE, _blob_identity(content))
        if path in self._folders:
            return TreeEntry(name, EntryKind.FOLDER, self._folder_identity(path))
        if self._is_hidden(path):
            return None
        entry = self._base.entry(path)
        if entry is not None and entry.kind is EntryKind.FOLDER and self._has_removals(path):
            return TreeEntry(name, EntryKind.FOLDER, self._folder_identity(path))
        return entry

    def list(self, path: str) -> Sequence[TreeEntry]:
        entry = self.entry(path)
        if entry is None or entry.kind is not EntryKind.FOLDER:
            raise NotADirectoryError(path)
        base = self._base.entry(path)
        names = set()
        if base is not None and base.kind is EntryKind.FOLDER and not self._is_hidden(path):
            names = {child.name for child in self._base.list(path)}
        prefix = f"{path}/" if path else ""
        names |= {
            other[len(prefix) :].partition("/")[0]
            for other, content in self._files.items()
            if content is not None and other.startswith(prefix)
        }
        found = (self.entry(prefix + name) for name in sorted(names, key=os.fsencode))
        return [entry for entry in found if entry is not None]

    def read(self, path: str) -> bytes:
        content = self._files.get(path)
        if content is not None:
            return content
        if path in self._folders:
            raise IsADirectoryError(path)
        if self._is_hidden(path):
            raise FileNotFoundError(path)
        return self._base.read(path)

    def size(self, path: str) -> int:
        is_of_base = path not in self._files and path not in self._folders and not self._is_hidden(path)
        return self._base.size(path) if is_of_base else len(self.read(path))

    def _is_hidden(self, path: str) -> bool:
        """Whether the base's entry does not count: it, or a folder above it, was removed or became a file."""
        while path not in self._files:
            if not path:
                return False
            path = path.rpartition("/")[0]
        return True

    def _has_removals(self, path: str) -> bool:
        prefix = f"{path}/" if path else ""
        return any(content is None and removed.startswith(prefix) for removed, content in self._files.items())

    def _folder_identity(self, path: str) -> str:
        base = None if self._is_hidden(path) else self._base.entry(path)
        digest = hashlib.sha256((base.identity if base is not None else "").encode())
        prefix = f"{path}/" if path else ""
        for other, content in sorted(self._files.items()):
            if other.startswith(prefix):
                digest.update(f"{other} {_blob_identity(content) if content is not None else ''}\0".encode())
        return digest.hexdigest()


def _blob_identity(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


@dataclass(frozen=True, slots=True)
class ReadSet:
    """What a result was made from. As long as it holds for a tree, the same work on that tree gives the same result."""

    read: Mapping[str, str] = field(default_factory=dict)
    """Files and links by path: the identity of their content; that of a link is marked as one."""
    listed: Mapping[str, str] = field(default_factory=dict)
    """Folders whose names were listed: a digest of names and kinds."""
    folders: frozenset[str] = frozenset()
    """Paths that were folders."""
    missed: frozenset[str] = frozenset()
    """Paths that were looked for and not there."""

    def holds(self, tree: Tree) -> bool:
        """Whether everything is in ``tree`` as it was."""
        for path, identity in self.read.items():
            entry = tree.entry(path)
            if entry is None or entry.kind is EntryKind.FOLDER or _content_identity(entry) != identity:
                return False
        for path in self.folders:
            entry = tree.entry(path)
            if entry is None or entry.kind is not EntryKind.FOLDER:
                return False
        if any(_listing(tree, path) != digest for path, digest in self.listed.items()):
            return False
        return all(tree.entry(path) is None for path in self.missed)

    def __or__(self, other: ReadSet) -> ReadSet:
        return ReadSet(
            {**self.read, **other.read},
            {**self.listed, **other.listed},
            self.folders | other.folders,
            self.missed | other.missed,
        )


class RecordingTree:
    """Passes everything on to a tree and notes what was asked for; :meth:`read_set` tells, :meth:`begin` nests."""

    def __init__(self, base: Tree) -> None:
        self._base = base
        self._read: dict[str, None] = {}
        self._listed: dict[str, None] = {}
        self._folders: set[str] = set()
        self._missed: set[str] = set()

    def entry(self, path: str) -> TreeEntry | None:
        entry = self._base.entry(path)
        if entry is None:
            self._missed.add(path)
        elif entry.kind is EntryKind.FOLDER:
            self._folders.add(path)
        else:
            self._read[path] = None
        return entry

    def list(self, path: str) -> Sequence[TreeEntry]:
        self._listed[path] = None
        return self._base.list(path)

    def read(self, path: str) -> bytes:
        self._read[path] = None
        return self._base.read(path)

    def size(self, path: str) -> int:
        self._read[path] = None
        return self._base.size(path)

    @property
    def missed(self) -> frozenset[str]:
        """What was looked for and not there; the part of the read set that is of interest after a failure."""
        return frozenset(self._missed)

    def add(self, other: ReadSet) -> None:
        """Takes over what earlier, reused work had read."""
        self._read.update(dict.fromkeys(other.read))
        self._listed.update(dict.fromkeys(other.listed))
        self._folders |= other.folders
        self._missed |= other.missed
        if isinstance(self._base, RecordingTree):
            self._base.add(other)

    def read_set(self) -> ReadSet:
        read = {}
        for path in self._read:
            entry = self._base.entry(path)
            if entry is not None and entry.kind is not EntryKind.FOLDER:
                read[path] = _content_identity(entry)
        listed = {path: _listing(self._base, path) for path in self._listed}
        return ReadSet(read, listed, frozenset(self._folders), frozenset(self._missed))


def _content_identity(entry: TreeEntry) -> str:
    """Tells a link from a file: Git gives a link the identity of a file that holds the link's target."""
    return entry.identity if entry.kind is EntryKind.FILE else f"{entry.kind} {entry.identity}"


def _listing(tree: Tree, path: str) -> str:
    try:
        entries = tree.list(path)
    except NotADirectoryError:
        return ""
    text = "".join(f"{entry.kind} {entry.name}\0" for entry in entries)
    return hashlib.sha256(text.encode(errors="surrogateescape")).hexdigest()
