"""When a commit changes many, what makes it live goes before what tidies up and tells of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.objects.duration import parse_duration
from tests.support.manifests import config_map

if TYPE_CHECKING:
    from tests.support.world import World

WORKERS = 2


async def version(world: World, kind: str, name: str) -> int:
    """When it was last written, as the server counts writes."""
    found = await world.get(kind, name)
    assert found is not None, f"{kind} {name} is there"
    return int(found["metadata"]["resourceVersion"])


async def test_all_apply_before_the_first_deletes_and_tells(world: World) -> None:
    await world.restart_with(workers=WORKERS)
    names = [f"app-{number:02}" for number in range(12)]
    commit = world.repo.commit(
        "Begin", {f"{name}/cm.yaml": config_map(f"{name}-1", world.namespace, {}) for name in names}
    )
    await world.git_repository()
    for name in names:
        await world.kustomization(name, path=name)
    await world.ready(*names, commit=commit)
    await world.quiet()
    commit = world.repo.commit(
        "Rename", {f"{name}/cm.yaml": config_map(f"{name}-2", world.namespace, {}) for name in names}
    )
    await world.ready(*names, commit=commit)
    told = min([await version(world, "Kustomization", name) for name in names])
    late = [name for name in names if await version(world, "ConfigMap", f"{name}-2") > told]
    assert len(late) <= WORKERS, "they were at work when nobody was left who had not begun"
    for name in names:
        assert await world.get("ConfigMap", f"{name}-1") is None


async def test_nobody_on_whom_others_depend_lets_others_go_first(world: World) -> None:
    """A chain is as late as the last of its links, so its links do not wait at the end of the line either."""
    await world.restart_with(workers=WORKERS)
    chain, others = ["z-first", "z-then", "z-last"], [f"app-{number:02}" for number in range(30)]
    names = [*others, *chain]

    def said(word: str) -> dict[str, str]:
        return {f"{name}/cm.yaml": config_map(name, world.namespace, {"said": word}) for name in names}

    commit = world.repo.commit("Begin", said("once"))
    await world.git_repository()
    for name in others:
        await world.kustomization(name, path=name)
    for before, name in zip([None, *chain], chain, strict=False):
        await world.kustomization(name, path=name, dependsOn=[{"name": before}] if before else [])
    await world.ready(*names, commit=commit)
    await world.quiet()
    commit = world.repo.commit("Again", said("twice"))
    await world.ready(*names, commit=commit)
    applied = [await version(world, "ConfigMap", name) for name in chain]
    assert applied == sorted(applied)
    assert applied[1] < max([await version(world, "ConfigMap", name) for name in others])
    told = (await world.status(others[0]))["history"][0]["metadata"]
    assert parse_duration(told["appliedIn"]) < parse_duration(told["finishedIn"]) / 2, (
        "what it has waited for the others is no part of the apply"
    )
