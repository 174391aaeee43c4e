"""How the client behaves; nothing here depends on which cluster it talks to."""

from __future__ import annotations

import random
from dataclasses import dataclass

__all__ = ["Backoff", "ClientOptions"]


@dataclass(frozen=True, slots=True)
class Backoff:
    """Growing pauses: ``base`` doubles with each failure up to ``maximum``; ``jitter`` of it is random.

    Jitter keeps many clients, or many keys, that failed together from coming back together.
    """

    base: float
    maximum: float
    jitter: float = 0.2

    def delay(self, failures: int) -> float:
        """Seconds to wait after the given number of failures in a row (1 or more)."""
        delay = min(self.base * 2.0 ** min(failures - 1, 60), self.maximum)
        return delay * (1 - self.jitter * random.random())  # noqa: S311 - spreads load, hides nothing


@dataclass(frozen=True, slots=True, kw_only=True)
class ClientOptions:
    """Limits of one client. All derived (impersonating) clients share them."""

    concurrency: int = 64
    """Requests in flight; more wait in line. 64 keeps a busy client below the server's default share for one flow
    (priority and fairness) and is far more than one core of Python can keep busy. Watches are not counted."""
    request_timeout: float = 60.0
    """Seconds for one attempt, the answer's body included; admission webhooks may take 30."""
    connect_timeout: float = 10.0
    """Seconds to establish a connection, TLS included."""
    retries: int = 4
    """Further attempts after a failure that a repetition may heal; then the error is raised."""
    backoff: Backoff = Backoff(base=0.1, maximum=5.0, jitter=0.5)
    """Pauses between attempts, unless the server names one (Retry-After)."""
    retry_after_limit: float = 30.0
    """The longest Retry-After that is waited for inside a request; a longer one is the caller's to plan."""
    page_size: int = 1500
    """Objects in the first page of a list: bounds memory and the time that the loop is blocked by decoding. A thousand
    of anything that weighs a few kilobytes come in one request."""
    page_bytes: int = 4 << 20
    """What a further page should weigh: many small objects come in few requests, large ones in more."""
    watch_seconds: tuple[float, float] = (300.0, 600.0)
    """A watch asks the server to end it after a random time in this range, so that load spreads over its replicas."""
    discovery_interval: float = 2.0
    """Shortest time between two refreshes of the discovery because of an unknown kind; with 0 each one is looked up."""
