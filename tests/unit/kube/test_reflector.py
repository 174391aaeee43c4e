"""The store follows the server whatever happens in between."""

from __future__ import annotations

import asyncio
import contextlib
import random
from typing import TYPE_CHECKING

import msgspec
import pytest

from fairlead.kube.client import KubeClient
from fairlead.kube.errors import ForbiddenApiError, NoMatchError, ServerUnavailableError
from fairlead.kube.listing import Selection
from fairlead.kube.options import Backoff, ClientOptions
from fairlead.kube.reflector import Key, Reflector, manifest_decoder
from fairlead.objects.ref import GroupKind
from tests.support.fake_api import FakeApi, Kind
from tests.support.loop import no_blocking
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fairlead.objects.manifest import Manifest

CONFIG_MAP = GroupKind("", "ConfigMap")
QUICK = Backoff(base=0.001, maximum=0.01)


def config_map(name: str, value: str = "1", namespace: str = "apps") -> Manifest:
    return {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"namespace": namespace, "name": name},
        "data": {"a": value},
    }


class Diary:
    """What a subscriber was told, and a way to wait for it."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._news = asyncio.Event()

    def __call__(self, change: str, old: Manifest | None, new: Manifest | None) -> None:
        of = new or old
        assert of is not None
        assert (old is None) == (change == "ADDED")
        assert (new is None) == (change == "DELETED")
        self.lines.append(f"{change} {of['metadata']['name']}={of['data']['a']}")
        self._news.set()

    async def reads(self, *lines: str) -> None:
        """Until exactly these lines have come, since the last call."""
        async with asyncio.timeout(PATIENCE):
            while len(self.lines) < len(lines):
                self._news.clear()
                await self._news.wait()
        assert self.lines == list(lines)
        self.lines.clear()


@contextlib.asynccontextmanager
async def reflecting(
    api: FakeApi, options: ClientOptions | None = None, selection: Selection | None = None
) -> AsyncIterator[tuple[Reflector[Manifest], Diary]]:
    async with KubeClient(api.config, options or ClientOptions(retries=0)) as client:
        reflector = Reflector(client, CONFIG_MAP, decode=manifest_decoder, selection=selection, backoff=QUICK)
        diary = Diary()
        reflector.subscribe(diary)
        task = asyncio.create_task(reflector.run())
        try:
            yield reflector, diary
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait_for(task, PATIENCE)


async def failing(reflector: Reflector[Manifest]) -> None:
    """Until it waits before another attempt."""
    async with asyncio.timeout(PATIENCE):
        while reflector.error is None:  # noqa: ASYNC110 - nothing announces an error
            await asyncio.sleep(0.001)


async def test_list_then_watch() -> None:
    async with FakeApi() as api:
        api.put(config_map("a"))
        api.put(config_map("b"))
        async with reflecting(api, ClientOptions(page_size=1, page_bytes=1)) as (reflector, diary):
            await reflector.wait_synced()
            await diary.reads("ADDED a=1", "ADDED b=1")
            await api.watched()
            api.put(config_map("a", "2"))
            api.put(config_map("c"))
            api.remove("ConfigMap", "apps", "b")
            await diary.reads("MODIFIED a=2", "ADDED c=1", "DELETED b=1")
            assert {key: value["data"]["a"] for key, value in reflector.items()} == {
                Key("apps", "a"): "2",
                Key("apps", "c"): "1",
            }
            assert reflector.get("apps", "b") is None
            assert len(reflector) == 2
            assert api.seen("GET", "configmaps")[-1].query["resourceVersion"] == "102"


async def test_a_watch_continues_where_it_ended() -> None:
    async with FakeApi() as api, reflecting(api) as (reflector, diary):
        await reflector.wait_synced()
        for end in (api.end_watches, api.reset_watches, api.reset_watches):
            await api.watched()
            api.put(config_map("a", "before"))
            await asyncio.sleep(0.02)
            end()
            api.put(config_map("a", "gap"))
            await asyncio.sleep(0.02)
        await diary.reads("ADDED a=before", *["MODIFIED a=gap", "MODIFIED a=before"] * 2, "MODIFIED a=gap")
        assert len([request for request in api.seen("GET", "configmaps") if "watch" not in request.query]) == 1


async def test_a_gap_that_is_too_old_is_bridged_by_a_list() -> None:
    async with FakeApi() as api:
        for name in "abcd":
            api.put(config_map(name))
        async with reflecting(api) as (reflector, diary):
            await api.watched()
            diary.lines.clear()
            api.history.clear()
            api.remove("ConfigMap", "apps", "a", silently=True)
            api.remove("ConfigMap", "apps", "b", silently=True)
            api.watches[0].prefix = ("", "nothing", "")  # this watch hears no more
            api.put(config_map("b", "new"))  # another object of that name
            api.put(config_map("c", "2"))
            api.compact()
            api.end_watches()
            await diary.reads("DELETED b=1", "ADDED b=new", "MODIFIED c=2", "DELETED a=1")
            assert reflector.resource_version == str(api.version)
            assert len(reflector) == 3


async def test_an_expired_list_begins_again() -> None:
    async with FakeApi() as api:
        for name in "abc":
            api.put(config_map(name))
        api.fail(410, path="continue=1", reason="Expired")
        async with reflecting(api, ClientOptions(page_size=1, page_bytes=1)) as (reflector, diary):
            await reflector.wait_synced()
            await diary.reads("ADDED a=1", "ADDED b=1", "ADDED c=1")


async def test_bookmarks_move_the_version_and_tell_nobody() -> None:
    async with FakeApi() as api, reflecting(api) as (reflector, diary):
        await api.watched()
        api.bookmark()
        api.put(config_map("a"))
        await diary.reads("ADDED a=1")
        api.bookmark()
        api.compact()
        api.put(config_map("a", "2"))
        await diary.reads("MODIFIED a=2")
        api.end_watches()
        await asyncio.sleep(0.02)
        await api.watched()
        assert len([request for request in api.seen("GET", "configmaps") if "watch" not in request.query]) == 1
        assert reflector.resource_version == str(api.version)


async def test_the_same_version_again_is_no_news() -> None:
    async with FakeApi() as api, reflecting(api) as (_, diary):
        await api.watched()
        stored = api.put(config_map("a"))
        api.send(api.watches[0], {"type": "MODIFIED", "object": stored})
        api.put(config_map("b"))
        await diary.reads("ADDED a=1", "ADDED b=1")


@pytest.mark.parametrize("nonsense", [b"garbage\n", b'{"type":"ADDED","object":{"metadata":{}}}\n', b'{"type":"MOD'])
async def test_nonsense_on_the_line_is_survived(nonsense: bytes) -> None:
    async with FakeApi() as api, reflecting(api) as (_, diary):
        await api.watched()
        api.send(api.watches[0], nonsense)
        api.reset_watches() if nonsense.endswith(b"MOD") else None
        await asyncio.sleep(0.02)
        api.put(config_map("a"))
        await diary.reads("ADDED a=1")


async def test_errors_are_told_and_end() -> None:
    async with FakeApi() as api:
        api.fail(403, path="configmaps", reason="Forbidden", message="not you", times=3)
        async with reflecting(api) as (reflector, _):
            await failing(reflector)
            assert isinstance(reflector.error, ForbiddenApiError)
            assert not reflector.synced
            await asyncio.wait_for(reflector.wait_synced(), PATIENCE)
            await api.watched()
            await asyncio.sleep(0.02)
            assert reflector.error is None


async def test_a_watch_that_ends_at_once_is_not_opened_in_a_tight_loop(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairlead.kube.reflector.SHORT_WATCH_SECONDS", 60.0)  # on a busy machine no watch is short
    pauses: list[float] = []
    paused = asyncio.Event()

    async def pause(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 4:
            paused.set()
            await asyncio.Event().wait()

    async with FakeApi() as api, KubeClient(api.config) as client:
        api.fail(200, path="watch=true", body=b" ", times=10_000)
        growing = Backoff(base=0.5, maximum=3.0, jitter=0)
        reflector = Reflector(client, CONFIG_MAP, decode=manifest_decoder, backoff=growing, sleep=pause)
        task = asyncio.create_task(reflector.run())
        await paused.wait()
        assert isinstance(reflector.error, ServerUnavailableError)
        assert pauses == [0.5, 1.0, 2.0, 3.0], "one for each watch"
        assert len(api.seen("GET", "configmaps")) == 1 + len(pauses), "the list, and the watches"
        task.cancel()


async def test_a_kind_that_comes_goes_and_comes_back() -> None:
    widget = Kind("example.com", "v1", "Widget", "widgets")
    manifest = {"apiVersion": "example.com/v1", "kind": "Widget", "metadata": {"namespace": "a", "name": "w"}}
    changes: list[str] = []
    gone = asyncio.Event()

    def tell(change: str, *_: object) -> None:
        changes.append(change)
        if change == "DELETED":
            gone.set()

    options = ClientOptions(retries=0, discovery_interval=0.001)
    async with FakeApi() as api, KubeClient(api.config, options) as client:
        kind = GroupKind("example.com", "Widget")
        patient = Backoff(base=30.0, maximum=30.0)
        reflector = Reflector(client, kind, decode=manifest_decoder, backoff=patient)
        reflector.subscribe(tell)
        task = asyncio.create_task(reflector.run())
        await failing(reflector)
        assert isinstance(reflector.error, NoMatchError)
        api.kinds.append(widget)
        api.put(manifest)
        reflector.nudge()
        await asyncio.wait_for(reflector.wait_synced(), PATIENCE)
        await api.watched()
        api.kinds.remove(widget)
        api.end_watches()
        await failing(reflector)
        reflector.nudge()
        await asyncio.wait_for(gone.wait(), PATIENCE)
        assert changes == ["ADDED", "DELETED"]
        task.cancel()


class Head(msgspec.Struct):
    name: str


class Small(msgspec.Struct):
    metadata: Head


async def test_only_what_decode_returns_is_kept_and_a_bad_object_is_left_out(caplog: pytest.LogCaptureFixture) -> None:
    class Typed(msgspec.Struct):
        metadata: Head
        data: dict[str, str]

    async with FakeApi() as api, KubeClient(api.config) as client:
        api.put(config_map("a"))
        api.put({**config_map("bad"), "data": {"a": 3}})
        reflector = Reflector(client, CONFIG_MAP, decode=lambda raw: msgspec.json.decode(raw, type=Typed))
        task = asyncio.create_task(reflector.run())
        await asyncio.wait_for(reflector.wait_synced(), PATIENCE)
        assert [value for _, value in reflector.items()] == [Typed(Head("a"), {"a": "1"})]
        assert "apps/bad is not as its kind should be" in caplog.text
        task.cancel()


async def test_several_users_share_one_reflector() -> None:
    async with FakeApi() as api:
        api.put(config_map("a"))
        async with reflecting(api) as (reflector, first):
            await first.reads("ADDED a=1")
            await api.watched()
            late, silent = Diary(), Diary()
            stop = reflector.subscribe(late)
            reflector.subscribe(silent, replay=False)
            await late.reads("ADDED a=1")
            api.put(config_map("a", "2"))
            for diary in (first, late, silent):
                await diary.reads("MODIFIED a=2")
            stop()
            api.put(config_map("a", "3"))
            await first.reads("MODIFIED a=3")
            assert late.lines == []


async def test_a_selection_is_passed_on() -> None:
    selection = Selection(namespace="apps", label_selector="app=web", field_selector="metadata.name=a")
    async with FakeApi() as api, reflecting(api, selection=selection):
        await api.watched()
        for request in api.seen("GET", "configmaps"):
            assert request.path == "/api/v1/namespaces/apps/configmaps"
            assert request.query["labelSelector"] == "app=web"
            assert request.query["fieldSelector"] == "metadata.name=a"


async def test_after_any_storm_the_store_is_the_servers_state() -> None:
    storm = random.Random(7)
    async with FakeApi() as api, reflecting(api, ClientOptions(retries=0, page_size=3, page_bytes=1)) as (reflector, _):
        model: dict[str, str] = {}

        def follow(_: str, old: Manifest | None, new: Manifest | None) -> None:
            if new is not None:
                model[new["metadata"]["name"]] = new["data"]["a"]
            elif old is not None:
                del model[old["metadata"]["name"]]

        reflector.subscribe(follow)
        for _ in range(150):
            name = storm.choice("abcdefgh")
            match storm.randrange(10):
                case 0 | 1 | 2 | 3 | 4:
                    api.put(config_map(name, str(storm.random())))
                case 5 | 6:
                    if ("", "ConfigMap", "apps", name) in api.objects:
                        api.remove("ConfigMap", "apps", name)
                case 7:
                    api.reset_watches()
                case 8:
                    api.compact()
                    api.end_watches()
                case 9:
                    api.fail(storm.choice([500, 503, 429]), path="configmaps")
            await asyncio.sleep(storm.choice([0, 0, 0.002]))
        api.failures.clear()
        expected = {key[3]: value["data"]["a"] for key, value in api.objects.items()}
        async with asyncio.timeout(PATIENCE):
            while model != expected:  # noqa: ASYNC110 - the end of a storm announces itself in no other way
                await asyncio.sleep(0.01)
        assert {key.name: value["data"]["a"] for key, value in reflector.items()} == expected


async def test_many_events_do_not_block_the_loop() -> None:
    async with FakeApi() as api, KubeClient(api.config) as client:
        for number in range(2000):
            api.put({**config_map(f"m{number}"), "data": {"a": "x" * 1000}})
        reflector = Reflector(client, CONFIG_MAP, decode=lambda raw: msgspec.json.decode(raw, type=Small))
        with no_blocking(0.2):  # the server's own encoding runs in the same loop
            task = asyncio.create_task(reflector.run())
            await asyncio.wait_for(reflector.wait_synced(), PATIENCE)
            task.cancel()
        assert len(reflector) == 2000
