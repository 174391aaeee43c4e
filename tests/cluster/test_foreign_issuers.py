"""kubeConfig.configMapRef between two clusters: the other one trusts this one's tokens, if they are meant for it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest_asyncio

from fairlead.kube.client import KubeClient
from fairlead.kube.config import config_from_kubeconfig
from fairlead.kube.errors import NotFoundError
from fairlead.localcluster import LocalCluster
from fairlead.objects.ref import ObjectRef
from tests.support.manifests import config_map

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.world import World

RBAC = "rbac.authorization.k8s.io/v1"
RBAC_GROUP = "rbac.authorization.k8s.io"
AUDIENCE = "the-other-cluster"
REFERENCE = {"configMapRef": {"name": "there"}}


@pytest_asyncio.fixture
async def other(world: World) -> AsyncIterator[LocalCluster]:
    """A second cluster, which calls the accounts of the first one ``first:…``."""
    first = world.client.config
    binding = await _let_everybody_ask_for_keys(world)
    document = await world.client.request("GET", "/.well-known/openid-configuration")
    issuer = {
        "url": document["issuer"],
        "discoveryURL": f"{first.server}/.well-known/openid-configuration",
        "certificateAuthority": (first.ca or b"").decode(),
        "audiences": [AUDIENCE],
    }
    mappings = {"username": {"claim": "sub", "prefix": "first:"}}
    configuration = {
        "apiVersion": "apiserver.config.k8s.io/v1",
        "kind": "AuthenticationConfiguration",
        "jwt": [{"issuer": issuer, "claimMappings": mappings}],
    }
    async with LocalCluster(issuer="https://other.example.com", authentication=configuration) as cluster:
        yield cluster
    await world.client.delete(binding)


async def _let_everybody_ask_for_keys(world: World) -> ObjectRef:
    """As an administrator does whose issuer is asked by others; the role is in every cluster."""
    name = f"keys-{world.namespace}"
    role = {"apiGroup": RBAC_GROUP, "kind": "ClusterRole", "name": "system:service-account-issuer-discovery"}
    everybody = [{"apiGroup": RBAC_GROUP, "kind": "Group", "name": "system:unauthenticated"}]
    manifest = {"apiVersion": RBAC, "kind": "ClusterRoleBinding", "metadata": {"name": name}}
    await world.client.create({**manifest, "roleRef": role, "subjects": everybody})
    return ObjectRef(RBAC_GROUP, "ClusterRoleBinding", "", name)


async def begin(world: World, other: LocalCluster, *, audiences: str) -> None:
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("settings", world.namespace, {"n": "1"})})
    await world.git_repository()
    await world.apply("v1", "ServiceAccount", "tenant")
    data = {
        "provider": "generic",
        "address": other.url,
        "ca.crt": (config_from_kubeconfig(other.kubeconfig()).ca or b"").decode(),
        "serviceAccountName": "tenant",
        "audiences": audiences,
    }
    await world.apply("v1", "ConfigMap", "there", data=data, labels={"reconcile.fluxcd.io/watch": "Enabled"})


async def at(other: LocalCluster, world: World) -> dict[str, Any] | None:
    async with KubeClient(config_from_kubeconfig(other.kubeconfig())) as client:
        try:
            return await client.get(ObjectRef("", "ConfigMap", world.namespace, "settings"))
        except NotFoundError:
            return None


async def allow(other: LocalCluster, world: World) -> None:
    """What an administrator over there writes for the tenant."""
    rules = [{"apiGroups": [""], "resources": ["configmaps"], "verbs": ["*"]}]
    user = f"first:system:serviceaccount:{world.namespace}:tenant"
    role = {"apiGroup": RBAC_GROUP, "kind": "Role", "name": "tenant"}
    metadata = {"name": "tenant", "namespace": world.namespace}
    subjects = [{"apiGroup": RBAC_GROUP, "kind": "User", "name": user}]
    async with KubeClient(config_from_kubeconfig(other.kubeconfig())) as client:
        await client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": world.namespace}})
        await client.create({"apiVersion": RBAC, "kind": "Role", "metadata": metadata, "rules": rules})
        binding = {"apiVersion": RBAC, "kind": "RoleBinding", "metadata": metadata}
        await client.create({**binding, "roleRef": role, "subjects": subjects})


async def test_the_account_of_one_cluster_delivers_to_another(world: World, other: LocalCluster) -> None:
    await begin(world, other, audiences=AUDIENCE)
    await allow(other, world)
    await world.kustomization("apps", path="apps", kubeConfig=REFERENCE)
    await world.ready("apps")
    delivered = await at(other, world)
    assert delivered is not None
    assert delivered["data"] == {"n": "1"}
    assert await world.get("ConfigMap", "settings") is None


async def test_over_there_it_may_what_it_is_allowed_there(world: World, other: LocalCluster) -> None:
    await begin(world, other, audiences=AUDIENCE)
    await world.kustomization("apps", path="apps", kubeConfig=REFERENCE)
    failure = await world.failed("apps", reason="ReconciliationFailed")
    assert "Forbidden" in failure["message"]
    assert f"first:system:serviceaccount:{world.namespace}:tenant" in failure["message"]
    assert await at(other, world) is None


async def test_a_token_for_somebody_else_opens_nothing(world: World, other: LocalCluster) -> None:
    await begin(world, other, audiences="a-third-cluster")
    await allow(other, world)
    await world.kustomization("apps", path="apps", kubeConfig=REFERENCE)
    failure = await world.failed("apps", reason="ReconciliationFailed")
    assert "Unauthorized" in failure["message"]
    assert await at(other, world) is None
    # The right audience wakes it: the ConfigMap bears the label for that.
    await begin(world, other, audiences=f"a-third-cluster\n{AUDIENCE}")
    await world.ready("apps")


async def test_a_token_for_another_cluster_does_not_open_the_own_one(world: World) -> None:
    """The audience is compared at home, too: what was given to others cannot be used against the one who gave it."""
    await world.apply("v1", "ServiceAccount", "tenant")
    path = f"/api/v1/namespaces/{world.namespace}/serviceaccounts/tenant/token"
    body = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenRequest", "spec": {"audiences": [AUDIENCE]}}
    token = (await world.client.request("POST", path, body=body))["status"]["token"]
    review = {"apiVersion": "authentication.k8s.io/v1", "kind": "TokenReview"}
    reviews = "/apis/authentication.k8s.io/v1/tokenreviews"
    here = await world.client.request("POST", reviews, body={**review, "spec": {"token": token}})
    assert not here["status"].get("authenticated")
    spec = {"token": token, "audiences": [AUDIENCE, "more"]}
    there = await world.client.request("POST", reviews, body={**review, "spec": spec})
    assert there["status"]["authenticated"]
    assert there["status"]["audiences"] == [AUDIENCE]
