"""Variables: from the spec, from ConfigMaps and Secrets, and a change of these arrives."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.manifests import config_map

if TYPE_CHECKING:
    from tests.support.world import World

LABEL = {"reconcile.fluxcd.io/watch": "Enabled"}


async def test_values_override_each_other_in_order(world: World) -> None:
    await world.apply("v1", "ConfigMap", "cluster", data={"zone": "a", "size": "small", "name": "x\n"})
    await world.apply("v1", "Secret", "keys", stringData={"size": "big", "key": "s3cret-value"})
    data = {"zone": "${zone}", "size": "${size}", "key": "${key}", "other": "${other:=none}", "plain": "$${zone}"}
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("settings", world.namespace, data)})
    await world.git_repository()
    sources = [
        {"kind": "ConfigMap", "name": "cluster"},
        {"kind": "Secret", "name": "keys"},
        {"kind": "Secret", "name": "absent", "optional": True},
    ]
    await world.kustomization("apps", path="apps", postBuild={"substitute": {"zone": "b"}, "substituteFrom": sources})
    await world.ready("apps")
    found = await world.get("ConfigMap", "settings")
    assert found is not None
    assert found["data"] == {"zone": "b", "size": "big", "key": "s3cret-value", "other": "none", "plain": "${zone}"}


async def test_a_labelled_config_map_wakes_its_users(world: World) -> None:
    await world.apply("v1", "ConfigMap", "cluster", data={"zone": "a"}, labels=LABEL)
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("settings", world.namespace, {"zone": "${zone}"})})
    await world.git_repository()
    reference = [{"kind": "ConfigMap", "name": "cluster"}]
    await world.kustomization("apps", path="apps", postBuild={"substituteFrom": reference})
    await world.ready("apps")
    await world.apply("v1", "ConfigMap", "cluster", data={"zone": "b"}, labels=LABEL)

    async def arrived() -> bool:
        found = await world.get("ConfigMap", "settings")
        return found is not None and found["data"] == {"zone": "b"}

    await world.eventually("the new value arrives", arrived)


async def test_a_missing_value_fails_the_build(world: World) -> None:
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("settings", world.namespace, {"zone": "${zone}"})})
    await world.git_repository()
    await world.kustomization("apps", path="apps", postBuild={"substitute": {"other": "x"}})
    failure = await world.failed("apps", reason="BuildFailed")
    assert 'variable not set (strict mode): "zone"' in failure["message"]
    assert "settings" in failure["message"]


async def test_a_missing_config_map_fails_the_build(world: World) -> None:
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("settings", world.namespace, {})})
    await world.git_repository()
    reference = [{"kind": "ConfigMap", "name": "absent"}]
    await world.kustomization("apps", path="apps", postBuild={"substituteFrom": reference})
    failure = await world.failed("apps", reason="BuildFailed")
    assert "substitute from 'ConfigMap/absent' error" in failure["message"]


async def test_an_object_may_be_left_alone(world: World) -> None:
    mark = {"annotations": {"kustomize.toolkit.fluxcd.io/substitute": "disabled"}}
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("script", world.namespace, {"run": "${arr[@]}"}, **mark)})
    await world.git_repository()
    await world.kustomization("apps", path="apps", postBuild={"substitute": {"zone": "b"}})
    await world.ready("apps")
    found = await world.get("ConfigMap", "script")
    assert found is not None
    assert found["data"] == {"run": "${arr[@]}"}
