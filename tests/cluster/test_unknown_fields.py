"""Custom resources with ``x-kubernetes-preserve-unknown-fields``: nobody knows the types of what is in there.

The server then owns each leaf by itself and each list as a whole. A second pass must find nothing to write, and what
somebody else changes in there has to be repaired like any other field.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from fairlead.kube.client import PatchType
from fairlead.objects.ref import ObjectRef
from fairlead.objects.yaml import dump_all

if TYPE_CHECKING:
    from tests.support.world import World

KEEP = {"x-kubernetes-preserve-unknown-fields": True}
ANY = {"type": "object", **KEEP}
SCHEMAS: dict[str, dict[str, Any]] = {
    "all of it": ANY,
    "one field": {
        "type": "object",
        "properties": {
            "spec": {"type": "object", "properties": {"size": {"type": "integer"}, "values": ANY}},
            "status": ANY,
        },
    },
    "a field of any type": {
        "type": "object",
        "properties": {"spec": {"type": "object", "properties": {"size": {"type": "integer"}, "values": KEEP}}},
    },
    "beside known fields": {
        "type": "object",
        "properties": {
            "spec": {
                "type": "object",
                "properties": {
                    "size": {"type": "integer"},
                    "values": {**ANY, "properties": {"known": {"type": "string"}}},
                },
            }
        },
    },
}
VALUES: dict[str, Any] = {
    "known": "k",
    "port": 8080,
    "ratio": 0.5,
    "whole": 1.0,
    "big": 9007199254740993,
    "text": "8080",
    "on": True,
    "off": False,
    "empty": "",
    "none": {},
    "nothing": [],
    "null": None,
    "key.with/odd~signs": "x",
    "nested": {"deep": {"er": [1, "two", {"three": [4]}], "same": {"a": "b"}}},
    "list": [{"name": "a", "value": "1"}, {"name": "b", "value": "2"}],
    "embedded": {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x", "labels": {"a": "b"}}},
}


CHANGES: dict[str, dict[str, Any]] = {
    "a-text": {"text": "9090"},
    "a-number": {"port": 9090},
    "a-switch": {"on": False},
    "another-type": {"text": 8080},
    "a-leaf-far-below": {"nested": {"deep": {"same": {"a": "c"}}}},
    "a-list": {"list": [{"name": "a", "value": "1"}]},
    "a-list-far-below": {"nested": {"deep": {"er": [1]}}},
    "one-removed": {"known": None},
    "a-whole-part-removed": {"nested": None},
}
"""What somebody does to the object of that name."""


class Loose:
    """Objects of a loose kind, each with the same values."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.group = f"{world.namespace}.example.com"

    def definition(self, schema: dict[str, Any]) -> dict[str, Any]:
        version = {"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}
        names = {"kind": "Loose", "listKind": "LooseList", "plural": "looses", "singular": "loose"}
        spec = {"group": self.group, "names": names, "scope": "Namespaced", "versions": [version]}
        meta = {"name": f"looses.{self.group}"}
        return {
            "apiVersion": "apiextensions.k8s.io/v1",
            "kind": "CustomResourceDefinition",
            "metadata": meta,
            "spec": spec,
        }

    def manifest(self, name: str, **more: Any) -> dict[str, Any]:
        meta = {"name": name, "namespace": self._world.namespace}
        spec = {"size": 1, "values": VALUES | more}
        return {"apiVersion": f"{self.group}/v1", "kind": "Loose", "metadata": meta, "spec": spec}

    async def deliver(self, schema: dict[str, Any], *names: str) -> None:
        manifests = [self.definition(schema), *(self.manifest(name) for name in names)]
        self._world.repo.commit("Begin", {"apps/all.yaml": dump_all(manifests)})
        await self._world.git_repository()
        await self._world.kustomization("apps", path="apps", wait=True)
        await self._world.ready("apps")

    def ref(self, name: str) -> ObjectRef:
        return ObjectRef(self.group, "Loose", self._world.namespace, name)

    async def values(self, name: str) -> dict[str, Any]:
        found: dict[str, Any] = (await self._world.client.get(self.ref(name)))["spec"]["values"]
        return found

    async def change(self, name: str, values: dict[str, Any], manager: str = "somebody") -> None:
        patch = {"spec": {"values": values}}
        await self._world.client.patch(self.ref(name), patch, PatchType.MERGE, field_manager=manager)

    async def repaired(self, name: str, expected: dict[str, Any]) -> None:
        async def seen() -> bool:
            return await self.values(name) == expected

        try:
            await self._world.eventually(f"{name} is repaired", seen)
        except AssertionError as error:
            raise AssertionError(f"{error}: {await self.values(name)}") from None

    async def again(self, token: str) -> int:
        """A whole run; how many objects it wrote."""
        await self._world.quiet()  # a repair may consist of two writes, of which the first is seen
        before = self._world.object_writes()
        await self._world.request_reconcile("Kustomization", "apps", token)

        async def handled() -> bool:
            return (await self._world.status("apps")).get("lastHandledReconcileAt") == token

        await self._world.eventually("the request is handled", handled)
        return self._world.object_writes() - before


@pytest.fixture
def loose(world: World) -> Loose:
    return Loose(world)


@pytest.mark.parametrize("schema", SCHEMAS)
async def test_a_second_pass_writes_nothing(world: World, loose: Loose, schema: str) -> None:
    await loose.deliver(SCHEMAS[schema], "one")
    live = await loose.values("one")
    assert {key: live.get(key) for key in VALUES} == VALUES
    assert await loose.again("second") == 0
    await world.restart()
    assert await loose.again("after a restart") == 0
    assert [event for event in await world.events("apps") if event["reason"] == "DriftCorrected"] == []


@pytest.mark.parametrize("schema", SCHEMAS)
async def test_what_others_change_in_there_is_repaired(world: World, loose: Loose, schema: str) -> None:
    await loose.deliver(SCHEMAS[schema], *CHANGES, "added")
    before = await loose.values("added")
    for name, change in CHANGES.items():
        await loose.change(name, change)
    await loose.change("added", {"more": {"of": "an operator"}}, manager="an-operator")
    await loose.change("added", {"less": {"of": "kubectl"}, "nested": {"deep": {"new": 1}}}, manager="kubectl-edit")
    for name in CHANGES:
        await loose.repaired(name, before)
    await loose.repaired("added", before | {"more": {"of": "an operator"}})
    event = await world.event("apps", f"Loose/{world.namespace}/a-number configured", "spec.values.port")
    assert event["reason"] == "DriftCorrected"
    assert await loose.again("after") == 0


async def test_a_commit_changes_and_removes_in_there(world: World, loose: Loose) -> None:
    await loose.deliver(SCHEMAS["one field"], "one")
    before = await loose.values("one")
    more: dict[str, Any] = {"port": 1, "text": {"now": "a map"}, "nested": {"deep": {"er": []}}, "embedded": {}}
    manifests = [loose.definition(SCHEMAS["one field"]), loose.manifest("one", **more)]
    world.repo.commit("Change", {"apps/all.yaml": dump_all(manifests)})
    await world.ready("apps")
    # A map whose last field goes becomes null: the API server's doing, for Flux as well. It must not be written again.
    assert await loose.values("one") == before | more | {"embedded": None}
    assert await loose.again("after") == 0
