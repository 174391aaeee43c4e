from __future__ import annotations

from typing import Any

import pytest

from tests.unit.build.kustomize.support import CONFIG_MAP, DEPLOYMENT, built, failure


def patched(patch: str, *, target: str = "", resource: str = DEPLOYMENT) -> dict[str, Any]:
    head = f"- target: {target}\n  path: p.yaml\n" if target else "- path: p.yaml\n"
    objects = built(
        {"kustomization.yaml": f"resources: [r.yaml]\npatches:\n{head}", "r.yaml": resource, "p.yaml": patch}
    )
    return objects[0] if objects else {}


HEAD = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\n"


def test_maps_merge_and_null_removes() -> None:
    spec = patched(HEAD + "spec: {replicas: null, paused: true}\n")["spec"]
    assert "replicas" not in spec
    assert spec["paused"] is True
    assert spec["template"]["spec"]["containers"][0]["image"] == "nginx:1.25"


def test_items_with_a_merge_key_merge_and_new_ones_come_first() -> None:
    patch = HEAD + "spec: {template: {spec: {containers: [{name: side, image: x}, {name: main, image: y}]}}}\n"
    containers = patched(patch)["spec"]["template"]["spec"]["containers"]
    assert [(item["name"], item["image"]) for item in containers] == [("side", "x"), ("main", "y")]
    assert containers[1]["env"] == [{"name": "MODE", "value": "1"}]


def test_lists_without_a_merge_key_are_replaced() -> None:
    resource = "apiVersion: x/v1\nkind: Thing\nmetadata: {name: a}\nspec: {list: [{name: a}, {name: b}]}\n"
    patch = "apiVersion: x/v1\nkind: Thing\nmetadata: {name: a}\nspec: {list: [{name: c}]}\n"
    assert patched(patch, resource=resource)["spec"]["list"] == [{"name": "c"}]


@pytest.mark.parametrize(
    ("directive", "left"),
    [("delete", []), ("replace", [{"name": "main"}]), ("merge", [{"name": "main", "image": "nginx:1.25"}])],
)
def test_directives_in_items(directive: str, left: list[dict[str, str]]) -> None:
    patch = HEAD + f"spec: {{template: {{spec: {{containers: [{{name: main, $patch: {directive}}}]}}}}}}\n"
    containers = patched(patch)["spec"]["template"]["spec"].get("containers", [])
    found = [{key: item[key] for key in ("name", "image") if key in item} for item in containers]
    # kustomize puts the old item back when an item says "replace"; so do we.
    assert found == (left if directive != "replace" else [{"name": "main", "image": "nginx:1.25"}])


def test_a_patch_can_delete_the_whole_resource() -> None:
    assert patched(HEAD + "$patch: delete\n") == {}


def test_what_replaces_a_quoted_text_stays_a_text() -> None:
    patch = HEAD + "spec: {template: {spec: {containers: [{name: main, env: [{name: MODE, value: 2}]}]}}}\n"
    assert patched(patch)["spec"]["template"]["spec"]["containers"][0]["env"][0]["value"] == "2"


def test_a_patch_changes_neither_name_nor_namespace_of_what_its_target_selects() -> None:
    patch = "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: other, namespace: elsewhere, labels: {a: b}}\n"
    metadata = patched(patch, target="{kind: Deploy.*}")["metadata"]
    assert metadata == {"name": "web", "labels": {"a": "b"}}


def test_a_patch_for_nobody_is_an_error_without_a_target() -> None:
    files = {"kustomization.yaml": "resources: [r.yaml]\npatches: [{path: p.yaml}]\n", "r.yaml": DEPLOYMENT}
    files["p.yaml"] = HEAD.replace("web", "nobody")
    assert "no matches for Id Deployment.v1.apps/nobody.[noNs]" in failure(files)


def test_json_patches_create_annotations_where_kustomize_has_notes_of_its_own() -> None:
    operations = "- {op: add, path: /metadata/annotations/a, value: b}\n- {op: remove, path: /spec/replicas}\n"
    found = patched(operations, target="{kind: Deployment}")
    assert found["metadata"]["annotations"] == {"a": "b"}
    assert "replicas" not in found["spec"]


def test_json_patch_numbers_pass_through_floats() -> None:
    operations = '[{"op": "add", "path": "/spec/big", "value": 12345678901234567}]'
    assert patched(operations, target="{name: web}")["spec"]["big"] == 12345678901234568


@pytest.mark.parametrize(
    ("operation", "message"),
    [
        ("{op: add, path: /spec/no/where, value: 1}", 'doc is missing path: "/spec/no/where": missing value'),
        ("{op: remove, path: /spec/nope}", "unable to remove nonexistent key: nope: missing value"),
        ("{op: test, path: /kind, value: Pod}", "testing value /kind failed: test failed"),
        ("{op: bogus, path: /kind}", "Unexpected kind: bogus"),
        ("{op: replace, path: kind, value: 1}", "doc is missing path: kind"),
    ],
)
def test_json_patches_that_do_not_apply(operation: str, message: str) -> None:
    kustomization = f"resources: [r.yaml]\npatches:\n- target: {{kind: Deployment}}\n  patch: '- {operation}'\n"
    assert message in failure({"kustomization.yaml": kustomization, "r.yaml": DEPLOYMENT})


def test_an_empty_patch_does_nothing_since_5_7_and_was_an_error_before() -> None:
    files = {"kustomization.yaml": "resources: [r.yaml]\npatches: [{path: p.yaml}]\n", "r.yaml": CONFIG_MAP}
    files["p.yaml"] = "# nothing yet\n"
    assert built(files)[0]["data"] == {"mode": "a"}
    assert "illegally qualifies as both" in failure(files, lenient=False)


def test_a_list_says_in_a_comment_how_it_merges() -> None:
    resource = (
        "apiVersion: x/v1\nkind: Thing\nmetadata: {name: a}\n"
        'items: # {"type":"array","x-kubernetes-patch-strategy":"merge"}\n- b\n- c\n'
    )
    patch = "apiVersion: x/v1\nkind: Thing\nmetadata: {name: a}\nitems: [a, b]\n"
    assert patched(patch, resource=resource)["items"] == ["a", "b", "c"]
