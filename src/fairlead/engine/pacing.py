"""How fast a drift is repaired again: at once the first time, ever slower when somebody keeps changing the object back.

Without it two controllers that want different values (an autoscaler and Git, say) would write in turns as fast as
the API server answers. An object that was left alone for a while starts afresh.
"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    K = TypeVar("K", bound=Hashable)
else:
    K = TypeVar("K")

__all__ = ["RepairPacer"]


_ROOM = 1000
"""Objects that are remembered before the calm ones are looked for."""


class RepairPacer(Generic[K]):
    """Pauses before repairs, per object. Memory follows the objects that drifted lately."""

    def __init__(
        self,
        *,
        first: float = 1.0,
        maximum: float = 600.0,
        free: int = 3,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """The first `free` repairs come at once; then `first` seconds, doubling up to `maximum`."""
        self._first, self._maximum, self._free = first, maximum, free
        self._monotonic = monotonic
        self._seen: dict[K, tuple[int, float]] = {}
        self._forget_above = _ROOM

    def delay(self, key: K) -> float:
        """Seconds to wait before this object is repaired; call it once for each drift that is noticed."""
        now = self._monotonic()
        count, last = self._seen.get(key, (0, now))
        if now - last > 2 * self._pause(count):
            count = 0
        self._seen[key] = (count + 1, now)
        if len(self._seen) > self._forget_above:
            self._forget(now)
        return self._pause(count) if count >= self._free else 0.0

    def _pause(self, count: int) -> float:
        """The pause before the repair after `count` earlier ones; also how long calm has to last to start afresh."""
        return float(min(self._first * 2.0 ** min(max(count - self._free, 0), 60), self._maximum))

    def _forget(self, now: float) -> None:
        calm = [key for key, (count, last) in self._seen.items() if now - last > 2 * self._pause(count)]
        for key in calm:
            del self._seen[key]
        # When everything drifts at once, not each of them looks through all.
        self._forget_above = max(_ROOM, 2 * len(self._seen))
