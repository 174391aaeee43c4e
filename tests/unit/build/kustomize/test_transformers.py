from __future__ import annotations

from typing import Any

import pytest

from tests.unit.build.kustomize.support import CONFIG_MAP, DEPLOYMENT, built, failure, printed

BINDING = """\
apiVersion: rbac.authorization.k8s.io/v1
kind: RoleBinding
metadata: {name: b}
roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: r}
subjects:
- {kind: ServiceAccount, name: default, namespace: other}
- {kind: ServiceAccount, name: robot, namespace: other}
"""


def with_fields(fields: str, *resources: str) -> list[dict[str, Any]]:
    return built({"kustomization.yaml": f"resources: [r.yaml]\n{fields}", "r.yaml": "---\n".join(resources)})


def test_prefix_and_suffix_leave_definitions_and_namespaces_alone() -> None:
    definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: a.b}\n"
    namespace = "apiVersion: v1\nkind: Namespace\nmetadata: {name: n}\n"
    objects = with_fields("namePrefix: p-\nnameSuffix: -s\n", CONFIG_MAP, definition, namespace)
    assert [item["metadata"]["name"] for item in objects] == ["p-settings-s", "a.b", "n"]


def test_references_follow_a_prefix() -> None:
    objects = with_fields("namePrefix: p-\n", DEPLOYMENT, CONFIG_MAP)
    assert objects[0]["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"] == "p-settings"


def test_namespace_moves_resources_and_default_subjects() -> None:
    cluster_role = "apiVersion: rbac.authorization.k8s.io/v1\nkind: ClusterRole\nmetadata: {name: r}\n"
    objects = with_fields("namespace: live\n", CONFIG_MAP, cluster_role, BINDING)
    assert objects[0]["metadata"]["namespace"] == "live"
    assert "namespace" not in objects[1]["metadata"]
    assert [subject["namespace"] for subject in objects[2]["subjects"]] == ["live", "other"]


def test_namespaces_that_collide() -> None:
    two = [CONFIG_MAP.replace("settings}", f"settings, namespace: {name}}}") for name in ("a", "b")]
    files = {"kustomization.yaml": "resources: [r.yaml]\nnamespace: c\n", "r.yaml": "---\n".join(two)}
    assert "namespace transformation produces ID conflict" in failure(files)


@pytest.mark.parametrize(
    ("options", "in_selector", "in_template"),
    [("", False, False), ("  includeTemplates: true\n", False, True), ("  includeSelectors: true\n", True, True)],
)
def test_labels(options: str, in_selector: bool, in_template: bool) -> None:
    (item,) = with_fields(f"labels:\n- pairs: {{team: x}}\n{options}", DEPLOYMENT)
    assert item["metadata"]["labels"] == {"team": "x"}
    assert ("selector" in item["spec"]) is in_selector
    assert (item["spec"]["template"].get("metadata") == {"labels": {"team": "x"}}) is in_template


def test_annotations_leave_as_texts_spelled_as_in_the_file() -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\n  annotations: {a: 1.50, b: 0755, c: yes, d: null}\n"
    (item,) = with_fields("", text)
    assert item["metadata"]["annotations"] == {"a": "1.50", "b": "0755", "c": "yes", "d": "null"}


@pytest.mark.parametrize(
    ("image", "entry", "expected"),
    [
        ("nginx", "newTag: '2'", "nginx:2"),
        ("nginx:1@sha256:ab", "newTag: '2'", "nginx:2"),
        ("nginx:1", "digest: sha256:cd", "nginx@sha256:cd"),
        ("nginx:1", "newName: mirror:5000/nginx", "mirror:5000/nginx:1"),
        ("docker.io/nginx:1", "newTag: '2'", "docker.io/nginx:1"),
    ],
)
def test_images(image: str, entry: str, expected: str) -> None:
    resource = DEPLOYMENT.replace("nginx:1.25", image)
    (item,) = with_fields(f"images:\n- name: nginx\n  {entry}\n", resource)
    assert item["spec"]["template"]["spec"]["containers"][0]["image"] == expected


def test_images_of_volumes() -> None:
    volume = "- name: models\n        image: {reference: 'nginx:1'}\n      - name: settings"
    (item,) = with_fields("images: [{name: nginx, newTag: '2'}]\n", DEPLOYMENT.replace("- name: settings", volume))
    assert item["spec"]["template"]["spec"]["volumes"][0]["image"] == {"reference": "nginx:2"}


def test_replicas_by_the_original_name() -> None:
    (item,) = with_fields("namePrefix: p-\nreplicas: [{name: web, count: 4}]\n", DEPLOYMENT)
    assert item["spec"]["replicas"] == 4
    files = {"kustomization.yaml": "resources: [r.yaml]\nreplicas: [{name: zz, count: 4}]\n", "r.yaml": DEPLOYMENT}
    assert "resource with name zz does not match a config" in failure(files)


def test_the_default_order_of_the_command_is_by_kind() -> None:
    files = {"kustomization.yaml": "resources: [r.yaml]\n", "r.yaml": DEPLOYMENT + "---\n" + CONFIG_MAP}
    assert printed(files).index("Deployment") < printed(files).index("ConfigMap")
    assert printed(files, legacy_order=True).index("ConfigMap") < printed(files, legacy_order=True).index("Deployment")


def test_transformers_in_files_of_their_own() -> None:
    files = {
        "kustomization.yaml": "resources: [r.yaml]\ntransformers: [t.yaml]\n",
        "r.yaml": CONFIG_MAP,
        "t.yaml": "apiVersion: builtin\nkind: NamespaceTransformer\n"
        "metadata: {name: x, namespace: n}\nunsetOnly: true\n",
    }
    assert built(files)[0]["metadata"]["namespace"] == "n"
    files["t.yaml"] = "apiVersion: example.com/v1\nkind: Program\nmetadata: {name: x}\n"
    assert "external plugins disabled" in failure(files)


def test_a_validator_must_not_change_anything() -> None:
    files = {
        "kustomization.yaml": "resources: [r.yaml]\nvalidators: [v.yaml]\n",
        "r.yaml": CONFIG_MAP,
        "v.yaml": "apiVersion: builtin\nkind: LabelTransformer\nmetadata: {name: x}\nlabels: {a: b}\n"
        "fieldSpecs: [{path: metadata/labels, create: true}]\n",
    }
    assert "validator shouldn't modify the resource map" in failure(files)


def test_field_specs_of_a_configuration_hold_in_overlays() -> None:
    files = {
        "base/kustomization.yaml": "resources: [r.yaml]\nconfigurations: [c.yaml]\n",
        "base/r.yaml": "apiVersion: x/v1\nkind: Thing\nmetadata: {name: a}\nspec: {ref: settings}\n---\n" + CONFIG_MAP,
        "base/c.yaml": "nameReference:\n- {kind: ConfigMap, version: v1, fieldSpecs: [{kind: Thing, path: spec/ref}]}\n"
        "",
        "top/kustomization.yaml": "resources: [../base]\nnamePrefix: p-\n",
    }
    assert built(files, "top")[0]["spec"]["ref"] == "p-settings"
