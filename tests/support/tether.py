"""Programs that do not outlive whoever started them, were it killed: ``Popen(tethered(["etcd", …]))``.

A wrapper asks the kernel for a signal at the death of its parent, and becomes the program: pid, pipes and environment
are as without it. The parent is the thread that starts it, which therefore is a main thread. Elsewhere than on Linux
the wrapper does nothing but become the program.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["tethered"]

_PR_SET_PDEATHSIG = 1


def tethered(command: Sequence[str]) -> list[str]:
    """The command with the wrapper before it."""
    return [sys.executable, "-I", "-S", __file__, str(os.getpid()), *command]


def _become(parent: int, command: list[str]) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() == parent:  # otherwise it died before the kernel was asked
        os.execvp(command[0], command)


if __name__ == "__main__":
    _become(int(sys.argv[1]), sys.argv[2:])
