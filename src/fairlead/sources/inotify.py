"""Linux's inotify for an event loop: a few system calls through ctypes.

``watchfiles`` looks every few milliseconds whether its thread has collected something, which costs CPU while nothing
happens; this wakes up exactly when the kernel has news.
"""

from __future__ import annotations

import asyncio
import ctypes
import os
import struct
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["Event", "Inotify"]

_CREATE, _DELETE, _MOVED_TO, _MOVED_FROM = 0x100, 0x200, 0x80, 0x40
_CLOSE_WRITE, _DELETE_SELF, _MOVE_SELF = 0x8, 0x400, 0x800
_IGNORED, _OVERFLOW, _IS_FOLDER, _ONLY_FOLDER = 0x8000, 0x4000, 0x40000000, 0x1000000
_MASK = _CREATE | _DELETE | _MOVED_TO | _MOVED_FROM | _CLOSE_WRITE | _DELETE_SELF | _MOVE_SELF | _ONLY_FOLDER
_HEAD = struct.Struct("iIII")
_BUFFER_BYTES = 64 * 1024


@dataclass(frozen=True, slots=True)
class Event:
    """Something happened in a watched folder; ``watch`` is the number that :meth:`Inotify.add` gave."""

    watch: int
    name: str
    is_folder: bool
    appeared: bool
    """The name is new (created or moved here)."""
    gone: bool
    """The watched folder itself is gone, and so is the watch."""
    overflow: bool = False
    """Events were lost; everything has to be looked at."""


class Inotify:
    """One inotify instance that calls back on the running loop. Raises ``OSError`` where there is no inotify."""

    def __init__(self, on_events: Callable[[list[Event]], None]) -> None:
        try:
            self._libc = ctypes.CDLL(None, use_errno=True)
            self._libc.inotify_add_watch.argtypes = (ctypes.c_int, ctypes.c_char_p, ctypes.c_uint32)
            self._descriptor = self._libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        except AttributeError:
            raise OSError("this system has no inotify") from None
        if self._descriptor < 0:
            raise _os_error("inotify")
        self._on_events = on_events
        self._loop = asyncio.get_running_loop()
        self._loop.add_reader(self._descriptor, self._read)

    def add(self, folder: str) -> int:
        """Watch a folder (not what is below its folders); the same folder gives the same number."""
        watch = self._libc.inotify_add_watch(self._descriptor, os.fsencode(folder), _MASK)
        if watch < 0:
            raise _os_error(folder)
        return int(watch)

    def remove(self, watch: int) -> None:
        self._libc.inotify_rm_watch(self._descriptor, watch)

    def close(self) -> None:
        self._loop.remove_reader(self._descriptor)
        os.close(self._descriptor)

    def _read(self) -> None:
        try:
            data = os.read(self._descriptor, _BUFFER_BYTES)
        except BlockingIOError:
            return
        events: list[Event] = []
        position = 0
        while position < len(data):
            watch, mask, _, length = _HEAD.unpack_from(data, position)
            position += _HEAD.size + length
            name = os.fsdecode(data[position - length : position].rstrip(b"\0"))
            events.append(_event(watch, mask, name))
        self._on_events(events)


def _event(watch: int, mask: int, name: str) -> Event:
    return Event(
        watch,
        name,
        is_folder=bool(mask & _IS_FOLDER),
        appeared=bool(mask & (_CREATE | _MOVED_TO)),
        gone=bool(mask & (_IGNORED | _DELETE_SELF | _MOVE_SELF)),
        overflow=bool(mask & _OVERFLOW),
    )


def _os_error(what: str) -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number), what)
