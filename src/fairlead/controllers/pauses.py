"""How long nothing is done between two runs of a resource, as its spec says."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from datetime import timedelta

__all__ = ["NEVER", "SHORTEST_SECONDS", "seconds_of"]

NEVER = float("inf")
SHORTEST_SECONDS = 0.1
"""Who asks for less would keep the controllers, and a Git server, from all other work."""


def seconds_of(pause: timedelta, spread: float = 1.0) -> float:
    """Seconds to the next run; :data:`NEVER` for ``0s``: as in Flux, then only an event brings one."""
    return max(pause.total_seconds() * spread, SHORTEST_SECONDS) if pause else NEVER
