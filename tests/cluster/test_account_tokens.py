"""kubeConfig.configMapRef: a cluster is reached with a token of a service account; here it is the same cluster, which
trusts its own issuer."""

from __future__ import annotations

import dataclasses
from typing import TYPE_CHECKING

from tests.support.manifests import config_map

if TYPE_CHECKING:
    from tests.support.world import World

RBAC = "rbac.authorization.k8s.io/v1"


async def own_audience(world: World) -> str:
    """What the API server takes its tokens to be for; every cluster has its own."""
    path = f"/api/v1/namespaces/{world.namespace}/serviceaccounts/tenant/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {}}
    return str((await world.client.request("POST", path, body=body))["spec"]["audiences"][0])


async def begin(world: World, **changes: str) -> None:
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("settings", world.namespace, {"n": "1"})})
    await world.git_repository()
    await world.apply("v1", "ServiceAccount", "tenant")
    config = world.client.config
    data = {
        "provider": "generic",
        "address": config.server,
        "ca.crt": (config.ca or b"").decode(),
        "serviceAccountName": "tenant",
        "audiences": await own_audience(world),
        **changes,
    }
    await world.apply("v1", "ConfigMap", "there", data=data)


async def test_the_account_acts_with_its_own_rights(world: World) -> None:
    await begin(world)
    await world.kustomization("apps", path="apps", kubeConfig={"configMapRef": {"name": "there"}})
    failure = await world.failed("apps", reason="ReconciliationFailed")
    assert "Forbidden" in failure["message"]
    assert f"system:serviceaccount:{world.namespace}:tenant" in failure["message"]
    assert await world.get("ConfigMap", "settings") is None


async def test_an_account_that_may_delivers(world: World) -> None:
    await begin(world)
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}]
    await world.apply(RBAC, "Role", "tenant", rules=rules)
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "tenant"}
    subjects = [{"kind": "ServiceAccount", "name": "tenant", "namespace": world.namespace}]
    await world.apply(RBAC, "RoleBinding", "tenant", roleRef=role, subjects=subjects)
    reference = {"configMapRef": {"name": "there"}}
    await world.kustomization("apps", path="apps", kubeConfig=reference, prune=True)
    await world.ready("apps")
    assert (await world.get("ConfigMap", "settings"))["data"] == {"n": "1"}  # type: ignore[index]


async def test_an_account_that_is_not_there_is_named(world: World) -> None:
    await begin(world, serviceAccountName="nobody")
    await world.kustomization("apps", path="apps", kubeConfig={"configMapRef": {"name": "there"}})
    failure = await world.failed("apps")
    assert f"ServiceAccount '{world.namespace}/nobody'" in failure["message"]
    assert "not found" in failure["message"]


async def test_an_account_of_the_own_namespace_for_who_names_none(world: World) -> None:
    await world.stop()
    scope = dataclasses.replace(world.settings.scope, default_kubeconfig_service_account="tenant")
    world.settings = dataclasses.replace(world.settings, scope=scope)
    await world.start()
    await begin(world, serviceAccountName="")
    await world.kustomization("apps", path="apps", kubeConfig={"configMapRef": {"name": "there"}})
    failure = await world.failed("apps", reason="ReconciliationFailed")
    assert f"system:serviceaccount:{world.namespace}:tenant" in failure["message"]


async def test_a_cloud_is_refused_with_a_word_on_what_to_use(world: World) -> None:
    await begin(world, provider="aws")
    await world.kustomization("apps", path="apps", kubeConfig={"configMapRef": {"name": "there"}})
    failure = await world.failed("apps")
    assert f"ConfigMap '{world.namespace}/there': provider 'aws' is not supported; use 'generic'" in failure["message"]
