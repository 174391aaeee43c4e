"""The journal: what is on record, when it is dropped, and what it costs."""

from __future__ import annotations

import asyncio
import contextlib
import json
from typing import TYPE_CHECKING, Any, cast

import pytest
from msgspec.structs import replace

from fairlead.controllers.journal import (
    JOURNAL_NAMES,
    MOST_DELIVERIES,
    MOST_OBJECTS,
    QUESTIONS_AT_ONCE,
    Journal,
)
from fairlead.kube.errors import ForbiddenApiError, NotFoundError, ServerUnavailableError
from fairlead.kube.reflector import Key
from fairlead.objects.inventory import Inventory
from fairlead.objects.ref import ObjectRef
from fairlead.runtime.clock import SystemClock
from fairlead.settings import ScopeSettings
from tests.support.clock import VirtualClock
from tests.support.patience import PATIENCE
from tests.unit.controllers.resources_for_tests import kustomization

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from fairlead.api.kustomization import Kustomization
    from fairlead.kube.client import KubeClient

FIRST = JOURNAL_NAMES[0]


class Server:
    """The ConfigMaps by name; ``refusal`` is raised instead of an answer."""

    def __init__(self, data: dict[str, str] | None = None) -> None:
        """``data``: of the first one."""
        self.maps: dict[str, dict[str, str]] = {} if data is None else {FIRST: data}
        self.refusal: Exception | None = None
        self.kustomizations: dict[Key, str] = {}
        """Of other shards; the uid of each."""
        self.no_questions = False
        """Whether Kustomizations may not be read."""
        self.asked: list[str] = []
        """For which of them."""
        self.most_asked_at_once = 0
        self._being_asked = 0
        self.patches: list[dict[str, Any]] = []
        self.written = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def get(self, ref: ObjectRef) -> dict[str, Any]:
        if ref.kind == "Kustomization":
            self.asked.append(ref.name)
            self._being_asked += 1
            self.most_asked_at_once = max(self.most_asked_at_once, self._being_asked)
            await asyncio.sleep(0)
            self._being_asked -= 1
            if self.no_questions:
                raise ForbiddenApiError(str(ref), "get", status=403)
            if (key := Key(ref.namespace, ref.name)) not in self.kustomizations:
                raise NotFoundError(str(ref), "get", status=404)
            return {"metadata": {"uid": self.kustomizations[key]}}
        return {"data": self._find(ref)}

    async def patch(self, ref: ObjectRef, body: dict[str, Any], *_: object, **__: object) -> None:
        self.patches.append(body["data"])
        self.written.set()
        await asyncio.sleep(0)
        await self.gate.wait()
        data = self._find(ref)
        for key, value in body["data"].items():
            if value is None:
                data.pop(key, None)
            else:
                data[key] = value
        self.written.set()

    async def create(self, manifest: dict[str, Any], **_: object) -> None:
        if self.refusal is not None:
            raise self.refusal
        self.maps[manifest["metadata"]["name"]] = dict(manifest["data"])
        self.written.set()

    def _find(self, ref: ObjectRef) -> dict[str, str]:
        assert ref.name in JOURNAL_NAMES
        assert ref == ObjectRef("", "ConfigMap", "flux-system", ref.name)
        if self.refusal is not None:
            raise self.refusal
        if ref.name not in self.maps:
            raise NotFoundError(str(ref), "get", status=404)
        return self.maps[ref.name]

    def names(self, name: str | None = None) -> dict[str, list[str]]:
        """The objects by Kustomization, of all ConfigMaps or of one."""
        maps = self.maps.values() if name is None else [self.maps[name]]
        found = [item for data in maps for item in data.items()]
        return {key: [entry["id"].split("_")[1] for entry in json.loads(text)["entries"]] for key, text in found}


def inventory(*names: str) -> Inventory:
    return Inventory({ObjectRef("", "ConfigMap", "ns", name): "v1" for name in names})


def with_status(name: str, *names: str, version: str = "1") -> Kustomization:
    found = kustomization(name, status={"inventory": {"entries": inventory(*names).to_entries()}})
    return replace(found, metadata=replace(found.metadata, resource_version=version))


@contextlib.asynccontextmanager
async def journal_on(
    server: Server, *own: Kustomization, namespace: str | None = None, shard: str = ""
) -> AsyncIterator[Journal]:
    scope = ScopeSettings(namespace=namespace, label_selector=shard)
    journal = Journal(cast("KubeClient", server), "flux-system", SystemClock(), scope=scope)
    await journal.load(own)
    running = asyncio.create_task(journal.run())
    yield journal
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def until(server: Server, seen: Callable[[], bool]) -> None:
    async with asyncio.timeout(PATIENCE):
        while not seen():
            server.written.clear()
            await server.written.wait()


async def test_it_is_on_record_when_note_returns() -> None:
    server = Server()
    async with journal_on(server) as journal:
        app = with_status("app", "old")
        assert await journal.note(app, inventory("old", "new"))
        assert server.names() == {"app": ["new"]}
        assert journal.inventory_of(app) == inventory("old", "new")
        assert journal.inventory_of(with_status("other")) == inventory()


async def test_those_that_come_together_share_a_request() -> None:
    server = Server({})
    async with journal_on(server) as journal:
        journal.crowded = lambda: True
        notes = [journal.note(with_status(f"app-{number}"), inventory("new")) for number in range(20)]
        assert await asyncio.gather(*notes) == [True] * 20
    assert len(server.patches) == 1
    assert len(server.names()) == 20


async def test_what_a_status_tells_is_dropped_after_a_while() -> None:
    server = Server({})
    async with journal_on(server) as journal:
        await journal.note(with_status("app"), inventory("a", "b"))
        journal.learn("MODIFIED", None, with_status("app", "a", version="2"))
        assert journal.holds(with_status("app")), "one is missing"
        journal.learn("MODIFIED", None, with_status("app", "a", "b", version="2"))
        assert not journal.holds(with_status("app"))
        await until(server, lambda: server.names() == {})
    assert len(server.patches) == 2


async def test_what_is_dropped_goes_with_the_next_note() -> None:
    server = Server({})
    async with journal_on(server) as journal:
        await journal.note(with_status("one"), inventory("a"))
        journal.learn("MODIFIED", None, with_status("one", "a", version="2"))
        await journal.note(with_status("two"), inventory("b"))
        assert server.names() == {"two": ["b"]}
    assert len(server.patches) == 2


async def test_an_older_status_proves_nothing() -> None:
    """It may come late, and name what was deleted since."""
    async with journal_on(Server({})) as journal:
        app = with_status("app", version="7")
        await journal.note(app, inventory("again"))
        journal.learn("MODIFIED", None, with_status("app", "again", version="5"))
        assert journal.holds(app)


async def test_a_status_without_it_settles_it_when_a_run_says_so() -> None:
    """What was begun and is deleted since is in no status."""
    server = Server({})
    async with journal_on(server) as journal:
        await journal.note(with_status("app", "a"), inventory("a", "b"))
        journal.settle(with_status("app", "a", "b"), inventory("a"))
        assert journal.holds(with_status("app"))
        journal.settle(with_status("app", "a", version="2"), inventory("a"))
        assert not journal.holds(with_status("app"))


async def test_one_that_is_gone_leaves_nothing() -> None:
    async with journal_on(Server({})) as journal:
        app = with_status("app")
        await journal.note(app, inventory("a"))
        journal.learn("DELETED", app, None)
        assert not journal.holds(app)


async def test_what_an_earlier_process_has_left_is_taken_up() -> None:
    server = Server()
    unknown = with_status("unknown")
    async with journal_on(server) as before:
        for app in (with_status("app"), with_status("told"), unknown):
            await before.note(app, inventory("begun"))
    server.maps[FIRST]["unreadable"] = "{"
    own = (with_status("app"), with_status("told", "begun", version="2"), with_status("unreadable"))
    async with journal_on(server, *own) as journal:
        assert journal.inventory_of(own[0]) == inventory("begun")
        assert not journal.holds(own[1])
        await until(server, lambda: server.maps[FIRST].keys() == {"app"})


async def test_entries_of_others_are_left_to_them() -> None:
    server = Server()
    async with journal_on(server) as before:
        await before.note(with_status("theirs"), inventory("begun"))
    server.kustomizations = {Key("ns", "theirs"): "theirs"}
    async with journal_on(server, with_status("mine"), shard="shard=two") as journal:
        await journal.note(with_status("mine"), inventory("a"))
        assert server.names() == {"theirs": ["begun"], "mine": ["a"]}
    async with journal_on(server, with_status("mine"), namespace="elsewhere") as journal:
        await journal.note(with_status("mine"), inventory("b"))
        assert server.names() == {"theirs": ["begun"], "mine": ["b"]}


@pytest.mark.parametrize("shard", ["", "shard=two"])
async def test_entries_of_those_who_are_gone_are_taken_out(shard: str) -> None:
    server = Server()
    async with journal_on(server) as before:
        for name in ("gone", "anew"):
            await before.note(with_status(name), inventory("begun"))
    server.kustomizations = {Key("ns", "anew"): "another"}
    async with journal_on(server, with_status("mine"), namespace="ns", shard=shard):
        await until(server, lambda: server.names() == {})
    assert sorted(server.asked) == (["anew", "gone"] if shard else []), "all of a namespace are known"


async def test_many_entries_of_others_are_asked_for_a_few_at_a_time() -> None:
    server = Server()
    strangers = [f"theirs-{number}" for number in range(5 * QUESTIONS_AT_ONCE)]
    async with journal_on(server) as before:
        await asyncio.gather(*(before.note(with_status(name), inventory("begun")) for name in strangers))
    async with journal_on(server, with_status("mine"), shard="shard=two"):
        await until(server, lambda: server.names() == {})
    assert sorted(server.asked) == sorted(strangers)
    assert server.most_asked_at_once == QUESTIONS_AT_ONCE


async def test_a_shard_that_may_not_ask_leaves_entries() -> None:
    server = Server()
    async with journal_on(server) as before:
        await before.note(with_status("theirs"), inventory("begun"))
    server.no_questions = True
    async with journal_on(server, with_status("mine"), shard="shard=two") as journal:
        await journal.note(with_status("mine"), inventory("a"))
        assert server.names() == {"theirs": ["begun"], "mine": ["a"]}


async def test_one_that_may_have_changed_shards_keeps_its_entry() -> None:
    async with journal_on(Server({}), shard="shard=two") as journal:
        moved, deleted = with_status("moved"), with_status("deleted")
        for each in (moved, deleted):
            await journal.note(each, inventory("a"))
        deleted = replace(deleted, metadata=replace(deleted.metadata, deletion_timestamp="2026-01-01T00:00:00Z"))
        journal.learn("DELETED", moved, None)
        journal.learn("DELETED", deleted, None)
        assert journal.holds(moved)
        assert not journal.holds(deleted)


@pytest.mark.parametrize(
    ("refusal", "is_usable_later"),
    [
        (ForbiddenApiError("ConfigMap", "patch", status=403), False),
        (ServerUnavailableError("ConfigMap", "patch", status=500), True),
    ],
)
async def test_a_refusal_sends_the_inventory_into_the_status(refusal: Exception, is_usable_later: bool) -> None:
    """A right that is missing is not asked for each time."""
    server = Server({})
    async with journal_on(server) as journal:
        server.refusal = refusal
        assert not await journal.note(with_status("app"), inventory("a"))
        server.refusal = None
        assert await journal.note(with_status("app"), inventory("a")) == is_usable_later


async def test_one_that_may_not_be_read_is_done_without() -> None:
    server = Server()
    server.refusal = ForbiddenApiError("ConfigMap", "get", status=403)
    async with journal_on(server) as journal:
        server.refusal = None
        assert not await journal.note(with_status("app"), inventory("a"))
        assert server.patches == []


async def test_one_that_cannot_be_read_is_asked_again_before_work_begins() -> None:
    server, clock = Server({"app": "x"}), VirtualClock()
    server.refusal = ServerUnavailableError("ConfigMap", "get", status=500)
    journal = Journal(cast("KubeClient", server), "flux-system", clock)
    loading = asyncio.create_task(journal.load(()))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    assert not loading.done()
    server.refusal = None
    await clock.advance(5)
    await loading


async def test_one_that_is_deleted_is_made_again_with_all_that_is_on_record() -> None:
    server = Server({})
    async with journal_on(server) as journal:
        await journal.note(with_status("one"), inventory("a"))
        server.maps.clear()
        assert await journal.note(with_status("two"), inventory("b"))
        assert server.names() == {"one": ["a"], "two": ["b"]}


async def test_many_are_spread_over_several() -> None:
    """A patch costs what the ConfigMap holds, and those that wait for health stay long."""
    server = Server()
    async with journal_on(server) as journal:
        for number in range(MOST_DELIVERIES + 1):
            assert await journal.note(with_status(f"app-{number:02}"), inventory("a"))
        assert [len(data) for data in server.maps.values()] == [MOST_DELIVERIES, 1]
        for number in range(10):
            journal.learn("MODIFIED", None, with_status(f"app-{number:02}", "a", version="2"))
        assert await journal.note(with_status("next"), inventory("a"))
        assert server.names(JOURNAL_NAMES[1]).keys() == {f"app-{MOST_DELIVERIES}", "next"}
        await until(server, lambda: len(server.maps[FIRST]) == MOST_DELIVERIES - 10)


async def test_one_that_moves_is_in_either_until_it_is_in_both() -> None:
    server = Server()
    async with journal_on(server) as journal:
        for number in range(MOST_DELIVERIES + 1):
            await journal.note(with_status(f"app-{number:02}"), inventory("a"))
        assert await journal.note(with_status("app-00"), inventory("a", "b"))
        assert server.names(JOURNAL_NAMES[1])["app-00"] == ["a", "b"]
        assert server.names(FIRST)["app-00"] == ["a"]
    async with journal_on(server, with_status("app-00"), namespace="elsewhere") as journal:
        assert journal.inventory_of(with_status("app-00")) == inventory("a", "b")
        await journal.note(with_status("other"), inventory("c"))
        await until(server, lambda: sum("app-00" in data for data in server.maps.values()) == 1)
        assert server.names()["app-00"] == ["a", "b"]


async def test_what_is_noted_while_a_patch_is_on_its_way_is_written_by_the_next() -> None:
    server = Server({})
    async with journal_on(server) as journal:
        server.gate.clear()
        first = asyncio.create_task(journal.note(with_status("app"), inventory("a")))
        await until(server, lambda: len(server.patches) == 1)
        second = asyncio.create_task(journal.note(with_status("app"), inventory("a", "b")))
        await asyncio.sleep(0)
        server.gate.set()
        assert await first
        assert await second
        assert server.names() == {"app": ["a", "b"]}


async def test_who_is_about_to_have_an_object_is_known_until_a_status_tells() -> None:
    one, other = ObjectRef("", "ConfigMap", "ns", "one"), ObjectRef("", "ConfigMap", "ns", "other")
    async with journal_on(Server()) as journal:
        assert await journal.note(with_status("app"), inventory("one"))
        assert await journal.note(with_status("web"), inventory("one", "other"))
        assert sorted(key.name for key in journal.holders(one)) == ["app", "web"]
        assert [key.name for key in journal.holders(other)] == ["web"]
        assert await journal.note(with_status("web"), inventory("other"))
        assert [key.name for key in journal.holders(one)] == ["app"]
        journal.settle(with_status("web", "other"), inventory("other"))
        assert journal.holders(other) == []
        journal.settle(with_status("app", "one"), inventory("one"))
        assert journal.holders(one) == []


async def test_too_much_goes_into_the_status() -> None:
    async with journal_on(Server({})) as journal:
        many = inventory(*(str(number) for number in range(MOST_OBJECTS + 1)))
        assert not await journal.note(with_status("large"), many)
        room = MOST_DELIVERIES * len(JOURNAL_NAMES)
        notes = (journal.note(with_status(str(number)), inventory("a")) for number in range(room))
        assert all(await asyncio.gather(*notes))
        assert not await journal.note(with_status("one more"), inventory("a"))
        assert await journal.note(with_status("1"), inventory("a", "b"))
