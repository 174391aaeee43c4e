"""Reads and writes of one of our kinds: the newest state that is known, finalizers, statuses, events.

A reflector is a moment behind our own writes. What a write returned is kept until the reflector has caught up, so that
a run never works on a state that is older than what the last run wrote.
"""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import msgspec

from fairlead.api.gitrepository import GitRepository
from fairlead.api.kustomization import Kustomization
from fairlead.api.names import FINALIZER, OWN_FIELDS_PREFIX
from fairlead.api.suspension import Suspension
from fairlead.controllers.conditionset import ConditionSet
from fairlead.controllers.resources import Malformed
from fairlead.kube.client import PatchType
from fairlead.kube.errors import NotFoundError
from fairlead.kube.reflector import Key
from fairlead.objects.ref import ObjectRef, join_api_version

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping
    from datetime import datetime

    from fairlead.kube.client import KubeClient
    from fairlead.kube.reflector import ChangeType, Reflector
    from fairlead.objects.manifest import Manifest
    from fairlead.runtime.events import EventRecorder, EventType
    from fairlead.runtime.status import StatusPatcher, StatusSession

__all__ = ["Access", "as_manifest", "is_newer"]

Resource = GitRepository | Kustomization
R = TypeVar("R", bound=Resource)

VERSION = "v1"


def as_manifest(resource: Resource) -> Manifest:
    """The resource as a manifest; fields that have their defaults are left out."""
    encoded: dict[str, Any] = msgspec.to_builtins(resource)
    return {**encoded, "apiVersion": resource.api_version, "kind": resource.kind}


class Access(Generic[R]):
    """One kind of ours in the cluster of the controllers."""

    def __init__(
        self,
        struct: type[R],
        client: KubeClient,
        reflector: Reflector[R | Malformed],
        patcher: StatusPatcher,
        recorder: EventRecorder,
    ) -> None:
        self.reflector = reflector
        self.client = client
        self._struct = struct
        self._patcher = patcher
        self._recorder = recorder
        self._written: dict[Key, R] = {}
        """What was written and has not come back by the watch yet."""
        reflector.subscribe(self._learn, replay=False)

    def current(self, key: Key) -> R | Malformed | None:
        """The newest state that is known."""
        found = self.reflector.get(*key)
        written = self._written.get(key)
        if written is None or isinstance(found, Malformed):
            return found
        if found is None or found.metadata.uid != written.metadata.uid or not _is_newer(written, found):
            del self._written[key]
            return found
        return written

    def _learn(self, _: ChangeType, old: R | Malformed | None, new: R | Malformed | None) -> None:
        found = new if new is not None else old
        if found is not None and self._written:
            self.current(Key(found.metadata.namespace, found.metadata.name))

    def typed(self, key: Key) -> R | None:
        """The same without those that are malformed."""
        found = self.current(key)
        return None if isinstance(found, Malformed) else found

    async def add_finalizer(self, resource: R) -> R:
        finalizers = [*resource.metadata.finalizers, FINALIZER]
        return self._remember(await self._patch_finalizers(resource, finalizers))

    async def remove_finalizer(self, resource: R) -> None:
        """Let the deletion go on; it is no fault when somebody was faster."""
        finalizers = [name for name in resource.metadata.finalizers if name != FINALIZER]
        try:
            await self._patch_finalizers(resource, finalizers)
        except NotFoundError:
            return

    async def resume(self, resource: R) -> None:
        """End a suspension, if it is still the one that we know; raises :class:`ConflictApiError` otherwise."""
        metadata = {"annotations": Suspension().annotations(), "resourceVersion": resource.metadata.resource_version}
        self._remember(await self._patch(resource, {"metadata": metadata, "spec": {"suspend": False}}))

    @asynccontextmanager
    async def session(self, resource: R, *, delay: float = 0.5) -> AsyncIterator[StatusSession]:
        """The status of a resource during a run; see :class:`StatusSession`. Errors must be handled inside."""
        live = as_manifest(resource)
        async with self._patcher.session(live, delay=delay) as session:
            try:
                yield session
            finally:
                if session.live is not live:
                    self._remember(session.live)

    async def report_malformed(self, malformed: Malformed, now: datetime) -> None:
        """Write the status of a resource whose spec cannot be read; nothing can be done until it changes."""
        generation = malformed.metadata.generation
        conditions = ConditionSet((), generation, now)
        conditions.stalled("InvalidSpec", f"the spec cannot be read: {malformed.problem}")
        status = {"conditions": msgspec.to_builtins(conditions.list()), "observedGeneration": generation}
        live = {**self._identity(), "metadata": msgspec.to_builtins(malformed.metadata), "status": {}}
        await self._patcher.patch(live, status)

    def event(
        self, resource: R, type: EventType, reason: str, message: str, metadata: Mapping[str, str] | None = None
    ) -> None:
        # Neither spec nor status are of interest: to encode them for each Event would cost more than the Event.
        involved = {**self._identity(), "metadata": msgspec.to_builtins(resource.metadata)}
        self._recorder.record(involved, type, reason, message, metadata=metadata)

    def trace(self, resource: R, reason: str, message: str) -> None:
        """An Event that stays in the cluster: Flux's severity ``trace``."""
        involved = {**self._identity(), "metadata": msgspec.to_builtins(resource.metadata)}
        self._recorder.record(involved, "Normal", reason, message, local=True)

    def forward_event(self, resource: R, reason: str, message: str, metadata: Mapping[str, str]) -> None:
        """Tell the receiver of all events, if there is one, and write nothing in the cluster."""
        if self._recorder.forwarder is not None:
            self._recorder.forward(as_manifest(resource), "Normal", reason, message, metadata=metadata)

    async def _patch_finalizers(self, resource: R, finalizers: list[str]) -> Manifest:
        metadata = {"finalizers": finalizers, "resourceVersion": resource.metadata.resource_version}
        return await self._patch(resource, {"metadata": metadata})

    async def _patch(self, resource: R, body: Mapping[str, Any]) -> Manifest:
        meta = resource.metadata
        ref = ObjectRef(self.reflector.kind.group, self.reflector.kind.kind, meta.namespace, meta.name)
        return await self.client.patch(
            ref,
            body,
            PatchType.MERGE,
            version=VERSION,
            field_manager=f"{OWN_FIELDS_PREFIX}{self._recorder.component}",
        )

    def _remember(self, manifest: Manifest) -> R:
        resource = msgspec.convert(manifest, self._struct)
        self._written[Key(resource.metadata.namespace, resource.metadata.name)] = resource
        return resource

    def _identity(self) -> dict[str, str]:
        kind = self.reflector.kind
        return {"apiVersion": join_api_version(kind.group, VERSION), "kind": kind.kind}


def is_newer(one: str, other: str) -> bool:
    """Whether a resource version is newer than another; where they are no numbers nobody can tell."""
    try:
        return int(one) > int(other)
    except ValueError:
        return False


def _is_newer(one: Resource, other: Resource) -> bool:
    return is_newer(one.metadata.resource_version, other.metadata.resource_version)
