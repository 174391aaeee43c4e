"""The watch of managed objects on bad days."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest_asyncio

from fairlead.engine.state import Deleted, ManagedEvent
from fairlead.engine.watcher import ManagedWatcher
from fairlead.kube.client import KubeClient
from fairlead.objects.ref import GroupKind, ObjectRef
from tests.support.fake_api import FakeApi
from tests.support.patience import PATIENCE
from tests.unit.engine.builders import OWNER, config_map

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

CONFIG_MAPS = GroupKind("", "ConfigMap")
REF = ObjectRef("", "ConfigMap", "shop", "a")


@pytest_asyncio.fixture
async def api() -> AsyncIterator[FakeApi]:
    async with FakeApi() as api:
        yield api


@pytest_asyncio.fixture
async def watcher(api: FakeApi) -> AsyncIterator[ManagedWatcher]:
    async with KubeClient(api.config) as client, ManagedWatcher(client) as watcher:
        yield watcher


async def test_what_exists_is_known_when_ensure_returns(api: FakeApi, watcher: ManagedWatcher) -> None:
    api.put(config_map())
    await watcher.ensure([CONFIG_MAPS])
    record = watcher.state.record(REF)
    assert record is not None
    assert record.owner == OWNER
    assert watcher.follows(CONFIG_MAPS)
    (listed,) = api.seen("GET", "/configmaps")[:1]
    assert "kustomize.toolkit.fluxcd.io%2Fname" in str(listed) or "kustomize.toolkit.fluxcd.io/name" in str(listed)


async def test_a_kind_is_watched_once(api: FakeApi, watcher: ManagedWatcher) -> None:
    await asyncio.gather(*(watcher.ensure([CONFIG_MAPS]) for _ in range(5)))
    await api.watched()
    assert len(api.watches) == 1
    assert watcher.kinds == {CONFIG_MAPS}


async def test_kinds_that_are_not_served_are_left_out(watcher: ManagedWatcher) -> None:
    unknown = GroupKind("example.com", "Widget")
    await watcher.ensure([unknown])
    assert not watcher.follows(unknown)
    assert watcher.kinds == frozenset()


async def test_without_permission_records_are_not_trusted(api: FakeApi, watcher: ManagedWatcher) -> None:
    api.fail(403, method="GET", path="/configmaps", times=1000, reason="Forbidden", message="no")
    async with asyncio.timeout(PATIENCE):
        await watcher.ensure([CONFIG_MAPS])
    assert not watcher.follows(CONFIG_MAPS)


async def test_a_deletion_during_a_gap_is_noticed(api: FakeApi, watcher: ManagedWatcher) -> None:
    live = api.put(config_map())
    await watcher.ensure([CONFIG_MAPS])
    watcher.state.accept(live, OWNER, "digest")
    heard: asyncio.Queue[ManagedEvent] = asyncio.Queue()
    watcher.state.subscribe(heard.put_nowait)
    await api.watched()
    api.remove("ConfigMap", "shop", "a", silently=True)
    api.compact()
    api.end_watches()
    async with asyncio.timeout(PATIENCE):
        while not isinstance(event := await heard.get(), Deleted):
            continue
    assert event == Deleted(REF, OWNER)
