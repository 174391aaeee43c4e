"""Conditions by Flux's rules, which are kstatus's.

``Reconciling`` and ``Stalled`` exist only while they are True. ``lastTransitionTime`` changes only with status, reason
or message. Order: Stalled, Reconciling, Ready, then by higher observed generation, then by type. All functions return a
new list and leave the given one alone; conditions of types that they were not asked about are kept as they are.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

from fairlead.api.meta import Condition
from fairlead.runtime.clock import timestamp

if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime

__all__ = [
    "FALSE",
    "MAX_MESSAGE",
    "READY",
    "RECONCILING",
    "STALLED",
    "TRUE",
    "UNKNOWN",
    "find_condition",
    "is_true",
    "remove_condition",
    "set_condition",
    "sort_conditions",
]

ConditionStatus = Literal["True", "False", "Unknown"]
TRUE: Final = "True"
FALSE: Final = "False"
UNKNOWN: Final = "Unknown"
READY: Final = "Ready"
RECONCILING: Final = "Reconciling"
STALLED: Final = "Stalled"

MAX_MESSAGE: Final = 32768
"""The longest message that the CRDs accept, in characters."""

_FIRST = {STALLED: 0, RECONCILING: 1, READY: 2}


def find_condition(conditions: Iterable[Condition], type: str) -> Condition | None:
    return next((condition for condition in conditions if condition.type == type), None)


def is_true(conditions: Iterable[Condition], type: str) -> bool:
    condition = find_condition(conditions, type)
    return condition is not None and condition.status == TRUE


def set_condition(
    conditions: Iterable[Condition],
    type: str,
    status: ConditionStatus,
    reason: str,
    message: str,
    observed_generation: int,
    now: datetime,
) -> list[Condition]:
    """The conditions with one of them set; its transition time is ``now`` only if it says something new."""
    kept = list(conditions)
    before = find_condition(kept, type)
    message = message[:MAX_MESSAGE]
    same = before is not None and (before.status, before.reason, before.message) == (status, reason, message)
    changed_at = before.last_transition_time if same and before is not None else timestamp(now)
    condition = Condition(
        type=type,
        status=status,
        observed_generation=observed_generation,
        last_transition_time=changed_at,
        reason=reason,
        message=message,
    )
    return sort_conditions([*remove_condition(kept, type), condition])


def remove_condition(conditions: Iterable[Condition], type: str) -> list[Condition]:
    """The conditions without those of one type."""
    return [condition for condition in conditions if condition.type != type]


def sort_conditions(conditions: Iterable[Condition]) -> list[Condition]:
    return sorted(conditions, key=_rank)


def _rank(condition: Condition) -> tuple[int, int, str]:
    return (_FIRST.get(condition.type, len(_FIRST)), -(condition.observed_generation or 0), condition.type)
