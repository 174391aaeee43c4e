"""Who has an object, or is about to: looked up, not searched for."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairlead.controllers.claims import Claims
from fairlead.kube.reflector import Key
from fairlead.objects.ref import ObjectRef
from tests.unit.controllers.resources_for_tests import kustomization

if TYPE_CHECKING:
    from collections.abc import Callable

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
    """Previews, counted."""

    def __init__(self, **answers: ObjectRef) -> None:
        self.answers = answers
        self.keys: list[str] = []

    async def __call__(self, key: Key, _: Kustomization) -> frozenset[ObjectRef]:
        self.keys.append(key.name)
        found = self.answers.get(key.name)
        return frozenset([found] if found else [])


def claims(store: FakeStore, asked: Asked) -> Claims:
    access: Any = store
    return Claims(access, asked)


def having(name: str, *ids: str, at: str = "main@sha1:1", **spec: Any) -> Kustomization:
    entries = [{"id": each, "v": "v1"} for each in ids]
    return kustomization(name, status={"lastAppliedRevision": at, "inventory": {"entries": entries}}, **spec)


def test_another_has_what_its_inventory_says_now() -> None:
    store = FakeStore()
    found = claims(store, Asked())
    store.put(having("a", "shop_one__ConfigMap"))
    assert found.has_another(Key("ns", "b"), ONE)
    assert not found.has_another(Key("ns", "a"), ONE)  # it is no other
    store.put(having("a"))
    assert not found.has_another(Key("ns", "b"), ONE)


async def test_all_are_asked_once_for_a_revision() -> None:
    store, asked = FakeStore(), Asked(b=ONE, c=TWO._replace(namespace=""))
    found = claims(store, asked)
    a, *_ = (store.put(having(name)) for name in ("a", "b", "c"))
    assert await found.about_to_have(a, Key("ns", "a"), AT, [ONE, TWO]) == {ONE, TWO}
    assert await found.about_to_have(a, Key("ns", "c"), AT, [ONE, TWO]) == {ONE}
    assert asked.keys == ["a", "b", "c"]


async def test_who_is_at_the_revision_has_said_all() -> None:
    store, asked = FakeStore(), Asked(b=ONE)
    found = claims(store, asked)
    a = store.put(having("a"))
    store.put(having("b"))
    assert await found.about_to_have(a, Key("ns", "a"), AT, [ONE]) == {ONE}
    store.put(having("b", at=AT))
    assert await found.about_to_have(a, Key("ns", "a"), AT, [ONE]) == set()


async def test_a_newcomer_is_asked_too() -> None:
    store, asked = FakeStore(), Asked(b=ONE)
    found = claims(store, asked)
    a = store.put(having("a"))
    assert await found.about_to_have(a, Key("ns", "a"), AT, [ONE]) == set()
    store.put(having("b"))
    assert await found.about_to_have(a, Key("ns", "a"), AT, [ONE]) == {ONE}


async def test_an_object_of_another_cluster_is_another_object() -> None:
    store, asked = FakeStore(), Asked(b=ONE)
    found = claims(store, asked)
    a = store.put(having("a"))
    store.put(having("b", kubeConfig={"secretRef": {"name": "elsewhere"}}))
    assert await found.about_to_have(a, Key("ns", "a"), AT, [ONE]) == set()
