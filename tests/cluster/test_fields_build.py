"""Fields of a Kustomization that decide what is built: each by itself, in the objects that arrive."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.manifests import config_map, deployment

if TYPE_CHECKING:
    from tests.support.world import World

TEAM = {"labels": {"team": "blue"}}
NOTED = {"annotations": {"note": "yes"}}


async def data(world: World, name: str) -> dict[str, str]:
    found = await world.get("ConfigMap", name)
    assert found is not None, name
    return dict(found["data"])


async def delivered(world: World, files: dict[str, str], **spec: Any) -> None:
    world.repo.commit("Begin", files)
    await world.git_repository()
    await world.kustomization("apps", **{"path": "apps", **spec})
    await world.ready("apps")


SELECTORS = {
    "group": ({"group": "apps"}, "app"),
    "version": ({"version": "v1", "kind": "Deployment"}, "v1beta1"),
    "kind": ({"kind": "Deploy.*"}, "Deploy"),
    "name": ({"name": "w.b"}, "w.bb"),
    "namespace": ({"namespace": "{namespace}", "name": "web"}, "elsewhere"),
    "labelSelector": ({"labelSelector": "team=blue"}, "team!=blue"),
    "annotationSelector": ({"annotationSelector": "note=yes"}, "note notin (yes)"),
}
"""For each field a target that finds the Deployment, and a value with which it finds it no more."""


def marked_files(world: World) -> dict[str, str]:
    """One Deployment that every selector is to find, and a ConfigMap that none is."""
    web = json.loads(deployment("web", world.namespace, replicas=1))
    web["metadata"] |= {"labels": {"team": "blue"}, "annotations": {"note": "yes"}}
    return {
        "apps/web.json.yaml": json.dumps(web),
        "apps/cm.yaml": config_map("cm", world.namespace, {"k": "v"}, labels={"team": "red"}),
    }


@pytest.mark.parametrize("field", SELECTORS)
async def test_each_selector_of_a_patch(world: World, field: str) -> None:
    right, wrong = SELECTORS[field]
    target = {key: text.format(namespace=world.namespace) for key, text in right.items()}
    patches = [
        {"patch": "- {op: add, path: /metadata/labels/wrong, value: here}", "target": target | {field: wrong}},
        {"patch": "- {op: add, path: /metadata/labels/patched, value: here}", "target": target},
    ]
    await delivered(world, marked_files(world), patches=patches)
    web, other = await world.get("Deployment", "web"), await world.get("ConfigMap", "cm")
    assert web is not None
    assert other is not None
    assert web["metadata"]["labels"]["patched"] == "here"
    assert "wrong" not in web["metadata"]["labels"]
    assert "patched" not in other["metadata"]["labels"]


async def test_a_patch_without_a_target_names_its_object(world: World) -> None:
    patch = {
        "apiVersion": "v1",
        "kind": "ConfigMap",
        "metadata": {"name": "cm", "namespace": world.namespace},
        "data": {"more": "x"},
    }
    await delivered(world, marked_files(world), patches=[{"patch": json.dumps(patch)}])
    assert await data(world, "cm") == {"k": "v", "more": "x"}


@pytest.mark.parametrize(
    ("image", "expected"),
    [
        pytest.param({"newName": "example.org/site"}, "example.org/site:1.0", id="newName"),
        pytest.param({"newTag": "2"}, "example.com/web:2", id="newTag"),
        pytest.param({"digest": f"sha256:{'0' * 64}"}, f"example.com/web@sha256:{'0' * 64}", id="digest"),
    ],
)
async def test_each_field_of_an_image(world: World, image: dict[str, str], expected: str) -> None:
    images = [{"name": "example.com/web", **image}, {"name": "web", "newName": "example.org/no", "newTag": "no"}]
    await delivered(world, {"apps/web.yaml": deployment("web", world.namespace)}, images=images)
    found = await world.get("Deployment", "web")
    assert found is not None
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == expected


@pytest.mark.parametrize("field", ["namePrefix", "nameSuffix"])
async def test_prefix_and_suffix(world: World, field: str) -> None:
    files = {"apps/cm.yaml": config_map("one", world.namespace, {"k": "v"})}
    await delivered(world, files, **{field: "a-" if field == "namePrefix" else "-z"})
    assert await data(world, "a-one" if field == "namePrefix" else "one-z") == {"k": "v"}


async def test_target_namespace(world: World) -> None:
    files = {"apps/cm.yaml": config_map("one", "elsewhere", {"k": "v"})}
    await delivered(world, files, targetNamespace=world.namespace)
    assert await data(world, "one") == {"k": "v"}


async def test_common_metadata_wins_over_the_objects_own(world: World) -> None:
    own = config_map("one", world.namespace, {}, labels={"team": "red"}, annotations={"note": "no"})
    await delivered(world, {"apps/cm.yaml": own}, commonMetadata=TEAM | NOTED)
    found = await world.get("ConfigMap", "one")
    assert found is not None
    assert found["metadata"]["labels"]["team"] == "blue"
    assert found["metadata"]["annotations"]["note"] == "yes"


async def test_build_metadata(world: World) -> None:
    files = {"apps/cm.yaml": config_map("one", world.namespace, {})}
    fields = ["originAnnotations", "transformerAnnotations"]
    await delivered(world, files, buildMetadata=fields, namePrefix="a-")
    found = await world.get("ConfigMap", "a-one")
    assert found is not None
    annotations = found["metadata"]["annotations"]
    assert "path: cm.yaml" in annotations["config.kubernetes.io/origin"]
    assert "PrefixTransformer" in annotations["alpha.config.kubernetes.io/transformations"]


async def test_components_above_below_and_beside_the_path(world: World) -> None:
    """They count from ``path``, may lie anywhere in the source, and bring what they refer to from there."""
    component = {"apiVersion": "kustomize.config.k8s.io/v1alpha1", "kind": "Component"}
    files = {
        "clusters/prod/cm.yaml": config_map("base", world.namespace, {}),
        "clusters/prod/own/kustomization.yaml": json.dumps(component | {"labels": [{"pairs": {"own": "yes"}}]}),
        "clusters/common/kustomization.yaml": json.dumps(component | {"commonAnnotations": {"common": "yes"}}),
        "components/extra/kustomization.yaml": json.dumps(component | {"resources": ["cm.yaml", "../../shared"]}),
        "components/extra/cm.yaml": config_map("extra", world.namespace, {}),
        "shared/kustomization.yaml": json.dumps({"resources": ["cm.yaml"]}),
        "shared/cm.yaml": config_map("shared", world.namespace, {}),
    }
    files["clusters/prod/kustomization.yaml"] = json.dumps({"resources": ["cm.yaml"]})
    world.repo.commit("Begin", files)
    await world.git_repository()
    above, below, beside = "../../components/extra", "./own", "../common"
    await world.kustomization(
        "apps", path="./clusters/prod", components=[above, below, beside], buildMetadata=["originAnnotations"]
    )
    await world.ready("apps")
    origins = {"base": "cm.yaml", "extra": "../../components/extra/cm.yaml", "shared": "../../shared/cm.yaml"}
    for name, origin in origins.items():
        found = await world.get("ConfigMap", name)
        assert found is not None
        assert found["metadata"]["labels"]["own"] == "yes"
        assert found["metadata"]["annotations"]["common"] == "yes"
        assert found["metadata"]["annotations"]["config.kubernetes.io/origin"] == f"path: {origin}\n"
    world.repo.commit("Change what is far", {"shared/cm.yaml": config_map("shared", world.namespace, {"k": "v"})})
    await world.ready("apps")
    assert await data(world, "shared") == {"k": "v"}


async def test_a_missing_component_fails_unless_it_may_be_missing(world: World) -> None:
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("one", world.namespace, {})})
    await world.git_repository()
    await world.kustomization("apps", path="apps", components=["../gone"])
    failure = await world.failed("apps", reason="BuildFailed")
    assert "gone" in failure["message"]
    await world.kustomization("apps", path="apps", components=["../gone"], ignoreMissingComponents=True)
    await world.ready("apps")


async def test_substitute_from_each_kind(world: World) -> None:
    await world.apply("v1", "ConfigMap", "plain", data={"a": "one"})
    await world.apply("v1", "Secret", "keys", stringData={"b": "two"})
    files = {"apps/cm.yaml": config_map("one", world.namespace, {"a": "${a}", "b": "${b}", "c": "${c}"})}
    sources = [{"kind": "ConfigMap", "name": "plain"}, {"kind": "Secret", "name": "keys"}]
    await delivered(world, files, postBuild={"substitute": {"c": "three"}, "substituteFrom": sources})
    assert await data(world, "one") == {"a": "one", "b": "two", "c": "three"}


async def test_an_optional_source_of_variables_may_be_missing(world: World) -> None:
    sources = [{"kind": "ConfigMap", "name": "gone", "optional": True}]
    files = {"apps/cm.yaml": config_map("one", world.namespace, {"a": "${a}"})}
    await delivered(world, files, postBuild={"substitute": {"a": "one"}, "substituteFrom": sources})
    assert await data(world, "one") == {"a": "one"}


@pytest.mark.parametrize(("strategy", "expected"), [("WithVariables", "${a:=none}"), ("Always", "none")])
async def test_without_variables_the_strategy_decides(world: World, strategy: str, expected: str) -> None:
    files = {"apps/cm.yaml": config_map("one", world.namespace, {"a": "${a:=none}"})}
    await delivered(world, files, postBuild={"substituteStrategy": strategy})
    assert await data(world, "one") == {"a": expected}
