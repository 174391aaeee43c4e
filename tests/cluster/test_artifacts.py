"""``status.artifact`` for other controllers: the archive behind its URL is there, is true, and is looked after."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
import shutil
import socket
import tarfile
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import aiohttp
import pytest

from fairlead.kube.client import PatchType
from fairlead.runtime.files import AddressInUseError
from tests.support.manifests import config_map
from tests.support.progress import show_progress_after
from tests.support.repo import Executable, Symlink

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World

KIND = "GitRepository"
TREE = "fairlead.dev/tree"


async def serving(world: World, **storage: Any) -> World:
    """With archives served on this machine."""
    settings = {"address": "127.0.0.1:0"} | storage
    world.settings = replace(world.settings, storage=replace(world.settings.storage, **settings))
    await world.restart()
    return world


async def artifact(world: World, commit: str = "", name: str = "fleet", digest: str = "") -> dict[str, Any]:
    """Of a commit, the head by default."""
    wanted = commit or world.repo.head

    async def seen() -> Any:
        found = (await world.status(name, KIND)).get("artifact") or {}
        return found if found.get("revision", "").endswith(wanted) and found["digest"].startswith(digest) else None

    found: dict[str, Any] = await world.eventually(f"the artifact of {wanted}", seen)
    return found


async def answered(world: World, token: str) -> dict[str, Any]:
    """The status after a run that was asked for."""
    await world.request_reconcile(KIND, "fleet", token)

    async def seen() -> Any:
        status = await world.status("fleet", KIND)
        return status if status.get("lastHandledReconcileAt") == token else None

    status: dict[str, Any] = await world.eventually(f"the request {token} is answered", seen)
    return status


async def download(artifact: dict[str, Any]) -> dict[str, tuple[int, str]]:
    """As a consumer of Flux's does: get it, compare the digest, unpack it. Mode and text of each file."""
    async with aiohttp.ClientSession(auto_decompress=False) as session, session.get(artifact["url"]) as response:
        assert response.status == 200
        data = await response.read()
    algorithm, _, wanted = artifact["digest"].partition(":")
    assert hashlib.new(algorithm, data).hexdigest() == wanted
    assert len(data) == artifact["size"]
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        found = [(each, archive.extractfile(each)) for each in archive]
        return {each.name: (each.mode, stream.read().decode() if stream else "") for each, stream in found}


def folder_of(world: World) -> Path:
    return world.settings.storage.folder / "artifacts" / "gitrepository" / world.namespace / "fleet"


async def test_what_is_downloaded_is_the_tree(world: World) -> None:
    """After ignore rules, and with what is included."""
    await serving(world)
    world.repo.commit("Base", {"deep/base.yaml": "b: 1\n"}, branch="base")
    files = {"a/x.yaml": "x: 1\n", "a/run.sh": Executable("echo"), "a/link": Symlink("x.yaml"), "b.jpg": "picture"}
    world.repo.commit("Begin", files)
    await world.git_repository("base", ref={"branch": "base"})
    include = [{"repository": {"name": "base"}, "fromPath": "deep", "toPath": "from/base"}]
    await world.git_repository(include=include)
    found = await artifact(world)
    assert found["path"] == f"gitrepository/{world.namespace}/fleet/{world.repo.head}.tar.gz"
    assert found["url"].startswith("http://127.0.0.1:")
    assert await download(found) == {
        "a": (0o750, ""),
        "a/run.sh": (0o700, "echo"),
        "a/x.yaml": (0o600, "x: 1\n"),
        "from": (0o750, ""),
        "from/base": (0o750, ""),
        "from/base/base.yaml": (0o600, "b: 1\n"),
    }
    base = (await world.status("base", KIND))["artifact"]
    (included,) = (await world.status("fleet", KIND))["includedArtifacts"]
    assert included == base
    assert await download(included) == {"deep": (0o750, ""), "deep/base.yaml": (0o600, "b: 1\n")}


async def test_each_revision_has_its_archive_and_old_ones_go(world: World) -> None:
    await serving(world)
    seen = []
    await world.git_repository()
    for number in range(4):
        world.repo.commit(f"No {number}", {"a.yaml": f"a: {number}\n"})
        seen.append(await artifact(world))
        assert (await download(seen[-1]))["a.yaml"] == (0o600, f"a: {number}\n")
    assert await download(seen[-2]), "who was told of it a moment ago can still get it"
    await world.event("fleet", "garbage collected 1 artifacts", kind=KIND)
    for file in folder_of(world).glob("[0-9a-f]*.tar.gz"):
        os.utime(file, (time.time() - 61, time.time() - 61))
    await answered(world, "later")
    names = {path.name for path in folder_of(world).glob("*.tar.gz")}
    assert names == {f"{world.repo.head}.tar.gz", "latest.tar.gz"}
    latest = seen[-1] | {"url": seen[-1]["url"].replace(world.repo.head, "latest")}
    assert await download(latest) == await download(seen[-1])


async def test_a_damaged_archive_is_told_of_and_made_again(world: World) -> None:
    await serving(world)
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("settings", world.namespace, {})})
    await world.git_repository()
    await world.kustomization("apps", path="apps")
    await world.ready("apps")
    before = await artifact(world)
    (folder_of(world) / f"{world.repo.head}.tar.gz").write_bytes(b"somebody else's")
    writes = world.object_writes()
    status = await answered(world, "look")
    assert status["artifact"] == before
    assert await download(before)
    event = await world.event("fleet", f"computed digest doesn't match '{before['digest']}'", kind=KIND)
    assert (event["type"], event["reason"]) == ("Warning", "ArtifactVerificationFailed")
    reasons = [event["reason"] for event in await world.events("fleet", KIND)]
    assert reasons.count("NewArtifact") == 1, "it is the same as before"
    assert world.object_writes() == writes, "nobody who reads the tree has to do with it"


async def test_a_lost_archive_is_made_again(world: World) -> None:
    await serving(world)
    world.repo.commit("Begin", {"a.yaml": ""})
    await world.git_repository()
    before = await artifact(world)
    for file in folder_of(world).iterdir():
        file.unlink()
    assert (await answered(world, "look"))["artifact"] == before
    assert await download(before)


async def test_a_restart_makes_and_writes_nothing(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    show_progress_after(3600, monkeypatch)  # on a busy machine a look would be slow enough to be shown
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("settings", world.namespace, {})})
    await world.git_repository()
    await world.kustomization("apps", path="apps")
    await world.ready("apps")
    before = await world.get(KIND, "fleet")
    file = folder_of(world) / f"{world.repo.head}.tar.gz"
    made = file.stat().st_mtime_ns
    await world.restart()
    await world.quiet()
    assert file.stat().st_mtime_ns == made
    assert await world.get(KIND, "fleet") == before
    assert sum(world.controllers.sent[(verb, "gitrepositories")] for verb in ("patch", "update", "apply")) == 0


async def test_another_address_is_shown_and_delivers_nothing_anew(world: World) -> None:
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("settings", world.namespace, {})})
    await world.git_repository()
    await world.kustomization("apps", path="apps")
    await world.ready("apps")
    before = await artifact(world)
    assert before["url"].startswith("http://fairlead.flux-system.svc.cluster.local./gitrepository/")
    await serving(world, address="", advertised_address="archives.example.com:8080")

    async def corrected() -> Any:
        found = (await world.status("fleet", KIND))["artifact"]
        return found if found != before else None

    found = await world.eventually("the address is corrected", corrected)
    assert found == before | {"url": f"http://archives.example.com:8080/{before['path']}"}
    await world.quiet()
    assert world.object_writes() == 0


async def test_with_a_deleted_source_its_archives_go(world: World) -> None:
    world.repo.commit("Begin", {"a.yaml": ""})
    await world.git_repository()
    await artifact(world)
    assert folder_of(world).exists()
    await world.delete(KIND, "fleet")

    async def gone() -> bool:
        return await world.get(KIND, "fleet") is None and not folder_of(world).exists()

    await world.eventually("they are gone", gone)
    event = await world.event("fleet", "garbage collected artifacts for deleted resource", kind=KIND)
    assert (event["type"], event["reason"]) == ("Normal", "GarbageCollectionSucceeded")


@pytest.mark.parametrize("algorithm", ["sha384", "sha512"])
async def test_other_digests(world: World, algorithm: str) -> None:
    await serving(world, digest_algorithm=algorithm)
    world.repo.commit("Begin", {"a.yaml": "1"})
    await world.git_repository()
    found = await artifact(world, digest=f"{algorithm}:")
    assert await download(found) == {"a.yaml": (0o600, "1")}


async def test_the_artifact_of_a_former_version_is_taken_over(world: World) -> None:
    """Its digest was one of the tree, and nothing was packed."""
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("settings", world.namespace, {})})
    await world.git_repository()
    await world.kustomization("apps", path="apps")
    await world.ready("apps")
    before = await artifact(world)
    await world.event("fleet", "stored artifact", kind=KIND)
    await world.stop()
    former = before | {"digest": f"sha256:{hashlib.sha256(before['metadata'][TREE].encode()).hexdigest()}"}
    body = {"status": {"artifact": former}}
    await world.client.patch(world.ref(KIND, "fleet"), body, PatchType.MERGE, subresource="status")
    for file in folder_of(world).iterdir():
        file.unlink()
    await serving(world)
    found = await artifact(world, digest=before["digest"])
    assert await download(found)
    await world.quiet()
    assert world.object_writes() == 0, "the files are the same"
    reasons = [event["reason"] for event in await world.events("fleet", KIND)]
    assert reasons.count("NewArtifact") == 1


async def test_a_port_that_is_taken_ends_the_start(world: World) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        address = f"127.0.0.1:{other.getsockname()[1]}"
        with pytest.raises(AddressInUseError, match=f"cannot listen at {address}: Address already in use"):
            await serving(world, address=address)


async def test_a_folder_that_cannot_be_written(world: World, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    await serving(world, archives=tmp_path / "file")
    world.repo.commit("Begin", {"a.yaml": ""})
    await world.git_repository()
    failure = await world.failed("fleet", kind=KIND, reason="DirectoryCreationFailed")
    assert failure["message"] == "failed to create artifact directory: Not a directory"
    stored = await world.condition("fleet", "StorageOperationFailed", kind=KIND)
    assert (stored["status"], stored["reason"]) == ("True", "DirectoryCreationFailed")
    await asyncio.to_thread((tmp_path / "file").unlink)
    await artifact(world)
    assert (await world.condition("fleet", "StorageOperationFailed", kind=KIND))["status"] == ""


async def test_an_archive_that_cannot_be_written(world: World) -> None:
    """What was delivered stays, and the rest comes when there is room again."""
    first = world.repo.commit("Begin", {"a.yaml": ""})
    await world.git_repository()
    before = await artifact(world)
    await world.git_repository(suspend=True)
    second = world.repo.commit("More", {"a.yaml": "a: 1"})
    obstacle = folder_of(world) / f"{second}.tar.gz"
    await asyncio.to_thread(obstacle.mkdir)
    await world.git_repository(suspend=False)
    failure = await world.failed("fleet", kind=KIND, reason="ArchiveOperationFailed")
    assert failure["message"] == "unable to archive artifact to storage: Is a directory"
    assert await artifact(world, first) == before
    await asyncio.to_thread(obstacle.rmdir)
    await artifact(world, second)


async def test_archives_that_cannot_be_removed_keep_nobody(world: World) -> None:
    world.repo.commit("Begin", {"a.yaml": ""})
    await world.git_repository()
    await artifact(world)
    await asyncio.to_thread(_put_a_file, folder_of(world))
    await world.delete(KIND, "fleet")
    event = await world.event("fleet", "garbage collection for deleted resource failed: ", kind=KIND)
    assert (event["type"], event["reason"]) == ("Warning", "GarbageCollectionFailed")

    async def gone() -> bool:
        return await world.get(KIND, "fleet") is None

    await world.eventually("it is gone", gone)


def _put_a_file(folder: Path) -> None:
    shutil.rmtree(folder)
    folder.write_text("")
