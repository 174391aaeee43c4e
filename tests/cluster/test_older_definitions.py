"""A cluster with the definitions of an older Flux: kept, and worked with as far as they go.

Each test has a server of its own, for definitions belong to the whole cluster: kube-apiserver where
``KUBEBUILDER_ASSETS`` names one, otherwise a local cluster.
"""

from __future__ import annotations

import asyncio
import contextlib
import copy
import os
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from fairlead.controllers.definitions import OldDefinitionError
from fairlead.controllers.install import crds, install
from fairlead.kube.client import KubeClient
from fairlead.kube.config import ClusterConfig, config_from_kubeconfig
from fairlead.kube.errors import NoMatchError, NotFoundError
from fairlead.localcluster import LocalCluster
from fairlead.objects.ref import ObjectRef
from tests.support.envtest import EnvTest, find_assets
from tests.support.manifests import config_map
from tests.support.progress import show_progress_after
from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.repo import RepoBuilder

DROPPED = {
    "spec": ("buildMetadata", "deletionPolicy", "healthCheckExprs", "ignore", "sparseCheckout"),
    "status": ("history", "observedSparseCheckout"),
}


@contextlib.asynccontextmanager
async def server() -> AsyncIterator[ClusterConfig]:
    if assets := find_assets(os.environ):
        with EnvTest(assets) as real:
            yield config_from_kubeconfig(real.kubeconfig.read_text())
    else:
        async with LocalCluster() as local:
            yield config_from_kubeconfig(local.kubeconfig())


@pytest_asyncio.fixture
async def client() -> AsyncIterator[KubeClient]:
    async with server() as config, KubeClient(config) as client:
        yield client


def older(crd: dict[str, Any], *, stored: str, served: tuple[str, ...] = ("v1", "v1beta2")) -> dict[str, Any]:
    """As Flux 2.0 had it: two versions, and fewer fields."""
    crd = copy.deepcopy(crd)
    crd["metadata"]["labels"] = {"app.kubernetes.io/part-of": "flux", "app.kubernetes.io/version": "v2.0.0"}
    today = crd["spec"]["versions"][0]
    schema = today["schema"]["openAPIV3Schema"]["properties"]
    for part, fields in DROPPED.items():
        for field in fields:
            schema[part]["properties"].pop(field, None)
    versions = [{**copy.deepcopy(today), "name": name, "storage": name == stored} for name in ("v1", "v1beta2")]
    crd["spec"]["versions"] = [version for version in versions if version["name"] in served]
    return crd


async def put(client: KubeClient, manifest: dict[str, Any], *, manager: str = "flux") -> None:
    """Until its definition is served."""
    async with asyncio.timeout(30):
        while True:
            with contextlib.suppress(NoMatchError, NotFoundError):
                await client.apply(manifest, field_manager=manager)
                return
            client.discovery.invalidate()
            await asyncio.sleep(0.1)


def fleet(world: World) -> list[dict[str, Any]]:
    meta = {"name": "fleet", "namespace": world.namespace}
    source = {"interval": "10m", "url": world.repo.url, "ref": {"branch": "main"}}
    apps = {"interval": "1s", "prune": True, "path": "apps", "sourceRef": {"kind": "GitRepository", "name": "fleet"}}
    groups = (("source", "GitRepository", source), ("kustomize", "Kustomization", apps))
    return [
        {"apiVersion": f"{group}.toolkit.fluxcd.io/v1beta2", "kind": kind, "metadata": meta, "spec": spec}
        for group, kind, spec in groups
    ]


async def test_what_was_stored_in_an_old_version_is_delivered(
    client: KubeClient, repo: RepoBuilder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    show_progress_after(
        3600, monkeypatch
    )  # on a busy machine a run that finds nothing would be slow enough to be shown
    world = World(client, repo, tmp_path / "state", namespace="older")
    await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": world.namespace}})
    repo.commit("Begin", {"apps/one.yaml": config_map("one", world.namespace, {"k": "v"})})
    for crd in crds():
        await put(client, older(crd, stored="v1beta2"))
    for manifest in fleet(world):
        await put(client, manifest)
    for crd in crds():
        await put(client, older(crd, stored="v1"))  # Flux was upgraded; its objects are stored as before
    before = [await client.get(ObjectRef.of(crd)) for crd in crds()]

    notes = {step.ref.name.partition(".")[0]: step.note async for step in install(client) if step.outcome == "kept"}
    assert notes["gitrepositories"].startswith("installed by others, version v2.0.0; it drops spec.ignore, ")
    wanted = ("spec.buildMetadata", "spec.deletionPolicy", "spec.healthCheckExprs", "status.history")
    assert all(field in notes["kustomizations"] for field in wanted)
    after = [await client.get(ObjectRef.of(crd)) for crd in crds()]
    assert [crd["metadata"]["resourceVersion"] for crd in after] == [
        crd["metadata"]["resourceVersion"] for crd in before
    ]

    await world.start()
    try:
        await world.ready("fleet")
        assert (await world.get("ConfigMap", "one") or {})["data"] == {"k": "v"}
        first = await world.get("Kustomization", "fleet")
        await asyncio.sleep(2.5)  # it runs each second, and has nothing to say though no history is kept
        assert await world.get("Kustomization", "fleet") == first
        assert first is not None
        assert "history" not in first["status"]
        repo.commit("Drop", {"apps/one.yaml": None, "apps/two.yaml": config_map("two", world.namespace, {})})
        await world.ready("fleet")
        assert await world.get("ConfigMap", "one") is None
    finally:
        await world.stop()


async def test_definitions_before_flux_2_are_refused(client: KubeClient) -> None:
    """Their objects say things that ``v1`` has no field for: nothing is touched until Flux is upgraded."""
    for crd in crds():
        await put(client, older(crd, stored="v1beta2", served=("v1beta2",)))
    with pytest.raises(OldDefinitionError, match="serves v1beta2 and not v1"):
        async for _ in install(client):
            pass
    with pytest.raises(NotFoundError):
        await client.get(ObjectRef("", "Namespace", "", "flux-system"))


async def test_controllers_wait_for_todays_version(client: KubeClient, repo: RepoBuilder, tmp_path: Path) -> None:
    world = World(client, repo, tmp_path / "state", namespace="older")
    await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": world.namespace}})
    repo.commit("Begin", {"apps/one.yaml": config_map("one", world.namespace, {"k": "v"})})
    for crd in crds():
        await put(client, older(crd, stored="v1beta2", served=("v1beta2",)))
    for manifest in fleet(world):
        await put(client, manifest)
    starting = asyncio.create_task(world.start())
    await asyncio.sleep(1)
    assert not starting.done()
    assert await world.get("ConfigMap", "one") is None
    for crd in crds():
        await put(client, older(crd, stored="v1"))
    await asyncio.wait_for(starting, 30)
    try:
        await world.ready("fleet")
    finally:
        await world.stop()
