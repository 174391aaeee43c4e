"""A cluster in a dictionary, with the controllers running on it far faster than in life."""

from __future__ import annotations

import asyncio
import contextlib
import copy
import itertools
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from fairlead.localcluster.controllers.manager import Manager
from fairlead.localcluster.status import already_exists, conflict, not_found
from fairlead.objects.ref import ObjectRef
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

Manifest = dict[str, Any]
Told = list[tuple[str, str, str]]
SPEED = 20.0


class FakeAccess:
    """The access protocol as a server implements it, without validation and defaults."""

    def __init__(self) -> None:
        self.objects: dict[ObjectRef, Manifest] = {}
        self.writes: list[tuple[str, ObjectRef, str]] = []
        self._subscribers: list[tuple[set[tuple[str, str]], asyncio.Queue[tuple[str, Manifest]]]] = []
        self._versions = itertools.count(1)
        self._uids = itertools.count(1)
        self._changed = asyncio.Event()

    def get(self, group: str, kind: str, namespace: str, name: str) -> Manifest | None:
        return copy.deepcopy(self.objects.get(ObjectRef(group, kind, namespace, name)))

    def list(self, group: str, kind: str, namespace: str | None = None) -> list[Manifest]:
        return [
            copy.deepcopy(obj)
            for ref, obj in self.objects.items()
            if (ref.group, ref.kind) == (group, kind) and namespace in (None, ref.namespace)
        ]

    async def create(self, obj: Manifest, *, field_manager: str = "") -> Manifest:
        await asyncio.sleep(0)
        obj = copy.deepcopy(obj)
        metadata = obj["metadata"]
        if not metadata.get("name"):
            metadata["name"] = f"{metadata['generateName']}{next(self._uids):05}"
        ref = ObjectRef.of(obj)
        if ref in self.objects:
            raise already_exists(ref.group, ref.kind, ref.name)
        metadata |= {"uid": f"uid-{next(self._uids)}", "generation": 1, "creationTimestamp": _now()}
        self._store("ADDED", ref, obj, "create", field_manager)
        return copy.deepcopy(obj)

    async def update(self, obj: Manifest, *, field_manager: str = "") -> Manifest:
        await asyncio.sleep(0)
        ref, live = self._locked(obj)
        updated = copy.deepcopy(obj)
        updated["status"] = copy.deepcopy(live.get("status") or {})
        if updated.get("spec") != live.get("spec"):
            updated["metadata"]["generation"] = live["metadata"]["generation"] + 1
        if updated["metadata"].get("deletionTimestamp") and not updated["metadata"].get("finalizers"):
            self._drop(ref)
            return updated
        self._store("MODIFIED", ref, updated, "update", field_manager)
        return copy.deepcopy(updated)

    async def update_status(self, obj: Manifest, *, field_manager: str = "") -> Manifest:
        await asyncio.sleep(0)
        ref, live = self._locked(obj)
        updated = {**copy.deepcopy(live), "status": copy.deepcopy(obj["status"])}
        self._store("MODIFIED", ref, updated, "status", field_manager)
        return copy.deepcopy(updated)

    async def delete(
        self,
        group: str,
        kind: str,
        namespace: str,
        name: str,
        *,
        propagation: str = "Background",
        uid: str | None = None,
        grace_period_seconds: int | None = None,
    ) -> None:
        await asyncio.sleep(0)
        ref = ObjectRef(group, kind, namespace, name)
        live = self.objects.get(ref)
        if live is None:
            raise not_found(group, kind, name)
        if uid is not None and uid != live["metadata"]["uid"]:
            raise conflict(group, kind, name, "uid")
        graceful = kind == "Pod" and live["spec"].get("nodeName") and grace_period_seconds != 0
        if graceful or live["metadata"].get("finalizers"):
            if not live["metadata"].get("deletionTimestamp"):
                marked = copy.deepcopy(live)
                marked["metadata"] |= {"deletionTimestamp": _now(), "deletionGracePeriodSeconds": 30}
                self._store("MODIFIED", ref, marked, "delete", "")
            return
        self._drop(ref)

    async def subscribe(self, *kinds: tuple[str, str]) -> AsyncIterator[tuple[str, Manifest]]:
        queue: asyncio.Queue[tuple[str, Manifest]] = asyncio.Queue()
        for ref, obj in self.objects.items():
            if (ref.group, ref.kind) in kinds:
                queue.put_nowait(("ADDED", copy.deepcopy(obj)))
        subscriber = (set(kinds), queue)
        self._subscribers.append(subscriber)
        try:
            while True:
                yield await queue.get()
        finally:
            self._subscribers.remove(subscriber)

    async def edit(self, group: str, kind: str, name: str, change: Callable[[Manifest], None]) -> None:
        """A user's change of an object in namespace ``default``."""
        obj = self.get(group, kind, "default", name)
        assert obj is not None
        change(obj)
        await self.update(obj, field_manager="user")

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait for writes until the condition holds."""
        async with asyncio.timeout(PATIENCE):
            while not condition():
                self._changed.clear()
                await self._changed.wait()

    def named(self, kind: str, group: str = "") -> dict[str, Manifest]:
        return {obj["metadata"]["name"]: obj for obj in self.list(group, kind)}

    def events(self, kind: str) -> Told:
        """``(type, reason, message)`` of the events about objects of a kind, in order."""
        return [
            (each["type"], each["reason"], each["message"])
            for each in self.list("", "Event")
            if each["involvedObject"]["kind"] == kind
        ]

    def _locked(self, obj: Manifest) -> tuple[ObjectRef, Manifest]:
        ref = ObjectRef.of(obj)
        live = self.objects.get(ref)
        if live is None:
            raise not_found(ref.group, ref.kind, ref.name)
        if (
            obj["metadata"].get("resourceVersion", live["metadata"]["resourceVersion"])
            != live["metadata"]["resourceVersion"]
        ):
            raise conflict(ref.group, ref.kind, ref.name, "the object has been modified")
        return ref, live

    def _store(self, event: str, ref: ObjectRef, obj: Manifest, verb: str, manager: str) -> None:
        obj["metadata"]["resourceVersion"] = str(next(self._versions))
        self.objects[ref] = copy.deepcopy(obj)
        self.writes.append((verb, ref, manager))
        self._tell(event, ref, obj)

    def _drop(self, ref: ObjectRef) -> None:
        obj = self.objects.pop(ref)
        self._tell("DELETED", ref, obj)
        for other, dependent in list(self.objects.items()):
            owners = dependent["metadata"].get("ownerReferences") or ()
            if any(owner["uid"] == obj["metadata"]["uid"] for owner in owners) and other in self.objects:
                self._drop(other)

    def _tell(self, event: str, ref: ObjectRef, obj: Manifest) -> None:
        self._changed.set()
        for kinds, queue in self._subscribers:
            if (ref.group, ref.kind) in kinds:
                queue.put_nowait((event, copy.deepcopy(obj)))


def _now() -> str:
    return datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


class Simulation:
    """A fake cluster and the controllers on it, which a test may stop and start."""

    def __init__(self) -> None:
        self.access = FakeAccess()
        self.manager = Manager(self.access, speed=SPEED)
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self.manager = Manager(self.access, speed=SPEED)
        self._task = asyncio.create_task(self.manager.run())

    async def stop(self) -> None:
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task

    async def pause(self) -> None:
        """Stop after the next write, or when nothing happens any more."""
        before = len(self.access.writes)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(0.05):
                await self.access.until(lambda: len(self.access.writes) > before)
        await self.stop()

    async def apply(self, text: str) -> None:
        """Create objects in namespace ``default``."""
        for obj in yaml.safe_load_all(text):
            obj["metadata"].setdefault("namespace", "default")
            await self.access.create(obj, field_manager="user")

    async def settle(self) -> None:
        """Wait until nothing is queued, running or delayed."""
        queue, recorder = self.manager.context.queue, self.manager.context.recorder
        async with asyncio.timeout(PATIENCE):
            quiet = 0
            while quiet < 3:
                quiet = quiet + 1 if queue.idle and not queue.timers and not len(recorder) else 0
                await asyncio.sleep(0.002)


@pytest.fixture
async def simulation() -> AsyncIterator[Simulation]:
    running = Simulation()
    running.start()
    yield running
    await running.stop()
