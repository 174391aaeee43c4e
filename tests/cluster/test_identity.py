"""A tenant's delivery runs with the tenant's rights, and other clusters are reached with their own kubeconfig."""

from __future__ import annotations

import base64
import dataclasses
from typing import TYPE_CHECKING

import pytest

from fairlead.objects.yaml import dump
from tests.support.manifests import config_map

if TYPE_CHECKING:
    from fairlead.kube.config import ClusterConfig
    from tests.support.world import World


async def tenant(world: World, *, allowed: bool) -> None:
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("settings", world.namespace, {})})
    await world.git_repository()
    await world.apply("v1", "ServiceAccount", "tenant")
    if allowed:
        rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}]
        await world.apply("rbac.authorization.k8s.io/v1", "Role", "tenant", rules=rules)
        await world.apply(
            "rbac.authorization.k8s.io/v1",
            "RoleBinding",
            "tenant",
            roleRef={"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "tenant"},
            subjects=[{"kind": "ServiceAccount", "name": "tenant", "namespace": world.namespace}],
        )


async def test_the_account_may(world: World) -> None:
    await tenant(world, allowed=True)
    await world.kustomization("apps", path="apps", serviceAccountName="tenant")
    await world.ready("apps")


async def test_the_account_may_not(world: World) -> None:
    await tenant(world, allowed=False)
    await world.kustomization("apps", path="apps", serviceAccountName="tenant")
    failure = await world.failed("apps", reason="ReconciliationFailed")
    assert f"ConfigMap/{world.namespace}/settings" in failure["message"]
    assert "Forbidden" in failure["message"]
    assert f"system:serviceaccount:{world.namespace}:tenant" in failure["message"]
    assert await world.get("ConfigMap", "settings") is None


async def test_the_default_account_holds_for_who_names_none(world: World) -> None:
    await world.stop()
    scope = dataclasses.replace(world.settings.scope, default_service_account="tenant")
    world.settings = dataclasses.replace(world.settings, scope=scope)
    await world.start()
    await tenant(world, allowed=False)
    await world.kustomization("apps", path="apps")
    failure = await world.failed("apps", reason="ReconciliationFailed")
    assert "Forbidden" in failure["message"]


async def test_sources_of_others_can_be_locked_out(world: World) -> None:
    await world.stop()
    scope = dataclasses.replace(world.settings.scope, no_cross_namespace_refs=True)
    world.settings = dataclasses.replace(world.settings, scope=scope)
    await world.start()
    source = {"kind": "GitRepository", "name": "fleet", "namespace": "elsewhere"}
    await world.kustomization("apps", path="apps", sourceRef=source)
    failure = await world.failed("apps", reason="AccessDenied")
    assert "cross-namespace references have been blocked" in failure["message"]
    assert (await world.condition("apps", "Stalled"))["status"] == "True"


def kubeconfig(config: ClusterConfig) -> str:
    def encoded(data: bytes | None) -> str:
        return base64.b64encode(data or b"").decode()

    if config.token:
        user = {"token": config.token}
    else:
        user = {
            "client-certificate-data": encoded(config.client_cert),
            "client-key-data": encoded(config.client_key),
        }
    value = {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "c",
        "clusters": [
            {"name": "c", "cluster": {"server": config.server, "certificate-authority-data": encoded(config.ca)}}
        ],
        "users": [{"name": "c", "user": user}],
        "contexts": [{"name": "c", "context": {"cluster": "c", "user": "c"}}],
    }
    return dump(value)


async def test_another_cluster_by_kubeconfig(world: World, cluster: ClusterConfig) -> None:
    if cluster.insecure:
        pytest.skip("needs a server with a certificate that can be verified")
    await tenant(world, allowed=False)
    await world.apply("v1", "Secret", "remote", stringData={"value": kubeconfig(cluster)})
    await world.kustomization("apps", path="apps", kubeConfig={"secretRef": {"name": "remote"}})
    await world.ready("apps")
    assert await world.get("ConfigMap", "settings") is not None


async def test_a_missing_kubeconfig_is_named(world: World) -> None:
    await tenant(world, allowed=False)
    await world.kustomization("apps", path="apps", kubeConfig={"secretRef": {"name": "absent"}})
    failure = await world.failed("apps", reason="ReconciliationFailed")
    assert f"{world.namespace}/absent" in failure["message"]
    await world.delete("Kustomization", "apps")

    async def gone() -> bool:
        return await world.get("Kustomization", "apps") is None

    await world.eventually("it can be deleted all the same", gone)
