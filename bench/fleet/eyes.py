"""Observation through the API server's watch: the newest state of a few kinds, and when it was seen."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from fairlead.kube.errors import GoneError, ServerUnavailableError, TooManyRequestsError
from fairlead.objects.ref import GroupKind

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.kube.client import KubeClient

KUSTOMIZATION = GroupKind("kustomize.toolkit.fluxcd.io", "Kustomization")
DEPLOYMENT = GroupKind("apps", "Deployment")
NO_WATCH_SECONDS = 60.0
"""How long a server may refuse to be watched: for some seconds after its start it has no cache of a kind yet."""
RETRY_SECONDS = 1.0
"""When it is asked again, unless it says so itself."""


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
            version = await self._list(kind, namespace)
            with contextlib.suppress(GoneError, ServerUnavailableError):
                while True:
                    version = await self._watch(kind, namespace, version)

    async def _list(self, kind: GroupKind, namespace: str | None) -> str:
        listing = await self._client.list(kind, namespace=namespace)
        self.state[kind] = {}
        for item in listing.items:
            self._take(kind, item)
        await self._wake()
        return listing.resource_version

    async def _watch(self, kind: GroupKind, namespace: str | None, version: str) -> str:
        """From which version to go on, when the server has ended the watch; while it takes none, it is asked again."""
        last_taken = time.monotonic()
        while True:
            try:
                async for event in self._client.watch(kind, resource_version=version, namespace=namespace):
                    last_taken = time.monotonic()
                    version = event.object["metadata"]["resourceVersion"]
                    if event.type == "DELETED":
                        self.state[kind].pop(event.object["metadata"]["name"], None)
                    elif event.type != "BOOKMARK":
                        self._take(kind, event.object)
                    await self._wake()
            except TooManyRequestsError as error:
                if time.monotonic() - last_taken > NO_WATCH_SECONDS:
                    text = f"the server has taken no watch of {kind} for {NO_WATCH_SECONDS:g} s: {error}"
                    raise TimeoutError(text) from error
                await asyncio.sleep(RETRY_SECONDS if error.retry_after is None else error.retry_after)
            else:
                return version

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
