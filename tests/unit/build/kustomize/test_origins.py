"""Every leaf knows its file, its line and what set it."""

from __future__ import annotations

from typing import Any

from fairlead.build.kustomize import Origin
from tests.unit.build.kustomize.support import DEPLOYMENT, result

FILES: dict[str, str | bytes] = {
    "base/kustomization.yaml": "resources: [d.yaml]\nconfigMapGenerator:\n- name: settings\n  literals: [a=b]\n",
    "base/d.yaml": DEPLOYMENT,
    "part/kustomization.yaml": "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"
    "replicas:\n- {name: web, count: 5}\n",
    "top/patch.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n"
    "      containers:\n      - name: main\n        args:\n        - one\n",
    "top/kustomization.yaml": "resources: [../base]\n"
    "namePrefix: p-\ncomponents: [../part]\nlabels:\n- pairs:\n    team: x\n"
    "images:\n- name: nginx\n  newTag: '2'\npatches:\n- path: patch.yaml\nreplacements:\n"
    "- source: {kind: Deployment, fieldPath: metadata.name}\n  targets:\n  - select: {kind: Deployment}\n"
    "    fieldPaths: ['spec.template.spec.containers.0.env.0.value']\n",
}


def leaves(value: Any, trace: Any, path: str = "") -> dict[str, Origin]:
    if isinstance(trace, dict):
        assert trace.keys() == value.keys()
        return {
            name: origin for key in trace for name, origin in leaves(value[key], trace[key], f"{path}/{key}").items()
        }
    if isinstance(trace, list):
        assert len(trace) == len(value)
        pairs = enumerate(zip(value, trace, strict=True))
        return {
            name: origin for index, (one, two) in pairs for name, origin in leaves(one, two, f"{path}/{index}").items()
        }
    return {path: trace}


def test_origins_of_an_overlay() -> None:
    found = result(FILES, "top", origins=True)
    deployment = leaves(found.objects[0], found.origins[0])
    pod = "/spec/template/spec"
    assert deployment["/kind"] == Origin("base/d.yaml", 2)
    assert deployment[f"{pod}/containers/0/name"] == Origin("base/d.yaml", 10)
    assert deployment["/metadata/name"] == Origin("top/kustomization.yaml", 2, "namePrefix")
    assert deployment["/metadata/labels/team"] == Origin("top/kustomization.yaml", 6, "labels[0]")
    assert deployment["/spec/replicas"] == Origin("part/kustomization.yaml", 4, "replicas[0]")
    assert deployment[f"{pod}/containers/0/image"] == Origin("top/kustomization.yaml", 8, "images[0]")
    assert deployment[f"{pod}/containers/0/args/0"] == Origin("top/patch.yaml", 10, "patches[0]")
    assert deployment[f"{pod}/containers/0/env/0/name"] == Origin("base/d.yaml", 13)
    assert deployment[f"{pod}/containers/0/env/0/value"].by == "replacements"
    assert deployment[f"{pod}/volumes/0/configMap/name"].by == "name reference"
    config = leaves(found.objects[1], found.origins[1])
    assert config["/data/a"] == Origin("base/kustomization.yaml", 3, "configMapGenerator[0]")
    assert config["/metadata/name"].by == "name hash"


def test_every_leaf_has_an_origin_and_objects_are_the_same() -> None:
    traced, plain = result(FILES, "top", origins=True), result(FILES, "top")
    assert traced.objects == plain.objects
    assert plain.origins == []
    for value, trace in zip(traced.objects, traced.origins, strict=True):
        assert all(isinstance(origin, Origin) for origin in leaves(value, trace).values())
