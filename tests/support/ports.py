"""Ports for programs that have to be told theirs before they start."""

from __future__ import annotations

import random
import socket
from contextlib import suppress

__all__ = ["free_port"]

_RANGE = range(20_000, 30_000)
"""Below those that the system hands out: one of these could go to a connection before the program listens."""
_CHANCE = random.SystemRandom()
"""Not that of the tests, which begins alike in all processes that run them."""


def free_port() -> int:
    """One of this machine that nobody listens on."""
    while True:
        port = _CHANCE.choice(_RANGE)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port
