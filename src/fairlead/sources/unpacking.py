"""Taking a small pack apart in this process: starting Git for a commit of one file takes longer than all else in it.

Only packs that are in perfect order are understood. Of everything else Git itself is asked, which also says what is
wrong with it. A pack comes from a server that may be hostile, so what it says of sizes is believed up to a limit only,
and what it lacks is asked of whoever calls, who knows what that server may refer to. Whoever reads the objects later
checks their ids, collisions of SHA-1 included.

The forms are those of gitformat-pack(5).
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from contextlib import suppress
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["MOST_BASE_BYTES", "MOST_BYTES", "PackedObject", "unpack"]

MOST_BYTES = 256 * 1024
"""Of a pack; a commit as people make them has some hundred."""
MOST_BASE_BYTES = 1024 * 1024
"""Of an object to which a pack refers."""
_MOST_OBJECTS = 500
_MOST_UNPACKED_BYTES = 4 * 1024 * 1024
"""All contents, deltas and foreign bases together."""
_MOST_PIECES = 20_000
"""Of which deltas put contents together: a pack of two kilobytes could ask for millions."""

_HEADER = struct.Struct(">4sII")
_ID_BYTES = 20
_TYPES = {1: b"commit", 2: b"tree", 3: b"blob", 4: b"tag"}
_OFFSET_DELTA, _REFERENCE_DELTA = 6, 7


class PackedObject(NamedTuple):
    """One whole object; ``kind`` is the number that Git has for its type."""

    object_id: str
    kind: int
    content: bytes


class _UnusualError(Exception):
    """Something that only Git may judge."""


@dataclass(frozen=True, slots=True)
class _Delta:
    """What differs from another object, which is named by its place in the pack or by its id."""

    base: int | str
    content: bytes


def unpack(pack: bytes, lookup: Callable[[str], tuple[int, bytes] | None]) -> list[PackedObject] | None:
    """All objects of a pack; ``None`` when it is large or in any way unusual.

    ``lookup`` gives type and content of an object that the pack does not hold but refers to, if that is permitted.
    """
    with suppress(_UnusualError, zlib.error, IndexError, struct.error):
        return _Unpacking(pack, lookup).objects()
    return None


class _Unpacking:
    def __init__(self, pack: bytes, lookup: Callable[[str], tuple[int, bytes] | None]) -> None:
        self._pack = pack
        self._lookup = lookup
        self._left = _MOST_UNPACKED_BYTES
        """How many bytes may still be unpacked."""
        self._pieces_left = _MOST_PIECES
        self._whole: dict[int | str, tuple[int, bytes]] = {}
        """Type and content by place and by id."""
        self._found: list[PackedObject] = []

    def objects(self) -> list[PackedObject]:
        end = len(self._pack) - _ID_BYTES
        magic, version, count = _HEADER.unpack_from(self._pack)
        _demand(magic == b"PACK" and version == 2 and count <= _MOST_OBJECTS and len(self._pack) <= MOST_BYTES)
        _demand(hashlib.sha1(self._pack[:end], usedforsecurity=False).digest() == self._pack[end:])
        place, deltas = _HEADER.size, dict[int, _Delta]()
        for _ in range(count):
            start = place
            place = self._read_entry(start, deltas)
        _demand(place == end)
        self._resolve(deltas)
        return self._found

    def _read_entry(self, start: int, deltas: dict[int, _Delta]) -> int:
        """Returns where the next one begins."""
        kind, size, place = self._entry_header(start)
        base: int | str | None = None
        if kind == _OFFSET_DELTA:
            distance, place = self._distance(place)
            base = start - distance
        elif kind == _REFERENCE_DELTA:
            base, place = self._pack[place : place + _ID_BYTES].hex(), place + _ID_BYTES
        else:
            _demand(kind in _TYPES)
        content, place = self._inflate(place, size)
        if base is None:
            self._add(start, kind, content)
        else:
            deltas[start] = _Delta(base, content)
        return place

    def _entry_header(self, place: int) -> tuple[int, int, int]:
        """Type, size, and where it ends: four bits of the size, and seven in each byte that follows."""
        byte = self._pack[place]
        kind, size, shift = (byte >> 4) & 0x07, byte & 0x0F, 4
        while byte & 0x80:
            place += 1
            byte = self._pack[place]
            size |= (byte & 0x7F) << shift
            shift += 7
            _demand(size <= _MOST_UNPACKED_BYTES)
        return kind, size, place + 1

    def _distance(self, place: int) -> tuple[int, int]:
        """How far before an entry its base begins, and where that number ends."""
        byte = self._pack[place]
        distance = byte & 0x7F
        while byte & 0x80:
            place += 1
            byte = self._pack[place]
            distance = ((distance + 1) << 7) | (byte & 0x7F)
            _demand(distance <= len(self._pack))
        return distance, place + 1

    def _inflate(self, place: int, size: int) -> tuple[bytes, int]:
        self._spend(size)
        stream = zlib.decompressobj()
        content = stream.decompress(
            self._pack[place:], size + 1
        )  # room for more: so the end is seen, and what is too long
        _demand(stream.eof and len(content) == size)
        return content, len(self._pack) - len(stream.unused_data)

    def _spend(self, size: int) -> None:
        self._left -= size
        _demand(self._left >= 0)

    def _add(self, start: int, kind: int, content: bytes) -> None:
        header = b"%s %d\0" % (_TYPES[kind], len(content))
        object_id = hashlib.sha1(header + content, usedforsecurity=False).hexdigest()
        if object_id not in self._whole:
            self._found.append(PackedObject(object_id, kind, content))
        self._whole[start] = self._whole[object_id] = kind, content

    def _resolve(self, deltas: dict[int, _Delta]) -> None:
        """A base may come after what is made from it, and be made from another one itself."""
        while deltas:
            ready = {start: delta for start, delta in deltas.items() if delta.base in self._whole}
            for start, delta in ready.items() or self._foreign(deltas).items():
                kind, base = self._whole[delta.base]
                self._add(start, kind, self._apply(base, delta.content))
                del deltas[start]

    def _foreign(self, deltas: dict[int, _Delta]) -> dict[int, _Delta]:
        """One whose base is not in the pack."""
        for start, delta in deltas.items():
            if isinstance(delta.base, str) and (known := self._lookup(delta.base)):
                self._spend(len(known[1]))
                self._whole[delta.base] = known
                return {start: delta}
        raise _UnusualError

    def _apply(self, base: bytes, delta: bytes) -> bytes:
        """Pieces of the base and new ones, in a row."""
        base_size, place = _size(delta, 0)
        size, place = _size(delta, place)
        _demand(base_size == len(base))
        self._spend(size)
        pieces: list[bytes] = []
        left = size
        while place < len(delta):
            command = delta[place]
            place += 1
            if command & 0x80:
                offset, length, place = _copy(delta, command, place)
                piece = base[offset : offset + length]
            else:
                length = command
                piece = delta[place : place + length]
                place += length
            _demand(len(piece) == length > 0)
            left -= length
            _demand(left >= 0)
            pieces.append(piece)
            self._pieces_left -= 1
            _demand(self._pieces_left >= 0)
        _demand(left == 0)
        return b"".join(pieces)


def _size(delta: bytes, place: int) -> tuple[int, int]:
    """Seven bits in each byte, the lowest first; and where it ends."""
    size = shift = 0
    while True:
        byte = delta[place]
        place += 1
        size |= (byte & 0x7F) << shift
        shift += 7
        _demand(size <= _MOST_UNPACKED_BYTES)
        if not byte & 0x80:
            return size, place


def _copy(delta: bytes, command: int, place: int) -> tuple[int, int, int]:
    """Offset and length in the base, of which only the bytes that are not zero are there; and where they end."""
    offset = length = 0
    for number in range(4):
        if command & (1 << number):
            offset |= delta[place] << (8 * number)
            place += 1
    for number in range(3):
        if command & (0x10 << number):
            length |= delta[place] << (8 * number)
            place += 1
    return offset, length or 0x10000, place


def _demand(truth: bool) -> None:
    if not truth:
        raise _UnusualError
