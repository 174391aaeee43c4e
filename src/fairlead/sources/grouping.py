"""How the names of a folder fall into groups, told of a large folder from the groups of its last version.

A group ends after a name whose checksum says so, or when it is full. So groups depend on names alone, and as long as no
name comes or goes only those have to be looked at in which an id is another one.
"""

from __future__ import annotations

import hashlib
import re
import threading
import zlib
from collections import OrderedDict
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.sources.folders import common_end, common_start

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["ID_BYTES", "Entry", "Group", "Grouping", "entries_of", "key_of"]

ID_BYTES = 20
_AVERAGE, _MOST = 8, 32
"""Names in a group."""
_KEY_BYTES = 16
_LARGE = 8 * 1024
"""The groups of smaller folders are found as quickly as they are remembered."""
_REMEMBERED_BYTES = 2 * 1024 * 1024
_STORED = re.compile(rb"((\d+) ([^\0]*)\0.{20})", re.DOTALL)
"""A name of a folder in Git's form: taken apart in one go, for a folder may have thousands."""

Entry = tuple[bytes, tuple[bytes, bytes]]
"""A name, and what Git stores for it: all of it (the id comes last), and the mode."""


@dataclass(frozen=True, slots=True)
class Group:
    """Some names of a folder."""

    key: bytes
    """Sixteen bytes: place and content."""
    raw: bytes
    """In Git's form, in byte order of the names."""

    def entries(self) -> list[Entry]:
        return entries_of(self.raw)


class Grouping:
    """Groups of folders; of large ones it remembers the last version at each place. Threads may share it."""

    def __init__(self) -> None:
        self._last: OrderedDict[object, list[Group]] = OrderedDict()
        self._bytes = 0
        self._lock = threading.Lock()

    def groups(self, owner: object, path: bytes, raw: bytes) -> list[Group]:
        """Of a folder in Git's form; ``owner`` is whose path it is."""
        if len(raw) < _LARGE:
            return _all_groups(path, raw)
        place = owner, path
        with self._lock:
            before = self._last.get(place)
        found = (_changed_groups(path, before, raw) if before else None) or _all_groups(path, raw)
        if b"".join([group.raw for group in found]) == raw:  # else Git has another order, or a name was left out
            self._keep(place, found)
        return found

    def _keep(self, place: object, groups: list[Group]) -> None:
        with self._lock:
            self._bytes += _weight(groups) - _weight(self._last.pop(place, []))
            self._last[place] = groups
            while self._bytes > _REMEMBERED_BYTES:
                self._bytes -= _weight(self._last.popitem(last=False)[1])


def _weight(groups: list[Group]) -> int:
    return sum([len(group.raw) for group in groups])


def _changed_groups(path: bytes, before: list[Group], raw: bytes) -> list[Group] | None:
    """Those of the last version with the differing ones in place; ``None`` when a name came or went."""
    old = b"".join([group.raw for group in before])
    if len(old) != len(raw):
        return None
    start = common_start(old, raw)
    end = len(raw) - common_end(old[start:], raw[start:])
    found: list[Group] = []
    place = 0
    for group in before:
        following = place + len(group.raw)
        if place < end and following > start:
            part = raw[place:following]
            if _names(part) != _names(group.raw):
                return None
            group = Group(_key_of_group(path, entries_of(part)), part)
        found.append(group)
        place = following
    return found


def _names(raw: bytes) -> list[tuple[int, bytes]]:
    """With their places; what is no whole name makes a difference."""
    found = [(match.end(), match[3]) for match in _STORED.finditer(raw)]
    return found if found and found[-1][0] == len(raw) else [(-1, raw)]


def _all_groups(path: bytes, raw: bytes) -> list[Group]:
    return [
        Group(_key_of_group(path, group), b"".join(stored for _, (stored, _) in group))
        for group in _divided(entries_of(raw))
    ]


def _key_of_group(path: bytes, group: list[Entry]) -> bytes:
    return key_of(b"group", path, *[stored for _, (stored, _) in group])


def _divided(entries: list[Entry]) -> Iterator[list[Entry]]:
    group: list[Entry] = []
    for entry in entries:
        group.append(entry)
        if zlib.crc32(entry[0]) % _AVERAGE == 0 or len(group) == _MOST:
            yield group
            group = []
    if group:
        yield group


def entries_of(raw: bytes) -> list[Entry]:
    """The names of a folder in byte order; without those that would lead elsewhere, and each once."""
    found = {name: (stored, octal) for stored, octal, name in _STORED.findall(raw) if b"/" not in name}
    for name in (b"", b".", b".."):
        found.pop(name, None)
    return sorted(found.items())


def key_of(*parts: bytes) -> bytes:
    """What stands for a piece of an archive: kind, place and content."""
    return hashlib.blake2b(b"\0\0".join(parts), digest_size=_KEY_BYTES).digest()
