"""A Kustomization of one shard is delivered from a source of another, which that other alone writes."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest_asyncio

from fairlead.kube.client import PatchType
from fairlead.settings import StorageSettings
from tests.support.in_process import InProcess
from tests.support.manifests import config_map

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.world import World


@pytest_asyncio.fixture
async def theirs(world: World, tmp_path: Path) -> AsyncIterator[InProcess]:
    """The shard ``one``, which can be started; the world's own controllers are the shard ``two``."""
    scopes = {name: replace(world.settings.scope, label_selector=f"shard={name}") for name in ("one", "two")}
    settings = replace(world.settings, scope=scopes["one"], storage=StorageSettings(folder=tmp_path / "one"))
    world.settings = replace(world.settings, scope=scopes["two"])
    await world.restart()
    others = _Shard(world, settings)
    try:
        yield others
    finally:
        await others.stop()


class _Shard(InProcess):
    def __init__(self, world: World, settings: Any) -> None:
        super().__init__()
        self._begin = world.client.config, settings

    async def begin(self) -> None:
        await self.start(*self._begin)


async def label(world: World, kind: str, name: str, shard: str | None) -> None:
    await world.patch(kind, name, {"metadata": {"labels": {"shard": shard}}}, manager="sharder")


async def kustomization(world: World, name: str = "apps", **spec: Any) -> None:
    await world.kustomization(name, **({"path": "apps", "retryInterval": "1s"} | spec))
    await label(world, "Kustomization", name, "two")


def change(world: World, value: str, **files: str | None) -> None:
    more = {name.replace("_", "/"): text for name, text in files.items()}
    world.repo.commit(value, {"apps/settings.yaml": config_map("settings", world.namespace, {"v": value}), **more})


async def value(world: World) -> str:
    found = await world.get("ConfigMap", "settings")
    return str(found["data"]["v"]) if found else ""


async def published(world: World, name: str = "fleet") -> dict[str, Any]:
    """The artifact of a source, as soon as it is that of the newest commit."""

    async def seen() -> dict[str, Any] | None:
        artifact = (await world.status(name, "GitRepository")).get("artifact") or {}
        return artifact if artifact.get("revision", "").endswith(world.repo.head) else None

    found: dict[str, Any] = await world.eventually(f"{name} shows {world.repo.head}", seen)
    return found


async def flux_publishes(world: World, revision: str, **status: Any) -> None:
    """As Flux's source-controller does it, whose archive nobody here can read."""
    address = "http://source-controller.flux-system.svc.cluster.local./gitrepository/fleet.tar.gz"
    artifact = {"revision": revision, "digest": f"sha256:{'0' * 64}", "path": "gitrepository/fleet.tar.gz"}
    artifact |= {"url": address, "lastUpdateTime": "2026-01-01T00:00:00Z"}
    await world.client.patch(
        world.ref("GitRepository", "fleet"),
        {"status": {"artifact": artifact, "observedGeneration": 1, **status}},
        PatchType.MERGE,
        subresource="status",
        field_manager="source-controller",
    )


async def test_a_source_of_another_shard_is_followed(world: World, theirs: _Shard) -> None:
    change(world, "1", **{"apps_ignored.yaml": "kind: ["})
    await world.git_repository(ignore="apps/ignored.yaml")
    await label(world, "GitRepository", "fleet", "one")
    await kustomization(world)
    text = "Source artifact not found, retrying in 30s: it belongs to another shard"
    assert text in (await world.failed("apps", reason="ArtifactFailed"))["message"]
    await theirs.begin()
    await world.ready("apps")
    change(world, "2")
    await world.ready("apps")
    assert await value(world) == "2"
    revision = (await world.status("apps"))["lastAppliedRevision"]
    assert revision == (await published(world))["revision"]

    # Only its own shard looks for new commits and writes.
    await theirs.stop()
    before = await world.get("GitRepository", "fleet")
    old = world.repo.head
    change(world, "3")
    await world.request_reconcile("Kustomization", "apps", "now")
    await world.eventually("it is handled", lambda: handled(world, "apps", "now"))
    assert await value(world) == "2"
    assert await world.get("GitRepository", "fleet") == before
    assert not [event for event in await world.events("fleet", "GitRepository") if event["type"] == "Warning"]

    # A restart goes on from what is published; what was in order is not written again.
    await world.restart()
    await world.request_reconcile("Kustomization", "apps", "again")
    await world.eventually("it is handled", lambda: handled(world, "apps", "again"))
    await world.ready("apps", commit=old)
    assert world.object_writes() == 0

    # The source changes hands.
    await label(world, "GitRepository", "fleet", "two")
    await world.ready("apps")
    assert await value(world) == "3"


async def handled(world: World, name: str, token: str) -> bool:
    return (await world.status(name)).get("lastHandledReconcileAt") == token


async def test_a_source_without_a_shard_that_flux_serves(world: World, theirs: _Shard) -> None:
    """Its spec may already ask for something else than what the artifact was made from."""
    change(world, "1", **{"apps_ignored.yaml": "kind: ["})
    first = world.repo.head
    await world.git_repository(ref={"branch": "other"}, ignore="nothing")
    await flux_publishes(world, f"main@sha1:{first}", observedIgnore="apps/ignored.yaml")
    await kustomization(world)
    await world.ready("apps")
    change(world, "2")
    await flux_publishes(world, f"main@sha1:{world.repo.head}", observedIgnore="apps/ignored.yaml")
    await world.ready("apps")
    assert await value(world) == "2"
    found = await world.get("GitRepository", "fleet")
    assert found is not None
    assert "fairlead.dev/tree" not in (found["status"]["artifact"].get("metadata") or {})
    assert "finalizers" not in found["metadata"]


async def test_what_cannot_be_fetched_here_is_named(world: World, theirs: _Shard) -> None:
    change(world, "1")
    await world.git_repository(url=f"{world.repo.url}-gone")
    await flux_publishes(world, f"main@sha1:{world.repo.head}")
    await kustomization(world)
    text = f"it belongs to another shard, and main@sha1:{world.repo.head} cannot be fetched here: "
    assert text in (await world.failed("apps", reason="ArtifactFailed"))["message"]
    told = await world.event("fleet", "which another shard has fetched, cannot be fetched", kind="GitRepository")
    assert (told["type"], told["reason"]) == ("Warning", "GitOperationFailed")
    await world.git_repository()
    await world.ready("apps")


async def test_includes_across_shards(world: World, theirs: _Shard) -> None:
    """A source of ours that includes one of theirs, and one of theirs that includes one of ours."""
    change(world, "1")
    await world.git_repository("base")
    await world.git_repository("ours", include=[{"repository": {"name": "base"}, "toPath": "more"}])
    await world.git_repository("theirs", include=[{"repository": {"name": "ours"}, "toPath": "most"}])
    for name, shard in (("base", "one"), ("ours", "two"), ("theirs", "one")):
        await label(world, "GitRepository", name, shard)
    await theirs.begin()
    await kustomization(world, path="most/more/apps", sourceRef={"kind": "GitRepository", "name": "theirs"})
    await world.ready("apps")
    change(world, "2")

    async def seen() -> bool:
        return await value(world) == "2"

    await world.eventually("the change has come through both", seen)


async def test_a_dependency_of_another_shard(world: World, theirs: _Shard) -> None:
    """It is asked for every now and then, as Flux does it: nobody tells when it is ready."""
    await world.restart_with(dependency_interval=timedelta(seconds=1))
    change(world, "1")
    await world.git_repository()
    await label(world, "GitRepository", "fleet", "one")
    await kustomization(world, dependsOn=[{"name": "base"}])
    await theirs.begin()
    failure = await world.failed("apps", reason="DependencyNotReady")
    assert failure["message"] == f"dependency '{world.namespace}/base' not found"
    await world.kustomization("base", path="base", retryInterval="1s")
    await label(world, "Kustomization", "base", "one")

    async def behind() -> bool:
        return bool((await world.condition("apps"))["message"].endswith("/base' is not ready"))

    await world.eventually("it waits for base", behind)
    world.repo.commit("Base", {"base/cm.yaml": config_map("base", world.namespace, {})})
    await world.ready("base", "apps")


async def test_a_cycle_across_shards_is_told_with_its_path(world: World, theirs: _Shard) -> None:
    """Of which two are of the other shard, one behind the other."""
    await world.restart_with(dependency_interval=timedelta(seconds=1))
    world.repo.commit("Begin", {f"{name}/cm.yaml": config_map(name, world.namespace, {}) for name in "abcd"})
    await world.git_repository()
    await label(world, "GitRepository", "fleet", "one")
    await theirs.begin()
    for name, before, shard in (("a", "d", "two"), ("b", "a", "one"), ("c", "b", "one"), ("d", "c", "two")):
        await world.kustomization(name, path=name, retryInterval="1s", dependsOn=[{"name": before}])
        await label(world, "Kustomization", name, shard)
    ns = world.namespace
    for name, path in (("a", "adcba"), ("b", "badcb")):
        text = "dependency cycle: " + " → ".join(f"{ns}/{step}" for step in path)

        async def told(name: str = name, text: str = text) -> bool:
            return text in (await world.condition(name)).get("message", "")

        await world.eventually(f"{name} tells {text}", told)
    await world.kustomization("c", path="c", retryInterval="1s")
    await world.ready(*"abcd")


async def test_what_nobody_reads_here_is_not_fetched(world: World, theirs: _Shard) -> None:
    change(world, "1")
    await world.git_repository()
    await label(world, "GitRepository", "fleet", "one")
    await theirs.begin()
    await published(world)
    assert not list((world.settings.storage.folder / "remotes").glob("*/objects/pack/*.pack"))
    await kustomization(world)
    await world.ready("apps")
