"""Watches what we manage: one watch per kind and cluster, on the label that every applied object carries.

A kind is watched from the first time that something of it is applied. An idle cluster costs no requests besides the
watches themselves. Of each object a light record is kept, see :mod:`fairlead.engine.state`, which also decides what
is news.
"""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any, Self

import msgspec

from fairlead.api import names
from fairlead.engine.state import ClusterState, Record, record_of
from fairlead.errors import UnavailableError
from fairlead.kube.errors import NoMatchError
from fairlead.kube.listing import Selection
from fairlead.kube.reflector import Reflector, head_of
from fairlead.objects.ref import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fairlead.kube.client import KubeClient
    from fairlead.kube.discovery import Resource
    from fairlead.objects.ref import GroupKind

__all__ = ["ManagedWatcher", "decoder_for"]

FIRST_SYNC_SECONDS = 30.0
"""How long an apply waits for the first list of a kind; then it goes on without records, at the price of dry runs."""


def decoder_for(resource: Resource) -> Callable[[msgspec.Raw], dict[str, Any]]:
    """A decoder that fills in what lists of built-in kinds leave out of their items."""

    def decode(raw: msgspec.Raw) -> dict[str, Any]:
        manifest: dict[str, Any] = msgspec.json.decode(raw)
        manifest.setdefault("apiVersion", resource.api_version)
        manifest.setdefault("kind", resource.kind)
        return manifest

    return decode


class ManagedWatcher:
    """The watches of one cluster; an async context manager that owns their tasks.

    `client` has to be allowed to list and watch what is managed. Kinds for which it is not are applied with a dry run
    each time, and their drift is found at the next interval only.
    """

    def __init__(self, client: KubeClient, state: ClusterState | None = None) -> None:
        self.client = client
        self.state = state or ClusterState()
        self._reflectors: dict[GroupKind, Reflector[Record]] = {}
        self._tasks = asyncio.TaskGroup()
        self._running: list[asyncio.Task[None]] = []

    async def __aenter__(self) -> Self:
        await self._tasks.__aenter__()
        return self

    async def __aexit__(self, *details: Any) -> None:
        for task in self._running:
            task.cancel()
        await self._tasks.__aexit__(*details)

    async def ensure(self, kinds: Iterable[GroupKind]) -> None:
        """Watch these kinds, too, and wait until what exists of them is known; kinds not served are left out."""
        started = [reflector for kind in sorted(set(kinds)) if (reflector := await self._start(kind)) is not None]
        await asyncio.gather(*(_first_sync(reflector) for reflector in started))

    def follows(self, kind: GroupKind) -> bool:
        """Whether the records of a kind can be trusted: they are complete, and changes arrive (or soon will)."""
        reflector = self._reflectors.get(kind)
        if reflector is None or not reflector.synced:
            return False
        return reflector.error is None or isinstance(reflector.error, UnavailableError)

    @property
    def kinds(self) -> frozenset[GroupKind]:
        return frozenset(self._reflectors)

    async def _start(self, kind: GroupKind) -> Reflector[Record] | None:
        """The reflector of a kind; a new one is started, one that has trouble is asked to try again."""
        if (known := self._reflectors.get(kind)) is not None:
            if known.error is not None:
                known.nudge()
            return known
        try:
            resource = await self.client.discovery.resource(kind)
        except NoMatchError:
            return None
        if not {"list", "watch"} <= resource.verbs:
            return None
        if kind not in self._reflectors:  # somebody else may have started it while we asked
            self._reflectors[kind] = reflector = self._reflector(kind, resource)
            task = self._tasks.create_task(self._follow(kind, reflector), name=f"watch {kind}")
            self._running.append(task)
        return self._reflectors[kind]

    def _reflector(self, kind: GroupKind, resource: Resource) -> Reflector[Record]:
        decode, managers = decoder_for(resource), self.state.managers

        def record(raw: msgspec.Raw) -> Record:
            head = head_of(raw)
            known = self.state.seen(ObjectRef(*kind, head.namespace, head.name), head.uid, head.resource_version)
            if known is not None and known.api_version == resource.api_version:
                return known
            return record_of(decode(raw), managers)

        reflector: Reflector[Record] = Reflector(
            self.client,
            kind,
            decode=record,
            selection=Selection(label_selector=names.OWNER_NAME),
            ends_with_kind=True,
        )
        reflector.subscribe(self._take)
        return reflector

    async def _follow(self, kind: GroupKind, reflector: Reflector[Record]) -> None:
        """Watch until the kind has gone with its CRD; :meth:`ensure` begins anew when it is needed again."""
        await reflector.run()
        del self._reflectors[kind]
        for record in [record for record in self.state.records() if record.ref.group_kind == kind]:
            self.state.vanish(record.ref, record.uid)

    def _take(self, _: str, old: Record | None, new: Record | None) -> None:
        if new is not None:
            self.state.observe_record(new)
        elif old is not None:
            self.state.vanish(old.ref, old.uid)


async def _first_sync(reflector: Reflector[Record]) -> None:
    """Until the first list is complete, the watch has failed for good (no permission), or it takes too long."""
    try:
        async with asyncio.timeout(FIRST_SYNC_SECONDS):
            while not reflector.synced and (reflector.error is None or isinstance(reflector.error, UnavailableError)):
                # The reflector has no event for "failed"; it is looked at while nothing has come.
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(0.1):
                        await reflector.wait_synced()
    except TimeoutError:
        return
