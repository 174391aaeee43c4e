"""The conditions of one resource during one run, with Flux's transitions as verbs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from fairlead.runtime import conditions as rules
from fairlead.runtime.conditions import FALSE, READY, RECONCILING, STALLED, TRUE, UNKNOWN

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

    from fairlead.api.meta import Condition
    from fairlead.runtime.conditions import ConditionStatus

__all__ = ["ConditionSet"]

PROGRESSING = "Progressing"
PROGRESSING_WITH_RETRY = "ProgressingWithRetry"


class ConditionSet:
    """Starts from what is live; every change carries the generation that it was observed at."""

    def __init__(self, conditions: Iterable[Condition] | None, generation: int, now: datetime) -> None:
        self._conditions = list(conditions or ())
        self._generation = generation
        self._now = now

    def list(self) -> list[Condition]:
        return self._conditions

    def set(self, type: str, status: ConditionStatus, reason: str, message: str) -> None:
        self._conditions = rules.set_condition(
            self._conditions, type, status, reason, message, self._generation, self._now
        )

    def still(self, type: str, reason: str, message: str) -> None:
        """True, as a moment ago: the time of transition stays if only the message tells of another check."""
        before = rules.find_condition(self._conditions, type)
        self.set(type, TRUE, reason, message)
        if before is not None and (before.status, before.reason) == (TRUE, reason):
            self._conditions = [
                replace(each, last_transition_time=before.last_transition_time) if each.type == type else each
                for each in self._conditions
            ]

    def remove(self, *types: str) -> None:
        for type in types:
            self._conditions = rules.remove_condition(self._conditions, type)

    def progressing(self, message: str) -> None:
        """Work has begun and its outcome is open."""
        self.remove(STALLED)
        self.set(RECONCILING, TRUE, PROGRESSING, message)
        self.set(READY, UNKNOWN, PROGRESSING, message)

    def succeeded(self, reason: str, message: str) -> None:
        self.remove(RECONCILING, STALLED)
        self.set(READY, TRUE, reason, message)

    def failed(self, reason: str, message: str) -> None:
        """It did not work, and will be tried again."""
        self.remove(STALLED)
        self.set(RECONCILING, TRUE, PROGRESSING_WITH_RETRY, message)
        self.set(READY, FALSE, reason, message)

    def stalled(self, reason: str, message: str) -> None:
        """It cannot work until the spec changes."""
        self.remove(RECONCILING)
        self.set(STALLED, TRUE, reason, message)
        self.set(READY, FALSE, reason, message)
