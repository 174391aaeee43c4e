"""Time as the simulation sees it: wall time for stamps, and how long simulated things take."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime


def now() -> datetime:
    return datetime.now(UTC)


def stamp(moment: datetime | None = None) -> str:
    """``2026-01-31T10:00:00Z``: a ``metav1.Time``."""
    return (moment or now()).strftime("%Y-%m-%dT%H:%M:%SZ")


def micro_stamp(moment: datetime | None = None) -> str:
    """``2026-01-31T10:00:00.123456Z``: a ``metav1.MicroTime``."""
    return (moment or now()).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def parse_stamp(text: str) -> datetime:
    return datetime.fromisoformat(text)


@dataclass(frozen=True, slots=True)
class Timing:
    """How long things take, in seconds at speed 1.

    Long enough that a person and a watch can see the states in between, short enough that nobody waits for them.
    """

    schedule: float = 0.2  # a pod that does not fit until that is said
    start: float = 0.3  # image pull and container start: plus up to `start_jitter`
    start_jitter: float = 0.25
    init: float = 0.1  # an init container's run
    pull_backoff: float = 0.3  # ErrImagePull until ImagePullBackOff
    run: float = 0.5  # a container that ends by itself
    crash_backoff: float = 1.0  # the first wait of CrashLoopBackOff; doubles
    crash_backoff_limit: float = 300.0
    terminate: float = 0.1  # a deleted pod until it is gone
    provision: float = 0.05  # a volume or a load balancer address
