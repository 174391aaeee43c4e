"""What is known of one cluster's managed objects: light records from the watches, and what we last applied.

Memory follows the number of managed objects: of each we keep a few hundred bytes, never the object. Two questions
are answered without a request: *is this object still exactly as we applied it* (then nothing is to be done), and *is
it healthy*. Whoever must act is told by events: an object drifted, vanished, was taken by another owner, changed its
health.

Our own writes are no drift. While an object is being written nothing is judged; the answer to the write sets what is
expected, and watch events that are older than that answer are ignored, in whichever order the two arrive.
"""

from __future__ import annotations

import contextlib
import sys
import time
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING, Any, TypeVar, cast

from fairlead.api import names
from fairlead.engine.drift import Managers, content_digest, fingerprint, needs_takeover
from fairlead.engine.health import NOT_FOUND, HealthStatus, status_of
from fairlead.engine.plan import Owner, owner_of
from fairlead.objects.manifest import has_mark, metadata_of
from fairlead.objects.ref import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

__all__ = [
    "Applied",
    "ClusterState",
    "Deleted",
    "Drifted",
    "HealthChanged",
    "ManagedEvent",
    "Record",
    "Taken",
    "Write",
    "record_of",
]


LATE_SECONDS = 75.0
"""For how long a write that nobody answered may still reach the object: API servers give up after a minute."""

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Record:
    """What we keep of a live object."""

    ref: ObjectRef
    api_version: str
    uid: str
    resource_version: str
    owner: Owner | None
    fingerprint: str
    content: str
    """See :func:`fairlead.engine.drift.content_digest`; comparable only with objects of the same API version."""
    foreign: bool
    """A manager that we replace has fields in it; see :func:`fairlead.engine.drift.needs_takeover`."""
    held: bool
    """A mark on the live object says that it is neither applied nor deleted."""
    kept: bool
    """A mark on the live object says that it is not pruned."""
    status: HealthStatus

    @property
    def signature(self) -> tuple[object, ...]:
        """Changes exactly when the verdict on drift may change."""
        return self.uid, self.owner, self.fingerprint, self.foreign, self.held


@lru_cache(maxsize=4096)
def _shared_value(value: object) -> object:
    return value


def _shared(value: T) -> T:
    """One instance of equal values: thousands of objects have few owners and few statuses."""
    return cast("T", _shared_value(value))


def record_of(manifest: Mapping[str, Any], managers: Managers) -> Record:
    """The record of an object as it was read."""
    meta = metadata_of(manifest)
    owner = owner_of(manifest)
    held = has_mark(manifest, names.RECONCILE, names.DISABLED) or has_mark(manifest, names.SSA, "Ignore")
    return Record(
        ref=ObjectRef.of(manifest),
        api_version=sys.intern(str(manifest.get("apiVersion") or "")),
        uid=str(meta.get("uid") or ""),
        resource_version=str(meta.get("resourceVersion") or ""),
        owner=_shared(owner) if owner is not None else None,
        fingerprint=fingerprint(manifest, managers),
        content=content_digest(manifest),
        foreign=needs_takeover(manifest, managers),
        held=held,
        kept=held or has_mark(manifest, names.PRUNE, names.DISABLED),
        status=_shared(status_of(manifest)),
    )


@dataclass(frozen=True, slots=True)
class Applied:
    """What we last applied to an object, and what it looked like right after."""

    owner: Owner
    digest: str
    """Of the desired manifest; see :func:`fairlead.objects.manifest.digest`."""
    fingerprint: str
    uid: str


@dataclass(frozen=True, slots=True)
class Drifted:
    """Somebody touched what `owner` had applied."""

    ref: ObjectRef
    owner: Owner


@dataclass(frozen=True, slots=True)
class Deleted:
    """An object that `owner` had applied is gone, or has lost its owner labels."""

    ref: ObjectRef
    owner: Owner


@dataclass(frozen=True, slots=True)
class Taken:
    """Another Kustomization has applied the object; `owner` had it before. No reason to write: they would fight."""

    ref: ObjectRef
    owner: Owner
    new_owner: Owner


@dataclass(frozen=True, slots=True)
class HealthChanged:
    """The health of a managed object is another one than before."""

    ref: ObjectRef
    owner: Owner | None
    status: HealthStatus


ManagedEvent = Drifted | Deleted | Taken | HealthChanged


class Write:
    """One write in progress; see :meth:`ClusterState.writing`."""

    __slots__ = ("_state", "ref", "succeeded")

    def __init__(self, state: ClusterState, ref: ObjectRef) -> None:
        self._state = state
        self.ref = ref
        self.succeeded = False

    def applied(self, answer: Mapping[str, Any], owner: Owner, digest: str) -> None:
        """The server's answer to our apply: from now on this is what is expected."""
        self.succeeded = True
        self._state.accept(answer, owner, digest)

    def deleted(self) -> None:
        """The object is being deleted on purpose: its end is no news."""
        self._state.release(self.ref)


class ClusterState:
    """Records and expectations for one cluster; used from one event loop, never across threads."""

    def __init__(self, managers: Managers | None = None) -> None:
        self.managers = managers or Managers()
        self._records: dict[ObjectRef, Record] = {}
        self._applied: dict[ObjectRef, Applied] = {}
        self._writing: dict[ObjectRef, int] = {}
        self._unanswered: dict[ObjectRef, float] = {}
        self._listeners: list[Callable[[ManagedEvent], None]] = []

    # -- questions

    def record(self, ref: ObjectRef) -> Record | None:
        return self._records.get(ref)

    def seen(self, ref: ObjectRef, uid: str, version: str) -> Record | None:
        """The record of an object in exactly this version, if it is known: an echo of our own write, as a rule."""
        record = self._records.get(ref)
        if record is None or not version or (record.uid, record.resource_version) != (uid, version):
            return None
        return record

    def records(self) -> Iterator[Record]:
        yield from self._records.values()

    def applied(self, ref: ObjectRef) -> Applied | None:
        return self._applied.get(ref)

    def status(self, ref: ObjectRef) -> HealthStatus:
        record = self._records.get(ref)
        return record.status if record else NOT_FOUND

    def unchanged(self, ref: ObjectRef, owner: Owner, digest: str) -> bool:
        """Whether the live object is known to be exactly what an apply of this manifest by this owner would make it."""
        applied, record = self._applied.get(ref), self._records.get(ref)
        if applied is None or record is None or applied.digest != digest:
            return False
        return applied.owner == owner == record.owner and not self._differs(record, applied)

    def drifted(self, ref: ObjectRef) -> bool:
        """Whether the object is known to differ from what we applied."""
        applied, record = self._applied.get(ref), self._records.get(ref)
        return applied is not None and record is not None and self._differs(record, applied)

    def may_come_late(self, ref: ObjectRef) -> bool:
        """Whether a write may still arrive that was given up, so that its object would be there after a deletion."""
        since = self._unanswered.get(ref)
        return since is not None and time.monotonic() - since < LATE_SECONDS

    # -- what the watches say

    def observe(self, manifest: Mapping[str, Any]) -> None:
        """A managed object as a list or a watch event shows it."""
        self.observe_record(record_of(manifest, self.managers))

    def observe_record(self, record: Record) -> None:
        old = self._records.get(record.ref)
        if old is not None and not _newer(record.resource_version, old.resource_version):
            return
        self._records[record.ref] = record
        if old is None or old.status != record.status:
            self._tell(HealthChanged(record.ref, record.owner, record.status))
        if record.ref not in self._writing and (old is None or old.signature != record.signature):
            self._judge(record)

    def vanish(self, ref: ObjectRef, uid: str) -> None:
        """A managed object is gone, or has lost its owner labels. A uid never comes back: a successor stays known."""
        old = self._records.get(ref)
        if old is not None and old.uid != uid:
            return
        self._records.pop(ref, None)
        if old is not None:
            self._tell(HealthChanged(ref, old.owner, NOT_FOUND))
        if ref not in self._writing:
            self._judge_absence(ref)

    # -- what we do ourselves

    @contextlib.contextmanager
    def writing(self, ref: ObjectRef) -> Iterator[Write]:
        """Around every write to an object: until its end, watch events of the object are no drift.

        What came meanwhile is judged at the end. A write that failed and changed nothing is no news: telling of the
        same drift again would start the same write again, without a pause.
        """
        before = self._records.get(ref)
        self._writing[ref] = self._writing.get(ref, 0) + 1
        write = Write(self, ref)
        try:
            yield write
        finally:
            self._writing[ref] -= 1
            if not self._writing[ref]:
                del self._writing[ref]
                self._judge_after(write, before)

    def leave_unanswered(self, ref: ObjectRef) -> None:
        """A write has been given up, and nobody knows what has become of it."""
        self._unanswered = {each: since for each, since in self._unanswered.items() if self.may_come_late(each)}
        self._unanswered[ref] = time.monotonic()

    def _judge_after(self, write: Write, before: Record | None) -> None:
        record = self._records.get(write.ref)
        if record is None:
            if before is not None or write.succeeded:
                self._judge_absence(write.ref)
        elif write.succeeded or before is None or before.signature != record.signature:
            self._judge(record)

    def accept(self, answer: Mapping[str, Any], owner: Owner, digest: str) -> None:
        """Take an object, as the server shows it, for exactly what we want of it."""
        known = self._known(answer)
        record = known or record_of(answer, self.managers)
        self.expect(record, owner, digest)
        if known is None:
            self.observe_record(record)

    def _known(self, answer: Mapping[str, Any]) -> Record | None:
        """The record of this very state of the object, when the watch was faster than the answer."""
        meta = metadata_of(answer)
        uid, version = str(meta.get("uid") or ""), str(meta.get("resourceVersion") or "")
        record = self.seen(ObjectRef.of(answer), uid, version)
        return record if record is not None and record.api_version == answer.get("apiVersion") else None

    def expect(self, record: Record, owner: Owner, digest: str) -> None:
        """As :meth:`accept`, for an object whose record is known already and found to be as wanted."""
        self._applied[record.ref] = Applied(owner, digest, record.fingerprint, record.uid)

    def recall(self, ref: ObjectRef, owner: Owner, uid: str, digest: str, fingerprint: str, content: str) -> bool:
        """As :meth:`expect`, from memory of an earlier life: only when the live object is still exactly as it was then.

        The fingerprint alone would not do: of two deliveries that set the same fields to other values it is the same.
        """
        record = self._records.get(ref)
        if record is None or record.owner != owner or record.foreign or record.held:
            return False
        if (record.uid, record.fingerprint, record.content) != (uid, fingerprint, content):
            return False
        self.expect(record, owner, digest)
        return True

    def release(self, ref: ObjectRef) -> None:
        """Expect nothing of an object any more: it is pruned, or left to others."""
        self._applied.pop(ref, None)

    def hand_back(self, ref: ObjectRef, owner: Owner) -> None:
        """Who has it wants it no more, and ``owner`` does: it looks whether the object is as it wants it.

        It may have applied the object before the other did so for a revision that was older already.
        """
        self._tell(Drifted(ref, owner))

    def release_owner(self, owner: Owner) -> None:
        """Expect nothing any more of all objects of a Kustomization that is gone."""
        for ref in [ref for ref, applied in self._applied.items() if applied.owner == owner]:
            del self._applied[ref]

    # -- events

    def subscribe(self, listener: Callable[[ManagedEvent], None]) -> Callable[[], None]:
        """Call `listener` (quick, never blocking) for every event; returns the way to end that."""
        self._listeners.append(listener)
        return lambda: self._listeners.remove(listener) if listener in self._listeners else None

    def _tell(self, event: ManagedEvent) -> None:
        for listener in tuple(self._listeners):
            listener(event)

    def _judge(self, record: Record) -> None:
        applied = self._applied.get(record.ref)
        if applied is None:
            return
        if record.owner is not None and record.owner != applied.owner:
            self._tell(Taken(record.ref, applied.owner, record.owner))
        elif self._differs(record, applied):
            self._tell(Drifted(record.ref, applied.owner))

    def _judge_absence(self, ref: ObjectRef) -> None:
        applied = self._applied.get(ref)
        if applied is not None:
            self._tell(Deleted(ref, applied.owner))

    @staticmethod
    def _differs(record: Record, applied: Applied) -> bool:
        if record.held:
            return False
        return record.fingerprint != applied.fingerprint or record.foreign


def _newer(one: str, other: str) -> bool:
    """Whether a resource version is not older than another; servers number them, and then order is known."""
    try:
        return int(one) >= int(other)
    except ValueError:
        return True
