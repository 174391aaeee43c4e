"""The engine notices when somebody touches what it applied, repairs it, and names the fields."""

from __future__ import annotations

import base64
import itertools
import os
from typing import TYPE_CHECKING

import pytest_asyncio

from fairlead.engine.state import Deleted, Drifted
from fairlead.engine.watcher import ManagedWatcher
from fairlead.kube.client import KubeClient, PatchType
from fairlead.objects.ref import ObjectRef
from tests.support.engine import Fleet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fairlead.engine.plan import Change
    from fairlead.kube.config import ClusterConfig
    from fairlead.objects.manifest import Manifest

_serial = itertools.count(1)


@pytest_asyncio.fixture
async def fleet(cluster: ClusterConfig) -> AsyncIterator[Fleet]:
    async with KubeClient(cluster) as client, ManagedWatcher(client) as watcher:
        fleet = Fleet(watcher, f"engine-drift-{os.getpid()}-{next(_serial)}")
        await fleet.applied(fleet.namespace())
        yield fleet


async def repaired(fleet: Fleet, manifest: Manifest) -> Change:
    """The one change of a repair, after which all is as it was and stays so."""
    result = await fleet.apply(manifest)
    result.raise_for_failures()
    (change,) = result.changes
    fleet.events.clear()
    await fleet.caught_up(change.ref)
    await fleet.applied(manifest)
    assert fleet.requests == 0
    assert fleet.events == []
    return change


async def test_a_changed_value(fleet: Fleet) -> None:
    ref = fleet.ref("Deployment", "web", "apps")
    await fleet.applied(fleet.deployment())
    await fleet.edit(ref, {"spec": {"replicas": 7}})
    await fleet.heard(Drifted)
    change = await repaired(fleet, fleet.deployment())
    assert (change.reason, [field.path for field in change.fields]) == ("drift", ["spec.replicas"])
    assert (await fleet.client.get(ref))["spec"]["replicas"] == 1


async def test_a_value_that_was_changed_and_changed_back(fleet: Fleet) -> None:
    ref = fleet.ref("ConfigMap", "a")
    await fleet.applied(fleet.config_map("a", x="1"))
    await fleet.edit(ref, {"data": {"x": "2"}}, manager="operator")
    await fleet.edit(ref, {"data": {"x": "1"}}, manager="operator")
    await fleet.heard(Drifted)
    change = await repaired(fleet, fleet.config_map("a", x="1"))
    assert change.fields == ()


async def test_wiped_managed_fields(fleet: Fleet) -> None:
    """Nobody owns anything then, so nobody would notice what others change.

    To the first apply after it the server adds an entry ``before-first-apply``, which is taken over by a second one.
    """
    ref = fleet.ref("ConfigMap", "a")
    await fleet.applied(fleet.config_map("a", x="1"))
    await fleet.edit(ref, {"metadata": {"managedFields": [{}]}}, manager="operator")
    await fleet.heard(Drifted)
    await fleet.applied(fleet.config_map("a", x="1"))
    await repaired(fleet, fleet.config_map("a", x="1"))
    entries = (await fleet.client.get(ref))["metadata"]["managedFields"]
    assert [entry["manager"] for entry in entries] == ["kustomize-controller"]


async def test_a_list_that_is_owned_as_a_whole(fleet: Fleet) -> None:
    ref = fleet.ref("Deployment", "web", "apps")
    wanted = fleet.deployment()
    wanted["spec"]["template"]["spec"]["containers"][0]["args"] = ["--quiet", "serve"]
    await fleet.applied(wanted)
    patch = [{"op": "add", "path": "/spec/template/spec/containers/0/args/-", "value": "--debug"}]
    await fleet.client.patch(ref, patch, PatchType.JSON, field_manager="operator")
    await fleet.heard(Drifted)
    await repaired(fleet, wanted)
    container = (await fleet.client.get(ref))["spec"]["template"]["spec"]["containers"][0]
    assert container["args"] == ["--quiet", "serve"]


async def test_what_kubectl_adds_is_removed(fleet: Fleet) -> None:
    ref = fleet.ref("ConfigMap", "a")
    await fleet.applied(fleet.config_map("a", x="1"))
    await fleet.edit(ref, {"data": {"y": "2"}})
    await fleet.heard(Drifted)
    change = await repaired(fleet, fleet.config_map("a", x="1"))
    assert [field.path for field in change.fields] == ["data.y"]


async def test_what_an_operator_adds_is_left(fleet: Fleet) -> None:
    ref = fleet.ref("ConfigMap", "a")
    await fleet.applied(fleet.config_map("a", x="1"))
    await fleet.edit(ref, {"data": {"y": "2"}}, manager="operator")
    await fleet.caught_up(ref)
    assert fleet.events == []


async def test_a_deleted_object(fleet: Fleet) -> None:
    await fleet.applied(fleet.config_map("a", x="1"))
    await fleet.client.delete(fleet.ref("ConfigMap", "a"))
    await fleet.heard(Deleted)
    change = await repaired(fleet, fleet.config_map("a", x="1"))
    assert (str(change.action), change.reason) == ("created", "drift")


async def test_lost_owner_labels(fleet: Fleet) -> None:
    ref = fleet.ref("ConfigMap", "a")
    await fleet.applied(fleet.config_map("a", x="1"))
    await fleet.edit(ref, {"metadata": {"labels": None}}, manager="kubectl-label")
    await fleet.heard(Deleted)
    change = await repaired(fleet, fleet.config_map("a", x="1"))
    assert (str(change.action), change.reason) == ("configured", "drift")


async def test_a_secrets_value_is_repaired_and_not_shown(fleet: Fleet) -> None:
    secret = fleet.object("Secret", "s", stringData={"password": "hunter2"})
    evil = base64.b64encode(b"evil-value").decode()
    await fleet.applied(secret)
    await fleet.edit(fleet.ref("Secret", "s"), {"data": {"password": evil}})
    await fleet.heard(Drifted)
    change = await repaired(fleet, secret)
    assert [field.path for field in change.fields] == ["data.password"]
    assert evil not in repr(change)
    assert base64.b64encode(b"hunter2").decode() not in repr(change)


async def test_a_definition_that_goes_takes_its_watch_along(fleet: Fleet) -> None:
    await fleet.applied(fleet.definition(), fleet.widget())
    kind = fleet.ref("Widget", "w", fleet.group).group_kind
    assert kind in fleet.watcher.kinds
    definition = ObjectRef.of(fleet.definition())
    await fleet.client.delete(definition)
    await fleet.heard(Deleted, definition)  # the widget goes first
    found = await fleet.applied(fleet.definition(), fleet.widget())
    assert found["Widget/w"] == "created"
    await fleet.applied(fleet.definition(), fleet.widget())
    assert fleet.requests == 0
