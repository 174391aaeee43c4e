"""A suspension that says when it ends is ended here; any other lasts until somebody resumes.

The end is found out by the run that the suspension itself causes, and again by the first run after a restart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

import msgspec
from msgspec.structs import replace

from fairlead.api.gitrepository import GitRepository
from fairlead.api.kustomization import Kustomization
from fairlead.api.suspension import Suspension
from fairlead.controllers.attempt import HEALTHY
from fairlead.controllers.conditionset import PROGRESSING, ConditionSet
from fairlead.runtime.conditions import READY, RECONCILING, UNKNOWN, find_condition
from fairlead.runtime.controller import Result

if TYPE_CHECKING:
    from datetime import datetime

    from fairlead.controllers.access import Access

__all__ = ["end_progress", "hold"]

SUSPENDED = "Suspended"
_CUT_SHORT = "suspended before the run had ended; another one follows when it is resumed"

R = TypeVar("R", bound=GitRepository | Kustomization)


async def hold(access: Access[R], resource: R, now: datetime) -> Result:
    """Do nothing until the suspension's end, which is when to look again; at the end, resume with an Event."""
    suspension = Suspension.of(resource.metadata.annotations)
    if suspension.end is None:
        return Result()
    left = (suspension.end - now).total_seconds()
    if left > 0:
        return Result(requeue_after=left)
    await access.resume(resource)
    access.event(resource, "Normal", "Resumed", f"{suspension}; its time is over")
    return Result()


async def end_progress(access: Access[Kustomization], kustomization: Kustomization, now: datetime) -> None:
    """What is suspended makes no progress: a status that tells of some, or of a wait, tells how that ended."""
    status = kustomization.status
    conditions = status.conditions or ()
    ready = find_condition(conditions, READY)
    if ready is None or (ready.status, ready.reason) != (UNKNOWN, PROGRESSING):
        return
    ended = ConditionSet(conditions, kustomization.metadata.generation, now)
    ended.remove(RECONCILING)
    for type in (READY, HEALTHY):
        if find_condition(conditions, type) is not None:
            ended.set(type, UNKNOWN, SUSPENDED, _CUT_SHORT)
    async with access.session(kustomization) as session:
        await session.write(msgspec.to_builtins(replace(status, conditions=ended.list())))
