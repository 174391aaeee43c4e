from __future__ import annotations

from typing import Any

import pytest

from tests.unit.build.kustomize.support import CONFIG_MAP, DEPLOYMENT, built, failure

SOURCE = (
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: src}\n"
    "data: {image: 'repo/app:7', port: '8080', json: '{\"a\": {\"b\": 1}}'}\n"
)


def replaced(source: str, path: str, options: str = "", select: str = "{kind: Deployment}") -> list[dict[str, Any]]:
    return built(files(source, path, options, select))


def files(source: str, path: str, options: str = "", select: str = "{kind: Deployment}") -> dict[str, str]:
    target = f"{{select: {select}, fieldPaths: ['{path}']{options}}}"
    return {
        "kustomization.yaml": f"resources: [r.yaml]\nreplacements:\n- {source}\n  targets: [{target}]\n",
        "r.yaml": SOURCE + "---\n" + DEPLOYMENT,
    }


FROM_IMAGE = "source: {kind: ConfigMap, name: src, fieldPath: data.image}"


def test_a_value_goes_to_a_list_item_by_field() -> None:
    item = replaced(FROM_IMAGE, "spec.template.spec.containers.[name=main].image")[1]
    assert item["spec"]["template"]["spec"]["containers"][0]["image"] == "repo/app:7"


def test_a_text_in_the_place_of_a_number_is_a_number() -> None:
    item = replaced("source: {kind: ConfigMap, name: src, fieldPath: data.port}", "spec.replicas")[1]
    assert item["spec"]["replicas"] == 8080


@pytest.mark.parametrize(
    ("index", "expected"), [(0, "repo/app:7:1.25"), (1, "nginx:repo/app:7"), (-1, "repo/app:7:nginx:1.25")]
)
def test_delimiters(index: int, expected: str) -> None:
    options = f", options: {{delimiter: ':', index: {index}}}"
    item = replaced(FROM_IMAGE, "spec.template.spec.containers.*.image", options)[1]
    assert item["spec"]["template"]["spec"]["containers"][0]["image"] == expected


def test_a_piece_of_the_source() -> None:
    source = "source: {kind: ConfigMap, name: src, fieldPath: data.image, options: {delimiter: ':', index: 1}}"
    assert replaced(source, "metadata.labels.tag", ", options: {create: true}")[1]["metadata"]["labels"] == {"tag": 7}


def test_a_literal_value_and_patterns_in_targets() -> None:
    item = replaced(
        "sourceValue: hello", "metadata.annotations.a\\.b", ", options: {create: true}", "{kind: Deploy.*}"
    )[1]
    assert item["metadata"]["annotations"] == {"a.b": "hello"}


def test_into_json_that_is_held_in_a_text() -> None:
    source = "source: {kind: Deployment, fieldPath: spec.replicas}"
    item = replaced(source, "data.json.a.b", select="{kind: ConfigMap}")[0]
    assert item["data"]["json"] == '{"a":{"b":1}}'


@pytest.mark.parametrize(
    ("source", "path", "message"),
    [
        ("source: {kind: Nope}", "spec.replicas", "nothing selected by Nope.[noVer].[noGrp]/[noName].[noNs]"),
        (FROM_IMAGE, "spec.missing.field", 'unable to find field "spec.missing.field" in replacement target'),
        ("source: {kind: ConfigMap, fieldPath: data.nope}", "spec.replicas", "fieldPath `data.nope` is missing"),
    ],
)
def test_errors(source: str, path: str, message: str) -> None:
    assert message in failure(files(source, path))


def test_vars_take_the_type_of_their_value() -> None:
    service = "apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80, targetPort: $(PORT)}]}\n"
    kustomization = (
        "resources: [r.yaml]\nvars:\n- name: PORT\n  objref: {kind: Service, name: s, apiVersion: v1}\n"
        "  fieldref: {fieldpath: 'spec.ports[0].port'}\n"
    )
    (item, _) = built({"kustomization.yaml": kustomization, "r.yaml": service + "---\n" + CONFIG_MAP})
    assert item["spec"]["ports"][0]["targetPort"] == 80
