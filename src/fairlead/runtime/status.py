"""Writing an object's status with as few requests as is safe.

Nothing is written when nothing changed. Otherwise it is one merge patch on the status subresource:

- It holds the fields that this writer changed, and the whole list of conditions if one of those differs, because a
  merge patch can only replace a list.
- It carries the resource version that the object was read at. If somebody was faster, the object is read again, our
  changes are applied to its fresh conditions (types that we write win, others are kept) and the patch is repeated, five
  times in all. The lock also keeps a predecessor's status off a successor of the same name: a server ignores the uid in
  a patch of the status subresource (tried on 1.35), so the fresh read compares it.

During a run, :class:`StatusSession` holds progress back: it is written only if the run takes longer than a moment, and
then at most once per moment. A quick run costs one write, at its end.
"""

from __future__ import annotations

import asyncio
import contextlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.api.meta import Condition
from fairlead.kube.client import PatchType
from fairlead.kube.errors import ApiError, ConflictApiError, NotFoundError
from fairlead.objects.ref import ObjectRef, split_api_version
from fairlead.runtime.clock import SystemClock
from fairlead.runtime.conditions import sort_conditions
from fairlead.runtime.phases import Phases

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from fairlead.kube.client import KubeClient
    from fairlead.objects.manifest import Manifest
    from fairlead.runtime.clock import Clock

__all__ = ["StatusPatcher", "StatusSession", "merge_diff"]

TRIES = 5
RETRY_SECONDS = 0.1


def merge_diff(before: Mapping[str, Any], after: Mapping[str, Any]) -> dict[str, Any]:
    """The merge patch (RFC 7386) that turns one value into the other; empty when they are equal."""
    patch: dict[str, Any] = {key: None for key in before if key not in after}
    for key, value in after.items():
        known = before.get(key)
        if isinstance(value, dict) and isinstance(known, dict):
            if nested := merge_diff(known, value):
                patch[key] = nested
        elif key not in before or known != value:
            patch[key] = value
    return patch


@dataclass(frozen=True, slots=True)
class _ConditionChanges:
    """What one writer wants to differ in a list of conditions."""

    set: dict[str, dict[str, Any]]
    removed: frozenset[str]

    @classmethod
    def between(cls, before: list[dict[str, Any]], after: list[dict[str, Any]]) -> _ConditionChanges:
        old = {condition["type"]: condition for condition in before}
        new = {condition["type"]: condition for condition in after}
        changed = {type: condition for type, condition in new.items() if old.get(type) != condition}
        return cls(changed, frozenset(old.keys() - new.keys()))

    def applied_to(self, fresh: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """The fresh conditions with our changes, in order; the very same list when they are there already."""
        kept = [item for item in fresh if item["type"] not in self.removed and item["type"] not in self.set]
        wanted = [*kept, *self.set.values()]
        ordered = msgspec.to_builtins(sort_conditions(msgspec.convert(wanted, list[Condition])))
        return fresh if ordered == fresh else ordered


class StatusPatcher:
    """Writes statuses under one field manager."""

    def __init__(
        self, client: KubeClient, *, field_manager: str, clock: Clock | None = None, phases: Phases | None = None
    ) -> None:
        self._client = client
        self._field_manager = field_manager
        self._clock = clock or SystemClock()
        self._phases = phases or Phases()

    async def patch(self, live: Manifest, status: Mapping[str, Any]) -> Manifest:
        """Make the status of ``live`` (as it was read) become ``status``; returns the object as it is now.

        Raises :class:`NotFoundError` when the object is gone or another one has its name, :class:`ConflictApiError`
        after five tries.
        """
        before = live.get("status") or {}
        rest = merge_diff(_without_conditions(before), _without_conditions(status))
        changes = _ConditionChanges.between(before.get("conditions") or [], list(status.get("conditions") or []))
        current = live
        for attempt in range(1, TRIES + 1):
            body = _patch_body(current, rest, changes)
            if body is None:
                return current
            try:
                with self._phases.span("status"):
                    return await self._send(live, body)
            except ConflictApiError:
                if attempt == TRIES:
                    raise
            await self._clock.sleep(RETRY_SECONDS)
            current = await self._read_again(live)
        raise AssertionError("unreachable: the last try returns or raises")

    @contextlib.asynccontextmanager
    async def session(self, live: Manifest, *, delay: float = 0.5) -> AsyncIterator[StatusSession]:
        """The status of one object during one run; progress is shown only by runs longer than ``delay`` seconds."""
        session = StatusSession(self, live, delay, self._clock)
        writer = asyncio.create_task(session.write_progress(), name=f"status of {ObjectRef.of(live)}")
        try:
            yield session
        finally:
            writer.cancel()
            await asyncio.wait((writer,))

    async def _send(self, live: Manifest, body: dict[str, Any]) -> Manifest:
        return await self._client.patch(
            ObjectRef.of(live),
            body,
            PatchType.MERGE,
            subresource="status",
            field_manager=self._field_manager,
            version=_version_of(live),
        )

    async def _read_again(self, live: Manifest) -> Manifest:
        fresh = await self._client.get(ObjectRef.of(live), version=_version_of(live))
        if fresh["metadata"].get("uid") != live["metadata"].get("uid"):
            raise _gone(live)
        return fresh


class StatusSession:
    """The status of one object while it is worked on; made by :meth:`StatusPatcher.session`."""

    def __init__(self, patcher: StatusPatcher, live: Manifest, delay: float, clock: Clock) -> None:
        self.live = live
        """The object as it was read, or as our last write returned it."""
        self._patcher = patcher
        self._delay = delay
        self._clock = clock
        self._wanted: Mapping[str, Any] | None = None
        self._news = asyncio.Event()
        self._lock = asyncio.Lock()
        self._shown = False

    def progress(self, status: Mapping[str, Any]) -> None:
        """The status to show if the run goes on for a while; only the newest is written."""
        self._wanted = status
        self._news.set()

    async def write(self, status: Mapping[str, Any]) -> Manifest:
        """Write now: results, and what must be stored before something else happens (the inventory)."""
        self._wanted = None
        async with self._lock:
            self.live = await self._patcher.patch(self.live, status)
            return self.live

    async def take_back(self) -> bool:
        """Show no more progress; whether some may have been shown, so that the end has to be written."""
        self._wanted = None
        async with self._lock:  # one that is on its way arrives first
            return self._shown

    async def write_progress(self) -> None:
        """Runs beside the work; a failure to show progress is left to the write at the end."""
        while True:
            await self._news.wait()
            await self._clock.sleep(self._delay)
            self._news.clear()
            wanted, self._wanted = self._wanted, None
            if wanted is None:
                continue
            async with self._lock:
                self._shown = True  # also when the answer is lost
                with contextlib.suppress(ApiError):
                    self.live = await self._patcher.patch(self.live, wanted)


def _patch_body(current: Manifest, rest: dict[str, Any], changes: _ConditionChanges) -> dict[str, Any] | None:
    present = (current.get("status") or {}).get("conditions") or []
    conditions = changes.applied_to(present) if changes.set or changes.removed else present
    status = rest if conditions is present else {**rest, "conditions": conditions}
    lock = {"resourceVersion": current["metadata"]["resourceVersion"]}
    return {"metadata": lock, "status": status} if status else None


def _without_conditions(status: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in status.items() if key != "conditions"}


def _version_of(manifest: Manifest) -> str:
    return split_api_version(manifest["apiVersion"])[1]


def _gone(live: Manifest) -> NotFoundError:
    ref = ObjectRef.of(live)
    message = "another object has that name now"
    return NotFoundError(str(ref), "status patch", status=404, reason="NotFound", message=message, named=ref.name)
