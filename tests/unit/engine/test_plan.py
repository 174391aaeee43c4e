"""Planning."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead.engine.plan import Action, Change, ChangeSet, deletion_skip_reason, owner_of, plan, skip_reason
from fairlead.objects.inventory import Inventory
from fairlead.objects.ref import ObjectRef
from tests.unit.engine.builders import OTHER, OWNER, config_map

P = "kustomize.toolkit.fluxcd.io"


def desired(name: str = "a", value: str = "1", **annotations: str) -> dict[str, Any]:
    meta: dict[str, Any] = {"name": name, "namespace": "shop", "labels": OWNER.labels}
    if annotations:
        meta["annotations"] = {f"{P}/{key}": value for key, value in annotations.items()}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": {"a": value}}


def by_ref(*manifests: dict[str, Any]) -> dict[ObjectRef, dict[str, Any]]:
    return {ObjectRef.of(manifest): manifest for manifest in manifests}


def test_every_action() -> None:
    inventory = Inventory.of([desired("same"), desired("gone"), desired("foreign"), desired("missing")])
    live = by_ref(
        config_map(name="same"),
        config_map(name="changed"),
        config_map(name="gone"),
        config_map(name="foreign", owner=OTHER),
        config_map(name="kept"),
    )
    answers = by_ref(config_map(name="same"), config_map(name="changed", data={"a": "2"}))
    wanted = [desired("same"), desired("changed", "2"), desired("new"), desired("kept", ssa="IfNotPresent")]
    changes = plan(wanted, live, answers, inventory, owner=OWNER)
    assert {change.ref.name: change.action for change in changes} == {
        "same": Action.UNCHANGED,
        "changed": Action.CONFIGURED,
        "new": Action.CREATED,
        "kept": Action.SKIPPED,
        "gone": Action.DELETED,
        "missing": Action.DELETED,
        "foreign": Action.SKIPPED,
    }
    assert changes.lines() == (
        "ConfigMap/shop/changed configured\nConfigMap/shop/new created\n"
        "ConfigMap/shop/missing deleted\nConfigMap/shop/gone deleted"
    )
    assert changes.counts()[Action.DELETED] == 2
    assert [field.path for change in changes.of(Action.CONFIGURED) for field in change.fields] == ["data.a"]


def test_without_prune_nothing_is_deleted() -> None:
    changes = plan([], by_ref(config_map()), {}, Inventory.of([desired()]), owner=OWNER, prune=False)
    assert len(changes) == 0


def test_a_plan_never_shows_a_secrets_value() -> None:
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "b25l"}}
    changes = plan([secret], by_ref(secret), by_ref({**secret, "data": {"a": "dHdv"}}), owner=OWNER)
    assert "dHdv" not in repr(changes)
    assert "b25l" not in repr(changes)
    assert changes.written == [*changes]


@pytest.mark.parametrize(
    ("wanted", "live", "skipped"),
    [
        (desired(), None, False),
        (desired(reconcile="Disabled"), None, True),
        (desired(ssa="ignore"), None, True),
        (desired(ssa="IfNotPresent"), None, False),
        (desired(ssa="IfNotPresent"), config_map(), True),
        (desired(ssa="Merge"), config_map(), False),
        (desired(), config_map(annotations={f"{P}/reconcile": "disabled"}), True),
        (desired(), config_map(annotations={f"{P}/ssa": "Ignore"}), True),
        (desired(), config_map(annotations={f"{P}/ssa": "IfNotPresent"}), False),
        (desired(), config_map(annotations={f"{P}/prune": "disabled"}), False),
    ],
)
def test_what_is_not_applied(wanted: dict[str, Any], live: dict[str, Any] | None, skipped: bool) -> None:
    assert bool(skip_reason(wanted, live)) is skipped


@pytest.mark.parametrize(
    ("live", "kept"),
    [
        (config_map(), False),
        (config_map(owner=None), True),
        (config_map(owner=OTHER), True),
        (config_map(annotations={f"{P}/prune": "disabled"}), True),
        (config_map(annotations={f"{P}/reconcile": "disabled"}), True),
        (config_map(annotations={f"{P}/ssa": "Ignore"}), True),
        (config_map(annotations={f"{P}/ssa": "IfNotPresent"}), False),
    ],
)
def test_what_is_not_deleted(live: dict[str, Any], kept: bool) -> None:
    assert bool(deletion_skip_reason(live, OWNER)) is kept


def test_owners() -> None:
    assert owner_of(config_map()) == OWNER
    assert owner_of(config_map(owner=None)) is None
    assert str(OWNER) == "flux-system/apps"


def test_lines_are_fluxs() -> None:
    changes = ChangeSet(
        [
            Change(ObjectRef("", "Namespace", "", "shop"), Action.CREATED),
            Change(ObjectRef("apps", "Deployment", "shop", "web"), Action.UNCHANGED),
            Change(ObjectRef("apps", "Deployment", "shop", "api"), Action.CONFIGURED),
        ]
    )
    assert changes.lines() == "Namespace/shop created\nDeployment/shop/api configured"
