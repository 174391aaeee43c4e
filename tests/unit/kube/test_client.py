"""The client against a server with bad days."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from fairlead.kube.client import KubeClient, PatchType
from fairlead.kube.errors import (
    AlreadyExistsError,
    ApiError,
    ConflictApiError,
    ForbiddenApiError,
    InvalidError,
    NoMatchError,
    NotFoundError,
    ServerUnavailableError,
    TooManyRequestsError,
)
from fairlead.kube.options import ClientOptions
from fairlead.objects.ref import GroupKind, ObjectRef
from tests.support.fake_api import FakeApi, Kind
from tests.support.loop import no_blocking

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fairlead.objects.manifest import Manifest

CONFIG_MAP = GroupKind("", "ConfigMap")
REF = ObjectRef("", "ConfigMap", "apps", "web")
MAP: Manifest = {
    "apiVersion": "v1",
    "kind": "ConfigMap",
    "metadata": {"namespace": "apps", "name": "web"},
    "data": {"a": "1"},
}


class Bed:
    """A server, a client of it, and the pauses that the client wanted to make."""

    def __init__(self, api: FakeApi, options: ClientOptions | None = None) -> None:
        self.api = api
        self.pauses: list[float] = []
        self.client = KubeClient(api.config, options, sleep=self.sleep)

    async def sleep(self, seconds: float) -> None:
        self.pauses.append(seconds)
        await asyncio.sleep(0)


@pytest.fixture
async def bed() -> AsyncIterator[Bed]:
    async with FakeApi() as api:
        found = Bed(api)
        async with found.client:
            yield found


async def test_an_object_lives_its_life(bed: Bed) -> None:
    client = bed.client
    created = await client.create(MAP, field_manager="me")
    assert created["metadata"]["resourceVersion"]
    with pytest.raises(AlreadyExistsError):
        await client.create(MAP)
    assert (await client.get(REF))["data"] == {"a": "1"}
    await client.replace({**created, "data": {"a": "2"}})
    with pytest.raises(ConflictApiError):
        await client.replace({**created, "data": {"a": "3"}})
    patched = await client.patch(REF, {"data": {"b": "4"}}, PatchType.MERGE, field_manager="me")
    assert patched["data"] == {"a": "2", "b": "4"}
    with pytest.raises(ConflictApiError, match="precondition"):
        await client.delete(REF, uid="other")
    await client.delete(REF, uid=created["metadata"]["uid"])
    with pytest.raises(NotFoundError, match=r'ConfigMap/apps/web get failed \(NotFound\): configmaps "web" not found'):
        await client.get(REF)


async def test_what_goes_over_the_wire(bed: Bed) -> None:
    await bed.client.apply(MAP, field_manager="kustomize-controller", dry_run=True)
    sent = bed.api.seen("PATCH")[0]
    assert sent.path == "/api/v1/namespaces/apps/configmaps/web"
    assert sent.query == {"fieldManager": "kustomize-controller", "force": "true", "dryRun": "All"}
    assert sent.headers["Content-Type"] == "application/apply-patch+yaml"
    assert sent.headers["User-Agent"].startswith("fairlead/")
    assert "Authorization" not in sent.headers


async def test_discovery_costs_two_requests_however_many_kinds_are_used(bed: Bed) -> None:
    await bed.client.apply(MAP, field_manager="me")
    await bed.client.list(GroupKind("apps", "Deployment"))
    await bed.client.list(GroupKind("", "Secret"))
    assert bed.client.stats["get", "discovery"] == 2


async def test_lists_are_read_in_pages_and_items_say_what_they_are() -> None:
    async with FakeApi() as api:
        for number in range(7):
            manifest = {**MAP, "metadata": {"namespace": "apps", "name": f"m{number}"}}
            api.put(manifest)
        for stored in api.objects.values():
            del stored["apiVersion"], stored["kind"]
        bed = Bed(api, ClientOptions(page_size=3, page_bytes=1))
        async with bed.client as client:
            result = await client.list(CONFIG_MAP, namespace="apps", label_selector="a=b,c!=d")
        assert [item["metadata"]["name"] for item in result.items] == [f"m{number}" for number in range(7)]
        assert {(item["apiVersion"], item["kind"]) for item in result.items} == {("v1", "ConfigMap")}
        assert result.resource_version == str(api.version)
        lists = api.seen("GET", "configmaps")
        assert len(lists) == 3
        assert lists[0].query["labelSelector"] == "a=b,c!=d"


async def test_many_small_objects_come_in_few_pages() -> None:
    async with FakeApi() as api:
        for number in range(50):
            api.put({**MAP, "metadata": {"namespace": "apps", "name": f"m{number:02}"}})
        bed = Bed(api, ClientOptions(page_size=3))
        async with bed.client as client:
            result = await client.list(CONFIG_MAP, namespace="apps")
        assert len(result.items) == 50
        assert len(api.seen("GET", "configmaps")) == 2


async def test_impersonation_shares_everything_but_the_identity(bed: Bed) -> None:
    derived = bed.client.impersonate("system:serviceaccount:apps:deployer", ("a", "b"))
    await derived.apply(MAP, field_manager="me")
    await bed.client.get(REF)
    patch, get = bed.api.seen("PATCH")[0], bed.api.seen("GET", "configmaps")[0]
    assert patch.headers["Impersonate-User"] == "system:serviceaccount:apps:deployer"
    assert "Impersonate-User" not in get.headers
    assert all("Impersonate-User" not in request.headers for request in bed.api.seen("GET", "/api"))
    assert derived.stats is bed.client.stats
    assert derived.discovery is bed.client.discovery


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
async def test_what_a_repetition_can_heal_is_repeated(bed: Bed, status: int) -> None:
    bed.api.fail(status, method="PATCH", times=3)
    await bed.client.apply(MAP, field_manager="me")
    assert len(bed.pauses) == 3
    assert bed.client.stats["apply", "configmaps"] == 4


async def test_retry_after_is_honoured(bed: Bed) -> None:
    bed.api.put(MAP)
    bed.api.fail(429, path="configmaps", headers={"Retry-After": "7"})
    await bed.client.get(REF)
    assert bed.pauses == [7]


async def test_a_long_retry_after_is_the_callers_to_plan(bed: Bed) -> None:
    bed.api.fail(429, path="configmaps", headers={"Retry-After": "600"})
    with pytest.raises(TooManyRequestsError) as caught:
        await bed.client.get(REF)
    assert caught.value.retry_after == 600
    assert bed.pauses == []


async def test_repetition_ends_with_a_clear_error(bed: Bed) -> None:
    bed.api.fail(500, path="configmaps", times=99, message="etcd is sad")
    with pytest.raises(ServerUnavailableError, match=r"ConfigMap/apps/web get failed \(InternalError\): etcd is sad"):
        await bed.client.get(REF)
    assert len(bed.pauses) == ClientOptions().retries
    assert bed.pauses[-1] > bed.pauses[0]


async def test_a_reset_connection_is_repeated_for_what_may_be_repeated(bed: Bed) -> None:
    bed.api.fail(method="PATCH", reset=True, times=2)
    await bed.client.apply(MAP, field_manager="me")
    bed.api.fail(method="PATCH", reset=True)
    with pytest.raises(ServerUnavailableError, match=r"the connection to .* was lost"):
        await bed.client.patch(REF, [{"op": "add", "path": "/data/x", "value": "1"}], PatchType.JSON)


async def test_create_is_not_repeated_after_a_lost_answer(bed: Bed) -> None:
    bed.api.fail(method="POST", reset=True, after=True)
    with pytest.raises(ServerUnavailableError):
        await bed.client.create(MAP)
    assert len(bed.api.seen("POST")) == 1
    bed.api.fail(429, method="POST")
    with pytest.raises(AlreadyExistsError):
        await bed.client.create(MAP)
    assert len(bed.api.seen("POST")) == 3, "a request that was turned away is repeated"


@pytest.mark.parametrize("status", [400, 401, 403, 404, 409, 422])
async def test_refusals_are_not_repeated(bed: Bed, status: int) -> None:
    bed.api.fail(status, method="PATCH", details={"name": "web"})
    with pytest.raises((InvalidError, ForbiddenApiError, NotFoundError, ConflictApiError)):
        await bed.client.apply(MAP, field_manager="me")
    assert bed.pauses == []


async def test_a_truncated_answer_is_an_error_and_no_crash(bed: Bed) -> None:
    bed.api.fail(path="configmaps", body=b'{"kind": "Config', times=99)
    with pytest.raises(ServerUnavailableError, match="the answer is not what we asked for"):
        await bed.client.get(REF)


async def test_a_slow_server_runs_into_the_timeout() -> None:
    async with FakeApi() as api:
        bed = Bed(api, ClientOptions(request_timeout=1.5, retries=1))
        async with bed.client as client:
            await client.discovery.resource(CONFIG_MAP)
            api.fail(path="configmaps", delay=30, times=2)
            with pytest.raises(ServerUnavailableError, match="did not answer in time"):
                await client.get(REF)


async def test_a_server_that_is_not_there() -> None:
    async with FakeApi() as api:
        config = api.config
    async with KubeClient(config, ClientOptions(retries=0)) as client:
        with pytest.raises(ServerUnavailableError, match="cannot connect to"):
            await client.get(REF)


async def test_an_unknown_kind_is_looked_up_again_but_not_all_the_time(bed: Bed) -> None:
    widget = ObjectRef("example.com", "Widget", "apps", "w")
    for _ in range(5):
        with pytest.raises(NoMatchError):
            await bed.client.get(widget)
    assert bed.client.stats["get", "discovery"] == 2
    bed.api.kinds.append(Kind("example.com", "v1", "Widget", "widgets"))
    bed.client.discovery.invalidate()
    with pytest.raises(NotFoundError):
        await bed.client.get(widget)


async def test_a_kind_that_went_away_is_noticed() -> None:
    widget = Kind("example.com", "v1", "Widget", "widgets")
    async with FakeApi(widget) as api, KubeClient(api.config) as client:
        ref = ObjectRef("example.com", "Widget", "apps", "w")
        with pytest.raises(NotFoundError):
            await client.get(ref)
        api.kinds.remove(widget)
        for _ in range(2):
            with pytest.raises(NoMatchError):
                await client.get(ref)


async def test_a_namespaced_object_without_namespace_is_refused_before_it_is_sent(bed: Bed) -> None:
    with pytest.raises(InvalidError, match=r"metadata\.namespace: required"):
        await bed.client.apply({**MAP, "metadata": {"name": "web"}}, field_manager="me")
    assert not bed.api.seen("PATCH")


async def test_requests_in_flight_are_bounded_and_watches_do_not_count() -> None:
    async with FakeApi() as api:
        api.put(MAP)
        api.fail(path="configmaps/web", delay=0.05, times=99)
        async with KubeClient(api.config, ClientOptions(concurrency=2)) as client:
            await client.discovery.resource(CONFIG_MAP)
            watch = client.watch(CONFIG_MAP, resource_version="1")
            assert (await anext(watch)).type == "ADDED"
            started = asyncio.get_running_loop().time()
            async with asyncio.TaskGroup() as group:
                for _ in range(6):
                    group.create_task(client.get(REF))
            assert asyncio.get_running_loop().time() - started > 0.14
            await watch.aclose()


async def test_an_error_about_a_secret_does_not_show_it(bed: Bed) -> None:
    secret = {**MAP, "kind": "Secret", "data": {"p": "aHVudGVyMg=="}}
    bed.api.fail(422, method="PATCH", reason="Invalid", message='data[p]: Invalid value: "hunter2"')
    with pytest.raises(InvalidError) as caught:
        await bed.client.apply(secret, field_manager="me")
    assert "hunter2" not in str(caught.value)
    assert "Secret/apps/web" in str(caught.value)


async def test_raw_requests(bed: Bed) -> None:
    answer = await bed.client.request(
        "GET", "/api/v1/configmaps", params={"limit": "1"}, headers={"Accept": "application/json;as=Table"}
    )
    assert answer["items"] == []
    assert bed.api.requests[-1].headers["Accept"] == "application/json;as=Table"


async def test_using_a_closed_client_is_a_clear_mistake() -> None:
    client = KubeClient((FakeApi()).config)
    with pytest.raises(RuntimeError, match="async with"):
        await client.request("GET", "/version")


async def test_the_loop_is_not_blocked_by_many_requests(bed: Bed) -> None:
    for number in range(100):
        bed.api.put({**MAP, "metadata": {"namespace": "apps", "name": f"m{number}"}, "data": {"x": "y" * 2000}})
    with no_blocking():
        async with asyncio.TaskGroup() as group:
            for _ in range(20):
                group.create_task(bed.client.list(CONFIG_MAP))


@pytest.mark.parametrize("name", ["", ".", ".."])
async def test_a_name_that_could_mean_the_collection_is_refused(bed: Bed, name: str) -> None:
    with pytest.raises(InvalidError, match="a name is required"):
        await bed.client.delete(REF._replace(name=name))
    assert not bed.api.seen("DELETE")


async def test_a_redirect_is_no_success(bed: Bed) -> None:
    bed.api.fail(307, method="DELETE", headers={"Location": "http://elsewhere"})
    with pytest.raises(ApiError, match="delete failed"):
        await bed.client.delete(REF)


async def test_dry_runs_are_told_apart(bed: Bed) -> None:
    stored = await bed.client.create(MAP)
    await bed.client.create({**MAP, "metadata": {"namespace": "apps", "name": "other"}}, dry_run=True)
    await bed.client.replace(stored, dry_run=True)
    await bed.client.delete(REF, dry_run=True)
    assert bed.client.stats["dry-run", "configmaps"] == 3
    assert bed.client.stats["create", "configmaps"] == 1
