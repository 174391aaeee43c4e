"""What differs between two versions of a folder, told from the bytes in which Git stores it.

A folder may have thousands of names, and a commit changes one of them. So the bytes that both versions have in common
are skipped as they are, and only what lies between them is taken apart.
"""

from __future__ import annotations

import os
import threading
from collections import OrderedDict
from typing import TYPE_CHECKING, NamedTuple

import pygit2
from pygit2.enums import ObjectType

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = [
    "Difference",
    "FolderMemory",
    "RawEntry",
    "common_end",
    "common_start",
    "differences",
    "entries_of",
    "folder_bytes",
]

RawEntry = tuple[str, int]
"""Object id and file mode of one name in a folder."""

_ID_BYTES = 20
_REMEMBERED_PAIRS = 256
_REMEMBERED_BYTES = 1024 * 1024
_LARGE = 8 * 1024
"""Smaller folders are read again as quickly as they are remembered."""
_Entries = dict[bytes, tuple[bytes, bytes]]
"""Mode and id by name, as they are stored."""


class Difference(NamedTuple):
    """One name that stands for something else than before."""

    name: str
    """Bytes that are no UTF-8 survive as surrogates."""
    before: RawEntry | None
    after: RawEntry | None


class FolderMemory:
    """The contents of the last large folders, and what differs between versions: all who handle a commit ask that.

    An id stands for the same content wherever it is kept, so one answer serves all. It does not say that the folder is
    in a certain place: who has to know that asks there. Threads may share it.
    """

    def __init__(self) -> None:
        self._pairs: OrderedDict[tuple[str, str], tuple[Difference, ...]] = OrderedDict()
        self._contents: OrderedDict[str, bytes] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def differences(self, before: str, after: str, read: Callable[[str], bytes]) -> tuple[Difference, ...]:
        """The names that differ between two folders; raises what ``read`` raises, if it is asked."""
        with self._lock:
            known = self._pairs.get((before, after))
        if known is None:
            known = tuple(differences(self.content(before, read), self.content(after, read)))
            with self._lock:
                self._pairs[before, after] = known
                if len(self._pairs) > _REMEMBERED_PAIRS:
                    self._pairs.popitem(last=False)
        return known

    def get(self, tree_id: str) -> bytes | None:
        """A folder as Git stores it, if it is remembered."""
        with self._lock:
            if tree_id in self._contents:
                self._contents.move_to_end(tree_id)
            return self._contents.get(tree_id)

    def content(self, tree_id: str, read: Callable[[str], bytes]) -> bytes:
        """A folder as Git stores it; raises what ``read`` raises, if it is asked."""
        known = self.get(tree_id)
        if known is not None:
            return known
        content = read(tree_id)
        if len(content) >= _LARGE:
            self._keep(tree_id, content)
        return content

    def _keep(self, tree_id: str, content: bytes) -> None:
        with self._lock:
            if tree_id in self._contents:
                return
            self._contents[tree_id] = content
            self._bytes += len(content)
            while self._bytes > _REMEMBERED_BYTES:
                self._bytes -= len(self._contents.popitem(last=False)[1])


def folder_bytes(objects: pygit2.Odb, tree_id: str) -> bytes:
    """A folder as Git stores it; raises ``KeyError`` for what is not there, cannot be read, or is no folder."""
    try:
        kind, data = objects.read(pygit2.Oid(hex=tree_id))
    except (ValueError, pygit2.GitError) as error:
        raise KeyError(tree_id) from error
    if kind != ObjectType.TREE:
        raise KeyError(tree_id)
    return data


def entries_of(raw: bytes) -> dict[str, RawEntry]:
    """All names of a folder in Git's form."""
    return {each.name: each.after for each in differences(b"", raw) if each.after}


def differences(before: bytes, after: bytes) -> list[Difference]:
    """The names that differ between two folders in Git's form: ``mode SP name NUL id`` for each, in a row."""
    start = _last_boundary(before, common_start(before, after))
    alike = common_end(before[start:], after[start:])
    old: _Entries = {}
    new: _Entries = {}
    here = there = start
    # Both have come to the common end, and to the same place in it: what looks like the end of one name may be the
    # middle of another.
    while (left := len(before) - here) != (right := len(after) - there) or left > alike:
        if left >= right:
            here = _take(before, here, old)
        else:
            there = _take(after, there, new)
    names = [name for name in {**old, **new} if old.get(name) != new.get(name)]
    return [Difference(os.fsdecode(name), _entry(old.get(name)), _entry(new.get(name))) for name in names]


def _take(raw: bytes, position: int, entries: _Entries) -> int:
    """Read one entry; returns where the next one begins."""
    end = raw.index(0, position)
    mode, _, name = raw[position:end].partition(b" ")
    following = end + 1 + _ID_BYTES
    entries[name] = (mode, raw[end + 1 : following])
    return following


def _entry(stored: tuple[bytes, bytes] | None) -> RawEntry | None:
    return None if stored is None else (stored[1].hex(), int(stored[0], 8))


def _last_boundary(raw: bytes, limit: int) -> int:
    """Where the last entry begins that does not lie wholly before ``limit``, or the end."""
    position = following = 0
    while following <= limit:
        position = following
        if position >= len(raw):
            break
        following = raw.index(0, position) + 1 + _ID_BYTES
    return position


def common_start(one: bytes, other: bytes) -> int:
    """How many bytes are the same at the start."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[low:middle] == other[low:middle]:
            low = middle
        else:
            high = middle - 1
    return low


def common_end(one: bytes, other: bytes) -> int:
    """How many bytes are the same at the end."""
    low, high = 0, min(len(one), len(other))
    while low < high:
        middle = (low + high + 1) // 2
        if one[len(one) - middle : len(one) - low] == other[len(other) - middle : len(other) - low]:
            low = middle
        else:
            high = middle - 1
    return low
