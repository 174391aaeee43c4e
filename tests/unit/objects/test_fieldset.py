"""Field sets of managed fields."""

from __future__ import annotations

from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from fairlead.objects.fieldset import contains, member_paths, minus, union

steps = st.sampled_from(["f:a", "f:b", 'k:{"name":"x"}', "v:1", "i:0"])
paths = st.lists(steps, min_size=1, max_size=3).map(tuple)
path_sets = st.frozensets(paths, max_size=6)


def build(members: frozenset[tuple[str, ...]]) -> dict[str, Any]:
    """A field set from paths, in the API server's encoding."""
    root: dict[str, Any] = {}
    for path in members:
        node = root
        for step in path:
            node = node.setdefault(step, {})
    for path in members:
        node = root
        for step in path:
            node = node[step]
        if any(key != "." for key in node):
            node["."] = {}
    return root


def read(node: dict[str, Any], prefix: tuple[str, ...] = ()) -> frozenset[tuple[str, ...]]:
    children = [key for key in node if key != "."]
    own = {prefix} if prefix and (not children or "." in node) else set()
    return frozenset(own.union(*(read(node[key], (*prefix, key)) for key in children)))


@given(path_sets, path_sets)
def test_sets_behave_like_sets(one: frozenset[tuple[str, ...]], other: frozenset[tuple[str, ...]]) -> None:
    assert read(build(one)) == one
    if one and other:
        assert read(union(build(one), build(other))) == one | other
    assert read(minus(build(one), build(other))) == one - other if other else True


def test_paths_are_readable() -> None:
    fields: dict[str, Any] = {
        "f:metadata": {"f:labels": {"f:app": {}, "f:example.com/x": {}}},
        "f:spec": {"f:containers": {'k:{"name":"web"}': {".": {}, "f:image": {}}}, "f:replicas": {}},
    }
    assert member_paths(fields) == [
        "metadata.labels.app",
        "metadata.labels[example.com/x]",
        "spec.containers[name=web]",
        "spec.containers[name=web].image",
        "spec.replicas",
    ]


def test_items_of_sets_are_not_spelled_out() -> None:
    assert "hunter2" not in member_paths({"f:x": {'v:"hunter2"': {}}})[0]


def test_contains() -> None:
    fields: dict[str, Any] = {"f:spec": {"f:replicas": {}}}
    assert contains(fields, ["f:spec", "f:replicas"])
    assert contains(fields, ["f:spec"])
    assert not contains(fields, ["f:spec", "f:paused"])
