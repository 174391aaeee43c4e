"""The controllers may stop at any moment; the next start goes on as if nothing had been."""

from __future__ import annotations

import asyncio
import random
from typing import TYPE_CHECKING

from tests.support.manifests import config_map, deployment

if TYPE_CHECKING:
    from tests.support.world import World


async def test_a_restart_writes_no_object(world: World) -> None:
    world.repo.commit(
        "Begin",
        {
            "apps/cm.yaml": config_map("settings", world.namespace, {"k": "v"}),
            "apps/web.yaml": deployment("web", world.namespace),
        },
    )
    await world.git_repository()
    await world.kustomization("apps", path="apps")
    await world.ready("apps")
    before = [await world.get(*each) for each in (("ConfigMap", "settings"), ("Kustomization", "apps"))]
    await world.restart()
    world.repo.commit("More", {"more/cm.yaml": config_map("more", world.namespace, {})})
    await world.kustomization("more", path="more")
    await world.ready("apps", "more")
    assert await world.get("ConfigMap", "settings") == before[0]
    assert world.object_writes() == 1  # the new one


async def test_what_drifted_meanwhile_is_repaired(world: World) -> None:
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("settings", world.namespace, {"k": "v"})})
    await world.git_repository()
    await world.kustomization("apps", path="apps")
    await world.ready("apps")
    await world.stop()
    await world.patch("ConfigMap", "settings", {"data": {"k": "other"}})
    await world.start()

    async def repaired() -> bool:
        found = await world.get("ConfigMap", "settings")
        return found is not None and found["data"] == {"k": "v"}

    await world.eventually("the value is back", repaired)


async def test_what_was_removed_meanwhile_is_pruned(world: World) -> None:
    files = {f"apps/{name}.yaml": config_map(name, world.namespace, {}) for name in ("one", "two")}
    world.repo.commit("Begin", files)
    await world.git_repository()
    await world.kustomization("apps", path="apps")
    await world.ready("apps")
    await world.stop()
    world.repo.commit("Remove", {"apps/two.yaml": None})
    await world.start()
    await world.ready("apps")
    assert await world.get("ConfigMap", "two") is None


async def test_broken_off_at_random_points_the_end_is_the_same(world: World) -> None:
    chance = random.Random(6)
    await world.git_repository()
    names = [f"k{n}" for n in range(4)]
    for name in names:
        await world.kustomization(name, path=name)
    for turn in range(12):
        files = {
            f"{name}/{n}.yaml": config_map(f"{name}-{n}", world.namespace, {"turn": str(turn)})
            if chance.random() < 0.7
            else None
            for name in names
            for n in range(4)
        }
        present = world.repo.files() if turn else {}
        kept = {path: text for path, text in files.items() if text is not None or path in present}
        world.repo.commit(
            f"Turn {turn}",
            {**kept, **{f"{name}/keep.yaml": config_map(f"{name}-keep", world.namespace, {}) for name in names}},
        )
        await asyncio.sleep(chance.random() * 0.25)
        await world.restart()
    await world.ready(*names)
    wanted = {path.replace("/", "-").removesuffix(".yaml") for path in world.repo.files()}
    from fairlead.objects.ref import GroupKind

    listed = await world.client.list(
        GroupKind("", "ConfigMap"), namespace=world.namespace, label_selector="kustomize.toolkit.fluxcd.io/name"
    )
    assert {item["metadata"]["name"] for item in listed.items} == wanted
    inventories = [entry for name in names for entry in await world.inventory(name)]
    assert {entry.split("_")[1] for entry in inventories} == wanted
