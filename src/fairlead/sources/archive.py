"""A tree as a ``tar.gz`` whose making costs what changed since the last one, not what the tree holds.

The archive is a row of gzip members (RFC 1952 allows that, and every reader takes them for one stream). Each member
holds some entries of the tar file, and where members begin is a function of the tree alone:

- A folder's names, in byte order, fall into groups. A group ends after a name whose checksum says so, so that a name
  that comes or goes changes its own group and not those behind it.
- What a group holds is one member, small folders with all that is in them. A folder with much in it is divided into
  groups of its own, and a large file is a member of its own.

Beside the archive an index says which bytes of it stand for which group, folder or file. The next archive copies those
that are still the same, and only the others are read from the object store and compressed. So an archive that is made
in steps equals the one that is made from nothing. Hashing is what remains linear.
"""

from __future__ import annotations

import hashlib
import os
import zlib
from bisect import bisect_left
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

from pygit2.enums import FileMode

from fairlead.sources.grouping import ID_BYTES, Grouping, entries_of, key_of
from fairlead.sources.tarball import END, file_header, folder_header, padding

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.sources.grouping import Entry, Group
    from fairlead.sources.store import ObjectStore

    GroupsOf = Callable[[bytes, bytes], list[Group]]
    """Gives the groups of the folder at a path, which has this content."""

__all__ = ["Archive", "Piece", "Previous", "write_archive"]

_SMALL_FOLDER_BYTES = 2048
"""A folder is divided when Git needs more than this for the names in and below it: some fifty names."""
_LARGE_FILE_BYTES = 128 * 1024
_LEVEL = 6
_GZIP = 16 + zlib.MAX_WBITS
_COPY_BYTES = 256 * 1024
_FOLDER, _EXECUTABLE = FileMode.TREE, FileMode.BLOB_EXECUTABLE
_FILES = (FileMode.BLOB, FileMode.BLOB_EXECUTABLE, 0o100664)
"""The last one is found in very old repositories."""


class Piece(NamedTuple):
    """Some bytes of an archive, and what they stand for. Pieces nest: a folder's lie within that of the folder."""

    start: int
    length: int
    key: bytes
    """Sixteen bytes: kind, place and content."""


@dataclass(frozen=True, slots=True)
class Previous:
    """An archive whose bytes are known to be whole, and its pieces in the order of their starts, outer ones first."""

    file: BinaryIO
    pieces: list[Piece]


@dataclass(frozen=True, slots=True)
class Archive:
    """What was written."""

    digest: str
    """``ALGORITHM:HEX`` of the compressed bytes."""
    size: int
    pieces: list[Piece]
    written: int = field(compare=False)
    """Bytes that were made anew."""


def write_archive(
    store: ObjectStore,
    tree_id: str,
    target: BinaryIO,
    *,
    algorithm: str = "sha256",
    previous: Previous | None = None,
    groups: GroupsOf | None = None,
) -> Archive:
    """Blocking. Raises :class:`MissingObjectError` for what the store has not, and ``OSError``; ``target`` is no
    archive then. ``groups`` may know those of the last version of this tree."""
    writer = _Writer(store, target, algorithm, previous, groups or partial(Grouping().groups, None))
    writer.folder(b"", tree_id)
    return writer.finish()


class _Writer:
    def __init__(
        self, store: ObjectStore, target: BinaryIO, algorithm: str, previous: Previous | None, groups: GroupsOf
    ) -> None:
        self._groups = groups
        self._store = store
        self._target = target
        self._algorithm = algorithm
        self._hash = hashlib.new(algorithm)
        self._pieces: list[Piece] = []
        self._offset = 0
        self._member: zlib._Compress | None = None
        self._before = previous.pieces if previous else []
        self._file = previous.file if previous else None
        self._known = {piece.key: number for number, piece in enumerate(self._before)}
        self._copy = (0, 0)
        """Bytes of the previous archive that come next: neighbours are copied together."""
        self._made = 0

    def finish(self) -> Archive:
        self._add(END)
        self._close_member()
        self._flush_copy()
        return Archive(f"{self._algorithm}:{self._hash.hexdigest()}", self._offset, sorted(self._pieces), self._made)

    # -- the tree --------------------------------------------------------------------------------------------------

    def folder(self, path: bytes, tree_id: str) -> None:
        """All that is in a folder with much in it."""
        if not self._reuse(key_of(b"folder", path, tree_id.encode())):
            self._divide(path, tree_id, self._store.folder_bytes(tree_id))

    def _divide(self, path: bytes, tree_id: str, raw: bytes) -> None:
        start = self._offset
        for group in self._groups(path, raw):
            self._group(path, group)
        self._note(key_of(b"folder", path, tree_id.encode()), start)

    def _group(self, path: bytes, group: Group) -> None:
        if self._reuse(group.key):
            return
        start = self._offset
        for entry in group.entries():
            self._entry(path, entry)
        self._close_member()
        self._note(group.key, start)

    def _entry(self, parent: bytes, entry: Entry) -> None:
        """Links and submodules are left out, as Flux does."""
        name, (stored, octal) = entry
        path = parent + b"/" + name if parent else name
        identity, mode = stored[-ID_BYTES:].hex(), int(octal, 8)
        if mode == _FOLDER:
            self._add(folder_header(path))
            self._inner_folder(path, identity)
        elif mode in _FILES:
            self._file_entry(path, identity, mode)

    def _inner_folder(self, path: bytes, tree_id: str) -> None:
        if key_of(b"folder", path, tree_id.encode()) in self._known:  # then it is a large one
            self._close_member()
            self.folder(path, tree_id)
            return
        raw = self._store.folder_bytes(tree_id)
        if _Measure(self._store).is_large(raw):
            self._close_member()
            self._divide(path, tree_id, raw)
        else:
            for each in entries_of(raw):
                self._entry(path, each)

    def _file_entry(self, path: bytes, identity: str, mode: int) -> None:
        executable = mode == _EXECUTABLE
        if self._store.file_size(identity) < _LARGE_FILE_BYTES:
            self._content(path, identity, executable=executable)
            return
        self._close_member()
        key = key_of(b"file", path, b"%o" % mode, identity.encode())
        if self._reuse(key):
            return
        start = self._offset
        self._content(path, identity, executable=executable)
        self._close_member()
        self._note(key, start)

    def _content(self, path: bytes, identity: str, *, executable: bool) -> None:
        data = self._store.get_blob(identity).data
        header = file_header(path, len(data), executable=executable)
        if len(data) < _LARGE_FILE_BYTES:
            self._add(header + data + padding(len(data)))
        else:
            for part in (header, data, padding(len(data))):
                self._add(part)

    # -- the bytes -------------------------------------------------------------------------------------------------

    def _note(self, key: bytes, start: int) -> None:
        """What was written since ``start`` is a piece; no member is open at its two ends."""
        if self._offset > start:
            self._pieces.append(Piece(start, self._offset - start, key))

    def _add(self, data: bytes) -> None:
        self._flush_copy()
        if self._member is None:
            self._member = zlib.compressobj(_LEVEL, wbits=_GZIP)
        self._emit(self._member.compress(data))

    def _close_member(self) -> None:
        if self._member is not None:
            self._emit(self._member.flush())
            self._member = None

    def _emit(self, data: bytes) -> None:
        self._made += len(data)
        self._offset += len(data)
        self._put(data)

    def _put(self, data: bytes) -> None:
        self._hash.update(data)
        self._target.write(data)

    def _reuse(self, key: bytes) -> bool:
        """Take over a piece with all that lie within it."""
        number = self._known.get(key)
        if number is None:
            return False
        start, length, _ = self._before[number]
        moved = self._offset - start
        within = self._within(number)
        self._pieces += [Piece(each.start + moved, each.length, each.key) for each in within] if moved else within
        if start != self._copy[1]:
            self._flush_copy()
            self._copy = (start, start)
        self._copy = (self._copy[0], start + length)
        self._offset += length
        return True

    def _within(self, number: int) -> list[Piece]:
        """A piece of the previous archive, and all that lie in it."""
        before, piece = self._before, self._before[number]
        end = piece.start + piece.length
        if (not number or before[number - 1].start < piece.start) and (
            number + 1 == len(before) or before[number + 1].start >= end
        ):
            return [piece]  # there may be hundreds of them: those of a folder with thousands of names
        found = before[bisect_left(before, (piece.start,)) : bisect_left(before, (end,))]
        return [each for each in found if each.start + each.length <= end]

    def _flush_copy(self) -> None:
        position, end = self._copy
        if self._file is None or position == end:
            return
        while position < end:
            data = os.pread(self._file.fileno(), min(_COPY_BYTES, end - position), position)
            if not data:
                raise OSError("the previous archive has become shorter")
            self._put(data)
            position += len(data)
        self._copy = (end, end)


class _Measure:
    """Whether much is in and below a folder; looks at a few dozen folders at most."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._left = _SMALL_FOLDER_BYTES

    def is_large(self, raw: bytes) -> bool:
        self._left -= len(raw)
        if self._left < 0:
            return True
        below = [stored[-ID_BYTES:].hex() for _, (stored, octal) in entries_of(raw) if int(octal, 8) == _FOLDER]
        return any(self.is_large(self._store.folder_bytes(tree_id)) for tree_id in below)
