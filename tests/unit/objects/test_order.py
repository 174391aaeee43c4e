"""Stages and the order inside a stage."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fairlead.objects.order import Stage, apply_groups, deletion_order, sort_key, stage_of, stages
from fairlead.objects.ref import GroupKind, ObjectRef


def manifest(kind: str, group: str = "", name: str = "a") -> dict[str, Any]:
    return {"apiVersion": f"{group}/v1" if group else "v1", "kind": kind, "metadata": {"name": name}}


def test_stages() -> None:
    objects = [
        manifest("Deployment", "apps"),
        manifest("Widget", "example.com"),
        manifest("IngressClass", "networking.k8s.io"),
        manifest("ClusterClass", "cluster.x-k8s.io"),
        manifest("ClusterRole", "rbac.authorization.k8s.io"),
        manifest("Namespace"),
        manifest("CustomResourceDefinition", "apiextensions.k8s.io"),
        manifest("Gadget", "example.com"),
    ]
    found = stages(objects, {GroupKind("example.com", "Gadget")})
    assert [(stage, [item["kind"] for item in items]) for stage, items in found] == [
        (Stage.DEFINITIONS, ["CustomResourceDefinition", "Namespace", "ClusterRole"]),
        (Stage.CLASSES, ["ClusterClass", "IngressClass"]),
        (Stage.CUSTOM, ["Gadget"]),
        (Stage.REST, ["Deployment", "Widget"]),
    ]


def test_namesakes_of_other_groups_are_no_definitions() -> None:
    assert stage_of(GroupKind("example.com", "Namespace")) is Stage.REST
    assert stage_of(GroupKind("", "Namespace")).waits
    assert not Stage.REST.waits


def test_order_of_kinds() -> None:
    kinds = ["ValidatingWebhookConfiguration", "Zebra", "Pod", "Deployment", "Service", "Secret", "ConfigMap", "Role"]
    ordered = sorted((ObjectRef("", kind, "n", "a") for kind in kinds), key=sort_key)
    assert [ref.kind for ref in ordered] == [
        "Role",
        "ConfigMap",
        "Secret",
        "Service",
        "Deployment",
        "Pod",
        "Zebra",
        "ValidatingWebhookConfiguration",
    ]
    assert deletion_order(ordered) == ordered[::-1]


kinds = st.sampled_from(["Namespace", "Secret", "Deployment", "Pod", "Zebra", "MutatingWebhookConfiguration"])
ref_lists = st.lists(st.builds(ObjectRef, st.sampled_from(["", "apps"]), kinds, st.just("n"), st.sampled_from("abc")))


@given(ref_lists)
def test_groups_keep_all_and_keep_the_order(refs: list[ObjectRef]) -> None:
    groups = apply_groups(refs, lambda ref: ref)
    assert [ref for group in groups for ref in group] == sorted(refs, key=sort_key)
    assert all(group for group in groups)
