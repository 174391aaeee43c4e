"""Waits until objects are ready, from watch events instead of polls.

Managed objects are watched anyway; for others (`spec.healthChecks` may name anything) and for those with a rule of
the user's a watch on just that object is opened while the wait lasts. A wait ends when all are Current, at once when
one has failed (unless told to wait it out), when time is up, or when newer intent has made it pointless.
"""

from __future__ import annotations

import asyncio
import contextlib
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fairlead.engine.causes import causes_of, describe
from fairlead.engine.health import NOT_FOUND, HealthStatus, Status, status_of
from fairlead.engine.state import HealthChanged, ManagedEvent
from fairlead.engine.together import together
from fairlead.engine.watcher import ManagedWatcher, decoder_for
from fairlead.errors import FairleadError, NotReadyError
from fairlead.kube.errors import NoMatchError
from fairlead.kube.listing import Selection
from fairlead.kube.reflector import Reflector, manifest_decoder
from fairlead.objects.manifest import part
from fairlead.objects.ref import GroupKind, ObjectRef

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Mapping

    from fairlead.engine.custom_health import Rule
    from fairlead.kube.client import KubeClient
    from fairlead.objects.manifest import Manifest

__all__ = ["HealthCheckCanceledError", "HealthCheckFailedError", "HealthTracker", "WaitOptions", "jobs_with_ttl"]

JOB = GroupKind("batch", "Job")
READS_AT_ONCE = 8
FIRST_LOOK_SECONDS = 5.0


class HealthCheckFailedError(NotReadyError):
    """Objects failed, or are not ready in time; the message is Flux's, with the cause of each added where known."""

    def __init__(self, message: str, unready: Mapping[ObjectRef, HealthStatus], *, timed_out: bool) -> None:
        self.unready = dict(unready)
        self.timed_out = timed_out
        super().__init__(message)


class HealthCheckCanceledError(NotReadyError):
    """The wait was given up because a newer revision or a newer spec is there."""


@dataclass(frozen=True, slots=True, kw_only=True)
class WaitOptions:
    """How to wait for one set of objects."""

    timeout: float
    """Seconds until the wait fails."""
    fail_fast: bool = True
    """Give up as soon as one object has failed; otherwise when none is left that still may become ready."""
    may_vanish: Collection[ObjectRef] = ()
    """Objects that may be gone because they are done: Jobs with a time to live; see :func:`jobs_with_ttl`."""
    rules: Mapping[ObjectRef, Rule] = field(default_factory=dict)
    """Rules of the user's that replace the built-in one for these objects."""
    superseded: asyncio.Event | None = None
    """Set by somebody else when the wait has become pointless."""
    seen: Callable[[Mapping[ObjectRef, HealthStatus]], None] = lambda _: None
    """Told at the beginning and after each change which objects are not ready."""


def jobs_with_ttl(manifests: Iterable[Mapping[str, Any]]) -> frozenset[ObjectRef]:
    """The Jobs that the cluster deletes by itself once they are done: their absence after an apply is success."""
    jobs = (manifest for manifest in manifests if ObjectRef.of(manifest).group_kind == JOB)
    return frozenset(ObjectRef.of(job) for job in jobs if part(job, "spec").get("ttlSecondsAfterFinished") is not None)


class HealthTracker:
    """Waits for objects of one cluster; `client` reads those that are not managed, by default the one that watches."""

    def __init__(
        self,
        watcher: ManagedWatcher,
        *,
        client: KubeClient | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._watcher = watcher
        self._client = client or watcher.client
        self._monotonic = monotonic

    async def wait(self, refs: Iterable[ObjectRef], options: WaitOptions) -> float:
        """Until all objects are Current; returns after how many seconds. None at all is ready at once.

        Raises :class:`HealthCheckFailedError` or :class:`HealthCheckCanceledError`. Safe to cancel and to repeat.
        """
        started = self._monotonic()
        wanted = tuple(dict.fromkeys(refs))
        async with _View(self._watcher, self._client, wanted, options) as view:
            while True:
                statuses = view.statuses()
                unready = {ref: status for ref, status in statuses.items() if not status.ready}
                options.seen(unready)
                if not unready:
                    return self._monotonic() - started
                if _hopeless(statuses, options):
                    raise await self._failure(statuses, timed_out=False)
                left = started + options.timeout - self._monotonic()
                if left <= 0:
                    raise await self._failure(statuses, timed_out=True)
                await view.next_change(left)

    async def is_ready(self, refs: Iterable[ObjectRef], rules: Mapping[ObjectRef, Rule]) -> bool:
        """Whether all are ready now. What the watches know is free; the rest is read, if it can make a difference."""
        to_read = []
        for ref in refs:
            if ref in rules or not self._watcher.follows(ref.group_kind):
                to_read.append(ref)
            elif not self._watcher.state.status(ref).ready:
                return False
        return all(await together(to_read, lambda ref: self._reads_ready(ref, rules.get(ref)), limit=READS_AT_ONCE))

    async def _reads_ready(self, ref: ObjectRef, rule: Rule | None) -> bool:
        try:
            return _judged(await self._client.get(ref), rule).ready
        except FairleadError:
            return False  # the wait that follows tells why

    async def _failure(self, statuses: Mapping[ObjectRef, HealthStatus], *, timed_out: bool) -> HealthCheckFailedError:
        unready = {ref: status for ref, status in statuses.items() if status.failed or (timed_out and not status.ready)}
        causes = await causes_of(self._client, tuple(unready))
        words = "timeout waiting for" if timed_out else "failed early due to stalled resources"
        texts = describe({ref: status.status for ref, status in unready.items()}, _with_messages(unready, causes))
        return HealthCheckFailedError(f"{words}: [{', '.join(texts)}]", unready, timed_out=timed_out)


def _with_messages(unready: Mapping[ObjectRef, HealthStatus], causes: Mapping[ObjectRef, str]) -> dict[ObjectRef, str]:
    """The causes, and for an object without one the message of its status: better than nothing."""
    return {
        ref: causes.get(ref) or (status.message if status is not NOT_FOUND else "") for ref, status in unready.items()
    }


def _hopeless(statuses: Mapping[ObjectRef, HealthStatus], options: WaitOptions) -> bool:
    if options.fail_fast:
        return any(status.failed for status in statuses.values())
    return all(status.status in (Status.CURRENT, Status.FAILED) for status in statuses.values())


class _View:
    """The health of a set of objects, from the records of managed ones and from watches of single objects."""

    def __init__(
        self, watcher: ManagedWatcher, client: KubeClient, refs: tuple[ObjectRef, ...], options: WaitOptions
    ) -> None:
        self._watcher = watcher
        self._client = client
        self._options = options
        self._refs = frozenset(refs)
        self._order = refs
        self._changed = asyncio.Event()
        self._own: dict[ObjectRef, HealthStatus] = {}
        self._reflectors: dict[ObjectRef, Reflector[Manifest]] = {}
        self._unserved: dict[ObjectRef, NoMatchError] = {}
        """Those of kinds that the server did not have when the wait began."""
        self._tasks: list[asyncio.Task[None]] = []
        self._unsubscribe: Callable[[], None] = lambda: None

    async def __aenter__(self) -> _View:
        self._unsubscribe = self._watcher.state.subscribe(self._take)
        try:
            for ref in self._order:
                if not self._is_watched(ref):
                    await self._watch(ref)
            await self._first_look()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        self._unsubscribe()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def statuses(self) -> dict[ObjectRef, HealthStatus]:
        self._changed.clear()
        return {ref: self._status(ref) for ref in self._order}

    def _status(self, ref: ObjectRef) -> HealthStatus:
        status = self._own[ref] if ref in self._own else self._watcher.state.status(ref)
        if status.status is Status.NOT_FOUND and ref in self._options.may_vanish:
            return HealthStatus(Status.CURRENT, "Job is done and gone")
        if status is NOT_FOUND and (error := self._why_unseen(ref)) is not None:
            return HealthStatus(Status.NOT_FOUND, str(error))
        return status

    def _why_unseen(self, ref: ObjectRef) -> FairleadError | None:
        """Its kind is not served, or not for us."""
        reflector = self._reflectors.get(ref)
        if reflector is None:
            return None
        return reflector.error or (None if reflector.synced else self._unserved.get(ref))

    async def next_change(self, seconds: float) -> None:
        """Until something may have changed or the time is up."""
        superseded = self._options.superseded
        if superseded is not None and superseded.is_set():
            raise HealthCheckCanceledError("health check canceled: a newer revision or spec is there")
        waiting = [asyncio.ensure_future(self._changed.wait())]
        if superseded is not None:
            waiting.append(asyncio.ensure_future(superseded.wait()))
        try:
            await asyncio.wait(waiting, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for future in waiting:
                future.cancel()

    def _is_watched(self, ref: ObjectRef) -> bool:
        if ref in self._options.rules:
            return False
        return self._watcher.follows(ref.group_kind) and self._watcher.state.record(ref) is not None

    def _take(self, event: ManagedEvent) -> None:
        if isinstance(event, HealthChanged) and event.ref in self._refs:
            self._changed.set()

    async def _watch(self, ref: ObjectRef) -> None:
        """Watch one object that is not managed (or not yet there)."""
        self._own[ref] = NOT_FOUND
        client = self._client
        try:
            decode = decoder_for(await client.discovery.resource(ref.group_kind))
        except NoMatchError as error:
            decode = manifest_decoder  # when it is served it is a custom one, whose list items name their kind
            self._unserved[ref] = error
        reflector: Reflector[Manifest] = Reflector(
            client,
            ref.group_kind,
            decode=decode,
            selection=Selection(namespace=ref.namespace or None, field_selector=f"metadata.name={ref.name}"),
        )

        def take(_: str, __: Manifest | None, new: Manifest | None) -> None:
            self._own[ref] = _judged(new, self._options.rules.get(ref))
            self._changed.set()

        reflector.subscribe(take)
        self._reflectors[ref] = reflector
        self._tasks.append(asyncio.create_task(reflector.run(), name=f"watch {ref}"))

    async def _first_look(self) -> None:
        """Until all single watches have begun that can, but not long: one may be refused."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(min(self._options.timeout, FIRST_LOOK_SECONDS)):
                for ref, reflector in self._reflectors.items():
                    if ref not in self._unserved:
                        await reflector.wait_synced()


def _judged(manifest: Manifest | None, rule: Rule | None) -> HealthStatus:
    return rule(manifest) if rule is not None and manifest is not None else status_of(manifest)
