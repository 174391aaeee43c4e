"""Fingerprints, and which managers are taken over."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead.engine.drift import (
    NO_FINGERPRINT,
    Managers,
    content_digest,
    drift_message,
    drifted_fields,
    field_list,
    fingerprint,
    needs_takeover,
)
from fairlead.engine.takeover import merged_entries, takeover_patch
from fairlead.objects.diff import FieldChange
from fairlead.objects.ref import ObjectRef
from tests.unit.engine.builders import OURS, US, config_map, entry

MANAGERS = Managers(overridden=("legacy",))


def test_a_fingerprint_follows_our_entry_alone() -> None:
    before = fingerprint(config_map(), MANAGERS)
    assert before != NO_FINGERPRINT
    assert fingerprint(config_map(entry("operator", {"f:data": {"f:b": {}}}), entry(US, OURS)), MANAGERS) == before
    assert fingerprint(config_map(entry(US, {"f:data": {"f:b": {}}})), MANAGERS) != before


def test_without_an_entry_of_ours_there_is_no_fingerprint() -> None:
    assert fingerprint(config_map(entry("kubectl", OURS, "Update")), MANAGERS) == NO_FINGERPRINT
    assert fingerprint({"kind": "ConfigMap"}, MANAGERS) == NO_FINGERPRINT
    assert fingerprint(config_map(entry(US, OURS, "Update")), MANAGERS) == NO_FINGERPRINT
    assert fingerprint(config_map(entry(US, OURS, subresource="status")), MANAGERS) == NO_FINGERPRINT


@pytest.mark.parametrize(
    ("other", "taken"),
    [
        (entry("kubectl-edit", {}, "Update"), True),
        (entry("kubectl", {}, "Apply"), True),
        (entry("kubectl", {}, "Update", subresource="scale"), False),
        (entry("before-first-apply", {}, "Update"), True),
        (entry("before-first-apply", {}, "Apply"), False),
        (entry(US, {}, "Update"), True),
        (entry("legacy-deployer", {}, "Update"), True),
        (entry("legacy-deployer", {}, "Apply"), True),
        (entry("kube-controller-manager", {}, "Update"), False),
        (entry("helm", {}, "Update"), False),
    ],
)
def test_whose_fields_are_taken_over(other: dict[str, object], taken: bool) -> None:
    live = config_map(entry(US, OURS), other)
    assert needs_takeover(live, MANAGERS) is taken
    assert (merged_entries(live["metadata"]["managedFields"], MANAGERS) is not None) is taken


@pytest.mark.parametrize(
    "key",
    [
        "kubectl.kubernetes.io/last-applied-configuration",
        "kustomize.toolkit.fluxcd.io/checksum",
        "fluxcd.io/sync-checksum",
    ],
)
def test_notes_of_kubectl_and_of_older_flux_go(key: str) -> None:
    assert needs_takeover(config_map(entry(US, OURS), annotations={key: "1"}), MANAGERS)


def test_merge_leaves_others_their_fields() -> None:
    mark = {"kustomize.toolkit.fluxcd.io/ssa": "Merge"}
    assert not needs_takeover(config_map(entry("kubectl", {}, "Update"), annotations=mark), MANAGERS)


def test_taken_fields_are_merged_into_our_entry() -> None:
    live = config_map(
        entry("operator", {"f:data": {"f:o": {}}}),
        entry(US, OURS),
        entry("kubectl-edit", {"f:data": {".": {}, "f:b": {}}}, "Update"),
        entry("kubectl", {"f:data": {"f:c": {}}}),
        annotations={"kubectl.kubernetes.io/last-applied-configuration": "{}"},
        version=7,
    )
    merged: dict[str, Any] = {"f:data": {".": {}, "f:a": {}, "f:b": {}, "f:c": {}}}
    assert takeover_patch(live, MANAGERS) == [
        {"op": "test", "path": "/metadata/resourceVersion", "value": "7"},
        {"op": "remove", "path": "/metadata/annotations/kubectl.kubernetes.io~1last-applied-configuration"},
        {
            "op": "replace",
            "path": "/metadata/managedFields",
            "value": [entry("operator", {"f:data": {"f:o": {}}}), entry(US, merged)],
        },
    ]


def test_the_first_taken_entry_becomes_ours_when_we_have_none() -> None:
    live = config_map(entry("kubectl-client-side-apply", OURS, "Update"), entry("kubectl-edit", {"f:x": {}}, "Update"))
    patch = takeover_patch(live, MANAGERS)
    assert patch[-1]["value"] == [entry(US, {**OURS, "f:x": {}})]


def test_nothing_to_take_is_no_patch() -> None:
    assert takeover_patch(config_map(), MANAGERS) == []


def test_the_content_digest_ignores_what_an_apply_cannot_change() -> None:
    live = config_map(version=1)
    assert content_digest(live) == content_digest({**config_map(version=9, uid="x"), "status": {"a": 1}})
    assert content_digest(live) != content_digest(config_map(data={"a": "2"}))
    assert content_digest(live) != content_digest(config_map(annotations={"a": "2"}))


def test_messages_name_fields_and_no_values() -> None:
    live, repaired = config_map(data={"a": "evil"}), config_map(data={"a": "good"})
    changes = drifted_fields(live, repaired)
    message = drift_message(ObjectRef.of(live), changes)
    assert message == "ConfigMap/shop/a had drifted and was repaired: data.a"
    assert field_list(FieldChange(f"f{n}", 1, 2) for n in range(12)).endswith("f9 and 2 more")


def test_empty_structs_that_flux_applies_make_no_difference() -> None:
    def workload(container: dict[str, Any], spec: dict[str, Any], api: str = "apps/v1") -> dict[str, Any]:
        containers = {'k:{"name":"web"}': {"f:image": {}, **container}}
        fields = {"f:spec": {"f:template": {"f:spec": {"f:containers": containers}}, **spec}}
        entry = {"manager": "kustomize-controller", "operation": "Apply", "fieldsV1": fields}
        return {"apiVersion": api, "kind": "Deployment", "metadata": {"managedFields": [entry]}}

    plain = fingerprint(workload({}, {}), Managers())
    assert fingerprint(workload({"f:resources": {}}, {"f:strategy": {}}), Managers()) == plain
    assert fingerprint(workload({"f:resources": {"f:limits": {}}}, {}), Managers()) != plain
    assert fingerprint(workload({}, {"f:strategy": {"f:type": {}}}), Managers()) != plain
    custom = fingerprint(workload({}, {}, "example.org/v1"), Managers())
    assert fingerprint(workload({}, {"f:strategy": {}}, "example.org/v1"), Managers()) != custom
