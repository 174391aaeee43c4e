"""The controllers work with the role that is installed, and deliveries get exactly the rights of their account."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from fairlead.controllers.install import manifests
from fairlead.kube.client import KubeClient
from fairlead.kube.errors import ForbiddenApiError, NotFoundError
from fairlead.objects.ref import GroupKind, ObjectRef
from tests.support.accounts import service_account
from tests.support.manifests import config_map, deployment
from tests.support.progress import show_progress_after

if TYPE_CHECKING:
    import pytest

    from fairlead.kube.config import ClusterConfig
    from tests.support.world import World

RBAC = "rbac.authorization.k8s.io"


async def run_as(world: World, config: ClusterConfig) -> None:
    """Start the controllers anew with the rights of somebody else."""
    await world.stop()
    world.controllers_config = config
    await world.start()


def subject(name: str, namespace: str) -> dict[str, str]:
    return {"kind": "ServiceAccount", "name": name, "namespace": namespace}


async def bind(world: World, name: str, role: str, who: str, *, cluster: bool = False) -> None:
    """Let an account of the test's namespace have a ClusterRole there, or everywhere."""
    kind = "ClusterRoleBinding" if cluster else "RoleBinding"
    binding: dict[str, Any] = {
        "apiVersion": f"{RBAC}/v1",
        "kind": kind,
        "metadata": {"name": name} if cluster else {"name": name, "namespace": world.namespace},
        "roleRef": {"apiGroup": RBAC, "kind": "ClusterRole", "name": role},
        "subjects": [subject(who, world.namespace)],
    }
    await world.client.apply(binding, field_manager="test")


async def test_the_installed_account_is_enough(world: World) -> None:
    """Sync, drift, events, prune and finalizer as the account that ``fairlead install`` makes."""
    await run_as(world, await service_account(world))
    files = {
        "apps/cm.yaml": config_map("one", world.namespace, {"k": "v"}),
        "apps/two.yaml": config_map("two", world.namespace, {}),
        "apps/web.yaml": deployment("web", world.namespace),
    }
    world.repo.commit("Begin", files)
    await world.git_repository()
    await world.kustomization("apps", path="apps", wait=True)
    await world.ready("apps")
    await world.event("apps", "Reconciliation finished")
    await world.patch("ConfigMap", "one", {"data": {"k": "other"}})
    await world.event("apps", "one configured: drift of data.k corrected")
    world.repo.commit("Drop", {"apps/two.yaml": None})
    await world.ready("apps")
    assert await world.get("ConfigMap", "two") is None
    await world.delete("Kustomization", "apps")

    async def gone() -> bool:
        return await world.get("Kustomization", "apps") is None

    await world.eventually("it is finalized", gone)
    assert await world.get("ConfigMap", "one") is None


async def _small(world: World) -> ClusterConfig:
    """An account with the role of an installation without cluster-admin, and nothing else."""
    await world.apply("v1", "ServiceAccount", "small")
    role = next(each for each in manifests(cluster_admin=False) if each["kind"] == "ClusterRole")
    await world.client.apply({**role, "metadata": {"name": world.namespace}}, field_manager="test")
    await bind(world, world.namespace, world.namespace, "small", cluster=True)
    return await service_account(world, world.namespace, "small")


async def _forget(world: World) -> None:
    await world.client.delete(ObjectRef(RBAC, "ClusterRoleBinding", "", world.namespace))
    await world.client.delete(ObjectRef(RBAC, "ClusterRole", "", world.namespace))


async def test_without_cluster_admin_every_delivery_needs_an_account(world: World) -> None:
    """The role is enough for the controllers; objects are written as the Kustomization's account, and only so."""
    config = await _small(world)
    try:
        await run_as(world, config)
        await world.apply("v1", "ServiceAccount", "tenant")
        await bind(world, "tenant", "admin", "tenant")
        files = {
            "own/cm.yaml": config_map("own", world.namespace, {"k": "v"}),
            "own/web.yaml": deployment("web", world.namespace),
            "none/cm.yaml": config_map("none", world.namespace, {}),
        }
        world.repo.commit("Begin", files)
        await world.git_repository()
        await world.kustomization("own", path="own", serviceAccountName="tenant", wait=True)
        await world.kustomization("none", path="none")
        await world.ready("own")
        failure = await world.failed("none", reason="ReconciliationFailed")
        assert f"ConfigMap/{world.namespace}/none" in failure["message"]
        assert "Forbidden" in failure["message"]
        assert f'User "system:serviceaccount:{world.namespace}:small"' in failure["message"]
        assert await world.get("ConfigMap", "none") is None
        world.repo.commit("Change", {"own/cm.yaml": config_map("own", world.namespace, {"k": "w"})})
        await world.ready("own")
        world.repo.commit("Drop", {"own/cm.yaml": None})
        await world.ready("own")
        assert await world.get("ConfigMap", "own") is None
    finally:
        await world.stop()
        await _forget(world)


async def test_the_installed_role_is_enough_for_the_journal(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """A delivery then writes the status of its Kustomization once; the finalizer is the other request."""
    show_progress_after(3600, monkeypatch)  # a run on a busy machine would write more
    config = await _small(world)
    granted = _granted(world, "fairlead-journal", world.settings.runtime_namespace)
    try:
        for each in granted:
            await world.client.apply(each, field_manager="test")
        await run_as(world, config)
        await world.apply("v1", "ServiceAccount", "tenant")
        await bind(world, "tenant", "admin", "tenant")
        world.repo.commit("Begin", {"own/cm.yaml": config_map("own", world.namespace, {})})
        await world.git_repository()
        await world.kustomization("own", path="own", serviceAccountName="tenant")
        await world.ready("own")
        assert world.controllers.sent["patch", "kustomizations"] == 2
    finally:
        await world.stop()
        for each in granted:
            await world.client.delete(ObjectRef.of(each))
        await _forget(world)


def _granted(world: World, name: str, namespace: str) -> list[dict[str, Any]]:
    """An installed Role and its binding, in a namespace, for the small account alone."""
    role, binding = (each for each in manifests(cluster_admin=False) if each["metadata"]["name"] == name)
    metadata = {"metadata": {"name": world.namespace, "namespace": namespace}}
    account = {"subjects": [subject("small", world.namespace)]}
    return [
        role | metadata,
        binding | metadata | account | {"roleRef": {**binding["roleRef"], "name": world.namespace}},
    ]


async def test_the_installed_role_is_enough_to_say_where_the_archives_are(
    world: World, caplog: pytest.LogCaptureFixture
) -> None:
    """The leader writes the endpoint of the Service, once; without the right, deliveries go on without archives."""
    config = await _small(world)
    service = next(each for each in manifests() if each["kind"] == "Service")
    await world.apply("v1", "Service", "fairlead", spec=service["spec"])
    storage = replace(
        world.settings.storage,
        address="127.0.0.1:0",
        pod_address="10.1.2.3",
        advertised_address=f"fairlead.{world.namespace}.svc.cluster.local.",
    )
    world.settings = replace(world.settings, storage=storage)
    slices = GroupKind("discovery.k8s.io", "EndpointSlice")
    try:
        await run_as(world, config)
        assert "archives of sources cannot be reached at fairlead ('fairlead install' gives the right): " in caplog.text
        for each in _granted(world, "fairlead-archives", world.namespace):
            await world.client.apply(each, field_manager="test")

        async def told() -> Any:
            await run_as(world, config)
            return (await world.client.list(slices, namespace=world.namespace)).items

        (found,) = await world.eventually("the rights are known, and the endpoint is written", told)
        assert (found["addressType"], found["endpoints"][0]["addresses"]) == ("IPv4", ["10.1.2.3"])
        assert found["metadata"]["labels"]["kubernetes.io/service-name"] == "fairlead"
        version = found["metadata"]["resourceVersion"]
        await run_as(world, config)
        (again,) = (await world.client.list(slices, namespace=world.namespace)).items
        assert again["ports"][0]["name"] == "http"
        assert again["ports"][0]["port"] != 0
        assert (again["metadata"]["resourceVersion"] == version) == (again["ports"] == found["ports"])
    finally:
        await world.stop()
        await _forget(world)


async def test_tokens_of_accounts_are_asked_for_where_a_role_says_so(world: World) -> None:
    """The installed role lends nobody's token; a Role of the namespace that names an account is enough for that one."""
    config = await _small(world)
    try:
        await run_as(world, config)
        world.repo.commit("Begin", {"apps/cm.yaml": config_map("one", world.namespace, {})})
        await world.git_repository()
        await world.apply("v1", "ServiceAccount", "tenant")
        server, ca = world.client.config.server, (world.client.config.ca or b"").decode()
        data = {"provider": "generic", "address": server, "ca.crt": ca, "serviceAccountName": "tenant"}
        await world.apply("v1", "ConfigMap", "there", data=data)
        await world.kustomization("apps", path="apps", kubeConfig={"configMapRef": {"name": "there"}})
        failure = await world.failed("apps", reason="ReconciliationFailed")
        assert failure["message"].startswith(
            f"no token of ServiceAccount '{world.namespace}/tenant' can be had: the controllers may not create "
            f"serviceaccounts/token in namespace '{world.namespace}'; bind a Role with that right there"
        )
        rule = {"apiGroups": [""], "resources": ["serviceaccounts/token"], "resourceNames": ["tenant"]}
        await world.apply(f"{RBAC}/v1", "Role", "token", rules=[{**rule, "verbs": ["create"]}])
        role = {"apiGroup": RBAC, "kind": "Role", "name": "token"}
        subjects = [subject("small", world.namespace)]
        await world.apply(f"{RBAC}/v1", "RoleBinding", "token", roleRef=role, subjects=subjects)
        await world.request_reconcile("Kustomization", "apps", "now")

        async def refused_over_there() -> bool:
            return "Unauthorized" in (await world.condition("apps")).get("message", "")

        await world.eventually("the token is sent, and is for another audience", refused_over_there)
    finally:
        await world.stop()
        await _forget(world)


async def test_the_role_opens_nothing_else(world: World) -> None:
    """What the controllers do not do themselves, the role does not let them do."""
    config = await _small(world)
    try:
        async with KubeClient(config) as client:
            await _refused(client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "x"}}))
            secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "x", "namespace": world.namespace}}
            await _refused(client.create(secret))
            await _refused(client.delete(ObjectRef("", "Namespace", "", world.namespace)))
            own = {"interval": "1m", "url": "https://example.com/x.git"}
            await _refused(
                client.create(
                    {
                        "apiVersion": "source.toolkit.fluxcd.io/v1",
                        "kind": "GitRepository",
                        "metadata": {"name": "x", "namespace": world.namespace},
                        "spec": own,
                    }
                )
            )
            other = client.impersonate("admin")
            await _refused(other.list(GroupKind("", "ConfigMap")))
    finally:
        await _forget(world)


async def _refused(request: Any) -> None:
    try:
        await request
    except ForbiddenApiError:
        return
    raise AssertionError("the role allows too much")


async def test_a_tenant_stays_in_its_namespace(world: World) -> None:
    """One refusal names object, user and right; the rest of the namespace goes on, and a new right is used at once."""
    await world.apply("v1", "ServiceAccount", "tenant")
    await bind(world, "tenant", "edit", "tenant")
    elsewhere = f"{world.namespace}-other"
    await world.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": elsewhere}})
    try:
        own = {"own/cm.yaml": config_map("own", world.namespace, {})}
        world.repo.commit("Begin", own | {"far/cm.yaml": config_map("far", elsewhere, {})})
        await world.git_repository()
        await world.kustomization("own", path="own", serviceAccountName="tenant")
        await world.kustomization("far", path="far", serviceAccountName="tenant")
        await world.ready("own")
        message = (await world.failed("far", reason="ReconciliationFailed"))["message"]
        assert f"ConfigMap/{elsewhere}/far" in message
        assert "Forbidden" in message
        assert f'User "system:serviceaccount:{world.namespace}:tenant" cannot patch resource "configmaps"' in message
        event = await world.event("far", message[:200])
        assert event["type"] == "Warning"
        try:
            await world.client.get(ObjectRef("", "ConfigMap", elsewhere, "far"))
        except NotFoundError:
            pass
        else:
            raise AssertionError("the tenant left its namespace")
    finally:
        await world.client.delete(ObjectRef("", "Namespace", "", elsewhere))


async def test_a_tenant_cannot_give_itself_rights(world: World) -> None:
    await world.apply("v1", "ServiceAccount", "tenant")
    await bind(world, "tenant", "admin", "tenant")
    binding = (
        f'{{"apiVersion": "{RBAC}/v1", "kind": "ClusterRoleBinding", "metadata": {{"name": "{world.namespace}-all"}}, '
        f'"roleRef": {{"apiGroup": "{RBAC}", "kind": "ClusterRole", "name": "cluster-admin"}}, '
        f'"subjects": [{{"kind": "ServiceAccount", "name": "tenant", "namespace": "{world.namespace}"}}]}}'
    )
    world.repo.commit("Rise", {"apps/binding.yaml": binding})
    await world.git_repository()
    await world.kustomization("apps", path="apps", serviceAccountName="tenant")
    message = (await world.failed("apps", reason="ReconciliationFailed"))["message"]
    assert f"ClusterRoleBinding/{world.namespace}-all" in message
    assert "Forbidden" in message


async def test_an_account_that_does_not_exist_has_no_rights(world: World) -> None:
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("one", world.namespace, {})})
    await world.git_repository()
    await world.kustomization("apps", path="apps", serviceAccountName="nobody")
    message = (await world.failed("apps", reason="ReconciliationFailed"))["message"]
    assert "nobody" in message
    await world.apply("v1", "ServiceAccount", "nobody")
    await bind(world, "nobody", "edit", "nobody")
    await world.request_reconcile("Kustomization", "apps", "now")
    async with asyncio.timeout(20):
        await world.ready("apps")


def _writes(wanted: list[dict[str, Any]]) -> set[tuple[str, str, str]]:
    role = next(each for each in wanted if each["kind"] == "ClusterRole")
    return {
        (group, resource, verb)
        for rule in role["rules"]
        for group in rule["apiGroups"]
        for resource in rule["resources"]
        for verb in rule["verbs"]
        if verb not in ("get", "list", "watch") and "toolkit.fluxcd.io" not in group
    }


def test_what_is_installed_is_said() -> None:
    """A change of the rights is a change of this list."""
    assert _writes(manifests(cluster_admin=False)) == _writes(manifests())
    assert _writes(manifests(account_tokens=True)) - _writes(manifests()) == {("", "serviceaccounts/token", "create")}
    assert _writes(manifests()) == {
        ("", "events", "create"),
        ("", "events", "patch"),
        ("", "serviceaccounts", "impersonate"),
        ("coordination.k8s.io", "leases", "create"),
        ("coordination.k8s.io", "leases", "update"),
    }
