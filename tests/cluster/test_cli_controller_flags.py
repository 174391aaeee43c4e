"""`fairlead diff` foretells what the controllers would do with the flags that they have."""

from __future__ import annotations

import base64
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest_asyncio

from fairlead.api.names import DEFAULT_NAMESPACE
from fairlead.kube.errors import NotFoundError
from fairlead.objects import yaml
from fairlead.objects.ref import ObjectRef
from tests.cluster.test_decryption import DATA, VECTORS
from tests.support.cli import Cli
from tests.support.manifests import config_map

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.world import World


@pytest_asyncio.fixture
async def cli(world: World, tmp_path: Path) -> Cli:
    return Cli(world.client.config, world.namespace, tmp_path)


@asynccontextmanager
async def made(world: World, *manifests: dict[str, Any]) -> AsyncIterator[None]:
    """In flux-system, which all tests share."""
    namespace = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": DEFAULT_NAMESPACE}}
    await world.client.apply(namespace, field_manager="test")
    try:
        for manifest in manifests:
            await world.client.apply(manifest, field_manager="test")
        yield
    finally:
        for manifest in manifests:
            try:
                await world.client.delete(ObjectRef.of(manifest))
            except NotFoundError:
                continue


def controllers(world: World, *flags: str, shard: str = "") -> dict[str, Any]:
    """A Deployment of controllers that looks after the namespace of this test alone."""
    name = f"fairlead-{world.namespace}{shard and f'-{shard}'}"
    scope = [f"--watch-namespace={world.namespace}", *([f"--watch-label-selector=shard={shard}"] if shard else ())]
    container = {"name": "controllers", "image": "fairlead:test", "args": ["run", *scope, "--leader-elect", *flags]}
    labels = {"app.kubernetes.io/component": "fairlead"}
    return {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": name, "namespace": DEFAULT_NAMESPACE, "labels": labels},
        "spec": {
            "replicas": 0,
            "selector": {"matchLabels": {"app": name}},
            "template": {"metadata": {"labels": {"app": name}}, "spec": {"containers": [container]}},
        },
    }


async def test_a_source_of_another_namespace_is_refused_as_there(world: World, cli: Cli, folder: Path) -> None:
    (folder / "cm.yaml").write_text(config_map("settings", world.namespace, {"a": "b"}))
    await world.kustomization("apps", suspend=True, sourceRef={"kind": "GitRepository", "name": "x", "namespace": "y"})
    arguments = ("diff", "ks", "apps", "--path", str(folder))
    refused = "cross-namespace references have been blocked"
    assert (await cli(*arguments)).code == 1
    said = await cli(*arguments, "--no-cross-namespace-refs")
    assert (said.code, refused in said.err) == (2, True)
    async with made(world, controllers(world, "--no-cross-namespace-refs", "--a-flag-of-tomorrow=x")):
        read = await cli(*arguments)
        assert (read.code, refused in read.err) == (2, True)
        assert (await cli(*arguments, "--no-cross-namespace-refs=false")).code == 1


async def test_the_flags_are_those_of_its_shard(world: World, cli: Cli, folder: Path) -> None:
    base = {"resources": ["https://127.0.0.1:1/cm.yaml"]}
    (folder / "kustomization.yaml").write_text(yaml.dump(base))
    await world.kustomization("apps", suspend=True)
    await world.patch("Kustomization", "apps", {"metadata": {"labels": {"shard": "two"}}})
    strict = controllers(world, "--no-remote-bases", shard="one"), controllers(world, "--no-remote-bases", shard="two")
    arguments = ("diff", "ks", "apps", "--path", str(folder))
    reached = "cannot be reached"
    async with made(world, strict[0], controllers(world, shard="two")):
        assert reached in (await cli(*arguments)).err
    async with made(world, *strict):
        outcome = await cli(*arguments)
        assert outcome.code == 2
        assert reached not in outcome.err
        assert "https://127.0.0.1:1/cm.yaml" in outcome.err


async def test_keys_for_everybody_open_files(world: World, cli: Cli, folder: Path) -> None:
    (folder / "login.yaml").write_text(VECTORS["yaml-encrypted-regex"]["encrypted"])
    (folder / "kustomization.yaml").write_text(f"namespace: {world.namespace}\nresources: [login.yaml]\n")
    await world.kustomization("apps", suspend=True, decryption={"provider": "sops"})
    name = f"everybody-{world.namespace}"
    keys = {
        "apiVersion": "v1",
        "kind": "Secret",
        "metadata": {"name": name, "namespace": DEFAULT_NAMESPACE},
        "data": {"a.agekey": base64.b64encode(DATA["keys"]["age"].encode()).decode()},
    }
    arguments = ("diff", "ks", "apps", "--path", str(folder))
    live = {"user": "x", "password": "correct horse: battery"}
    await world.apply("v1", "Secret", "login", stringData=live, type="Opaque")
    async with made(world, keys, controllers(world, f"--sops-age-secret={name}")):
        with_keys = await cli(*arguments)
        assert "data.password" not in with_keys.out, "the value is the live one"
        masked = await cli(*arguments, "--sops-age-secret=")
        assert "data.password" in masked.out


async def test_who_may_not_read_the_deployment_gets_defaults(world: World, cli: Cli, folder: Path) -> None:
    (folder / "cm.yaml").write_text(config_map("settings", world.namespace, {"a": "b"}))
    await world.kustomization("apps", suspend=True)
    rules = [{"apiGroups": ["*"], "resources": ["*"], "verbs": ["*"]}]
    await world.apply("rbac.authorization.k8s.io/v1", "Role", "all", rules=rules)
    role = {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "all"}
    subjects = [{"kind": "User", "name": "ada", "apiGroup": "rbac.authorization.k8s.io"}]
    await world.apply("rbac.authorization.k8s.io/v1", "RoleBinding", "all", roleRef=role, subjects=subjects)
    outcome = await cli("diff", "ks", "apps", "--path", str(folder), "--as", "ada")
    assert (outcome.code, outcome.err) == (1, "")
    assert "settings created" in outcome.out
