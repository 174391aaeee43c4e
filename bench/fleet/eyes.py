"""Observation through the API server's watch: the newest state of a few kinds, and when it was seen."""

from __future__ import annotations

import asyncio
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from fairlead.kube.errors import GoneError, ServerUnavailableError
from fairlead.objects.ref import GroupKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.kube.client import KubeClient

KUSTOMIZATION = GroupKind("kustomize.toolkit.fluxcd.io", "Kustomization")
DEPLOYMENT = GroupKind("apps", "Deployment")


class Eyes:
    """The state by kind and name; waiters are asked again after each batch of changes."""

    def __init__(self, client: KubeClient) -> None:
        self._client = client
        self.state: dict[GroupKind, dict[str, dict[str, Any]]] = defaultdict(dict)
        self.listeners: dict[GroupKind, Callable[[dict[str, Any]], None]] = {}
        """Who hears of each object of a kind that is new or has changed, so that nobody needs a watch beside ours."""
        self._condition = asyncio.Condition()

    async def follow(self, kind: GroupKind, namespace: str | None = None) -> None:
        while True:
            listing = await self._client.list(kind, namespace=namespace)
            version = listing.resource_version
            self.state[kind] = {}
            for item in listing.items:
                self._take(kind, item)
            await self._wake()
            try:
                while True:
                    async for event in self._client.watch(kind, resource_version=version, namespace=namespace):
                        version = event.object["metadata"]["resourceVersion"]
                        if event.type == "DELETED":
                            self.state[kind].pop(event.object["metadata"]["name"], None)
                        elif event.type != "BOOKMARK":
                            self._take(kind, event.object)
                        await self._wake()
            except (GoneError, ServerUnavailableError):
                continue

    def _take(self, kind: GroupKind, item: dict[str, Any]) -> None:
        self.state[kind][item["metadata"]["name"]] = item
        if (listener := self.listeners.get(kind)) is not None:
            listener(item)

    async def until(self, seen: Callable[[], bool], *, seconds: float = 600) -> float:
        """When ``seen()`` first held, on the monotonic clock."""
        async with asyncio.timeout(seconds), self._condition:
            await self._condition.wait_for(seen)
        return time.monotonic()

    async def all_ready(self, names: list[str], commit: str) -> float:
        """When all of these Kustomizations were Ready at a commit."""
        return await self.all_of(names, lambda name: self.ready(name, commit))

    async def all_of(self, names: list[str], seen: Callable[[str], bool]) -> float:
        """When it held of each; each is looked at until it does, and not again."""
        left = list(names)

        def done() -> bool:
            while left and seen(left[-1]):
                left.pop()
            return not left

        return await self.until(done)

    async def _wake(self) -> None:
        async with self._condition:
            self._condition.notify_all()

    def ready(self, name: str, commit: str) -> bool:
        status = self.state[KUSTOMIZATION].get(name, {}).get("status", {})
        ready = any(row["type"] == "Ready" and row["status"] == "True" for row in status.get("conditions", []))
        return ready and str(status.get("lastAppliedRevision", "")).endswith(commit)

    def image(self, name: str) -> str:
        container = self._container(name)
        return str(container["image"]) if container else ""

    def config_map(self, name: str) -> str:
        """What the pods of a Deployment take their environment from."""
        container = self._container(name)
        return str(container["envFrom"][0]["configMapRef"]["name"]) if container else ""

    def _container(self, name: str) -> dict[str, Any] | None:
        manifest = self.state[DEPLOYMENT].get(name)
        return manifest["spec"]["template"]["spec"]["containers"][0] if manifest else None
