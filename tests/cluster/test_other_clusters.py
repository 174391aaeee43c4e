"""kubeConfig: several clusters from one place; one that is down harms none of the others."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import socket
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from fairlead.kube.client import KubeClient
from fairlead.kube.config import config_from_kubeconfig
from fairlead.kube.errors import NotFoundError
from fairlead.localcluster import LocalCluster
from fairlead.objects.ref import GroupKind, ObjectRef
from fairlead.objects.yaml import dump
from tests.support.manifests import config_map

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from tests.support.world import World

WATCHED = {"reconcile.fluxcd.io/watch": "Enabled"}


@pytest_asyncio.fixture
async def other() -> AsyncIterator[LocalCluster]:
    """A second cluster."""
    async with LocalCluster() as cluster:
        yield cluster


@contextlib.contextmanager
def deaf_port() -> Iterator[int]:
    """A port that takes connections and never says a word."""
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(64)
        yield server.getsockname()[1]


async def give_kubeconfig(world: World, name: str, kubeconfig: str) -> None:
    data = {"value": base64.b64encode(kubeconfig.encode()).decode()}
    await world.apply("v1", "Secret", name, data=data, labels=WATCHED)


async def at(cluster: LocalCluster, namespace: str, name: str) -> dict[str, str] | None:
    async with KubeClient(config_from_kubeconfig(cluster.kubeconfig())) as client:
        try:
            return dict((await client.get(ObjectRef("", "ConfigMap", namespace, name)))["data"])
        except NotFoundError:
            return None


def other_kubeconfig_with_a_broken_certificate() -> str:
    broken = base64.b64encode(b"no certificate").decode()
    value = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [{"name": "c", "cluster": {"server": "https://127.0.0.1:1", "certificate-authority-data": broken}}],
        "users": [{"name": "c", "user": {"token": "x"}}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
    }
    return dump(value)


def files(world: World, value: str = "1") -> dict[str, str]:
    namespace = f"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {world.namespace}}}\n"
    return {
        "there/ns.yaml": namespace,
        "there/cm.yaml": config_map("there", world.namespace, {"n": value}),
        "here/cm.yaml": config_map("here", world.namespace, {"n": value}),
    }


async def test_objects_go_to_the_other_cluster_are_kept_there_and_pruned(world: World, other: LocalCluster) -> None:
    world.repo.commit("Begin", files(world))
    await world.git_repository()
    await give_kubeconfig(world, "other", other.kubeconfig())
    await world.kustomization("there", path="there", kubeConfig={"secretRef": {"name": "other"}})
    await world.kustomization("here", path="here")
    await world.ready("there", "here")
    assert await at(other, world.namespace, "there") == {"n": "1"}
    assert await at(other, world.namespace, "here") is None
    assert await world.get("ConfigMap", "there") is None
    async with KubeClient(config_from_kubeconfig(other.kubeconfig())) as client:
        await client.delete(ObjectRef("", "ConfigMap", world.namespace, "there"))

        async def repaired() -> bool:
            return await at(other, world.namespace, "there") is not None

        await world.eventually("the deletion over there is repaired", repaired)
    await world.delete("Kustomization", "there")

    async def gone() -> bool:
        return await at(other, world.namespace, "there") is None

    await world.eventually("the object over there is pruned", gone)


async def test_clusters_that_are_down_harm_nobody(
    world: World, other: LocalCluster, monkeypatch: pytest.MonkeyPatch
) -> None:
    """More Kustomizations than there are workers wait for a cluster that takes connections and says nothing."""
    world.repo.commit("Begin", files(world))
    await world.git_repository()
    await give_kubeconfig(world, "other", other.kubeconfig())
    with deaf_port() as port:
        await give_kubeconfig(world, "deaf", other.kubeconfig().replace(other.url, f"https://127.0.0.1:{port}"))
        names = [f"deaf-{number}" for number in range(25)]
        for name in names:
            await world.kustomization(name, path="there", kubeConfig={"secretRef": {"name": "deaf"}})
        failure = await world.failed(names[0], reason="ReconciliationFailed")
        assert "the cluster of spec.kubeConfig is not reachable" in failure["message"]
        assert f"127.0.0.1:{port}" in failure["message"]
        # From here on whoever waits for an answer of that cluster waits longer than this test.
        monkeypatch.setattr("fairlead.controllers.clusters.PROBE_SECONDS", 3600.0)
        for name in names:
            await world.request_reconcile("Kustomization", name, "again")
        await world.kustomization("here", path="here")
        await world.kustomization("there", path="there", kubeConfig={"secretRef": {"name": "other"}})
        await world.ready("here", "there")
        # The right address wakes them: the Secret bears the label for that.
        await give_kubeconfig(world, "deaf", other.kubeconfig())
        await world.ready(*names[:3])


async def test_the_end_waits_for_a_cluster_that_is_down_and_says_so(world: World, other: LocalCluster) -> None:
    world.repo.commit("Begin", files(world))
    await world.git_repository()
    await give_kubeconfig(world, "other", other.kubeconfig())
    await world.kustomization("there", path="there", kubeConfig={"secretRef": {"name": "other"}})
    await world.ready("there")
    with deaf_port() as port:
        await give_kubeconfig(world, "other", other.kubeconfig().replace(other.url, f"https://127.0.0.1:{port}"))
        await world.delete("Kustomization", "there")
        event = await world.event("there", "pruning for deleted resource failed", "not reachable", "suspend")
        assert (event["type"], event["reason"]) == ("Warning", "PruneFailed")
        assert await world.get("Kustomization", "there") is not None
        await world.patch("Kustomization", "there", {"spec": {"suspend": True}})

        async def gone() -> bool:
            return await world.get("Kustomization", "there") is None

        await world.eventually("it goes", gone)
    assert await at(other, world.namespace, "there") == {"n": "1"}


def open_clusters() -> int:
    return sum(task.get_name().startswith("cluster ") for task in asyncio.all_tasks())


async def test_a_cluster_that_nobody_names_any_more_is_let_go(world: World, other: LocalCluster) -> None:
    """Clusters come and go; connections and watches must not outlive the last Kustomization that needs them."""
    world.repo.commit("Begin", files(world))
    await world.git_repository()
    await give_kubeconfig(world, "one", other.kubeconfig())
    await give_kubeconfig(world, "two", other.kubeconfig() + "# another one\n")
    for name, secret in (("a", "one"), ("b", "one"), ("c", "two")):
        await world.kustomization(name, path="there", prune=False, kubeConfig={"secretRef": {"name": secret}})
    await world.ready("a", "b", "c")
    assert open_clusters() == 2
    await world.patch("Kustomization", "c", {"spec": {"kubeConfig": None, "path": "here"}})
    await world.ready("c")
    assert open_clusters() == 1
    for name, left in (("a", 1), ("b", 0)):
        await world.delete("Kustomization", name)

        async def gone(left: int = left, name: str = name) -> bool:
            return await world.get("Kustomization", name) is None and open_clusters() == left

        await world.eventually(f"{left} are open", gone)


@pytest.mark.parametrize("server", ["ftp://x", "https://[::1", "https://"])
async def test_a_server_that_is_no_url_is_told(world: World, other: LocalCluster, server: str) -> None:
    world.repo.commit("Begin", files(world))
    await world.git_repository()
    await give_kubeconfig(world, "other", other.kubeconfig().replace(other.url, server))
    await world.kustomization("there", path="there", kubeConfig={"secretRef": {"name": "other"}})
    failure = await world.failed("there", reason="ReconciliationFailed")
    assert "the server must be the URL of an API server, https://host:port" in failure["message"]


async def test_a_kubeconfig_that_makes_no_sense_is_told(world: World) -> None:
    world.repo.commit("Begin", files(world))
    await world.git_repository()
    await give_kubeconfig(world, "other", "kind: [nonsense")
    await world.kustomization("there", path="there", kubeConfig={"secretRef": {"name": "other"}})
    failure = await world.failed("there", reason="ReconciliationFailed")
    assert "the kubeconfig cannot be used" in failure["message"]
    broken = other_kubeconfig_with_a_broken_certificate()
    await give_kubeconfig(world, "broken", broken)
    await world.kustomization("broken", path="there", kubeConfig={"secretRef": {"name": "broken"}})
    assert "the kubeconfig cannot be used" in (await world.failed("broken"))["message"]
    await world.kustomization("here", path="here")
    await world.ready("here")
    listed = await world.client.list(GroupKind("", "Event"), namespace=world.namespace)
    assert not any("nonsense" in event["message"] for event in listed.items)


async def test_the_kubeconfig_is_under_the_key_that_is_named(world: World, other: LocalCluster) -> None:
    texts = {"value": "kind: [nonsense", "admin": other.kubeconfig()}
    data = {key: base64.b64encode(text.encode()).decode() for key, text in texts.items()}
    await world.apply("v1", "Secret", "other", data=data, labels=WATCHED)
    world.repo.commit("Begin", files(world))
    await world.git_repository()
    await world.kustomization("there", path="there", kubeConfig={"secretRef": {"name": "other", "key": "admin"}})
    await world.ready("there")
    assert await at(other, world.namespace, "there") == {"n": "1"}
