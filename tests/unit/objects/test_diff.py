"""Differences of manifests, and what of them may be shown."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fairlead.objects.diff import ABSENT, FieldChange, diff_manifests, diff_values, same_content

values = st.recursive(
    st.none() | st.booleans() | st.integers(0, 3) | st.sampled_from(["a", "b"]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["name", "port", "x", "a.b/c"]), inner, max_size=3)
    ),
    max_leaves=12,
)


def deployment(*containers: dict[str, Any], **spec: Any) -> dict[str, Any]:
    return {"kind": "Deployment", "spec": {**spec, "template": {"spec": {"containers": list(containers)}}}}


def test_a_container_is_found_by_its_name() -> None:
    old = deployment({"name": "proxy", "image": "p:1"}, {"name": "web", "image": "w:1"}, replicas=1)
    new = deployment({"name": "web", "image": "w:2"}, {"name": "proxy", "image": "p:1"}, replicas=2)
    assert diff_manifests(old, new) == (
        FieldChange("spec.replicas", 1, 2),
        FieldChange("spec.template.spec.containers[name=web].image", "w:1", "w:2"),
    )


def test_ports_are_found_by_number_and_protocol() -> None:
    old = {"spec": {"ports": [{"port": 80, "protocol": "TCP"}]}}
    new = {"spec": {"ports": [{"port": 80, "protocol": "UDP"}]}}
    assert [str(change) for change in diff_manifests(old, new)] == [
        "spec.ports[port=80,protocol=TCP]",
        "spec.ports[port=80,protocol=UDP]",
    ]


def test_added_and_removed_fields_are_told_from_nulls() -> None:
    assert diff_values({"a": None}, {}) == (FieldChange("a", None, ABSENT),)
    assert diff_values({}, {"a": 1}) == (FieldChange("a", ABSENT, 1),)
    assert diff_values({"a": [1, 2]}, {"a": [1, 3]}) == (FieldChange("a[1]", 2, 3),)


def test_dotted_keys_are_bracketed() -> None:
    old = {"metadata": {"annotations": {"example.com/x": "1"}}}
    assert [str(change) for change in diff_manifests(old, {})] == ["metadata.annotations[example.com/x]"]


def test_what_the_server_keeps_is_not_compared() -> None:
    old = {"metadata": {"name": "a", "resourceVersion": "1", "managedFields": []}, "status": {"x": 1}}
    assert same_content(old, {"metadata": {"name": "a"}, "status": {}})
    assert diff_manifests(old, {"metadata": {"name": "a"}}) == ()


def test_true_is_not_one() -> None:
    assert diff_values({"a": True}, {"a": 1}) == (FieldChange("a", True, 1),)


def test_a_new_order_alone_is_a_difference() -> None:
    assert [
        change.path
        for change in diff_values({"a": [{"name": "x"}, {"name": "y"}]}, {"a": [{"name": "y"}, {"name": "x"}]})
    ] == ["a"]


@given(values)
def test_nothing_differs_from_itself(value: Any) -> None:
    assert diff_values(value, value, "root") == ()


@given(values, values)
def test_a_difference_is_seen_from_both_sides(one: Any, other: Any) -> None:
    forward = {change.path for change in diff_values(one, other, "root")}
    assert forward == {change.path for change in diff_values(other, one, "root")}
    if not forward:
        assert one == other
