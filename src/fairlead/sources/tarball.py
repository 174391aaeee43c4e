"""The entries of a tar file, as bytes: folders and regular files whose header says nothing but name, size and mode.

Two trees with the same names, contents and executable bits give the same bytes, whoever writes them and when. The form
is POSIX ustar; a name that does not fit into it (too long, or not ASCII) gets a pax record, as Go's writer does.
"""

from __future__ import annotations

__all__ = ["END", "file_header", "folder_header", "padding"]

BLOCK_BYTES = 512
END = bytes(2 * BLOCK_BYTES)
"""What closes a tar file."""

_FILE_MODE, _EXECUTABLE_MODE, _FOLDER_MODE = 0o600, 0o700, 0o750
_NAME_BYTES, _PREFIX_BYTES = 100, 155


def folder_header(path: bytes) -> bytes:
    """A folder; ``path`` without a slash at its end."""
    return _entry(path + b"/", 0, _FOLDER_MODE, b"5")


def file_header(path: bytes, size: int, *, executable: bool) -> bytes:
    """A regular file; its content follows, and :func:`padding`."""
    return _entry(path, size, _EXECUTABLE_MODE if executable else _FILE_MODE, b"0")


def padding(size: int) -> bytes:
    """What follows a content of so many bytes."""
    return bytes(-size % BLOCK_BYTES)


def _entry(path: bytes, size: int, mode: int, kind: bytes) -> bytes:
    place = _split(path)
    if place is not None:
        return _header(*place, size, mode, kind)
    record = _record(b"path", path)
    long_name = _header(b"", b"PaxHeaders.0/long", len(record), 0o644, b"x") + record + padding(len(record))
    return long_name + _header(b"", path[:_NAME_BYTES], size, mode, kind)


def _split(path: bytes) -> tuple[bytes, bytes] | None:
    """Prefix and name of ustar; ``None`` when they cannot hold it."""
    if not path.isascii():
        return None
    if len(path) <= _NAME_BYTES:
        return b"", path
    # The name is what follows a slash; that of a folder ends with one, which cannot be it.
    slash = path.rfind(b"/", 0, min(_PREFIX_BYTES + 1, len(path) - 1))
    if slash <= 0 or len(path) - slash - 1 > _NAME_BYTES:
        return None
    return path[:slash], path[slash + 1 :]


def _record(key: bytes, value: bytes) -> bytes:
    """``LENGTH key=value LF``, where the length counts its own digits."""
    rest = b" %b=%b\n" % (key, value)
    length = len(rest)
    while length != len(rest) + len(str(length)):
        length = len(rest) + len(str(length))
    return str(length).encode() + rest


def _header(prefix: bytes, name: bytes, size: int, mode: int, kind: bytes) -> bytes:
    """One block: names, owner 0, time 0; the sum is taken with blanks in its own place."""
    start = b"%b%07o\x000000000\x000000000\x00%011o\x0000000000000\x00" % (name.ljust(100, b"\0"), mode, size)
    rest = b"%bustar\x0000%b0000000\x000000000\x00%b" % (
        kind.ljust(101, b"\0"),
        bytes(64),
        prefix.ljust(167, b"\0"),
    )
    total = sum(start) + 8 * 0x20 + sum(rest)
    return b"%b%06o\x00 %b" % (start, total, rest)
