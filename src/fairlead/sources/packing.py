"""Writing a pack of a few objects, quickly: in a fetch of one small commit compressing took longer than all the rest.

A folder is mostly ids, which do not compress, so it is stored as it is; files are compressed lightly, and nothing is a
difference to something else. Merging packs makes all of it small again. The forms are those of gitformat-pack(5):
version 2 of the pack and of its index.
"""

from __future__ import annotations

import hashlib
import os
import struct
import zlib
from itertools import accumulate
from typing import TYPE_CHECKING

from pygit2.enums import ObjectType

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

__all__ = ["write_pack"]

_PACK_HEADER = struct.Struct(">4sII")
_VERSION = 2
_INDEX_MAGIC = b"\xfftOc"
_LARGEST_PACK_BYTES = 2**31 - 1
"""Beyond that an index needs another form, and who writes so much should compress it."""
_AS_IT_IS, _LIGHTLY = 0, 1


def write_pack(objects: Iterable[tuple[str, int, bytes]], folder: Path) -> None:
    """Write id, type and content of these objects, each one once, as a pack of ``folder``; it appears whole or not.

    The ids are taken as they are given.
    """
    entries: list[tuple[bytes, int, int]] = []
    """Id, checksum and place."""
    chunks = [b""]
    place = _PACK_HEADER.size
    for object_id, kind, content in objects:
        packed = _entry(kind, content)
        entries.append((bytes.fromhex(object_id), zlib.crc32(packed), place))
        chunks.append(packed)
        place += len(packed)
    if place > _LARGEST_PACK_BYTES:
        raise ValueError("this is more than a small pack may hold")
    chunks[0] = _PACK_HEADER.pack(b"PACK", _VERSION, len(entries))
    pack = b"".join(chunks)
    digest = _sha1(pack)
    index = _index(sorted(entries), digest)
    name = f"pack-{digest.hex()}"
    _put(folder / f"{name}.pack", pack + digest)
    _put(folder / f"{name}.idx", index + _sha1(index))  # the last one: it makes the pack visible to readers


def _entry(kind: int, content: bytes) -> bytes:
    level = _AS_IT_IS if kind == ObjectType.TREE else _LIGHTLY
    return _entry_header(kind, len(content)) + zlib.compress(content, level)


def _entry_header(kind: int, size: int) -> bytes:
    """Type and size: four bits of it in the first byte, seven in each that follows, the lowest first."""
    byte, left = (kind << 4) | (size & 0x0F), size >> 4
    header = bytearray()
    while left:
        header.append(byte | 0x80)
        byte, left = left & 0x7F, left >> 7
    header.append(byte)
    return bytes(header)


def _index(entries: list[tuple[bytes, int, int]], pack_digest: bytes) -> bytes:
    """Everything but its own checksum; the entries are sorted by id."""
    starting_with = [0] * 256
    for object_id, _, _ in entries:
        starting_with[object_id[0]] += 1
    return b"".join(
        (
            _INDEX_MAGIC,
            struct.pack(">257I", _VERSION, *accumulate(starting_with)),
            *(object_id for object_id, _, _ in entries),
            struct.pack(f">{len(entries)}I", *(checksum for _, checksum, _ in entries)),
            struct.pack(f">{len(entries)}I", *(place for _, _, place in entries)),
            pack_digest,
        )
    )


def _put(path: Path, content: bytes) -> None:
    """What is left of it by a process that is killed is swept by its name."""
    fresh = path.with_name(f"tmp_{os.urandom(8).hex()}")
    fresh.write_bytes(content)
    fresh.chmod(0o444)
    fresh.replace(path)


def _sha1(content: bytes) -> bytes:
    return hashlib.sha1(content, usedforsecurity=False).digest()
