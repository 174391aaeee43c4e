"""An object that two Kustomizations deliver: nobody deletes it by mistake, and both are named."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.manifests import config_map

if TYPE_CHECKING:
    from tests.support.world import World


async def test_who_writes_what_another_has_says_so_once(world: World) -> None:
    world.repo.commit("Begin", {"apps/one.yaml": config_map("one", world.namespace, {})})
    await world.git_repository()
    await world.kustomization("first", path="apps")
    await world.ready("first")
    await world.kustomization("second", path="apps")
    await world.ready("second")
    one = f"ConfigMap/{world.namespace}/one is delivered by Kustomization/{world.namespace}"
    event = await world.event("second", f"{one}/first, too")
    assert (event["type"], event["reason"]) == ("Warning", "SharedObject")
    assert await warnings(world, "first") == 0
    for token in ("a", "b"):
        for name in ("first", "second"):
            await world.request_reconcile("Kustomization", name, token)

            async def answered(name: str = name, token: str = token) -> bool:
                return (await world.status(name)).get("lastHandledReconcileAt") == token

            await world.eventually("the run", answered)
    await world.event("first", f"{one}/second, too")
    assert [await warnings(world, name) for name in ("first", "second")] == [1, 1]


async def test_an_object_that_moves_is_not_shared(world: World) -> None:
    world.repo.commit(
        "Begin",
        {"a/one.yaml": config_map("one", world.namespace, {}), "b/two.yaml": config_map("two", world.namespace, {})},
    )
    await world.git_repository()
    for name in ("a", "b"):
        await world.kustomization(name, path=name)
        await world.ready(name)
    world.repo.commit(
        "Move",
        {
            "a/one.yaml": None,
            "a/zero.yaml": config_map("zero", world.namespace, {}),
            "b/one.yaml": config_map("one", world.namespace, {}),
        },
    )
    await world.ready("a", "b")
    assert [await warnings(world, name) for name in ("a", "b")] == [0, 0]


async def warnings(world: World, name: str) -> int:
    events = await world.events(name)
    return sum(event.get("count") or 1 for event in events if event["reason"] == "SharedObject")


async def test_who_stays_makes_it_its_own_when_the_other_ends(world: World) -> None:
    """Not at its interval: what the other wrote last is not what its files say."""
    files = {f"{name}/cm.yaml": config_map("shared", world.namespace, {"by": name}) for name in ("a", "b")}
    world.repo.commit("Begin", files)
    await world.git_repository()
    for name in ("a", "b"):
        await world.kustomization(name, path=name)
        await world.ready(name)
    found = await world.get("ConfigMap", "shared")
    assert found is not None
    assert found["data"] == {"by": "b"}
    await world.delete("Kustomization", "b")

    async def own() -> bool:
        now = await world.get("ConfigMap", "shared")
        assert now is not None, "it was never gone"
        return bool(now["metadata"]["uid"] == found["metadata"]["uid"] and now["data"] == {"by": "a"})

    await world.eventually("it is as the other wants it", own)
