"""Eyes of the demo: a step counts only when the API server's watch has shown its outcome."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from typing import TYPE_CHECKING, Any

from fairlead.cli import fields
from fairlead.errors import FairleadError, UnavailableError
from fairlead.kube.errors import ApiError, GoneError
from fairlead.objects.ref import GroupKind, ObjectRef

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.kube.client import KubeClient

__all__ = ["NotObservedError", "Observer"]

Manifest = dict[str, Any]


class NotObservedError(FairleadError):
    """What a step promises did not show within its time."""


class Observer:
    """Follows a few kinds and lets scenes wait for what they want to see."""

    def __init__(self, client: KubeClient, on_change: Callable[[], None]) -> None:
        self._client = client
        self._objects: dict[GroupKind, dict[ObjectRef, Manifest]] = defaultdict(dict)
        self._changed = asyncio.Event()
        self._on_change = on_change

    def follow(self, group: asyncio.TaskGroup, *kinds: GroupKind) -> list[asyncio.Task[None]]:
        return [group.create_task(self._follow(kind), name=f"follow {kind}") for kind in kinds]

    def get(self, reference: ObjectRef) -> Manifest | None:
        return self._objects[reference.group_kind].get(reference)

    def all(self, kind: GroupKind) -> list[Manifest]:
        return list(self._objects[kind].values())

    async def until(self, what: str, seen: Callable[[], bool], *, seconds: float) -> None:
        """Return as soon as ``seen()`` holds; it is asked again after every change."""
        try:
            async with asyncio.timeout(seconds):
                while not seen():
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError as error:
            raise NotObservedError(f"not seen within {seconds:g} s: {what}; {self._situation()}") from error

    def _situation(self) -> str:
        rows = [
            f"{manifest['metadata']['name']}: {fields.message(manifest)}"
            for kind, objects in self._objects.items()
            if kind.group.endswith("toolkit.fluxcd.io")
            for manifest in objects.values()
            if fields.ready(manifest) != "True"
        ]
        return "; ".join(rows) or "all are ready"

    async def _follow(self, kind: GroupKind) -> None:
        while True:
            try:
                listing = await self._client.list(kind)
                self._objects[kind] = {ObjectRef.of({**_type(kind), **item}): item for item in listing.items}
                self._notify()
                async for event in self._client.watch(kind, resource_version=listing.resource_version):
                    if event.type == "BOOKMARK":
                        continue
                    reference = ObjectRef.of(event.object)
                    if event.type == "DELETED":
                        self._objects[kind].pop(reference, None)
                    else:
                        self._objects[kind][reference] = event.object
                    self._notify()
            except (GoneError, ApiError, UnavailableError):
                # The list is simply taken again; a cluster that stays away shows in `until`, which has a time limit.
                await asyncio.sleep(0.2)

    def _notify(self) -> None:
        self._changed.set()
        self._on_change()


def _type(kind: GroupKind) -> Manifest:
    # Items of a list may come without their type.
    return {"apiVersion": f"{kind.group}/any" if kind.group else "any", "kind": kind.kind}
