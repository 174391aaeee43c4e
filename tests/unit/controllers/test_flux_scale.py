"""Whose replicas are left to people."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fairlead.api.kustomization import Kustomization
from fairlead.controllers.flux_scale import FluxScale
from fairlead.objects.ref import ObjectRef

SOURCE = "source-controller"


def flux_system(**spec: Any) -> Kustomization:
    wanted = {"interval": "10m", "prune": True, "sourceRef": {"kind": "GitRepository", "name": "flux-system"}} | spec
    return msgspec.convert(
        {"metadata": {"name": "flux-system", "namespace": "flux-system"}, "spec": wanted}, Kustomization
    )


def deployment(name: str = SOURCE, *arguments: str, part_of: str = "flux", **spec: Any) -> dict[str, Any]:
    labels = {"app.kubernetes.io/part-of": part_of, "app.kubernetes.io/component": name}
    template = {"spec": {"containers": [{"name": "manager", "args": list(arguments)}]}}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": "flux-system", "labels": labels},
        "spec": {"template": template} | spec,
    }


@pytest.mark.parametrize(("spec", "wanted"), [({}, 1), ({"replicas": 1}, 1), ({"replicas": 3}, 3)])
@pytest.mark.parametrize("name", [SOURCE, "kustomize-controller"])
def test_a_controller_that_would_do_our_work_is_held(name: str, spec: dict[str, Any], wanted: int) -> None:
    written = deployment(name, **spec)
    held = FluxScale().hold(flux_system(), [written, deployment("helm-controller")])
    assert held.replicas == ((ObjectRef("apps", "Deployment", "flux-system", name), wanted),)
    assert held.objects == [{**written, "spec": {**written["spec"], "replicas": 0}}, deployment("helm-controller")]
    assert [rule.paths for rule in held.rules] == [("/spec/replicas",)]
    target = held.rules[0].target
    assert target is not None
    assert [target.matcher()(each) for each in held.objects] == [True, False]


@pytest.mark.parametrize(
    "manifest",
    [
        deployment(replicas=0),
        deployment("helm-controller", replicas=1),
        deployment("notification-controller", replicas=1),
        deployment("image-reflector-controller", replicas=1),
        deployment(part_of="something-else", replicas=1),
        deployment(replicas=1) | {"kind": "StatefulSet"},
        deployment(replicas=1) | {"apiVersion": "example.com/v1"},
        {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "x"}},
    ],
)
def test_all_else_stays_as_it_is(manifest: dict[str, Any]) -> None:
    held = FluxScale().hold(flux_system(), [manifest])
    assert held.objects == [manifest]
    assert not held.rules
    assert not held.replicas


@pytest.mark.parametrize(
    ("theirs", "ours", "is_held"),
    [
        ("", "", True),
        ("", "key=fairlead", True),
        ("!key", "", True),
        ("!key", "!key", True),
        ("!key", "key=fairlead", False),
    ],
)
def test_a_shard_that_is_apart_is_not_held(theirs: str, ours: str, is_held: bool) -> None:
    """The same Deployments for which Fairlead stands back."""
    arguments = ["--log-level=info", *([f"--watch-label-selector={theirs}"] if theirs else [])]
    held = FluxScale(ours).hold(flux_system(), [deployment(SOURCE, *arguments)])
    assert bool(held.replicas) == is_held


def test_nothing_is_held_in_another_cluster_or_when_told_so() -> None:
    elsewhere = flux_system(kubeConfig={"secretRef": {"name": "other"}})
    assert FluxScale().hold(elsewhere, [deployment()]).objects == [deployment()]
    assert FluxScale(left=False).hold(flux_system(), [deployment()]).objects == [deployment()]
