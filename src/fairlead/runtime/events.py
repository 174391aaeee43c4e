"""Kubernetes Events, written beside the work and never in its way.

``record`` puts an event in a bounded queue and returns; :meth:`EventRecorder.run` writes them one after the other,
warnings first, and slowly while there is other work to do. When the API server is slower than we talk, the oldest are
dropped and counted: an Event is news, not state.

An event that repeats (same object, type, reason and message) raises the count of the one that exists, as client-go
does. Names are ``<object>.<hex>``. Metadata becomes annotations whose keys carry the object's API group as prefix;
annotations of the object that begin with ``event.toolkit.fluxcd.io/`` are copied.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import logging
from collections import OrderedDict, deque
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

from fairlead.errors import FairleadError
from fairlead.kube.client import PatchType
from fairlead.kube.errors import AlreadyExistsError, NotFoundError
from fairlead.objects.ref import ObjectRef, split_api_version
from fairlead.runtime.clock import SystemClock, timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from fairlead.kube.client import KubeClient
    from fairlead.objects.manifest import Manifest
    from fairlead.runtime.clock import Clock
    from fairlead.runtime.forwarding import EventForwarder

__all__ = ["EventRecorder", "EventType"]

log = logging.getLogger(__name__)

EventType = Literal["Normal", "Warning"]

QUEUE_LIMIT = 5000
"""Events that wait to be written; some megabytes, and as many as an install of more than a thousand Kustomizations."""
PAUSE_SECONDS = 0.25
"""Between two events while the recorder is asked to yield: news may be late, but not for ever."""
KNOWN_LIMIT = 4096
"""Written events that are remembered for counting repetitions, as many as client-go remembers."""
MAX_MESSAGE = 32768
_ROOM_FOR_MORE = 32
METADATA_PREFIX = "event.toolkit.fluxcd.io/"


class _Sameness(NamedTuple):
    """Events that are equal in this are one event with a count."""

    uid: str
    ref: ObjectRef
    type: str
    reason: str
    message: str
    annotations: tuple[tuple[str, str], ...]

    def digest(self) -> bytes:
        return hashlib.blake2b(repr(self).encode(), digest_size=16).digest()


@dataclass(slots=True)
class _Pending:
    same: _Sameness
    involved: dict[str, Any]
    action: str
    first: datetime
    last: datetime
    count: int = 1
    name: str = ""
    """Under which its writing has begun, to be known when that was broken off."""


@dataclass(slots=True)
class _Written:
    name: str
    count: int


class _Queue:
    """Pending events, each sort once: warnings before the rest, otherwise in order."""

    def __init__(self) -> None:
        self.arrived = asyncio.Event()
        self._warnings: OrderedDict[_Sameness, _Pending] = OrderedDict()
        self._others: OrderedDict[_Sameness, _Pending] = OrderedDict()

    def __len__(self) -> int:
        return len(self._warnings) + len(self._others)

    def get(self, same: _Sameness) -> _Pending | None:
        return self._of(same).get(same)

    def add(self, pending: _Pending) -> bool:
        """Whether that was possible without dropping the oldest: a warning only if there is nothing else."""
        fits = len(self) < QUEUE_LIMIT
        if not fits:
            (self._others or self._warnings).popitem(last=False)
        self._of(pending.same)[pending.same] = pending
        self.arrived.set()
        return fits

    def take(self) -> _Pending:
        return (self._warnings or self._others).popitem(last=False)[1]

    def _of(self, same: _Sameness) -> OrderedDict[_Sameness, _Pending]:
        return self._warnings if same.type == "Warning" else self._others


class EventRecorder:
    """Writes the events of one controller."""

    def __init__(self, client: KubeClient, *, component: str, instance: str = "", clock: Clock | None = None) -> None:
        self.dropped = 0
        """Events that were lost because the queue was full or the API server refused them."""
        self.yields: Callable[[], bool] = lambda: False
        """Whether other work goes first at present; set by who knows."""
        self.forwarder: EventForwarder | None = None
        """Who hears of every event, too."""
        self._client = client
        self.component = component
        self._instance = instance
        self._clock = clock or SystemClock()
        self._queue = _Queue()
        self._known: OrderedDict[bytes, _Written] = OrderedDict()
        """By digest: thousands of messages would be megabytes."""
        self._busy = False
        self._idle_waiters: deque[asyncio.Future[None]] = deque()
        self._serial = 0

    @property
    def depth(self) -> int:
        """Events that wait to be written."""
        return len(self._queue)

    def record(
        self,
        involved: Manifest,
        type: EventType,
        reason: str,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
        action: str = "",
        local: bool = False,
    ) -> None:
        """Say that something happened to an object. Never blocks and never fails.

        ``local``: it is not forwarded, as what Flux calls a trace.

        ``metadata`` keys without a slash get the object's group as prefix: ``revision`` of a Kustomization becomes
        ``kustomize.toolkit.fluxcd.io/revision``.
        """
        same = _Sameness(
            uid=involved["metadata"].get("uid") or "",
            ref=ObjectRef.of(involved),
            type=type,
            reason=reason,
            message=_shortened(message),
            annotations=_annotations(involved, metadata or {}),
        )
        now = self._clock.now()
        if not local:
            self.forward(involved, type, reason, message, metadata=metadata)
        if (waiting := self._queue.get(same)) is not None:
            waiting.count += 1
            waiting.last = now
            return
        if not self._queue.add(_Pending(same, _reference(involved), action, now, now)):
            self.dropped += 1

    def forward(
        self,
        involved: Manifest,
        type: EventType,
        reason: str,
        message: str,
        *,
        metadata: Mapping[str, str] | None = None,
    ) -> None:
        """Tell only who hears of every event; nothing is written in the cluster."""
        if self.forwarder is not None:
            self.forwarder.send(
                _reference(involved),
                error=type == "Warning",
                reason=reason,
                message=message,
                metadata=dict(_annotations(involved, metadata or {})),
                component=self.component,
                moment=self._clock.now(),
            )

    async def run(self) -> None:
        """Write events until cancelled; what is left then is lost unless this runs again and is flushed."""
        while True:
            await self._queue.arrived.wait()
            while self._queue:
                pending = self._queue.take()
                self._busy = True
                try:
                    await self._write(pending)
                except asyncio.CancelledError:
                    self._queue.add(pending)
                    raise
                except FairleadError as error:
                    self.dropped += 1
                    log.warning("an event of %s is lost: %s", pending.same.ref, error)
                finally:
                    self._busy = False
                if self.yields():
                    await self._clock.sleep(PAUSE_SECONDS)
            self._queue.arrived.clear()
            self._tell_idle()

    async def flush(self, timeout: float) -> None:
        """Wait until all recorded events are written, but no longer than the given seconds."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout):
                while self._queue or self._busy:
                    waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
                    self._idle_waiters.append(waiter)
                    await waiter

    def _tell_idle(self) -> None:
        while self._idle_waiters:
            waiter = self._idle_waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)

    async def _write(self, pending: _Pending) -> None:
        digest = pending.same.digest()
        known = self._known.pop(digest, None)
        if known is not None:
            known.count += pending.count
            try:
                await self._count_up(pending, known)
            except NotFoundError:
                known = None  # Events expire, usually after an hour
        if known is None:
            known = await self._create(pending)
        self._known[digest] = known
        if len(self._known) > KNOWN_LIMIT:
            self._known.popitem(last=False)

    async def _count_up(self, pending: _Pending, known: _Written) -> None:
        ref = ObjectRef("", "Event", _namespace_for(pending.same.ref), known.name)
        body = {"count": known.count, "lastTimestamp": timestamp(pending.last)}
        await self._client.patch(ref, body, PatchType.MERGE, field_manager=self.component)

    async def _create(self, pending: _Pending) -> _Written:
        same = pending.same
        pending.name = pending.name or self._name(same.ref, pending.first)
        metadata: dict[str, Any] = {"name": pending.name, "namespace": _namespace_for(same.ref)}
        if same.annotations:
            metadata["annotations"] = dict(same.annotations)
        manifest: Manifest = {
            "apiVersion": "v1",
            "kind": "Event",
            "metadata": metadata,
            "involvedObject": pending.involved,
            "type": same.type,
            "reason": same.reason,
            "message": same.message,
            "source": {"component": self.component},
            "reportingComponent": self.component,
            "reportingInstance": self._instance,
            "firstTimestamp": timestamp(pending.first),
            "lastTimestamp": timestamp(pending.last),
            "count": pending.count,
        }
        if pending.action:
            manifest["action"] = pending.action
        with contextlib.suppress(AlreadyExistsError):  # it was written when we were broken off
            await self._client.create(manifest, field_manager=self.component)
        return _Written(pending.name, pending.count)

    def _name(self, ref: ObjectRef, moment: datetime) -> str:
        """``web.18a3f2…``: the time in nanoseconds, made unique by a serial number in its last digits."""
        self._serial = (self._serial + 1) % 1000
        stamp = int(moment.timestamp() * 1_000_000) * 1000 + self._serial
        return f"{ref.name[:236].rstrip('-.')}.{stamp:x}"


def _shortened(message: str) -> str:
    """Cut at the end of a line, with the number of those left out; one that is too long itself in its middle."""
    if len(message) <= MAX_MESSAGE:
        return message
    kept, newline, _ = message[: MAX_MESSAGE - _ROOM_FOR_MORE].rpartition("\n")
    more = message.count("\n") - kept.count("\n")
    return f"{kept}\n… and {more} more" if newline else message[:MAX_MESSAGE]


def _namespace_for(ref: ObjectRef) -> str:
    """Events of cluster-scoped objects live in ``default``."""
    return ref.namespace or "default"


def _reference(involved: Manifest) -> dict[str, Any]:
    metadata = involved["metadata"]
    reference = {
        "apiVersion": involved.get("apiVersion"),
        "kind": involved.get("kind"),
        "namespace": metadata.get("namespace"),
        "name": metadata.get("name"),
        "uid": metadata.get("uid"),
        "resourceVersion": metadata.get("resourceVersion"),
    }
    return {key: value for key, value in reference.items() if value}


def _annotations(involved: Manifest, metadata: Mapping[str, str]) -> tuple[tuple[str, str], ...]:
    group, _ = split_api_version(involved.get("apiVersion") or "")
    own = involved["metadata"].get("annotations") or {}
    found = {key: value for key, value in own.items() if key.startswith(METADATA_PREFIX)}
    for key, value in metadata.items():
        found[key if "/" in key or not group else f"{group}/{key}"] = value
    return tuple(sorted(found.items()))
