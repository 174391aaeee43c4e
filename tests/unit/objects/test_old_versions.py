"""Old versions of Flux's own kinds in today's words."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead.objects.old_versions import in_todays_version
from fairlead.objects.yaml import load

KUSTOMIZE, SOURCE = "kustomize.toolkit.fluxcd.io", "source.toolkit.fluxcd.io"


def spec_of(group: str, kind: str, spec: dict[str, Any], version: str = "v1beta1") -> dict[str, Any]:
    manifest = {"apiVersion": f"{group}/{version}", "kind": kind, "metadata": {"name": "a"}, "spec": spec}
    converted = in_todays_version(manifest)
    assert converted is not None
    assert converted["apiVersion"] == f"{group}/v1"
    assert converted["metadata"] == {"name": "a"}
    assert manifest["spec"] is spec
    result: dict[str, Any] = converted["spec"]
    return result


@pytest.mark.parametrize("version", ["v1beta1", "v1beta2"])
def test_fields_without_effect_are_dropped(version: str) -> None:
    rest = {"interval": "1m", "path": "./apps"}
    assert spec_of(KUSTOMIZE, "Kustomization", rest | {"validation": "client"}, version) == rest
    old = {"gitImplementation": "libgit2", "accessFrom": {"namespaceSelectors": []}}
    assert spec_of(SOURCE, "GitRepository", rest | old, version) == rest


def test_three_kinds_of_patches_become_one() -> None:
    strategic = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}, "data": {"a": "1"}}
    operations = [{"op": "add", "path": "/data/b", "value": "2"}]
    target = {"kind": "ConfigMap", "name": "x"}
    spec = spec_of(
        KUSTOMIZE,
        "Kustomization",
        {
            "patchesJson6902": [{"target": target, "patch": operations}],
            "patches": [{"patch": "between"}],
            "patchesStrategicMerge": [strategic],
        },
    )
    first, between, last = spec.pop("patches")
    assert spec == {}
    assert load(first["patch"]) == strategic
    assert between == {"patch": "between"}
    assert last["target"] == target
    assert load(last["patch"]) == operations


def test_health_checks_were_about_apps() -> None:
    checks = [{"kind": "Deployment", "name": "a"}, {"apiVersion": "v1", "kind": "Pod", "name": "b"}]
    spec = spec_of(KUSTOMIZE, "Kustomization", {"healthChecks": checks})
    assert [check["apiVersion"] for check in spec["healthChecks"]] == ["apps/v1", "v1"]


@pytest.mark.parametrize(
    ("api_version", "kind"),
    [
        (f"{KUSTOMIZE}/v1", "Kustomization"),
        (f"{KUSTOMIZE}/v1beta3", "Kustomization"),
        (f"{SOURCE}/v1beta2", "HelmRepository"),
        ("kustomize.config.k8s.io/v1beta1", "Kustomization"),
        ("v1", "ConfigMap"),
    ],
)
def test_all_else_is_left_alone(api_version: str, kind: str) -> None:
    assert in_todays_version({"apiVersion": api_version, "kind": kind, "spec": {"validation": "client"}}) is None


def test_wrong_values_are_left_to_the_server() -> None:
    spec = spec_of(KUSTOMIZE, "Kustomization", {"healthChecks": ["a"], "patchesJson6902": ["b"], "patches": "c"})
    assert spec == {"healthChecks": ["a"], "patches": ["b"]}
    manifest = {"apiVersion": f"{SOURCE}/v1beta2", "kind": "GitRepository", "spec": "nothing"}
    assert in_todays_version(manifest) == manifest | {"apiVersion": f"{SOURCE}/v1"}
