"""Applying on bad days: what fails is told, what was done is told, and nothing is written out of turn."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from fairlead.engine.apply import Applier, ApplyResult
from fairlead.engine.options import ApplyOptions
from fairlead.engine.plan import Action
from fairlead.engine.watcher import ManagedWatcher
from fairlead.errors import ConflictError, ForbiddenError, UnavailableError
from fairlead.kube.client import KubeClient
from fairlead.kube.options import Backoff, ClientOptions
from fairlead.objects.inventory import Inventory
from tests.support.fake_api import FakeApi
from tests.unit.engine.builders import OWNER

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fairlead.engine.apply import RecordInventory
    from fairlead.objects.manifest import Manifest

QUICK = ClientOptions(retries=2, backoff=Backoff(base=0.001, maximum=0.001))
SHOP: Manifest = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "shop"}}


def settings(name: str, value: str = "1") -> Manifest:
    meta = {"name": name, "namespace": "shop"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": value}}


class Bench:
    """An applier whose server has bad days."""

    def __init__(self, api: FakeApi, watcher: ManagedWatcher) -> None:
        self.api = api
        self.watcher = watcher

    async def apply(self, *objects: Manifest, record: RecordInventory | None = None) -> ApplyResult:
        applier = Applier(self.watcher, ApplyOptions(owner=OWNER))
        return await applier.apply(objects, Inventory(), record_inventory=record)

    def written(self) -> list[str]:
        return sorted(name for _, kind, _, name in self.api.objects if kind == "ConfigMap")


@pytest_asyncio.fixture
async def bench() -> AsyncIterator[Bench]:
    async with FakeApi() as api, KubeClient(api.config, QUICK) as client, ManagedWatcher(client) as watcher:
        yield Bench(api, watcher)


async def test_the_first_and_the_second_run(bench: Bench) -> None:
    first = await bench.apply(SHOP, settings("a"), settings("b"))
    assert first.error is None
    assert [change.action for change in first.changes] == [Action.CREATED] * 3
    before = len(bench.api.requests)
    second = await bench.apply(SHOP, settings("a"), settings("b"))
    assert [change.action for change in second.changes] == [Action.UNCHANGED] * 3
    assert len(bench.api.requests) == before


async def test_a_refused_dry_run_stops_the_stage(bench: Bench) -> None:
    bench.api.fail(403, method="PATCH", path="configmaps/b", reason="Forbidden", message="not you")
    result = await bench.apply(SHOP, settings("a"), settings("b"))
    assert isinstance(result.error, ForbiddenError)
    assert str(result.error) == "ConfigMap/shop/b dry-run failed (Forbidden): not you"
    assert bench.written() == []
    with pytest.raises(ForbiddenError):
        result.raise_for_failures()


async def test_a_server_that_is_down_is_a_failure_of_the_run(bench: Bench) -> None:
    bench.api.fail(503, times=1000, reason="ServiceUnavailable", message="down")
    result = await bench.apply(settings("a"))
    assert isinstance(result.error, UnavailableError)
    assert len(result.changes) == 0


async def test_without_a_recorded_inventory_nothing_is_written(bench: Bench) -> None:
    async def refuse(_: Inventory) -> None:
        raise ConflictError("the status was changed meanwhile")

    result = await bench.apply(settings("a"), record=refuse)
    assert isinstance(result.error, ConflictError)
    assert bench.written() == []


async def test_a_failed_write_does_not_hide_the_others(bench: Bench) -> None:
    # Both dry runs pass; then every write of b fails.
    bench.api.fail(500, method="PATCH", path="configmaps/b?fieldManager", times=1000, message="broken")
    bench.api.fail(500, method="PATCH", path="configmaps/b?force", times=1000, message="broken")
    result = await bench.apply(SHOP, settings("a"), settings("b"))
    assert isinstance(result.error, UnavailableError)
    assert "ConfigMap/shop/b apply failed" in str(result.error)
    assert [str(change) for change in result.changes] == ["Namespace/shop created", "ConfigMap/shop/a created"]
    bench.api.failures.clear()
    again = await bench.apply(SHOP, settings("a"), settings("b"))
    assert again.error is None
    assert bench.written() == ["a", "b"]


async def test_a_moment_of_trouble_is_not_noticed(bench: Bench) -> None:
    bench.api.fail(429, method="PATCH", message="busy", headers={"Retry-After": "0"})
    bench.api.fail(method="PATCH", reset=True)
    result = await bench.apply(SHOP, settings("a"))
    assert result.error is None
    assert bench.written() == ["a"]
