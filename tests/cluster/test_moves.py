"""What moves from one Kustomization to another keeps its identity, whatever state the two are in."""

from __future__ import annotations

import asyncio
import json
import random
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from fairlead.settings import StorageSettings
from tests.support.in_process import InProcess
from tests.support.manifests import config_map

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.fault_proxy import FaultProxy
    from tests.support.world import World

OWNER = "kustomize.toolkit.fluxcd.io/name"
BROKEN = "kind: [\n"


async def uid_of(world: World, name: str = "moving") -> str:
    found = await world.get("ConfigMap", name)
    assert found is not None, f"{name} is gone"
    uid: str = found["metadata"]["uid"]
    return uid


async def owner_of(world: World, name: str = "moving") -> str:
    found = await world.get("ConfigMap", name)
    assert found is not None, f"{name} is gone"
    owner: str = found["metadata"]["labels"][OWNER]
    return owner


def place(world: World, *folders: str, **more: str | None) -> None:
    """A commit in which the object is in these folders, of ``a`` and ``b``."""
    files = {f"{name}/moving.yaml": _moving(world) if name in folders else None for name in "ab"}
    files |= {f"{name.replace('_', '/')}.yaml": text for name, text in more.items()}
    world.repo.commit(f"To {' and '.join(folders) or 'nobody'}", files)


def _moving(world: World) -> str:
    return config_map("moving", world.namespace, {"k": "v"})


async def begin(world: World) -> str:
    """Two Kustomizations, of which the first has the object; its uid."""
    for name in "ab":
        world.repo.commit(f"Begin {name}", {f"{name}/keep.yaml": config_map(f"keep-{name}", world.namespace, {})})
    place(world, "a")
    await world.git_repository()
    for name in "ab":
        await world.kustomization(name, path=name, retryInterval="1s")
    await world.ready("a", "b")
    return await uid_of(world)


async def left_to_suspended(world: World) -> str:
    """The object has moved to the second one, which is suspended; its uid."""
    uid = await begin(world)
    await world.kustomization("b", path="b", retryInterval="1s", suspend=True)
    place(world, "b")
    await world.ready("a")
    return uid


async def gone(world: World, kind: str, name: str) -> None:
    async def seen() -> bool:
        return await world.get(kind, name) is None

    await world.eventually(f"{kind} {name} is gone", seen)


@pytest.mark.parametrize("seed", range(3))
async def test_to_another_and_back_in_quick_commits(world: World, seed: int) -> None:
    chance = random.Random(seed)
    uid = await begin(world)
    for folder in "baba":
        place(world, folder)
        await asyncio.sleep(chance.random() * 0.15)  # the moment between the commits is what is tried
    await world.ready("a", "b")

    async def has_it_again() -> bool:
        return await owner_of(world) == "a"

    await world.eventually("the last one that Git names has it", has_it_again)
    assert await uid_of(world) == uid
    place(world)
    await world.ready("a", "b")
    await gone(world, "ConfigMap", "moving")


async def test_to_one_that_is_suspended(world: World) -> None:
    uid = await left_to_suspended(world)
    assert await uid_of(world) == uid
    assert f"{world.namespace}_moving__ConfigMap" in await world.inventory("a"), "somebody has to know it"
    await world.kustomization("b", path="b", retryInterval="1s", suspend=False)
    await world.ready("b")
    assert await uid_of(world) == uid
    assert await owner_of(world) == "b"


async def test_to_a_suspended_one_and_out_of_git(world: World) -> None:
    """The first owner deletes it as soon as nobody wants it any more."""
    await left_to_suspended(world)
    place(world)
    await world.ready("a")
    await gone(world, "ConfigMap", "moving")


async def test_to_a_suspended_one_and_back(world: World) -> None:
    uid = await left_to_suspended(world)
    place(world, "a")
    await world.ready("a")
    assert await uid_of(world) == uid


async def test_to_one_whose_build_fails(world: World) -> None:
    uid = await begin(world)
    place(world, "b", b_broken=BROKEN)
    await world.ready("a")
    await world.failed("b", reason="BuildFailed")
    assert await uid_of(world) == uid
    place(world, "b", b_broken=None)
    await world.ready("a", "b")
    assert await uid_of(world) == uid
    assert await owner_of(world) == "b"


async def test_a_failing_build_holds_nothing_that_it_does_not_name(world: World) -> None:
    """Otherwise one broken folder would keep a whole fleet from deleting anything."""
    await begin(world)
    place(world, b_broken=BROKEN)
    await world.ready("a")
    await world.failed("b", reason="BuildFailed")
    await gone(world, "ConfigMap", "moving")


def _kustomization(world: World, name: str, path: str) -> str:
    spec = {
        "interval": "10m",
        "retryInterval": "1s",
        "prune": True,
        "path": path,
        "sourceRef": {"kind": "GitRepository", "name": "fleet"},
    }
    metadata = {"name": name, "namespace": world.namespace}
    api_version = "kustomize.toolkit.fluxcd.io/v1"
    return json.dumps({"apiVersion": api_version, "kind": "Kustomization", "metadata": metadata, "spec": spec})


async def begin_below(world: World) -> str:
    """The same, with the Kustomizations in Git themselves, applied by a third."""
    files = {f"root/{name}.yaml": _kustomization(world, name, name) for name in "ab"}
    files |= {f"{name}/keep.yaml": config_map(f"keep-{name}", world.namespace, {}) for name in "ab"}
    world.repo.commit("Begin", {**files, "a/moving.yaml": _moving(world)})
    await world.git_repository()
    await world.kustomization("root", path="root")
    await world.ready("root", "a", "b")
    return await uid_of(world)


async def test_the_old_owner_is_deleted_in_the_same_commit(world: World) -> None:
    uid = await begin_below(world)
    place(world, "b", root_a=None, a_keep=None)
    await world.ready("root", "b")
    await gone(world, "Kustomization", "a")
    assert await uid_of(world) == uid
    assert await owner_of(world) == "b"
    await gone(world, "ConfigMap", "keep-a")


async def test_a_kustomization_is_renamed(world: World) -> None:
    uids = {name: await uid_of(world, name) for name in ("moving", "keep-a")} if await begin_below(world) else {}
    world.repo.commit("Rename", {"root/a.yaml": None, "root/c.yaml": _kustomization(world, "c", "a")})
    await world.ready("root", "c")
    await gone(world, "Kustomization", "a")
    for name, uid in uids.items():
        assert await uid_of(world, name) == uid
        assert await owner_of(world, name) == "c"


async def test_a_kustomization_and_its_folder_are_renamed_while_the_build_fails(world: World) -> None:
    uid = await begin_below(world)
    files: dict[str, Any] = {"root/a.yaml": None, "a/moving.yaml": None, "a/keep.yaml": None}
    files |= {"root/c.yaml": _kustomization(world, "c", "c"), "c/moving.yaml": _moving(world), "c/broken.yaml": BROKEN}
    world.repo.commit("Rename", files)
    await world.ready("root")
    await gone(world, "Kustomization", "a")
    assert await uid_of(world) == uid
    world.repo.commit("Mend", {"c/broken.yaml": None})
    await world.ready("root", "c")
    assert await uid_of(world) == uid
    assert await owner_of(world) == "c"


async def test_its_old_owner_ends_before_the_new_one_could_apply_it(world: World, proxy: FaultProxy) -> None:
    """The new one, which has noted it, deletes it when it leaves Git: nobody else is left to do so."""
    uid = await begin(world)
    await world.kustomization("b", path="b", retryInterval="10m")
    proxy.fail(422, "PATCH", "/configmaps/moving", times=2)  # refused, examined, refused again
    place(world, "b")
    await world.failed("b", reason="ReconciliationFailed")
    await world.ready("a")
    await world.delete("Kustomization", "a")
    await gone(world, "Kustomization", "a")
    assert await uid_of(world) == uid
    place(world)
    await world.ready("b")
    await gone(world, "ConfigMap", "moving")


async def test_an_object_that_was_left_to_another_is_whole_when_that_one_applies_it(world: World) -> None:
    uid = await left_to_suspended(world)
    await world.delete("Kustomization", "a")
    await gone(world, "Kustomization", "a")
    assert await uid_of(world) == uid
    assert await owner_of(world) == "b"
    await world.kustomization("b", path="b", suspend=False)
    await world.ready("b")
    found = await world.get("ConfigMap", "moving")
    assert found is not None
    assert found["metadata"]["uid"] == uid
    managers = [(entry["manager"], entry["operation"]) for entry in found["metadata"]["managedFields"]]
    assert managers == [("kustomize-controller", "Apply")]


async def test_to_one_in_another_shard(world: World, tmp_path: Path) -> None:
    """Whose controllers are away at the moment."""
    uid = await begin(world)
    for kind, name, shard in (
        ("GitRepository", "fleet", "one"),
        ("Kustomization", "a", "one"),
        ("Kustomization", "b", "two"),
    ):
        await world.patch(kind, name, {"metadata": {"labels": {"shard": shard}}}, manager="sharder")
    await world.git_repository("fleet-two")
    await world.patch("GitRepository", "fleet-two", {"metadata": {"labels": {"shard": "two"}}}, manager="sharder")
    await world.patch("Kustomization", "b", {"spec": {"sourceRef": {"name": "fleet-two"}}}, manager="sharder")
    await world.ready("b")
    first, second = (replace(world.settings.scope, label_selector=f"shard={shard}") for shard in ("one", "two"))
    settings = replace(world.settings, scope=second, storage=StorageSettings(folder=tmp_path / "second"))
    world.settings = replace(world.settings, scope=first)
    await world.restart()
    place(world, "b")
    await world.ready("a")
    assert await uid_of(world) == uid
    assert await owner_of(world) == "a"
    others = InProcess()
    await others.start(world.client.config, settings)
    try:
        await world.ready("b")
    finally:
        await others.stop()
    assert await uid_of(world) == uid
    assert await owner_of(world) == "b"
    place(world)
    await world.ready("a")
    assert await uid_of(world) == uid, "the first has no right to it any more"
