"""Which version of Flux's own kinds is sent to which server."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead.engine.versions import brought_up_to_date
from fairlead.kube.discovery import Discovery

GROUP = "kustomize.toolkit.fluxcd.io"
OLD = {"apiVersion": f"{GROUP}/v1beta2", "kind": "Kustomization", "metadata": {"namespace": "a", "name": "b"}}
OTHER = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "a", "name": "b"}}


def serving(*versions: str) -> Discovery:
    async def fetch(path: str, _: str) -> Any:
        if path == "/api":
            return {"kind": "APIGroupDiscoveryList", "items": []}
        kind = {"resource": "kustomizations", "scope": "Namespaced", "verbs": ["get"], "responseKind": {}}
        kind["responseKind"] = {"group": GROUP, "version": "", "kind": "Kustomization"}
        served = [{"version": version, "resources": [kind]} for version in versions]
        items = [{"metadata": {"name": GROUP}, "versions": served}] if versions else []
        return {"kind": "APIGroupDiscoveryList", "items": items}

    return Discovery(fetch)


def definition(**served: bool) -> dict[str, Any]:
    versions = [{"name": name, "served": value} for name, value in served.items()]
    spec = {"group": GROUP, "names": {"kind": "Kustomization"}, "versions": versions}
    return {"apiVersion": "apiextensions.k8s.io/v1", "kind": "CustomResourceDefinition", "spec": spec}


@pytest.mark.parametrize(
    ("versions", "expected"),
    [(("v1",), "v1"), (("v1", "v1beta2"), "v1beta2"), (("v1beta2",), "v1beta2"), ((), "v1beta2"), (("v2",), "v1beta2")],
)
async def test_the_server_decides(versions: tuple[str, ...], expected: str) -> None:
    (found, other), notices = await brought_up_to_date(serving(*versions), [OLD, OTHER])
    assert found["apiVersion"] == f"{GROUP}/{expected}"
    assert other is OTHER
    assert len(notices) == (expected == "v1")


async def test_a_definition_that_comes_along_decides_first() -> None:
    (found, _), notices = await brought_up_to_date(serving("v1"), [OLD, definition(v1=True, v1beta2=True)])
    assert found is OLD
    assert notices == {}
    (found, _), _ = await brought_up_to_date(serving("v1", "v1beta2"), [OLD, definition(v1=True, v1beta2=False)])
    assert found["apiVersion"] == f"{GROUP}/v1"
