"""Whom a new revision changes: everybody of whom that is not certain, and of a fleet nobody else is even asked."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from fairlead.api.gitrepository import GitRepository
from fairlead.build.flux import Variables
from fairlead.controllers.artifacts import TREE
from fairlead.controllers.build_pool import ThreadBuilder
from fairlead.controllers.builds import Builds
from fairlead.controllers.kustomization import Kustomizations
from fairlead.controllers.memory import Memory
from fairlead.controllers.wakes import Wakes
from fairlead.kube.reflector import Key
from fairlead.runtime.clock import SystemClock
from fairlead.runtime.controller import Result
from fairlead.settings import Settings, StorageSettings
from fairlead.sources.store import ObjectStore
from tests.support.trees import write
from tests.unit.controllers.resources_for_tests import condition, kustomization

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from fairlead.api.kustomization import Kustomization

SOURCE = Key("ns", "fleet")
APPS = ("a", "b", "c", "d")
KEYS = [Key("ns", name) for name in APPS]
FILES = {f"apps/{name}/x.yaml": f"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: {name}}}\n" for name in APPS}
WELL = {
    "observedGeneration": 1,
    "lastAppliedRevision": "main@sha1:1",
    "lastAttemptedRevision": "main@sha1:1",
    "conditions": [condition("Ready", "True")],
}


class Known:
    """What the watch has shown; the part of ``Access`` that a decision needs."""

    def __init__(self) -> None:
        self.all: dict[Key, Any] = {}
        self.reflector = SimpleNamespace(subscribe=lambda _: None)

    def typed(self, key: Key) -> Any:
        return self.all.get(key)


class Fleet:
    """Kustomizations that have been delivered, and what their source brings."""

    def __init__(self, folder: Path) -> None:
        self.store = ObjectStore(folder)
        self.access, self.sources = Known(), Known()
        self.builds = Builds(self.store, ThreadBuilder(self.store))
        self.waiting: set[Key] = set()
        waits: Any = SimpleNamespace(running=lambda key: key if key in self.waiting else None)
        access: Any = self.access
        sources: Any = self.sources
        nothing: Any = None
        journal: Any = SimpleNamespace(holders=lambda _: ())
        settings = Settings(storage=StorageSettings(folder=folder))
        self.deliveries = Kustomizations(
            access, sources, nothing, self.builds, nothing, waits, Wakes(), settings, SystemClock(), journal
        )

    async def begin(self) -> None:
        self.publish(FILES)
        for key in KEYS:
            self.access.all[key] = found = kustomization(key.name, path=f"apps/{key.name}", status=WELL)
            build = await self.builds.get(key, found, self.tree_id, Variables())
            self.deliveries._memories[key] = Memory(delivered=build)
            self.deliveries.decision.look_again(key)

    def publish(self, files: dict[str, str]) -> None:
        self.tree_id = write(self.store, files)
        told = {"digest": "sha256:00", "path": "x", "revision": "main@sha1:2", "url": "http://x", "size": 1}
        artifact = {**told, "lastUpdateTime": "2026-01-01T00:00:00Z", "metadata": {TREE: self.tree_id}}
        spec = {"url": "file:///x", "interval": "1m"}
        manifest = {"metadata": {"name": "fleet", "namespace": "ns"}, "spec": spec, "status": {"artifact": artifact}}
        self.sources.all[SOURCE] = msgspec.convert(manifest, GitRepository)

    def change(self, key: Key, **status: Any) -> None:
        """Another state is written and comes back."""
        self.show(key, kustomization(key.name, path=f"apps/{key.name}", status=WELL | status))

    def show(self, key: Key, found: Kustomization) -> None:
        self.access.all[key] = found
        self.deliveries.decision.look_again(key)

    async def run(self, key: Key, work: Callable[[Memory], None]) -> None:
        """A run that does something to what is remembered."""

        async def reconcile(key: Key, _: object) -> Result:
            work(self.deliveries._memories[key])
            return Result()

        self.deliveries._reconcile = reconcile  # type: ignore[method-assign,assignment]
        await self.deliveries.reconcile(key)

    def decide(self) -> list[str]:
        """Whom the newest revision changes; all others take a note."""
        found = self.deliveries.sort_out(SOURCE, frozenset(KEYS))
        noted = list(self.deliveries.notes._waiting)
        assert sorted([*found, *noted]) == KEYS
        self.deliveries.notes._waiting.clear()
        return [key.name for key in found]


@pytest.fixture
async def fleet(tmp_path: Path) -> Fleet:
    found = Fleet(tmp_path / "store")
    await found.begin()
    return found


async def test_only_whom_the_commit_touches_is_asked(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[Key] = []
    ask = fleet.deliveries.decision.is_unaffected

    def count(key: Key) -> bool:
        asked.append(key)
        return ask(key)

    monkeypatch.setattr(fleet.deliveries.decision, "is_unaffected", count)
    fleet.publish(FILES | {"apps/b/x.yaml": FILES["apps/b/x.yaml"] + "data: {}\n"})
    assert fleet.decide() == ["b"]
    assert asked == [KEYS[1]]
    fleet.publish(FILES | {"README.md": "x"})
    assert fleet.decide() == []  # its file is again what was delivered


async def test_who_is_not_as_delivered_is_found_whatever_the_commit_changes(fleet: Fleet) -> None:
    a, b, c, d = KEYS
    fleet.change(a, observedGeneration=0)
    fleet.change(b, conditions=[condition("Ready", "False")])
    fleet.show(c, kustomization("c", path="apps/c", status=WELL, suspend=True))
    fleet.publish(FILES | {"README.md": "x"})
    assert fleet.decide() == ["a", "b", "c"]
    fleet.change(b)
    del fleet.access.all[d]
    fleet.deliveries.decision.look_again(d)
    fleet.publish(FILES | {"README.md": "y"})
    assert fleet.decide() == ["a", "c", "d"]


async def test_a_run_may_change_everything(fleet: Fleet) -> None:
    a, b, c, d = KEYS

    def leave(memory: Memory) -> None:
        memory.leaves_entries = True

    def lose(memory: Memory) -> None:
        memory.delivered = None

    await fleet.run(a, leave)
    await fleet.run(b, lose)
    await fleet.run(c, lambda _: fleet.waiting.add(c))
    await fleet.run(d, lambda _: None)
    fleet.publish(FILES | {"README.md": "x"})
    assert fleet.decide() == ["a", "b", "c"]


async def test_who_is_at_work_is_asked_as_it_is_then(fleet: Fleet) -> None:
    found: list[list[str]] = []

    def work(memory: Memory) -> None:
        fleet.change(KEYS[0])  # its status comes back while it is at work
        delivered, memory.delivered = memory.delivered, None
        fleet.publish(FILES | {"README.md": "x"})
        found.append(fleet.decide())
        memory.delivered = delivered

    await fleet.run(KEYS[0], work)
    fleet.publish(FILES | {"README.md": "y"})
    found.append(fleet.decide())
    assert found == [["a"], []]


async def test_what_the_caller_knows_may_be_older_than_what_was_written(fleet: Fleet) -> None:
    """The watch lags behind our own writes: what it has shown of a Kustomization then says too little."""
    decision, known = fleet.deliveries.decision, fleet.access.typed(KEYS[0])
    assert decision.is_at_newest(KEYS[0], known)
    fleet.change(KEYS[0])
    assert not decision.is_at_newest(KEYS[0], known)
    fleet.publish(FILES | {"apps/b/x.yaml": FILES["apps/b/x.yaml"] + "data: {}\n"})
    assert not decision.is_at_newest(KEYS[1], fleet.access.typed(KEYS[1]))
    assert decision.is_at_newest(KEYS[2], fleet.access.typed(KEYS[2]))


async def test_without_an_artifact_nothing_is_certain(fleet: Fleet) -> None:
    fleet.sources.all.clear()
    assert fleet.decide() == list(APPS)
    fleet.publish(FILES)
    assert fleet.decide() == []


async def test_another_build_of_it_is_not_what_was_delivered(fleet: Fleet) -> None:
    """Somebody who prunes asks what it will have; then the newest build is another one than the delivered."""
    changed = FILES | {"apps/a/x.yaml": FILES["apps/a/x.yaml"] + "data: {}\n"}
    fleet.publish(changed)
    await fleet.builds.get(KEYS[0], fleet.access.typed(KEYS[0]), fleet.tree_id, Variables())
    assert fleet.decide() == ["a"]
    fleet.publish(changed | {"README.md": "x"})
    assert fleet.decide() == ["a"]
