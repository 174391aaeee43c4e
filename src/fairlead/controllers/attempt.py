"""One run of a Kustomization as far as it has come, and the statuses that tell of it.

Texts, reasons and rules are Flux's: ``observedGeneration`` rises with success and with a stall only, a failure keeps
``Reconciling``, the history counts runs with the same manifests and the same result together.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace

from fairlead.api import names
from fairlead.api.kustomization import HistoryEntry, Inventory, InventoryEntry
from fairlead.controllers.artifacts import AUTHOR, ORIGIN_REVISION, SUBJECT
from fairlead.controllers.conditionset import ConditionSet
from fairlead.engine.plan import Action
from fairlead.objects.duration import format_duration, format_seconds, parse_duration
from fairlead.runtime.clock import timestamp
from fairlead.runtime.conditions import FALSE, UNKNOWN, find_condition

if TYPE_CHECKING:
    from datetime import datetime

    from fairlead.api.kustomization import Kustomization, KustomizationStatus
    from fairlead.api.meta import ArtifactStatus
    from fairlead.engine.plan import ChangeSet
    from fairlead.kube.reflector import Key
    from fairlead.objects.inventory import Inventory as Objects
    from fairlead.runtime.status import StatusSession

__all__ = ["HEALTHY", "Attempt", "timeout_of"]

HEALTHY = "Healthy"
_ROOM_FOR_RETRY = timedelta(seconds=30)
_SHORTEST_TIMEOUT = timedelta(seconds=30)
_HISTORY_ENTRIES = 5
_DELIVERED = "deliveredRevision"
_RECORD = 500
"""Characters of names per action that the record keeps."""


def timeout_of(kustomization: Kustomization, shortest: timedelta = _SHORTEST_TIMEOUT) -> timedelta:
    """How long a run may take: as the spec says, or the interval less 30 seconds; never less than the shortest."""
    spec = kustomization.spec
    said = parse_duration(spec.timeout) if spec.timeout else parse_duration(spec.interval) - _ROOM_FOR_RETRY
    return max(said, shortest)


@dataclass(slots=True, kw_only=True)
class Attempt:
    """What a run knows; filled in as it goes on."""

    key: Key
    kustomization: Kustomization
    session: StatusSession
    now: datetime
    started: float
    """Monotonic."""
    shortest_timeout: timedelta = _SHORTEST_TIMEOUT
    artifact: ArtifactStatus | None = None
    tried: bool = True
    """Whether the revision counts as attempted: as in Flux not before the source is known to have the folder."""
    digest: str = ""
    """Of the built manifests; empty before the build."""
    inventory: Objects | None = None
    """As it has become; ``None`` before the apply has begun."""
    reason: str = "ArtifactFailed"
    """What a failure at this point is called."""
    written: dict[str, str] = field(default_factory=dict)
    """What it has changed, for the record: names by ``created``, ``configured`` and ``deleted``; and ``appliedIn``."""

    # -- what is known ---------------------------------------------------------------------------------------------

    @property
    def revision(self) -> str:
        return self.artifact.revision if self.artifact else ""

    @property
    def origin_revision(self) -> str | None:
        return (self.artifact.metadata or {}).get(ORIGIN_REVISION) if self.artifact else None

    @property
    def interval(self) -> timedelta:
        return parse_duration(self.kustomization.spec.interval)

    @property
    def retry_interval(self) -> timedelta:
        said = self.kustomization.spec.retry_interval
        return parse_duration(said) if said else self.interval

    @property
    def timeout(self) -> timedelta:
        return timeout_of(self.kustomization, self.shortest_timeout)

    @property
    def requested(self) -> str | None:
        asked = self.kustomization.metadata.annotations.get(names.REQUESTED_AT)
        return asked or self.kustomization.status.last_handled_reconcile_at

    @property
    def event_metadata(self) -> dict[str, str]:
        found = {names.EVENT_REVISION: self.revision} if self.revision else {}
        if self.origin_revision:
            found[names.EVENT_ORIGIN_REVISION] = self.origin_revision
        return found

    @property
    def audit(self) -> dict[str, str]:
        """The answer to who, what and where: the revision with its commit's author and subject, and what changed."""
        metadata = (self.artifact.metadata if self.artifact else None) or {}
        commit = {key: metadata[key] for key in (AUTHOR, SUBJECT) if metadata.get(key)}
        return self.event_metadata | commit | self.written

    def record(self, changes: ChangeSet) -> None:
        """Add what was written to the record."""
        for action in (Action.CREATED, Action.CONFIGURED, Action.DELETED):
            known = self.written.get(action.value, "")
            names = [known, *(str(change.ref) for change in changes.of(action))]
            if text := " ".join(filter(None, names)):
                self.written[action.value] = text if len(text) <= _RECORD else f"{text[:_RECORD].rpartition(' ')[0]} …"

    def commit_text(self) -> str:
        """Which commit is being delivered, for messages of failures: `` (commit 0123abcd "Subject" by Ada <…>)``."""
        metadata = (self.artifact.metadata if self.artifact else None) or {}
        _, _, commit = self.revision.rpartition(":")
        if not commit or not metadata.get(SUBJECT):
            return f" (revision {self.revision})" if self.revision else ""
        return f' (commit {commit[:8]} "{metadata[SUBJECT]}" by {metadata.get(AUTHOR, "")})'

    # -- statuses --------------------------------------------------------------------------------------------------

    def progress(self, message: str) -> dict[str, Any]:
        """Still at work."""
        conditions = self._conditions()
        conditions.progressing(message)
        return self._encoded(conditions)

    def waiting(self, missing: str = "") -> dict[str, Any]:
        """Applied; the health of the objects is awaited. Flux's text, and which are ``missing``."""
        text = f"Running health checks for revision {self.revision} with a timeout of {format_duration(self.timeout)}"
        text += f"; waiting for {missing}" if missing else ""
        conditions = self._conditions()
        conditions.progressing(text)
        conditions.set(HEALTHY, UNKNOWN, "Progressing", text)
        return self._encoded(conditions)

    def succeeded(self, *, healthy: str, duration: float) -> dict[str, Any]:
        """Applied and, where asked for, healthy; ``healthy`` is the message of that condition or empty."""
        conditions = self._conditions()
        if healthy:
            conditions.still(HEALTHY, "Succeeded", healthy)
        else:
            conditions.remove(HEALTHY)
        conditions.succeeded("ReconciliationSucceeded", f"Applied revision: {self.revision}")
        return self._encoded(
            conditions,
            observed_generation=self.kustomization.metadata.generation,
            last_applied_revision=self.revision,
            last_applied_origin_revision=self.origin_revision,
            last_handled_reconcile_at=self.requested,
            history=self._history("ReconciliationSucceeded", duration),
        )

    def noted(self) -> dict[str, Any]:
        """Well as before, and so at the newest revision, which changes nothing."""
        healthy = find_condition(self.kustomization.status.conditions or (), HEALTHY)
        return self.succeeded(healthy=healthy.message if healthy else "", duration=0.0)

    def failed(self, reason: str, message: str, *, duration: float, stalled: bool = False) -> dict[str, Any]:
        """It did not work; a stall ends only with a new spec."""
        conditions = self._conditions()
        if reason == "HealthCheckFailed":
            conditions.set(HEALTHY, FALSE, reason, message)
        generation = self.kustomization.status.observed_generation
        if stalled:
            conditions.stalled(reason, message)
            generation = self.kustomization.metadata.generation
        else:
            conditions.failed(reason, message)
        return self._encoded(
            conditions,
            observed_generation=generation,
            last_handled_reconcile_at=self.requested,
            history=self._history(reason, duration) if self.digest else self.kustomization.status.history,
        )

    def _conditions(self) -> ConditionSet:
        meta, status = self.kustomization.metadata, self.kustomization.status
        return ConditionSet(status.conditions, meta.generation, self.now)

    def _encoded(self, conditions: ConditionSet, **fields: Any) -> dict[str, Any]:
        status: KustomizationStatus = replace(self.kustomization.status, conditions=conditions.list(), **fields)
        if self.artifact is not None and self.tried:
            status = replace(status, last_attempted_revision=self.revision)
        if self.inventory is not None:
            entries = [InventoryEntry(**entry) for entry in self.inventory.to_entries()]
            status = replace(status, inventory=Inventory(entries=entries))
        encoded: dict[str, Any] = msgspec.to_builtins(status)
        return encoded

    def _history(self, reason: str, duration: float) -> list[HistoryEntry]:
        """Newest first; a run with known manifests and a known result is counted where it belongs."""
        moment = timestamp(self.now + timedelta(seconds=duration))
        history = list(self.kustomization.status.history or ())
        same = [entry for entry in history if (entry.digest, entry.last_reconciled_status) == (self.digest, reason)]
        entry = HistoryEntry(
            digest=self.digest,
            first_reconciled=same[0].first_reconciled if same else moment,
            last_reconciled=moment,
            last_reconciled_duration=format_seconds(duration),
            last_reconciled_status=reason,
            total_reconciliations=(same[0].total_reconciliations if same else 0) + 1,
            metadata=self._told(same, duration) or None,
        )
        return [entry, *(other for other in history if other not in same)][:_HISTORY_ENTRIES]

    def _told(self, same: list[HistoryEntry], duration: float) -> dict[str, str]:
        """What the entry tells: a run that changes nothing does not take the place of the delivery that did."""
        known = (same[0].metadata or {}) if same else {}
        if known and not self.written:
            return known | self.event_metadata
        delivery = {_DELIVERED: self.revision, "finishedIn": format_seconds(duration)} if self.written else {}
        return self.audit | delivery
