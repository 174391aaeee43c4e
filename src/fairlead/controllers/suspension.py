"""A suspension that says when it ends is ended here; any other lasts until somebody resumes.

The end is found out by the run that the suspension itself causes, and again by the first run after a restart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from fairlead.api.gitrepository import GitRepository
from fairlead.api.kustomization import Kustomization
from fairlead.api.suspension import Suspension
from fairlead.runtime.controller import Result

if TYPE_CHECKING:
    from datetime import datetime

    from fairlead.controllers.access import Access

__all__ = ["hold"]

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
