"""The :class:`~fairlead.localcluster.access.Access` that the controllers in this process get."""

from __future__ import annotations

import asyncio
from collections import deque
from typing import TYPE_CHECKING, Any

from fairlead.localcluster.server.deleting import DeleteOptions
from fairlead.localcluster.server.namespaces import SYSTEM
from fairlead.localcluster.server.requests import WriteOptions
from fairlead.localcluster.server.serving import to_manifest
from fairlead.localcluster.status import StatusError, conflict
from fairlead.objects.ref import split_api_version

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fairlead.localcluster.access import Manifest, Propagation
    from fairlead.localcluster.server.core import Core
    from fairlead.localcluster.server.registry import Resource
    from fairlead.localcluster.storage import Change

__all__ = ["InProcessAccess"]

MANAGER = "kube-controller-manager"


class InProcessAccess:
    """Reads and writes as the controller manager, through the same pipeline as requests."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def _resource(self, group: str, kind: str, version: str = "") -> Resource:
        resource = self._core.registry.by_kind(group, kind, version)
        if resource is None:
            text = f'no matches for kind "{kind}" in group "{group}"'
            raise StatusError(404, "NotFound", text, {})
        return resource

    def _of(self, obj: Manifest) -> tuple[Resource, str, str]:
        group, version = split_api_version(obj["apiVersion"])
        metadata = obj["metadata"]
        return self._resource(group, obj["kind"], version), metadata.get("namespace") or "", metadata.get("name") or ""

    @staticmethod
    def _options(field_manager: str) -> WriteOptions:
        return WriteOptions(SYSTEM, field_manager or MANAGER, field_validation="Ignore")

    def get(self, group: str, kind: str, namespace: str, name: str) -> Manifest | None:
        resource = self._resource(group, kind)
        stored = self._core.store.collection(resource.collection).get(namespace, name)
        return to_manifest(resource, stored.body) if stored is not None else None

    def list(self, group: str, kind: str, namespace: str | None = None) -> list[Manifest]:
        resource = self._resource(group, kind)
        found = self._core.store.collection(resource.collection).scan(namespace or "")
        return [to_manifest(resource, stored.body) for stored in found]

    async def create(self, obj: Manifest, *, field_manager: str = "") -> Manifest:
        resource, namespace, _ = self._of(obj)
        written = self._core.pipeline.create(resource, namespace, _own(obj), self._options(field_manager))
        return to_manifest(resource, written.stored.body)

    async def update(self, obj: Manifest, *, field_manager: str = "") -> Manifest:
        return self._update(obj, field_manager, "")

    async def update_status(self, obj: Manifest, *, field_manager: str = "") -> Manifest:
        return self._update(obj, field_manager, "status")

    def _update(self, obj: Manifest, field_manager: str, subresource: str) -> Manifest:
        resource, namespace, name = self._of(obj)
        options = self._options(field_manager)
        if resource.collection == "pods" and not subresource:
            bound = self._bind(resource, namespace, name, obj, options)
            if bound is not None:
                return bound
        written = self._core.pipeline.update(resource, namespace, name, _own(obj), options, subresource=subresource)
        return to_manifest(resource, written.stored.body)

    def _bind(
        self, resource: Resource, namespace: str, name: str, obj: Manifest, options: WriteOptions
    ) -> Manifest | None:
        """Giving a pod its node is a binding: no change of intent, owned by nobody."""
        stored = self._core.pipeline.live(resource, namespace, name)
        pod = to_manifest(resource, stored.body)
        node = obj["spec"].get("nodeName")
        if not node or pod["spec"].get("nodeName"):
            return None
        self._core.pipeline.check_version(resource, stored, obj["metadata"])
        pod["spec"]["nodeName"] = node
        return to_manifest(resource, self._core.pipeline.write_system(resource, pod, stored, options).body)

    async def delete(
        self,
        group: str,
        kind: str,
        namespace: str,
        name: str,
        *,
        propagation: Propagation = "Background",
        uid: str | None = None,
        grace_period_seconds: int | None = None,
    ) -> None:
        resource = self._resource(group, kind)
        stored = self._core.pipeline.live(resource, namespace, name)
        if uid and to_manifest(resource, stored.body)["metadata"]["uid"] != uid:
            raise conflict(group, kind, name, f"the UID in the precondition ({uid}) does not match")
        wanted = DeleteOptions(policy=propagation, grace_seconds=grace_period_seconds)
        self._core.deleter.delete(resource, stored, wanted, self._options(""))

    async def subscribe(self, *kinds: tuple[str, str]) -> AsyncIterator[tuple[str, Manifest]]:
        resources = {self._resource(*kind).collection: self._resource(*kind) for kind in kinds}
        pending: deque[tuple[Resource, str, bytes]] = deque()
        wake = asyncio.Event()

        def push(resource: Resource, change: Change) -> None:
            kind = "DELETED" if change.current is None else "MODIFIED" if change.previous else "ADDED"
            pending.append((resource, kind, change.last))
            wake.set()

        watchers = []
        for name, resource in resources.items():
            collection = self._core.store.collection(name)
            pending.extend((resource, "ADDED", stored.body) for stored in collection.scan())

            def watcher(change: Change, resource: Resource = resource) -> None:
                push(resource, change)

            collection.watchers.add(watcher)
            watchers.append((collection, watcher))
        try:
            while True:
                while pending:
                    resource, kind, body = pending.popleft()
                    yield kind, to_manifest(resource, body)
                wake.clear()
                await wake.wait()
        finally:
            for collection, watcher in watchers:
                collection.watchers.discard(watcher)


def _own(obj: Manifest) -> dict[str, Any]:
    """A copy that the pipeline may change at the top and in the metadata."""
    return {**obj, "metadata": dict(obj["metadata"])}
