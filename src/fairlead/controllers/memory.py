"""What is remembered of a Kustomization between runs. All may be lost: the next run then does more than it had to."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fairlead.controllers.pauses import NEVER
from fairlead.runtime.controller import Result

if TYPE_CHECKING:
    from fairlead.api.meta import ArtifactStatus
    from fairlead.controllers.builds import Build
    from fairlead.kube.reflector import Key
    from fairlead.objects.inventory import Inventory
    from fairlead.objects.ref import ObjectRef

__all__ = ["Memory"]


@dataclass(slots=True)
class Memory:
    """One Kustomization's; times are monotonic."""

    due: float = 0.0
    """When the next run that does everything is due."""
    impatient_at: float | None = None
    """When it will be said that something is missing; ``None`` while nothing is."""
    failures: int = 0
    """Failures in a row that may pass by themselves."""
    blocked: bool = False
    """The last run failed for want of something in the cluster: a kind, a namespace."""
    waits_for_dependency: bool = False
    """The last run could not go on because something that it depends on is not ready."""
    unhealthy: bool = False
    """The last run failed its health check."""
    delivered: Build | None = None
    """What was applied last, when all of it was."""
    inventory: Inventory | None = None
    """What that delivery has left in the cluster; the status may still tell more, until the next write of it."""
    leaves_entries: bool = False
    """Whether that inventory has more than the build: what another takes, or a newer revision wants again."""
    sensitive: frozenset[str] = frozenset()
    """Secret values among the variables of that delivery."""
    artifact: ArtifactStatus | None = None
    """What that delivery was made from."""
    changed: bool = False
    """Whether it changed anything."""
    tells_health: bool = False
    """Whether its good health is news: after a failure or before the first success, or with a change that came."""
    told: str = ""
    """The digest of the last success that was written; the CRDs of an older Flux do not keep the history."""
    rivals: frozenset[tuple[ObjectRef, Key]] = frozenset()
    """Who else delivers which of its objects, as an Event has told."""
    held: frozenset[ObjectRef] = frozenset()
    """Which of its objects are controllers of Flux that it does not scale, as an Event has told."""
    written: dict[str, str] = field(default_factory=dict)
    """What it changed, as :attr:`Attempt.written`."""
    started: float = 0.0
    """When it began."""

    def next_in(self, seconds: float, now: float) -> Result:
        """The next run that does everything comes after so many seconds."""
        self.due = now + seconds
        return self.never() if seconds == NEVER else Result(requeue_after=seconds)

    def as_planned(self, now: float) -> Result:
        """The next run that does everything comes when it was going to come."""
        return Result() if self.due == NEVER else Result(requeue_after=max(0.0, self.due - now))

    def never(self) -> Result:
        """Only an event brings another run."""
        self.due = NEVER
        return Result()
