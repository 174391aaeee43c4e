"""Discovery in both forms that servers speak."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

from fairlead.kube.client import KubeClient
from fairlead.kube.discovery import Discovery
from fairlead.kube.errors import NoMatchError, ServerUnavailableError
from fairlead.kube.options import ClientOptions
from fairlead.objects.ref import GroupKind
from tests.support.fake_api import FakeApi, Kind

OLD, NEW = Kind("example.com", "v1beta1", "Widget", "widgets"), Kind("example.com", "v1", "Widget", "widgets")
ONLY_OLD = Kind("example.com", "v1beta1", "Gadget", "gadgets", namespaced=False, short_names=("gd",))
WIDGET, GADGET = GroupKind("example.com", "Widget"), GroupKind("example.com", "Gadget")


@pytest.mark.parametrize("aggregated", [True, False])
async def test_both_forms_tell_the_same(aggregated: bool) -> None:
    async with FakeApi(NEW, OLD, ONLY_OLD, aggregated=aggregated) as api, KubeClient(api.config) as client:
        widget = await client.discovery.resource(WIDGET)
        assert (widget.version, widget.plural, widget.namespaced) == ("v1", "widgets", True)
        assert widget.prefix == "/apis/example.com/v1"
        assert "status" in widget.subresources
        assert (await client.discovery.resource(WIDGET, "v1beta1")).version == "v1beta1"
        gadget = await client.discovery.resource(GADGET)
        assert (gadget.version, gadget.namespaced, gadget.short_names) == ("v1beta1", False, ("gd",))
        config_map = await client.discovery.resource(GroupKind("", "ConfigMap"))
        assert (config_map.prefix, config_map.api_version) == ("/api/v1", "v1")


async def test_an_unknown_version_is_named() -> None:
    async with FakeApi(NEW) as api, KubeClient(api.config) as client:
        with pytest.raises(NoMatchError, match='in version "v2"'):
            await client.discovery.resource(WIDGET, "v2")


async def test_words_of_people() -> None:
    async with FakeApi(NEW, ONLY_OLD) as api, KubeClient(api.config) as client:
        for word in ("deploy", "deployment", "deployments", "Deployment", "deployments.apps", "deploy.apps"):
            assert (await client.discovery.find(word)).kind == "Deployment"
        assert (await client.discovery.find("gd")).kind == "Gadget"
        with pytest.raises(NoMatchError):
            await client.discovery.find("deploy.batch")


async def test_callers_that_come_together_share_one_reading() -> None:
    async with FakeApi(NEW) as api, KubeClient(api.config) as client:
        await asyncio.gather(*(client.discovery.resource(WIDGET) for _ in range(20)))
        assert client.stats["get", "discovery"] == 2


@pytest.mark.parametrize(("announced", "min_interval"), [(True, 60), (False, 0)])
async def test_a_reading_from_before_a_change_tells_nothing_of_it(announced: bool, min_interval: float) -> None:
    """Who comes while it is under way, after the change, was told that a new kind is unknown."""
    served: list[dict[str, Any]] = []
    asked, held = asyncio.Event(), asyncio.Event()

    async def fetch(path: str, _: str) -> dict[str, Any]:
        answer = {"kind": "APIGroupDiscoveryList", "items": served[:] if path == "/apis" else []}
        if path == "/apis":
            asked.set()
            await held.wait()
        return answer

    discovery = Discovery(fetch, min_interval=min_interval)
    before = asyncio.create_task(discovery.versions(WIDGET))
    await asked.wait()
    resource = {"resource": "widgets", "responseKind": {"kind": "Widget"}}
    served.append({"metadata": {"name": "example.com"}, "versions": [{"version": "v1", "resources": [resource]}]})
    if announced:
        discovery.invalidate()
    after = asyncio.create_task(discovery.versions(WIDGET))
    await asyncio.sleep(0)
    held.set()
    assert not await before
    assert await after == {"v1"}


async def test_a_miss_reads_again_after_the_interval() -> None:
    async with FakeApi() as api, KubeClient(api.config, ClientOptions(discovery_interval=0.05)) as client:
        with pytest.raises(NoMatchError):
            await client.discovery.resource(WIDGET)
        api.kinds.append(NEW)
        await asyncio.sleep(0.06)
        assert (await client.discovery.resource(WIDGET)).plural == "widgets"


async def test_a_server_that_fails_is_no_unknown_kind() -> None:
    async with FakeApi() as api, KubeClient(api.config, ClientOptions(retries=0)) as client:
        api.fail(503, path="/api", times=2)
        with pytest.raises(ServerUnavailableError):
            await client.discovery.resource(WIDGET)


async def test_one_broken_group_does_not_hide_the_others() -> None:
    async with FakeApi(NEW, aggregated=False) as api, KubeClient(api.config, ClientOptions(retries=0)) as client:
        api.fail(503, path="/apis/apps/v1", times=9)
        assert (await client.discovery.resource(WIDGET)).plural == "widgets"


async def test_all_resources_once_each() -> None:
    async with FakeApi(NEW, OLD) as api, KubeClient(api.config) as client:
        kinds = [resource.kind for resource in await client.discovery.resources()]
        assert kinds.count("Widget") == 1
        assert kinds[0] == "ConfigMap"
