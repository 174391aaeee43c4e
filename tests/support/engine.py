"""One owner's objects in a cluster, applied by the engine alone: no source, no build, no controller."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fairlead.engine.apply import Applier
from fairlead.engine.options import ApplyOptions
from fairlead.engine.plan import Owner
from fairlead.engine.prune import Pruner, stale_entries
from fairlead.engine.state import HealthChanged
from fairlead.kube.client import PatchType
from fairlead.kube.errors import NoMatchError, NotFoundError
from fairlead.objects.inventory import Inventory
from fairlead.objects.manifest import normalise
from fairlead.objects.ref import ObjectRef
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from fairlead.engine.apply import ApplyResult
    from fairlead.engine.prune import PruneResult
    from fairlead.engine.state import ManagedEvent
    from fairlead.engine.watcher import ManagedWatcher
    from fairlead.objects.manifest import Manifest

PREFIX = "kustomize.toolkit.fluxcd.io"


class Fleet:
    """A Kustomization's worth of objects in a namespace of their own."""

    def __init__(self, watcher: ManagedWatcher, name: str) -> None:
        self.watcher = watcher
        self.client = watcher.client
        self.name = name
        self.options = ApplyOptions(owner=Owner("flux-system", name))
        self.inventory = Inventory()
        self.recorded: list[Inventory] = []
        self.events: list[ManagedEvent] = []
        self.requests = 0
        """How many requests the last apply took."""
        watcher.state.subscribe(self._hear)

    def _hear(self, event: ManagedEvent) -> None:
        if not isinstance(event, HealthChanged):
            self.events.append(event)

    # -- objects

    def namespace(self) -> Manifest:
        return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": self.name}}

    def object(self, kind: str, name: str, api_version: str = "v1", /, **parts: Any) -> Manifest:
        meta = {"name": name, "namespace": self.name}
        return {"apiVersion": api_version, "kind": kind, "metadata": meta, **parts}

    def config_map(self, name: str, **data: str) -> Manifest:
        return self.object("ConfigMap", name, data=data)

    def deployment(self, name: str = "web", image: str = "nginx:1", replicas: int = 1, app: str = "") -> Manifest:
        labels = {"app": app or name}
        template = {"metadata": {"labels": labels}, "spec": {"containers": [{"name": "web", "image": image}]}}
        spec = {"replicas": replicas, "selector": {"matchLabels": labels}, "template": template}
        return self.object("Deployment", name, "apps/v1", spec=spec)

    @property
    def group(self) -> str:
        return f"{self.name}.example.com"

    def definition(self) -> Manifest:
        """A CRD of a kind that only this test has: Widget, whose size is at most 5."""
        size = {"type": "object", "properties": {"size": {"type": "integer", "maximum": 5}}}
        status = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
        schema = {"type": "object", "properties": {"spec": size, "status": status}}
        version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
        names = {"plural": "widgets", "singular": "widget", "kind": "Widget"}
        return {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": {"name": f"widgets.{self.group}"},
            "spec": {"group": self.group, "scope": "Namespaced", "names": names, "versions": [version]},
        }

    def widget(self, size: int = 1) -> Manifest:
        return self.object("Widget", "w", f"{self.group}/v1", spec={"size": size})

    def ref(self, kind: str, name: str, group: str = "") -> ObjectRef:
        return ObjectRef(group, kind, self.name, name)

    # -- what we do

    async def apply(self, *objects: Manifest, **options: Any) -> ApplyResult:
        async def record(inventory: Inventory) -> None:
            self.recorded.append(inventory)

        before = sum(self.client.stats.values())
        applier = Applier(self.watcher, replace(self.options, **options))
        result = await applier.apply([normalise(each) for each in objects], self.inventory, record_inventory=record)
        self.inventory = result.inventory
        self.requests = sum(self.client.stats.values()) - before
        return result

    async def applied(self, *objects: Manifest, **options: Any) -> dict[str, str]:
        """Apply without a failure; the actions by ``Kind/name``."""
        result = await self.apply(*objects, **options)
        result.raise_for_failures()
        return actions(result)

    async def prune_to(self, *desired: Manifest) -> PruneResult:
        stale = stale_entries(self.inventory, Inventory.of(desired))
        return await Pruner(self.watcher, self.options.owner).prune(stale)

    # -- what others do

    async def edit(self, ref: ObjectRef, patch: dict[str, Any], manager: str = "kubectl-edit") -> None:
        await self.client.patch(ref, patch, PatchType.MERGE, field_manager=manager)

    async def live(self, ref: ObjectRef) -> Manifest | None:
        try:
            return await self.client.get(ref)
        except (NotFoundError, NoMatchError):
            return None

    async def heard(self, kind: type[ManagedEvent], ref: ObjectRef | None = None) -> None:
        """Until an event of this kind has come (about this object)."""

        def fits(event: ManagedEvent) -> bool:
            return isinstance(event, kind) and ref in (None, event.ref)

        async with asyncio.timeout(PATIENCE):
            while not any(map(fits, self.events)):  # noqa: ASYNC110 - a test may look
                await asyncio.sleep(0.005)

    async def caught_up(self, ref: ObjectRef) -> None:
        """Until the watch has shown the object as it is now, or newer: others may write its status."""
        version = int((await self.client.get(ref))["metadata"]["resourceVersion"])
        async with asyncio.timeout(PATIENCE):
            while int(self._seen(ref) or 0) < version:  # noqa: ASYNC110 - a test may look
                await asyncio.sleep(0.005)

    def _seen(self, ref: ObjectRef) -> str:
        record = self.watcher.state.record(ref)
        return record.resource_version if record is not None else ""


def actions(result: ApplyResult) -> dict[str, str]:
    return {f"{change.ref.kind}/{change.ref.name}": str(change.action) for change in result.changes}


def annotated(manifest: Manifest, **values: str) -> Manifest:
    """With annotations of Flux's prefix."""
    marks = {f"{PREFIX}/{key}": value for key, value in values.items()}
    return {**manifest, "metadata": {**manifest["metadata"], "annotations": marks}}
