"""Fields of a Kustomization that change what is built or how it is applied."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING

import pytest

from tests.support.manifests import config_map, deployment

if TYPE_CHECKING:
    from tests.support.world import World


async def test_everything_that_changes_manifests(world: World) -> None:
    component = {
        "apiVersion": "kustomize.config.k8s.io/v1alpha1",
        "kind": "Component",
        "configMapGenerator": [{"name": "made", "literals": ["k=v"]}],
    }
    world.repo.commit(
        "Begin",
        {
            "apps/web.yaml": deployment("web", "somewhere"),
            "components/extra/kustomization.yaml": json.dumps(component),
        },
    )
    await world.git_repository()
    patch = "- {op: replace, path: /spec/replicas, value: 2}"
    await world.kustomization(
        "apps",
        path="./apps",
        targetNamespace=world.namespace,
        namePrefix="a-",
        nameSuffix="-z",
        commonMetadata={"labels": {"team": "blue"}, "annotations": {"note": "1"}},
        patches=[{"patch": patch, "target": {"kind": "Deployment"}}],
        images=[{"name": "example.com/web", "newName": "example.com/site", "newTag": "2"}],
        components=["../components/extra", "../components/gone"],
        ignoreMissingComponents=True,
    )
    await world.ready("apps")
    found = await world.get("Deployment", "a-web-z")
    assert found is not None
    assert found["spec"]["replicas"] == 2
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "example.com/site:2"
    assert found["metadata"]["labels"]["team"] == "blue"
    assert found["metadata"]["annotations"]["note"] == "1"
    assert any("_a-made-z-" in entry for entry in await world.inventory("apps"))


async def test_marks_on_objects(world: World) -> None:
    mark = "kustomize.toolkit.fluxcd.io/ssa"
    world.repo.commit(
        "Begin",
        {
            "apps/once.yaml": config_map("once", world.namespace, {"k": "1"}, annotations={mark: "IfNotPresent"}),
            "apps/never.yaml": config_map("never", world.namespace, {}, annotations={mark: "Ignore"}),
            "apps/merge.yaml": config_map("merge", world.namespace, {"k": "1"}, annotations={mark: "Merge"}),
        },
    )
    await world.git_repository()
    await world.kustomization("apps", path="apps")
    await world.ready("apps")
    assert await world.get("ConfigMap", "never") is None
    await world.patch("ConfigMap", "once", {"data": {"k": "by hand"}})
    await world.patch("ConfigMap", "merge", {"data": {"more": "by hand"}})
    await world.request_reconcile("Kustomization", "apps", "1")

    async def handled() -> bool:
        return (await world.status("apps")).get("lastHandledReconcileAt") == "1"

    await world.eventually("the request is handled", handled)
    once, merge = await world.get("ConfigMap", "once"), await world.get("ConfigMap", "merge")
    assert once is not None
    assert merge is not None
    assert once["data"] == {"k": "by hand"}
    assert merge["data"] == {"k": "1", "more": "by hand"}


@pytest.mark.parametrize("depends", ["", "a on b", "b on a"])
async def test_an_object_moves_between_kustomizations_and_is_not_deleted(world: World, depends: str) -> None:
    moving = config_map("moving", world.namespace, {"k": "v"})
    keep = {f"{name}/keep.yaml": config_map(f"keep-{name}", world.namespace, {}) for name in "ab"}
    world.repo.commit("Begin", {**keep, "a/moving.yaml": moving})
    await world.git_repository()
    for name in "ab":
        on = depends[-1] if depends.startswith(name) else ""
        await world.kustomization(name, path=name, dependsOn=[{"name": on}] if on else [])
    await world.ready("a", "b")
    before = await world.get("ConfigMap", "moving")
    world.repo.commit("Move", {"a/moving.yaml": None, "b/moving.yaml": moving})
    await world.ready("a", "b")
    after = await world.get("ConfigMap", "moving")
    assert before is not None
    assert after is not None
    assert before["metadata"]["uid"] == after["metadata"]["uid"]
    assert after["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] == "b"


async def test_an_idle_cluster_costs_no_requests(world: World) -> None:
    world.repo.commit("Begin", {"apps/web.yaml": deployment("web", world.namespace)})
    await world.git_repository()
    await world.kustomization("apps", path="apps", wait=True)
    await world.ready("apps")
    await world.event("apps", "Reconciliation finished")
    before = await world.quiet()
    await asyncio.sleep(2)
    assert world.requests() == before


async def test_one_malformed_resource_does_not_stop_the_others(world: World) -> None:
    """The API server of a real cluster refuses it; one whose CRD is another one does not."""
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("settings", world.namespace, {})})
    await world.git_repository()
    await world.kustomization("bad", path="../outside")
    await world.kustomization("apps", path="apps")
    await world.ready("apps")
    failure = await world.failed("bad", reason="ArtifactFailed")
    assert "leads out of the source" in failure["message"]
