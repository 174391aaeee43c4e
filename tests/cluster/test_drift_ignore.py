"""spec.ignore: fields that others may change, for the objects that a rule names and for no others."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.cli import Cli
from tests.support.manifests import config_map, deployment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World

REPLICAS = {"paths": ["/spec/replicas"], "target": {"kind": "Deployment"}}


async def replicas(world: World, name: str) -> int | None:
    found = await world.get("Deployment", name)
    return found["spec"].get("replicas") if found else None


def image_of(found: dict[str, Any] | None) -> str:
    assert found is not None
    return str(found["spec"]["template"]["spec"]["containers"][0]["image"])


async def test_other_fields_of_the_object_are_repaired_and_the_ignored_one_stays(world: World) -> None:
    world.repo.commit("Begin", {"apps/web.yaml": deployment("web", world.namespace, replicas=2)})
    await world.git_repository()
    await world.kustomization("apps", path="apps", ignore=[REPLICAS])
    await world.ready("apps")
    image = image_of(await world.get("Deployment", "web"))
    await world.patch("Deployment", "web", {"spec": {"replicas": 4}}, manager="autoscaler")
    await world.patch("Deployment", "web", {"spec": {"paused": True, "minReadySeconds": 0}}, manager="somebody")
    container = {"name": "web", "image": "example.com/else:1"}
    found = await world.get("Deployment", "web")
    assert found is not None
    container["name"] = found["spec"]["template"]["spec"]["containers"][0]["name"]
    await world.patch(
        "Deployment", "web", {"spec": {"template": {"spec": {"containers": [container]}}}}, manager="somebody"
    )

    async def repaired() -> bool:
        return image_of(await world.get("Deployment", "web")) == image

    await world.eventually("the image is repaired", repaired)
    assert await replicas(world, "web") == 4


async def test_a_rule_is_about_its_targets_only(world: World) -> None:
    files = {f"apps/{name}.yaml": deployment(name, world.namespace, replicas=1) for name in ("web", "worker")}
    world.repo.commit("Begin", files)
    await world.git_repository()
    rule = {"paths": ["/spec/replicas"], "target": {"kind": "Deployment", "name": "w.b"}}
    await world.kustomization("apps", path="apps", ignore=[rule])
    await world.ready("apps")
    for name in ("web", "worker"):
        await world.patch("Deployment", name, {"spec": {"replicas": 3}}, manager="autoscaler")

    async def repaired() -> bool:
        return await replicas(world, "worker") == 1

    await world.eventually("the other one is repaired", repaired)
    assert await replicas(world, "web") == 3
    messages = [event["message"] for event in await world.events("apps")]
    assert not any("/web: drift" in message for message in messages), messages


async def test_another_manager_that_applies_the_field_keeps_it(world: World) -> None:
    world.repo.commit("Begin", {"apps/web.yaml": deployment("web", world.namespace, replicas=1)})
    await world.git_repository()
    await world.kustomization("apps", path="apps", ignore=[REPLICAS])
    await world.ready("apps")
    scaled = {
        "apiVersion": "apps/v1",
        "kind": "Deployment",
        "metadata": {"name": "web", "namespace": world.namespace},
        "spec": {"replicas": 6},
    }
    await world.client.apply(scaled, field_manager="scaler", force=True)
    world.repo.commit(
        "Up", {"apps/web.yaml": deployment("web", world.namespace, replicas=1, image="example.com/web:2")}
    )
    await world.ready("apps")
    found = await world.get("Deployment", "web")
    assert image_of(found) == "example.com/web:2"
    assert found is not None
    assert found["spec"]["replicas"] == 6
    owners = [
        entry["manager"]
        for entry in found["metadata"]["managedFields"]
        if "f:replicas" in entry["fieldsV1"].get("f:spec", {}) and not entry.get("subresource")
    ]
    assert owners == ["scaler"]


async def test_diff_leaves_out_what_the_rules_leave_out(world: World, tmp_path: Path) -> None:
    text = deployment("web", world.namespace, replicas=1)
    world.repo.commit("Begin", {"apps/web.yaml": text})
    await world.git_repository()
    await world.kustomization("apps", path="apps", ignore=[REPLICAS])
    await world.ready("apps")
    await world.patch("Deployment", "web", {"spec": {"replicas": 4}}, manager="autoscaler")
    cli, folder = Cli(world.client.config, world.namespace, tmp_path), tmp_path / "work"
    folder.mkdir()
    (folder / "web.yaml").write_text(text)
    assert await cli("diff", "ks", "apps", "--path", str(folder)) == (0, "", "")
    (folder / "web.yaml").write_text(deployment("web", world.namespace, replicas=1, image="example.com/web:2"))
    outcome = await cli("diff", "ks", "apps", "--path", str(folder))
    assert outcome.code == 1
    assert "example.com/web:2" in outcome.out
    assert "replicas" not in outcome.out


async def test_a_path_that_makes_no_sense_is_told(world: World) -> None:
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("one", world.namespace, {})})
    await world.git_repository()
    await world.kustomization("apps", path="apps", ignore=[{"paths": ["data.a"]}])
    failure = await world.failed("apps", reason="ReconciliationFailed")
    assert "ignore path 'data.a' is no JSON pointer to a field; write for example /spec/replicas" in failure["message"]
    assert await world.get("ConfigMap", "one") is None
