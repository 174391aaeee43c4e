"""Files that are written for an older Flux."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.support.manifests import config_map

if TYPE_CHECKING:
    from tests.support.world import World

KUSTOMIZE, SOURCE = "kustomize.toolkit.fluxcd.io", "source.toolkit.fluxcd.io"


def old_files(world: World) -> dict[str, str]:
    """A tenant's source and Kustomization, as they were written in 2021."""
    meta = {"namespace": world.namespace, "name": "tenant"}
    source: dict[str, Any] = {"apiVersion": f"{SOURCE}/v1beta1", "kind": "GitRepository", "metadata": meta}
    source["spec"] = {
        "interval": "10m",
        "url": world.repo.url,
        "ref": {"branch": "main"},
        "gitImplementation": "go-git",
    }
    tenant: dict[str, Any] = {"apiVersion": f"{KUSTOMIZE}/v1beta1", "kind": "Kustomization", "metadata": meta}
    one = {"namespace": world.namespace, "name": "one"}
    operations = [{"op": "add", "path": "/data/json", "value": "yes"}]
    tenant["spec"] = {
        "interval": "10m",
        "prune": True,
        "path": "apps",
        "validation": "client",
        "sourceRef": {"kind": "GitRepository", "name": "tenant"},
        "patchesStrategicMerge": [
            {"apiVersion": "v1", "kind": "ConfigMap", "metadata": one, "data": {"strategic": "yes"}}
        ],
        "patchesJson6902": [{"target": {"version": "v1", "kind": "ConfigMap", "name": "one"}, "patch": operations}],
    }
    return {"tenants/source.yaml": json.dumps(source), "tenants/tenant.yaml": json.dumps(tenant)}


async def test_old_versions_are_applied_as_the_new_one(world: World) -> None:
    world.repo.commit("Begin", {**old_files(world), "apps/cm.yaml": config_map("one", world.namespace, {})})
    await world.git_repository()
    checks = [{"apiVersion": f"{KUSTOMIZE}/v1beta2", "kind": "Kustomization", "name": "tenant"}]
    checks[0]["namespace"] = world.namespace
    await world.kustomization("tenants", path="tenants", healthChecks=checks)
    await world.ready("tenants", "tenant")
    found = await world.get("ConfigMap", "one")
    assert found is not None
    assert found["data"] == {"strategic": "yes", "json": "yes"}
    entries = (await world.status("tenants"))["inventory"]["entries"]
    assert {entry["v"] for entry in entries} == {"v1"}
    for ref, group in (("Kustomization", KUSTOMIZE), ("GitRepository", SOURCE)):
        text = f"{ref}/{world.namespace}/tenant is written as {group}/v1beta1 and was applied as {group}/v1"
        await world.event("tenants", text, "change the apiVersion in the file")


async def test_the_second_run_writes_nothing(world: World) -> None:
    world.repo.commit("Begin", {**old_files(world), "apps/cm.yaml": config_map("one", world.namespace, {})})
    await world.git_repository()
    await world.kustomization("tenants", path="tenants")
    await world.ready("tenants", "tenant")
    before = await world.get("Kustomization", "tenant")
    await world.request_reconcile("Kustomization", "tenants", "1")

    async def handled() -> bool:
        return (await world.status("tenants")).get("lastHandledReconcileAt") == "1"

    await world.eventually("the request is handled", handled)
    after = await world.get("Kustomization", "tenant")
    assert before is not None
    assert after is not None
    assert before["metadata"]["generation"] == after["metadata"]["generation"]
    await world.restart()
    world.repo.commit("Change", {"apps/cm.yaml": config_map("one", world.namespace, {"k": "v"})})
    await world.ready("tenants", "tenant")
