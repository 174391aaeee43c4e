"""The engine applies: stages, validation before writing, adoption, marks, force; and does nothing twice."""

from __future__ import annotations

import itertools
import os
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from fairlead.engine.ignore import IgnoreRule, IgnoreRules
from fairlead.engine.preview import preview
from fairlead.engine.state import Drifted
from fairlead.engine.watcher import ManagedWatcher
from fairlead.errors import ApplyRejectedError, NotReadyError
from fairlead.kube.client import KubeClient
from fairlead.objects.inventory import Inventory
from tests.support.engine import PREFIX, Fleet, actions, annotated

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fairlead.kube.config import ClusterConfig

_serial = itertools.count(1)


@pytest_asyncio.fixture
async def fleet(cluster: ClusterConfig) -> AsyncIterator[Fleet]:
    async with KubeClient(cluster) as client, ManagedWatcher(client) as watcher:
        yield Fleet(watcher, f"engine-apply-{os.getpid()}-{next(_serial)}")


async def test_a_second_run_sends_nothing(fleet: Fleet) -> None:
    objects = [fleet.namespace(), fleet.config_map("a", x="1"), fleet.deployment()]
    assert set((await fleet.applied(*objects)).values()) == {"created"}
    assert set((await fleet.applied(*objects)).values()) == {"unchanged"}
    assert fleet.requests == 0
    assert fleet.events == []


async def test_one_changed_object_costs_one_request(fleet: Fleet) -> None:
    await fleet.applied(fleet.namespace(), fleet.config_map("a", x="1"), fleet.deployment())
    found = await fleet.applied(fleet.namespace(), fleet.config_map("a", x="1"), fleet.deployment(image="nginx:2"))
    assert found["Deployment/web"] == "configured"
    assert fleet.requests == 1


async def test_after_a_restart_nothing_is_written(fleet: Fleet) -> None:
    secret = fleet.object("Secret", "s", stringData={"a": "hunter2"})
    service = fleet.object("Service", "s", spec={"ports": [{"port": 80}], "selector": {"app": "web"}})
    objects = [fleet.namespace(), fleet.config_map("a", x="1"), fleet.deployment(), secret, service]
    await fleet.applied(*objects)
    async with ManagedWatcher(fleet.client) as watcher:
        again = Fleet(watcher, fleet.name)
        writes = {key: count for key, count in fleet.client.stats.items() if key[0] in ("apply", "patch")}
        assert set((await again.applied(*objects)).values()) == {"unchanged"}
        assert writes == {key: count for key, count in fleet.client.stats.items() if key[0] in ("apply", "patch")}
        await again.applied(*objects)
        assert again.requests == 0


async def test_the_inventory_is_recorded_before_the_objects(fleet: Fleet) -> None:
    await fleet.applied(fleet.namespace(), fleet.config_map("a"))
    assert [len(inventory) for inventory in fleet.recorded] == [1, 2]
    await fleet.applied(fleet.namespace(), fleet.config_map("a", x="2"))
    assert len(fleet.recorded) == 2


async def test_a_stage_with_an_invalid_object_is_not_written_at_all(fleet: Fleet) -> None:
    result = await fleet.apply(
        fleet.namespace(),
        fleet.config_map("a"),
        fleet.deployment("bad", replicas=-1),
        fleet.object("ConfigMap", "worse", data=5),
    )
    assert isinstance(result.error, ApplyRejectedError)
    assert f"Deployment/{fleet.name}/bad dry-run failed (Invalid): " in str(result.error)
    assert f"ConfigMap/{fleet.name}/worse dry-run failed" in str(result.error), "all failures are told"
    assert actions(result) == {f"Namespace/{fleet.name}": "created"}
    assert await fleet.live(fleet.ref("ConfigMap", "a")) is None
    assert fleet.ref("ConfigMap", "a") not in result.inventory


async def test_a_definition_and_its_resource_come_together(fleet: Fleet) -> None:
    objects = [fleet.widget(), fleet.namespace(), fleet.definition()]
    assert set((await fleet.applied(*objects)).values()) == {"created"}
    await fleet.applied(*objects)
    assert fleet.requests == 0
    result = await fleet.apply(fleet.widget(size=9))
    assert isinstance(result.error, ApplyRejectedError)
    assert "spec.size" in str(result.error)
    await fleet.client.delete(fleet.ref("Widget", "w", fleet.group))


async def test_an_unknown_kind_is_waited_for_by_name(fleet: Fleet) -> None:
    result = await fleet.apply(fleet.namespace(), fleet.widget(), fleet.config_map("a"))
    assert isinstance(result.error, NotReadyError)
    assert f'Widget/{fleet.name}/w dry-run failed: no matches for kind "Widget"' in str(result.error)


async def test_objects_are_put_where_their_kind_lives(fleet: Fleet) -> None:
    lost = fleet.namespace()
    lost["metadata"]["namespace"] = "nonsense"
    await fleet.applied(lost)
    assert [str(ref) for ref in fleet.inventory] == [f"Namespace/{fleet.name}"]
    homeless = fleet.config_map("a")
    homeless["metadata"].pop("namespace")
    result = await fleet.apply(homeless)
    assert isinstance(result.error, ApplyRejectedError)
    assert "ConfigMap/a namespace not specified" in str(result.error)


async def test_kubectls_object_is_taken_over(fleet: Fleet) -> None:
    await fleet.client.create(fleet.namespace())
    made = fleet.config_map("a", x="1", extra="2")
    made["metadata"]["annotations"] = {"kubectl.kubernetes.io/last-applied-configuration": "{}"}
    await fleet.client.create(made, field_manager="kubectl-client-side-apply")
    assert await fleet.applied(fleet.config_map("a", x="1")) == {"ConfigMap/a": "configured"}
    live = await fleet.live(fleet.ref("ConfigMap", "a"))
    assert live is not None
    assert live["data"] == {"x": "1"}
    assert "annotations" not in live["metadata"]
    managers = [(entry["manager"], entry["operation"]) for entry in live["metadata"]["managedFields"]]
    assert managers == [("kustomize-controller", "Apply")]
    await fleet.applied(fleet.config_map("a", x="1"))
    assert fleet.requests == 0


async def test_merge_leaves_others_their_fields(fleet: Fleet) -> None:
    await fleet.client.create(fleet.namespace())
    await fleet.client.create(fleet.config_map("a", x="1", extra="2"), field_manager="kubectl-client-side-apply")
    merged = annotated(fleet.config_map("a", x="1"), ssa="Merge")
    await fleet.applied(merged)
    live = await fleet.live(fleet.ref("ConfigMap", "a"))
    assert live is not None
    assert live["data"] == {"x": "1", "extra": "2"}
    await fleet.caught_up(fleet.ref("ConfigMap", "a"))
    await fleet.applied(merged)
    assert fleet.requests == 0


async def test_marks_skip_objects(fleet: Fleet) -> None:
    await fleet.applied(fleet.namespace(), fleet.config_map("a", x="1"), fleet.config_map("b", x="1"))
    found = await fleet.applied(
        annotated(fleet.config_map("b", x="2"), ssa="IfNotPresent"),
        annotated(fleet.config_map("c"), reconcile="disabled"),
        annotated(fleet.config_map("d"), ssa="Ignore"),
        annotated(fleet.config_map("e"), ssa="IfNotPresent"),
    )
    assert found == {
        "ConfigMap/b": "skipped",
        "ConfigMap/c": "skipped",
        "ConfigMap/d": "skipped",
        "ConfigMap/e": "created",
    }


async def test_a_mark_on_the_live_object_stops_us(fleet: Fleet) -> None:
    ref = fleet.ref("ConfigMap", "a")
    await fleet.applied(fleet.namespace(), fleet.config_map("a", x="1"))
    await fleet.edit(ref, {"metadata": {"annotations": {f"{PREFIX}/reconcile": "disabled"}}, "data": {"x": "9"}})
    await fleet.caught_up(ref)
    assert fleet.events == []
    assert await fleet.applied(fleet.config_map("a", x="5")) == {"ConfigMap/a": "skipped"}
    async with ManagedWatcher(fleet.client) as watcher:
        assert await Fleet(watcher, fleet.name).applied(fleet.config_map("a", x="5")) == {"ConfigMap/a": "skipped"}


async def test_what_cannot_be_changed_is_made_anew_only_when_told(fleet: Fleet) -> None:
    ref = fleet.ref("Deployment", "web", "apps")
    await fleet.applied(fleet.namespace(), fleet.deployment())
    before = await fleet.client.get(ref)
    result = await fleet.apply(fleet.deployment(app="other"))
    assert isinstance(result.error, ApplyRejectedError)
    assert "immutable" in str(result.error)
    forced = annotated(fleet.deployment(app="other"), force="Enabled")
    assert await fleet.applied(forced, fleet.config_map("a")) == {"Deployment/web": "created", "ConfigMap/a": "created"}
    after = await fleet.client.get(ref)
    assert after["metadata"]["uid"] != before["metadata"]["uid"]
    await fleet.caught_up(ref)
    assert fleet.events == []
    await fleet.applied(forced, fleet.config_map("a"))
    assert fleet.requests == 0


async def test_force_does_not_delete_what_is_simply_wrong(fleet: Fleet) -> None:
    await fleet.applied(fleet.namespace(), fleet.deployment())
    before = await fleet.client.get(fleet.ref("Deployment", "web", "apps"))
    result = await fleet.apply(fleet.deployment(replicas=-1), force=True)
    assert isinstance(result.error, ApplyRejectedError)
    after = await fleet.client.get(fleet.ref("Deployment", "web", "apps"))
    assert after["metadata"]["uid"] == before["metadata"]["uid"]


async def test_ignored_fields_are_left_to_others(fleet: Fleet) -> None:
    rules = IgnoreRules([IgnoreRule(("/spec/replicas",))])
    ref = fleet.ref("Deployment", "web", "apps")
    await fleet.applied(fleet.namespace(), fleet.deployment())
    await fleet.edit(ref, {"spec": {"replicas": 3}}, manager="autoscaler")
    await fleet.heard(Drifted)
    assert await fleet.applied(fleet.deployment(), ignore=rules) == {"Deployment/web": "unchanged"}
    await fleet.caught_up(ref)
    await fleet.applied(fleet.deployment(), ignore=rules)
    assert fleet.requests == 0
    assert await fleet.applied(fleet.deployment(image="nginx:2"), ignore=rules) == {"Deployment/web": "configured"}
    assert (await fleet.client.get(ref))["spec"]["replicas"] == 3


async def test_a_secrets_value_is_in_no_message(fleet: Fleet) -> None:
    secret = fleet.object("Secret", "s", stringData={"password": "hunter2-hunter2"}, type="Opaque")
    await fleet.applied(fleet.namespace(), secret)
    result = await fleet.apply({**secret, "type": "example.com/other"})
    assert isinstance(result.error, ApplyRejectedError)
    assert "hunter2" not in str(result.error)


async def test_a_preview_says_what_an_apply_would_do(fleet: Fleet) -> None:
    owner = fleet.options.owner
    planned = await preview(fleet.client, [fleet.namespace(), fleet.config_map("a")], owner)
    assert [str(change.action) for change in planned] == ["created", "created"]
    assert await fleet.live(fleet.ref("ConfigMap", "a")) is None
    await fleet.applied(fleet.namespace(), fleet.config_map("a"))
    planned = await preview(fleet.client, [fleet.namespace(), fleet.config_map("b")], owner, inventory=fleet.inventory)
    assert [str(change.action) for change in planned] == ["unchanged", "created", "deleted"]
    with pytest.raises(ApplyRejectedError, match="dry-run failed"):
        await preview(fleet.client, [fleet.deployment(replicas=-1)], owner, inventory=Inventory())
