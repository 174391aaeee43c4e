"""What somebody else changes is changed back when it happens, and an Event says what it was."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest

from tests.support.manifests import config_map, deployment

if TYPE_CHECKING:
    from tests.support.world import World


@pytest.fixture
async def applied(world: World) -> World:
    world.repo.commit(
        "Begin",
        {
            "apps/settings.yaml": config_map("settings", world.namespace, {"zone": "a"}),
            "apps/web.yaml": deployment("web", world.namespace, replicas=2),
        },
    )
    await world.git_repository()
    await world.kustomization("apps", path="./apps")
    await world.ready("apps")
    return world


async def test_a_changed_field_is_changed_back(applied: World) -> None:
    await applied.patch("Deployment", "web", {"spec": {"replicas": 7}})

    async def repaired() -> bool:
        found = await applied.get("Deployment", "web")
        return found is not None and found["spec"]["replicas"] == 2

    await applied.eventually("2 replicas again", repaired)
    event = await applied.event("apps", f"Deployment/{applied.namespace}/web configured", "spec.replicas")
    assert event["reason"] == "DriftCorrected"


async def test_only_the_drifted_object_is_written(applied: World) -> None:
    writes = applied.object_writes()
    await applied.patch("ConfigMap", "settings", {"data": {"zone": "elsewhere"}})

    async def repaired() -> bool:
        found = await applied.get("ConfigMap", "settings")
        return found is not None and found["data"] == {"zone": "a"}

    await applied.eventually("the value is back", repaired)
    await applied.event("apps", "settings configured", "data.zone")
    assert applied.object_writes() - writes <= 2  # the take-over of kubectl's fields, and the apply


async def test_what_kubectl_adds_is_removed(applied: World) -> None:
    await applied.patch("ConfigMap", "settings", {"data": {"more": "x"}}, manager="kubectl-edit")

    async def removed() -> bool:
        found = await applied.get("ConfigMap", "settings")
        return found is not None and found["data"] == {"zone": "a"}

    await applied.eventually("the addition is gone", removed)


async def test_what_a_controller_adds_stays(applied: World) -> None:
    await applied.patch("ConfigMap", "settings", {"data": {"more": "x"}}, manager="an-operator")
    await applied.patch("ConfigMap", "settings", {"data": {"zone": "b"}}, manager="kubectl-edit")

    async def repaired() -> bool:
        found = await applied.get("ConfigMap", "settings")
        return found is not None and found["data"] == {"zone": "a", "more": "x"}

    await applied.eventually("ours is back and theirs is there", repaired)


async def test_a_deleted_object_comes_back(applied: World) -> None:
    before = await applied.get("ConfigMap", "settings")
    await applied.delete("ConfigMap", "settings")

    async def back() -> bool:
        found = await applied.get("ConfigMap", "settings")
        return found is not None and found["metadata"]["uid"] != before["metadata"]["uid"]  # type: ignore[index]

    await applied.eventually("the object is there again", back)
    await applied.event("apps", f"ConfigMap/{applied.namespace}/settings created")


async def test_a_secrets_value_shows_nowhere(world: World) -> None:
    secret = (
        f"apiVersion: v1\nkind: Secret\nmetadata: {{name: token, namespace: {world.namespace}}}\n"
        "stringData: {token: hunter2-in-git}\n"
    )
    world.repo.commit("Begin", {"apps/secret.yaml": secret})
    await world.git_repository()
    await world.kustomization("apps", path="./apps")
    await world.ready("apps")
    await world.patch("Secret", "token", {"stringData": {"token": "hunter3-by-hand"}})
    event = await world.event("apps", f"Secret/{world.namespace}/token configured")
    assert "data.token" in event["message"]
    everything = str(await world.events("apps")) + str(await world.status("apps"))
    assert "hunter" not in everything


async def test_suspended_changes_stay_until_resumed(applied: World) -> None:
    await applied.kustomization("apps", path="./apps", suspend=True)
    await applied.patch("Deployment", "web", {"spec": {"replicas": 7}})
    # Another Kustomization that reacts proves that this one had its chance.
    applied.repo.commit("More", {"more/more.yaml": config_map("more", applied.namespace, {})})
    await applied.kustomization("more", path="./more")
    await applied.ready("more")
    found = await applied.get("Deployment", "web")
    assert found is not None
    assert found["spec"]["replicas"] == 7
    await applied.kustomization("apps", path="./apps", suspend=False)

    async def repaired() -> bool:
        found = await applied.get("Deployment", "web")
        return found is not None and found["spec"]["replicas"] == 2

    await applied.eventually("2 replicas again", repaired)
    await applied.ready("apps")


async def test_ignored_fields_are_left_to_others(world: World) -> None:
    world.repo.commit("Begin", {"apps/web.yaml": deployment("web", world.namespace, replicas=2)})
    await world.git_repository()
    rules = [{"paths": ["/spec/replicas"], "target": {"kind": "Deployment"}}]
    await world.kustomization("apps", path="./apps", ignore=rules)
    await world.ready("apps")
    await world.patch("Deployment", "web", {"spec": {"replicas": 5}}, manager="autoscaler")
    world.repo.commit(
        "Up", {"apps/web.yaml": deployment("web", world.namespace, replicas=2, image="example.com/web:2")}
    )
    await world.ready("apps")
    found = await world.get("Deployment", "web")
    assert found is not None
    assert found["spec"]["template"]["spec"]["containers"][0]["image"] == "example.com/web:2"
    assert found["spec"]["replicas"] == 5


async def test_a_fight_becomes_slower(applied: World) -> None:
    """Two who want different values would otherwise write in turns as fast as the API server answers."""

    async def is_back() -> bool:
        found = await applied.get("ConfigMap", "settings")
        return found is not None and found["data"] == {"zone": "a"}

    loop = asyncio.get_running_loop()
    took = []
    for number in range(4):
        begun = loop.time()
        await applied.patch("ConfigMap", "settings", {"data": {"zone": str(number)}}, manager="stubborn")
        await applied.eventually("the value is back", is_back)
        took.append(loop.time() - begun)
    assert took[-1] > 0.9, took
