"""Who has an object, or is about to: looked up, not searched for."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, Any

import pytest
from msgspec.structs import replace

from fairlead.controllers.bases import BaseUnavailableError
from fairlead.controllers.claims import Claims
from fairlead.errors import BuildError, FairleadError, UnavailableError
from fairlead.kube.reflector import Key
from fairlead.objects.ref import ObjectRef
from fairlead.runtime.controller import Controller, Result
from tests.unit.controllers.resources_for_tests import kustomization

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fairlead.api.kustomization import Kustomization

ONE = ObjectRef("", "ConfigMap", "shop", "one")
TWO = ObjectRef("", "ConfigMap", "shop", "two")
AT = "main@sha1:2"


class FakeStore:
    """The part of a reflector, and of an access, that claims use."""

    def __init__(self) -> None:
        self.reflector = self
        self._known: dict[Key, Kustomization] = {}
        self._told: Callable[..., None] = lambda *_: None

    def subscribe(self, told: Callable[..., None]) -> None:
        self._told = told

    def get(self, namespace: str, name: str) -> Kustomization | None:
        return self._known.get(Key(namespace, name))

    def items(self) -> list[tuple[Key, Kustomization]]:
        return list(self._known.items())

    def put(self, new: Kustomization) -> Kustomization:
        key = Key(new.metadata.namespace, new.metadata.name)
        old = self._known.get(key)
        self._known[key] = new
        self._told("MODIFIED" if old else "ADDED", old, new)
        return new


class Asked:
    """An outlook that counts how often it is asked for objects."""

    def __init__(self, **answers: ObjectRef | FairleadError) -> None:
        self.answers = answers
        self.keys: list[str] = []
        self.revisions: Iterator[str] = itertools.repeat(AT)
        self.texts: dict[str, str] = {}
        """What the files of a Kustomization say."""
        self.at: dict[str, Callable[[], object]] = {}
        """What happens while one is asked."""

    def newest(self, _: Kustomization) -> str:
        return next(self.revisions)

    async def objects(self, key: Key, kustomization: Kustomization) -> frozenset[ObjectRef]:
        del kustomization
        self.keys.append(key.name)
        self.at.get(key.name, lambda: None)()
        found = self.answers.get(key.name)
        if isinstance(found, FairleadError):
            raise found
        return frozenset([found] if found else [])

    async def mentioned(self, other: Kustomization, names: frozenset[str]) -> set[str]:
        return {name for name in names if name in self.texts.get(other.metadata.name, "")}


class Slow(Asked):
    """One whose answers wait for builds."""

    def __init__(self, **answers: ObjectRef | FairleadError) -> None:
        super().__init__(**answers)
        self.answered = asyncio.Event()

    async def objects(self, key: Key, kustomization: Kustomization) -> frozenset[ObjectRef]:
        await self.answered.wait()
        return await super().objects(key, kustomization)


def claims(store: FakeStore, asked: Asked) -> Claims:
    access: Any = store
    return Claims(access, asked)


def having(name: str, *ids: str, at: str = "main@sha1:1", **spec: Any) -> Kustomization:
    entries = [{"id": each, "v": "v1"} for each in ids]
    status = {"observedGeneration": 1, "lastAppliedRevision": at, "inventory": {"entries": entries}}
    return kustomization(name, status=status, **spec)


async def wanted(found: Claims, asking: Kustomization, *refs: ObjectRef) -> set[ObjectRef]:
    key = Key(asking.metadata.namespace, asking.metadata.name)
    return set((await found.wanted(key, asking, refs)).heirs)


async def test_another_has_what_its_inventory_says_now_and_it_still_builds() -> None:
    store, asked = FakeStore(), Asked(a=ONE)
    found = claims(store, asked)
    store.put(having("a", "shop_one__ConfigMap", at=AT))
    b = store.put(having("b", at=AT))
    assert await wanted(found, b, ONE) == {ONE}
    asked.answers = {}
    assert await wanted(found, b, ONE) == set()  # it is about to delete it, too
    asked.answers = {"a": ONE}
    store.put(having("a", at=AT))
    assert await wanted(found, b, ONE) == set()


async def test_who_asks_has_the_object_whatever_its_status_says() -> None:
    """Of three quick commits a, b, a the run for the second asks; its status may not have arrived by the watch yet."""
    store, asked = FakeStore(), Asked(a=ONE)
    found = claims(store, asked)
    a = store.put(having("a"))
    assert await wanted(found, a, ONE, TWO) == {ONE}


async def test_an_object_that_a_status_does_not_list_yet_has_its_owner() -> None:
    """The journal knows of it: one at the newest revision that builds something else, for its variables changed."""
    store, asked = FakeStore(), Asked(b=ONE)
    found = claims(store, asked)
    a, b = (store.put(having(name, at=AT)) for name in ("a", "b"))
    assert await wanted(found, a, ONE) == set()
    found.about_to_list = lambda ref: [Key(b.metadata.namespace, "b")] if ref == ONE else []
    assert await wanted(found, a, ONE, TWO) == {ONE}


async def test_a_rival_has_the_object_and_builds_it() -> None:
    store, asked = FakeStore(), Asked(a=ONE, b=ONE, c=TWO, d=BuildError("no such folder"))
    found = claims(store, asked)
    a, *_ = (store.put(having(name, "shop_one__ConfigMap", at=AT)) for name in ("a", "b", "c", "d"))
    store.put(having("e", "shop_one__ConfigMap", at=AT, kubeConfig={"secretRef": {"name": "other"}}))
    b = Key(a.metadata.namespace, "b")
    assert await found.rivals(Key(a.metadata.namespace, "a"), a, [ONE, TWO]) == {ONE: (b,)}


async def test_all_are_asked_once_for_a_revision() -> None:
    store, asked = FakeStore(), Asked(b=ONE, c=TWO._replace(namespace=""))
    found = claims(store, asked)
    a, _, c = (store.put(having(name)) for name in ("a", "b", "c"))
    assert await wanted(found, a, ONE, TWO) == {ONE, TWO}
    assert await wanted(found, c, ONE, TWO) == {ONE, TWO}
    assert asked.keys == ["a", "b", "c", "a", "c"]  # and each who asks about what it has itself


async def test_who_has_applied_the_revision_has_said_all() -> None:
    store, asked = FakeStore(), Asked(b=ONE)
    found = claims(store, asked)
    a = store.put(having("a"))
    store.put(having("b"))
    assert await wanted(found, a, ONE) == {ONE}
    store.put(having("b", at=AT))
    assert await wanted(found, a, ONE) == set()


async def test_who_applies_the_revision_while_others_are_asked_has_it() -> None:
    """Before, it was one that would have it; afterwards, its inventory lists it: there is no moment in between."""
    store, asked = FakeStore(), Asked(b=ONE, c=TWO)
    found = claims(store, asked)
    a, _, c = (store.put(having(name)) for name in ("a", "b", "c"))
    asked.at["c"] = lambda: store.put(having("b", "shop_one__ConfigMap", at=AT))
    assert await wanted(found, a, ONE) == {ONE}
    store.put(c)
    assert await wanted(found, a, ONE) == {ONE}


async def test_for_whom_the_revision_changes_nothing_the_inventory_has_said_all() -> None:
    store, asked = FakeStore(), Asked(b=ONE, c=TWO)
    found = claims(store, asked)
    a, _, c = (store.put(each) for each in (having("a"), having("b"), having("c", "shop_two__ConfigMap")))
    found.has_said_all = lambda _, other: other is c
    assert await wanted(found, a, ONE, TWO) == {ONE, TWO}
    assert asked.keys == ["a", "b", "c", "a"]  # the third as the owner of what it lists, the last as who asks


async def test_who_only_tried_the_revision_has_nothing_of_it_yet() -> None:
    """It waits for what it depends on: nothing of it is in its inventory."""
    store, asked = FakeStore(), Asked(b=ONE)
    found = claims(store, asked)
    a = store.put(having("a"))
    status = {"observedGeneration": 1, "lastAppliedRevision": "main@sha1:1", "lastAttemptedRevision": AT}
    store.put(kustomization("b", status=status))
    assert await wanted(found, a, ONE) == {ONE}


async def test_what_a_newer_revision_gives_back_is_wanted() -> None:
    store, asked = FakeStore(), Asked(a=ONE)
    a = store.put(having("a", "shop_one__ConfigMap"))
    found = claims(store, asked)
    store.put(a)
    assert await wanted(found, store.put(having("a", "shop_one__ConfigMap", "shop_two__ConfigMap")), ONE, TWO) == {ONE}


async def test_all_are_asked_again_when_a_revision_comes_meanwhile() -> None:
    """One asked before and one asked after could both say no to an object that moves from the second to the first."""
    store, asked = FakeStore(), Asked()
    asked.revisions = iter(f"main@sha1:{number}" for number in (2, 3, 3, 3, 3, 3, 4))
    found = claims(store, asked)
    a = store.put(having("a"))
    store.put(having("b"))
    answer = await found.wanted(Key("ns", "a"), a, [ONE])
    assert asked.keys == ["a", "b", "a", "a", "b", "a"]
    assert not answer(ONE)
    assert not answer(ONE)
    assert answer(ONE)  # who knows: the answer is of an older revision


async def test_a_newcomer_is_asked_too() -> None:
    store, asked = FakeStore(), Asked(b=ONE)
    found = claims(store, asked)
    a = store.put(having("a"))
    assert await wanted(found, a, ONE) == set()
    store.put(having("b"))
    assert await wanted(found, a, ONE) == {ONE}


async def test_an_object_of_another_cluster_is_another_object() -> None:
    store, asked = FakeStore(), Asked(b=ONE)
    found = claims(store, asked)
    a = store.put(having("a"))
    elsewhere = {"secretRef": {"name": "elsewhere"}}
    store.put(having("b", kubeConfig=elsewhere))
    assert await wanted(found, a, ONE) == set()
    store.put(having("b", "shop_one__ConfigMap", kubeConfig=elsewhere))
    assert await wanted(found, a, ONE) == set()


async def test_one_that_is_suspended_will_have_what_it_builds() -> None:
    store, asked = FakeStore(), Asked(b=ONE)
    found = claims(store, asked)
    a = store.put(having("a"))
    store.put(having("b", suspend=True))
    assert await wanted(found, a, ONE, TWO) == {ONE}


@pytest.mark.parametrize("error", [BuildError("broken"), BaseUnavailableError("its server is gone for good")])
async def test_one_that_cannot_be_built_wants_what_its_files_name(error: FairleadError) -> None:
    store, asked = FakeStore(), Asked(b=error)
    asked.texts = {"b": "name: one"}
    found = claims(store, asked)
    a = store.put(having("a"))
    store.put(having("b"))
    assert await wanted(found, a, ONE, TWO) == {ONE}


async def test_those_of_other_shards_are_asked_too() -> None:
    class Others:
        async def relatives(self, _: Kustomization) -> dict[Key, Kustomization]:
            return {Key("ns", "b"): having("b"), Key("ns", "c"): having("c", at=AT)}

    store, asked = FakeStore(), Asked(b=ONE, c=TWO)
    access: Any = store
    found = Claims(access, asked, Others())
    a = store.put(having("a"))
    assert await wanted(found, a, ONE, TWO) == {ONE}


async def test_nothing_is_known_while_the_cluster_does_not_answer() -> None:
    store, asked = FakeStore(), Asked(b=UnavailableError("no answer"))
    found = claims(store, asked)
    a = store.put(having("a"))
    store.put(having("b"))
    with pytest.raises(UnavailableError):
        await wanted(found, a, ONE)


async def test_a_spec_that_changes_while_others_are_asked_is_asked_about_anew() -> None:
    store, asked = FakeStore(), Asked(b=ONE)
    found = claims(store, asked)
    a, b, _ = (store.put(having(name)) for name in ("a", "b", "c"))

    def change() -> None:
        asked.at.clear()
        asked.answers = {"b": TWO}
        store.put(replace(b, metadata=replace(b.metadata, generation=b.metadata.generation + 1)))

    asked.at["c"] = change
    await wanted(found, a, TWO)
    assert await wanted(found, a, TWO) == {TWO}


async def test_who_asks_for_many_builds_lets_another_run_in() -> None:
    store, ran = FakeStore(), asyncio.Queue[tuple[str, set[ObjectRef]]]()
    asked = Slow(b=ONE)
    found = claims(store, asked)
    a, *_ = (store.put(having(name)) for name in ("a", "b"))

    async def reconcile(key: str) -> Result:
        ran.put_nowait((key, set() if key == "another" else await wanted(found, a, ONE)))
        return Result()

    controller: Controller[str] = Controller("test", reconcile, workers=1, most_lent=1)
    async with asyncio.timeout(5), asyncio.TaskGroup() as group:
        loop = group.create_task(controller.run())
        for key in ("one that prunes", "another"):
            controller.queue.add(key)
        assert await ran.get() == ("another", set())
        asked.answered.set()
        assert await ran.get() == ("one that prunes", {ONE})
        loop.cancel()
