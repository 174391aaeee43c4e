"""What needs a kind or a namespace that is not there yet waits for it, says so, and goes on when it comes."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from fairlead.objects.ref import ObjectRef
from tests.support.manifests import config_map, limit, limit_definition, limit_group

if TYPE_CHECKING:
    from tests.support.world import World


async def test_definition_and_resource_in_one_kustomization(world: World) -> None:
    world.repo.commit(
        "Begin", {"all/crd.yaml": limit_definition(world.namespace), "all/limit.yaml": limit(world.namespace)}
    )
    await world.git_repository()
    await world.kustomization("all", path="all")
    await world.ready("all")
    ids = await world.inventory("all")
    assert f"{world.namespace}_small_{limit_group(world.namespace)}_Limit" in ids
    await world.delete("Kustomization", "all")

    async def gone() -> bool:
        return await world.get("Kustomization", "all") is None

    await world.eventually("everything is deleted", gone)


async def test_a_resource_waits_for_the_definition_of_somebody_else(world: World) -> None:
    world.repo.commit(
        "Begin", {"apps/limit.yaml": limit(world.namespace), "infra/crd.yaml": limit_definition(world.namespace)}
    )
    await world.git_repository()
    await world.kustomization("apps", path="apps")
    failure = await world.failed("apps", reason="ReconciliationFailed")
    assert f'no matches for kind "Limit" in group "{limit_group(world.namespace)}"' in failure["message"]
    await world.kustomization("infra", path="infra")
    await world.ready("infra", "apps")
    ref = ObjectRef(limit_group(world.namespace), "Limit", world.namespace, "small")
    assert await world.client.get(ref)
    await world.delete("Kustomization", "apps")
    await world.delete("Kustomization", "infra")


async def test_a_version_that_is_not_served_is_told_with_those_that_are(world: World) -> None:
    """Flux's other kinds in versions of earlier years, for one: nobody converts what the server does not know."""
    old = json.loads(limit(world.namespace))
    old["apiVersion"] = f"{limit_group(world.namespace)}/v1beta1"
    world.repo.commit(
        "Begin", {"infra/crd.yaml": limit_definition(world.namespace), "apps/limit.yaml": json.dumps(old)}
    )
    await world.git_repository()
    await world.kustomization("infra", path="infra")
    await world.ready("infra")
    await world.kustomization("apps", path="apps")
    message = (await world.failed("apps", reason="ReconciliationFailed"))["message"]
    assert 'in version "v1beta1": the server has it in v1' in message
    await world.delete("Kustomization", "infra")


async def test_an_object_waits_for_the_namespace_of_somebody_else(world: World) -> None:
    late = f"{world.namespace}-late"
    namespace = json.dumps({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": late}})
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("settings", late, {}), "infra/ns.yaml": namespace})
    await world.git_repository()
    await world.kustomization("apps", path="apps")
    failure = await world.failed("apps", reason="ReconciliationFailed")
    assert f'namespaces "{late}" not found' in failure["message"]
    await world.kustomization("infra", path="infra")
    await world.ready("infra", "apps")
    for name in ("apps", "infra"):
        await world.delete("Kustomization", name)
