"""Where the time goes: seconds and counts by phase of the work, exposed with the metrics.

Phases are the words of the pipeline (fetch, decide, build, plan, apply, prune, status). A span that waits, for a server
or for its turn, counts that waiting: the sums answer "what did this commit wait for", not "what did it compute".
"""

from __future__ import annotations

import contextlib
import time
from collections import Counter
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

__all__ = ["Phases"]


class Phases:
    """Sums for one process; used from its event loop only."""

    def __init__(self, *, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.seconds: dict[str, float] = {}
        self.counts: Counter[str] = Counter()
        self._monotonic = monotonic

    @contextlib.contextmanager
    def span(self, phase: str) -> Iterator[None]:
        """Count what happens inside as one span, also when it fails."""
        started = self._monotonic()
        try:
            yield
        finally:
            self.add(phase, self._monotonic() - started)

    def add(self, phase: str, seconds: float, count: int = 1) -> None:
        self.seconds[phase] = self.seconds.get(phase, 0.0) + seconds
        self.counts[phase] += count
