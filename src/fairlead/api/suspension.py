"""Who suspended a resource, why, and until when: annotations beside ``spec.suspend``, which Flux leaves alone.

``spec.suspend`` alone decides; the annotations tell about it. A suspension with an end is ended by the controllers.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["BY", "REASON", "SINCE", "UNTIL", "Suspension"]

REASON: Final = "fairlead.dev/suspend-reason"
BY: Final = "fairlead.dev/suspended-by"
SINCE: Final = "fairlead.dev/suspended-at"
UNTIL: Final = "fairlead.dev/suspended-until"


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspension:
    """What is recorded; empty texts where nothing is. Times are RFC 3339 in UTC."""

    reason: str = ""
    by: str = ""
    since: str = ""
    until: str = ""

    @classmethod
    def of(cls, annotations: Mapping[str, str] | None) -> Suspension:
        found = annotations or {}
        return cls(
            reason=found.get(REASON, ""), by=found.get(BY, ""), since=found.get(SINCE, ""), until=found.get(UNTIL, "")
        )

    @property
    def end(self) -> datetime | None:
        """When it ends by itself; ``None`` for never, and for a time that cannot be read."""
        try:
            moment = datetime.fromisoformat(self.until)
        except ValueError:
            return None
        return moment if moment.tzinfo else None

    def annotations(self) -> dict[str, str | None]:
        """As a merge patch writes it: what is empty is removed, so that nothing of an earlier suspension remains."""
        return {REASON: self.reason or None, BY: self.by or None, SINCE: self.since or None, UNTIL: self.until or None}

    def __str__(self) -> str:
        """``suspended by ada until 2026-01-02T15:00:00Z: database upgrade``; empty when nothing is recorded."""
        words = [f"by {self.by}" if self.by else "", f"until {self.until}" if self.until else ""]
        head = " ".join(["suspended", *(word for word in words if word)])
        if self.reason:
            return f"{head}: {self.reason}"
        return head if self.until else ""
