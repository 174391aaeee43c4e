"""Give memory back to the system soon after it was used.

The C library keeps what large buffers took (a page of a list, a tree) for the next one, and gives each thread a heap of
its own. A process that lives for months and has a busy minute now and then is better off without both.
"""

from __future__ import annotations

import ctypes
import sys

__all__ = ["tune"]

_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
LARGE_BYTES = 128 * 1024


def tune() -> None:
    """For glibc; elsewhere nothing happens. Values that are set do not grow any more, which they do by default."""
    if sys.platform != "linux":
        return
    set_option = getattr(ctypes.CDLL(None), "mallopt", None)
    if set_option is not None:
        set_option(_ARENA_MAX, 2)
        set_option(_TRIM_THRESHOLD, LARGE_BYTES)
        set_option(_MMAP_THRESHOLD, LARGE_BYTES)
