"""What leaves Git leaves the cluster, and nothing else does."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from tests.support.manifests import config_map

if TYPE_CHECKING:
    from tests.support.world import World


@pytest.fixture
async def pair(world: World) -> World:
    """Two applied ConfigMaps."""
    files = {f"apps/{name}.yaml": config_map(name, world.namespace, {"k": "v"}) for name in ("one", "two")}
    world.repo.commit("Begin", files)
    await world.git_repository()
    await world.kustomization("apps", path="./apps")
    await world.ready("apps")
    return world


async def test_a_removed_file_is_deleted(pair: World) -> None:
    pair.repo.commit("Remove", {"apps/two.yaml": None})
    await pair.ready("apps")
    assert await pair.get("ConfigMap", "two") is None
    assert await pair.get("ConfigMap", "one") is not None
    assert await pair.inventory("apps") == [f"{pair.namespace}_one__ConfigMap"]
    await pair.event("apps", f"ConfigMap/{pair.namespace}/two deleted")


async def test_protected_objects_stay(pair: World) -> None:
    for name, mark in (("one", "kustomize.toolkit.fluxcd.io/prune"), ("two", "kustomize.toolkit.fluxcd.io/reconcile")):
        # Not as kubectl: what kubectl adds is taken back as drift, as Flux does, and the mark with it.
        await pair.patch("ConfigMap", name, {"metadata": {"annotations": {mark: "disabled"}}}, manager="somebody")
    pair.repo.commit(
        "Replace",
        {"apps/one.yaml": None, "apps/two.yaml": None, "apps/three.yaml": config_map("three", pair.namespace, {})},
    )
    await pair.ready("apps")
    assert await pair.get("ConfigMap", "one") is not None
    assert await pair.get("ConfigMap", "two") is not None


async def test_without_prune_objects_are_forgotten(pair: World) -> None:
    await pair.kustomization("apps", path="./apps", prune=False)
    pair.repo.commit("Remove", {"apps/two.yaml": None})
    await pair.ready("apps")
    assert await pair.get("ConfigMap", "two") is not None
    assert await pair.inventory("apps") == [f"{pair.namespace}_one__ConfigMap"]


async def test_an_empty_build_deletes_nothing(pair: World) -> None:
    pair.repo.commit("Empty", {"apps/one.yaml": None, "apps/two.yaml": None, "apps/README.md": "soon more"})
    failure = await pair.failed("apps")
    assert "the build is empty" in failure["message"]
    assert await pair.get("ConfigMap", "one") is not None
    assert len(await pair.inventory("apps")) == 2


async def test_a_failing_build_deletes_nothing(pair: World) -> None:
    pair.repo.commit("Break", {"apps/one.yaml": None, "apps/two.yaml": "kind: [\n"})
    failure = await pair.failed("apps", reason="BuildFailed")
    assert "two.yaml" in failure["message"]
    assert await pair.get("ConfigMap", "one") is not None
    pair.repo.revert()
    await pair.ready("apps")


async def test_a_deleted_kustomization_takes_its_objects_along(pair: World) -> None:
    await pair.delete("Kustomization", "apps")

    async def gone() -> bool:
        return await pair.get("Kustomization", "apps") is None

    await pair.eventually("the Kustomization is gone", gone)
    assert await pair.get("ConfigMap", "one") is None
    assert await pair.get("ConfigMap", "two") is None
    await pair.event("apps", f"ConfigMap/{pair.namespace}/one deleted")


@pytest.mark.parametrize("policy", ["Orphan", "Delete", "WaitForTermination"])
async def test_the_deletion_policy_decides(pair: World, policy: str) -> None:
    await pair.kustomization("apps", path="./apps", prune=False, deletionPolicy=policy)
    await pair.ready("apps")
    await pair.delete("Kustomization", "apps")

    async def gone() -> bool:
        return await pair.get("Kustomization", "apps") is None

    await pair.eventually("the Kustomization is gone", gone)
    assert (await pair.get("ConfigMap", "one") is not None) == (policy == "Orphan")


async def test_a_termination_that_takes_too_long_is_told(pair: World) -> None:
    """And it is waited for again: the Kustomization goes when its objects have gone."""
    await pair.restart_with(shortest_timeout=timedelta(milliseconds=100))
    await pair.kustomization("apps", path="./apps", timeout="200ms", deletionPolicy="WaitForTermination")
    await pair.ready("apps")
    await pair.patch("ConfigMap", "one", {"metadata": {"finalizers": ["example.com/hold"]}}, manager="holder")
    await pair.delete("Kustomization", "apps")
    await pair.event("apps", "failed to wait for resources termination", f"ConfigMap/{pair.namespace}/one")
    assert await pair.get("Kustomization", "apps") is not None
    await pair.patch("ConfigMap", "one", {"metadata": {"finalizers": None}}, manager="holder")

    async def gone() -> bool:
        return await pair.get("Kustomization", "apps") is None

    await pair.eventually("the Kustomization is gone", gone)


async def test_an_account_that_is_gone_does_not_hold_up_the_end(pair: World) -> None:
    """Tenants are often removed with their whole namespace; the objects that stay behind are named, as by Flux."""
    await pair.kustomization("apps", path="./apps")
    await pair.ready("apps")
    await pair.kustomization("apps", path="./apps", serviceAccountName="gone")
    await pair.delete("Kustomization", "apps")

    async def gone() -> bool:
        return await pair.get("Kustomization", "apps") is None

    await pair.eventually("the Kustomization is gone", gone)
    event = await pair.event("apps", "unable to prune objects", f"ServiceAccount '{pair.namespace}/gone' not found")
    assert (event["type"], event["reason"]) == ("Warning", "PruneFailed")
    assert f"\nConfigMap/{pair.namespace}/one" in event["message"]
    assert event["metadata"]["annotations"]["kustomize.toolkit.fluxcd.io/revision"] == f"main@sha1:{pair.repo.head}"
    assert await pair.get("ConfigMap", "one") is not None


async def test_a_suspended_kustomization_leaves_its_objects_when_deleted(pair: World) -> None:
    await pair.kustomization("apps", path="./apps", suspend=True)
    await pair.delete("Kustomization", "apps")

    async def gone() -> bool:
        return await pair.get("Kustomization", "apps") is None

    await pair.eventually("the Kustomization is gone", gone)
    assert await pair.get("ConfigMap", "one") is not None


async def test_too_much_at_once_needs_permission(world: World) -> None:
    files = {f"apps/{n}.yaml": config_map(f"n{n}", world.namespace, {}) for n in range(60)}
    world.repo.commit("Begin", files)
    await world.git_repository()
    await world.kustomization("apps", path="./apps")
    await world.ready("apps")
    world.repo.commit("Remove", {f"apps/{n}.yaml": None for n in range(55)})
    failure = await world.failed("apps", reason="PruneFailed")
    assert "55 of 60 objects" in failure["message"]
    assert await world.get("ConfigMap", "n1") is not None
    permission = {"fairlead.dev/prune-budget": "55", "reconcile.fluxcd.io/requestedAt": "1"}
    await world.patch("Kustomization", "apps", {"metadata": {"annotations": permission}})
    await world.ready("apps")
    assert await world.get("ConfigMap", "n1") is None


async def test_permission_is_heard_at_once(world: World) -> None:
    """The annotation changes the outcome, so its change brings a run; nobody has to ask for one."""
    files = {f"apps/{number}.yaml": config_map(f"c{number}", world.namespace, {}) for number in range(3)}
    world.repo.commit("Begin", files)
    await world.git_repository()
    await world.kustomization("apps", path="apps", annotations={"fairlead.dev/prune-budget": "0"})
    await world.ready("apps")
    world.repo.commit("Remove", {"apps/1.yaml": None})
    await world.failed("apps", reason="PruneFailed")
    await world.patch("Kustomization", "apps", {"metadata": {"annotations": {"fairlead.dev/prune-budget": "1"}}})
    await world.ready("apps")
    assert await world.get("ConfigMap", "c1") is None


async def test_removed_after_a_move_that_its_first_owner_has_not_seen(world: World) -> None:
    """Each of the two left the object to the other, and nobody deleted it."""
    moving = config_map("moving", world.namespace, {})
    kept = {f"{name}/kept.yaml": config_map(f"{name}-kept", world.namespace, {}) for name in ("a", "b")}
    world.repo.commit("Begin", kept | {"a/moving.yaml": moving})
    await world.git_repository()
    await world.kustomization("a", path="a")
    await world.kustomization("b", path="b")
    await world.ready("a", "b")
    await world.patch("Kustomization", "a", {"spec": {"suspend": True}})
    world.repo.commit("Move", {"a/moving.yaml": None, "b/moving.yaml": moving})
    await world.ready("b")
    world.repo.commit("Remove", {"b/moving.yaml": None})
    await world.ready("b")
    await world.patch("Kustomization", "a", {"spec": {"suspend": False}})
    await world.ready("a")
    assert await world.get("ConfigMap", "moving") is None
