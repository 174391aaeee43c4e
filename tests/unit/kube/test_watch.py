"""Lines that arrive in any pieces, and watches that end in any way."""

from __future__ import annotations

import asyncio
import itertools
import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.kube import watch as watch_module
from fairlead.kube.client import KubeClient
from fairlead.kube.errors import GoneError, NoMatchError, ServerUnavailableError
from fairlead.kube.listing import Selection
from fairlead.kube.options import ClientOptions
from fairlead.kube.watch import read_events
from fairlead.objects.ref import GroupKind
from tests.support.fake_api import FakeApi, Kind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterable

CONFIG_MAP = GroupKind("", "ConfigMap")


def line(number: int, type: str = "ADDED") -> bytes:
    return json.dumps({"type": type, "object": {"metadata": {"name": f"ü{number}"}}}).encode() + b"\n"


async def chunks(parts: Iterable[bytes]) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


async def names(parts: Iterable[bytes]) -> list[str]:
    found: list[str] = []
    async for batch in read_events(chunks(parts), "ConfigMap"):
        found += [json.loads(bytes(event.object))["metadata"]["name"] for event in batch]
    return found


@given(st.integers(0, 6), st.lists(st.integers(1, 400), max_size=12))
def test_pieces_do_not_matter(count: int, cuts: list[int]) -> None:
    stream = b"".join(line(number) for number in range(count))
    places = sorted({0, len(stream), *(min(cut, len(stream)) for cut in cuts)})
    parts = [stream[start:end] for start, end in itertools.pairwise(places)]
    assert asyncio.run(names(parts)) == [f"ü{number}" for number in range(count)]


async def test_a_last_line_that_was_cut_off_is_dropped() -> None:
    assert await names([line(1), line(2)[:-5]]) == ["ü1"]


@pytest.mark.parametrize("nonsense", [b"oops\n", b'{"type": "ODD", "object": {}}\n', b"[]\n", b"\xff\n"])
async def test_nonsense_is_an_error_of_the_server(nonsense: bytes) -> None:
    with pytest.raises(ServerUnavailableError, match="ConfigMap watch failed"):
        await names([line(1), nonsense])


async def test_a_line_without_end_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "MAX_LINE_BYTES", 1000)
    with pytest.raises(ServerUnavailableError, match="longer than 1000 bytes"):
        await names([b"x" * 600, b"x" * 600])


async def test_events_before_an_error_count() -> None:
    status = {"kind": "Status", "code": 410, "reason": "Expired", "message": "too old resource version: 1 (7)"}
    stream = line(1) + json.dumps({"type": "ERROR", "object": status}).encode() + b"\n"
    batches = read_events(chunks([stream]), "ConfigMap")
    assert len(await anext(batches)) == 1
    with pytest.raises(GoneError, match="too old resource version"):
        await anext(batches)


async def test_the_server_is_asked_to_end_the_watch_after_five_to_ten_minutes() -> None:
    async with FakeApi() as api, KubeClient(api.config) as client:
        api.put({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "a", "name": "b"}})
        stream = client.watch(CONFIG_MAP, resource_version="5", namespace="a", label_selector="x=y")
        event = await anext(stream)
        assert (event.type, event.object["metadata"]["name"]) == ("ADDED", "b")
        await stream.aclose()
        query = api.seen("GET", "configmaps")[0].query
        assert 300 <= int(query["timeoutSeconds"]) <= 600
        assert query["allowWatchBookmarks"] == "true"
        assert query["labelSelector"] == "x=y"


async def test_a_watch_on_a_dead_connection_ends_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairlead.kube.client.WATCH_GRACE_SECONDS", 0.05)
    async with FakeApi() as api, KubeClient(api.config, ClientOptions(watch_seconds=(0.1, 0.1))) as client:
        with pytest.raises(ServerUnavailableError, match="did not answer in time"):
            async for _ in client.watch(CONFIG_MAP, resource_version="5"):
                pass


async def test_a_reset_is_an_error_and_an_end_is_none() -> None:
    async with FakeApi() as api, KubeClient(api.config) as client:
        for end in (api.end_watches, api.reset_watches):
            stream = client.watch_raw(CONFIG_MAP, Selection(), resource_version=str(api.version))
            assert await anext(stream) == []
            await api.watched()
            end()
            if end == api.end_watches:
                assert [batch async for batch in stream] == []
            else:
                with pytest.raises(ServerUnavailableError, match="was lost"):
                    await anext(stream)


async def test_watching_a_kind_that_went_away() -> None:
    widget = Kind("example.com", "v1", "Widget", "widgets")
    async with FakeApi(widget) as api, KubeClient(api.config) as client:
        await client.discovery.resource(GroupKind("example.com", "Widget"))
        api.kinds.remove(widget)
        with pytest.raises(NoMatchError):
            await anext(client.watch_raw(GroupKind("example.com", "Widget"), Selection(), resource_version="5"))
