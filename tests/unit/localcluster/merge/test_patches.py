"""The three kinds of patches: texts and corners that the recorded steps do not show."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.localcluster.merge.patches import PatchError, json_patch, merge_patch, strategic_merge_patch
from fairlead.localcluster.schema.schemaset import builtin_schema

DEPLOYMENT = builtin_schema("apps", "v1", "Deployment")
assert DEPLOYMENT is not None
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.text("ab", max_size=2),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    max_leaves=8,
)
OBJECT = st.dictionaries(st.sampled_from("abc"), JSON, max_size=3)


def op(name: str, path: str, **fields: Any) -> dict[str, Any]:
    return {"op": name, "path": path, **fields}


@pytest.mark.parametrize(
    ("operations", "text"),
    [
        ([op("remove", "/x")], "error in remove for path: '/x': Unable to remove nonexistent key: x: missing value"),
        ([op("add", "/x/y", value=1)], 'add operation does not apply: doc is missing path: "/x/y": missing value'),
        ([op("test", "/a", value=2)], "testing value /a failed: test failed"),
        ([op("foo", "/a")], "Unexpected kind: foo"),
        (
            [op("replace", "/list/7", value=1)],
            "replace operation does not apply: doc is missing key: /list/7: missing value",
        ),
        (
            [op("add", "/list/7", value=1)],
            "error in add for path: '/list/7': Unable to access invalid index: 7: invalid index referenced",
        ),
        (
            [op("move", "/b", **{"from": "/x"})],
            "error in move for path: 'x': Unable to remove nonexistent key: x: missing value",
        ),
        ([{"op": "add"}], "add operation failed to decode path: missing value"),
    ],
)
def test_a_json_patch_that_does_not_apply_says_why(operations: list[Any], text: str) -> None:
    with pytest.raises(PatchError) as refused:
        json_patch({"a": 1, "list": [1]}, operations)
    assert (refused.value.code, str(refused.value)) == (422, text)


def test_a_json_patch_succeeds_as_a_whole_or_changes_nothing() -> None:
    doc = {"a": {"b": [1, 2]}}
    with pytest.raises(PatchError):
        json_patch(doc, [op("remove", "/a/b/0"), op("remove", "/x")])
    assert doc == {"a": {"b": [1, 2]}}


def test_negative_indices_count_from_the_end() -> None:
    assert json_patch({"a": [1, 2, 3]}, [op("remove", "/a/-1")]) == {"a": [1, 2]}


@given(OBJECT, OBJECT)
def test_merge_patch_is_idempotent_and_leaves_no_null_of_its_own(doc: Any, patch: Any) -> None:
    once = merge_patch(doc, patch)
    assert merge_patch(once, patch) == once
    for key, value in patch.items():
        assert (key in once) == (value is not None)


@given(OBJECT)
def test_an_empty_merge_patch_changes_nothing(doc: Any) -> None:
    assert merge_patch(doc, {}) == doc


def containers(*items: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"spec": {"template": {"spec": {"containers": list(items), **more}}}}


def test_strategic_patch_merges_containers_by_name_and_leaves_the_old_object_alone() -> None:
    assert DEPLOYMENT is not None
    doc = containers({"name": "a", "image": "1", "args": ["x"]}, {"name": "b", "image": "1"})
    result = strategic_merge_patch(doc, containers({"name": "b", "image": "2"}), DEPLOYMENT)
    wanted = containers({"name": "a", "image": "1", "args": ["x"]}, {"name": "b", "image": "2"})
    assert result == wanted
    assert doc["spec"]["template"]["spec"]["containers"][1]["image"] == "1"


def test_strategic_patch_needs_the_merge_key() -> None:
    assert DEPLOYMENT is not None
    with pytest.raises(PatchError, match="does not contain declared merge key: name"):
        strategic_merge_patch(containers({"name": "a"}), containers({"image": "2"}), DEPLOYMENT)
