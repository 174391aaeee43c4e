"""GitRepository: what comes after the first success: failures, recoveries, small changes to large repositories."""

from __future__ import annotations

import random
from typing import TYPE_CHECKING

from tests.support.git_server import GitServer
from tests.support.progress import show_progress_after
from tests.support.repo import RepoBuilder
from tests.support.signers import SshSigner, signed_commit
from tests.support.ssh_server import GitSshServer, make_key

if TYPE_CHECKING:
    from pathlib import Path

    import pytest

    from tests.support.world import World

KIND = "GitRepository"


async def arrives(world: World, commit: str) -> None:
    async def seen() -> bool:
        status = await world.status("fleet", KIND)
        ready = status.get("conditions", [{}])[0].get("status") == "True"
        return ready and str((status.get("artifact") or {}).get("revision")).endswith(commit)

    await world.eventually(f"{commit} arrives", seen)


async def test_what_was_verified_stays_verified_until_a_signature_fails(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    signer = SshSigner(folder)
    name, public = signer.public
    commit = signed_commit(world.repo, signer)
    await world.apply("v1", "Secret", "trusted", stringData={name: public.decode()})
    await world.git_repository(verify={"secretRef": {"name": "trusted"}})
    await arrives(world, commit)
    artifact = (await world.status("fleet", KIND))["artifact"]

    world.repo.delete_branch("main")
    await world.failed("fleet", kind=KIND)
    verified = await world.condition("fleet", "SourceVerified", kind=KIND)
    assert verified["status"] == "True", "the artifact is still the one that was verified"
    world.repo.force("main", commit)
    await arrives(world, commit)

    world.repo.commit("Unsigned", {"b.yaml": ""})
    await world.failed("fleet", kind=KIND, reason="InvalidCommitSignature")
    refused = await world.condition("fleet", "SourceVerified", kind=KIND)
    assert (refused["status"], refused["reason"]) == ("False", "InvalidCommitSignature")
    assert (await world.status("fleet", KIND))["artifact"] == artifact


async def test_a_recovery_is_told_and_is_no_new_artifact(world: World) -> None:
    commit = world.repo.commit("Begin", {"a.yaml": ""})
    await world.git_repository()
    await arrives(world, commit)
    world.repo.delete_branch("main")
    await world.failed("fleet", kind=KIND)
    world.repo.force("main", commit)

    async def told() -> list[str]:
        events = await world.events("fleet", KIND)
        reasons = [event["reason"] for event in events if event["type"] == "Normal"]
        return reasons if "Succeeded" in reasons else []

    reasons: list[str] = await world.eventually("the recovery is told", told)
    assert sorted(reasons) == ["NewArtifact", "Succeeded"]
    assert [event.get("count", 1) for event in await world.events("fleet", KIND) if event["type"] == "Normal"] == [1, 1]


async def test_annotations_of_the_object_go_with_its_events(world: World) -> None:
    commit = world.repo.commit("Begin", {"a.yaml": ""})
    spec = {"interval": "10m", "url": world.repo.url, "ref": {"branch": "main"}}
    told = {"event.toolkit.fluxcd.io/team": "platform", "other.example.com/team": "no"}
    await world.apply("source.toolkit.fluxcd.io/v1", KIND, "fleet", annotations=told, spec=spec)
    event = await world.event("fleet", "stored artifact", kind=KIND)
    annotations = event["metadata"]["annotations"]
    assert annotations["event.toolkit.fluxcd.io/team"] == "platform"
    assert annotations["source.toolkit.fluxcd.io/revision"] == f"main@sha1:{commit}"
    assert "other.example.com/team" not in annotations


async def test_a_missing_folder_comes_with_a_later_revision(world: World) -> None:
    first = world.repo.commit("Begin", {"apps/a.yaml": ""})
    await world.git_repository(sparseCheckout=["apps"])
    await arrives(world, first)
    await world.git_repository(sparseCheckout=["infra"])
    failure = await world.failed("fleet", kind=KIND, reason="GitOperationFailed")
    assert "'infra' does not exist" in failure["message"]
    await arrives(world, world.repo.commit("There it is", {"infra/b.yaml": ""}))


async def test_the_same_request_at_an_interval_writes_nothing(
    world: World, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a status nor an event says that nothing is new: a cluster where nothing happens costs no request."""
    show_progress_after(3600, monkeypatch)  # on a busy machine each look would be slow enough to be shown
    async with GitServer(tmp_path / "srv") as server:
        repo = RepoBuilder(server.folder / "fleet.git")
        await world.git_repository(url=server.url("fleet.git"), interval="300ms")
        await arrives(world, repo.commit("Begin", {"a.yaml": ""}))
        await world.event("fleet", "stored artifact", kind=KIND)
        before, asked = world.requests(), len(server.seen)

        async def asked_thrice() -> bool:
            return len(server.seen) >= asked + 3

        await world.eventually("three intervals pass", asked_thrice)
        assert world.requests() == before


async def test_a_small_change_transfers_little_and_no_history(world: World, tmp_path: Path) -> None:
    noise = random.Random(7)
    files = {f"data/{number}.bin": noise.randbytes(20_000) for number in range(50)}
    async with GitServer(tmp_path / "srv") as server:
        repo = RepoBuilder(server.folder / "fleet.git")
        for number in range(5):
            repo.commit(f"Before {number}", {"data/old.bin": noise.randbytes(1_000_000)})
        head = repo.commit("Begin", files | {"data/old.bin": b""})
        await world.git_repository(url=server.url("fleet.git"))
        await arrives(world, head)
        assert 1_000_000 < server.sent < 1_200_000, "one commit, not the five before"
        server.sent = 0
        head = repo.commit("Small", {"data/0.bin": noise.randbytes(1_000)})
        await world.request_reconcile(KIND, "fleet", "again")
        await arrives(world, head)
        assert 1_000 < server.sent < 20_000


async def test_a_labelled_secret_that_changes_brings_a_run(world: World, tmp_path: Path) -> None:
    """Long before the interval, and without waiting for a failure to be tried again."""
    async with GitServer(tmp_path / "srv") as server:
        repo = RepoBuilder(server.folder / "fleet.git")
        server.users["ada"] = "swordfish"
        label = {"reconcile.fluxcd.io/watch": "Enabled"}
        login = {"username": "ada", "password": "swordfish"}
        await world.apply("v1", "Secret", "login", stringData=login, labels=label)
        await world.git_repository(url=server.url("fleet.git"), secretRef={"name": "login"})
        await arrives(world, repo.commit("Begin", {"a.yaml": ""}))
        await world.apply("v1", "Secret", "login", stringData=login | {"password": "marlin-99"}, labels=label)
        await world.failed("fleet", kind=KIND, reason="GitOperationFailed")


async def test_a_wrong_passphrase(world: World, tmp_path: Path) -> None:
    locked, public = make_key(passphrase="open sesame")
    async with GitSshServer(tmp_path / "srv", [public]) as server:
        RepoBuilder(server.folder / "fleet.git").commit("Begin", {"a.yaml": ""})
        secret = {"identity": locked, "known_hosts": server.known_hosts, "password": "close sesame"}
        await world.apply("v1", "Secret", "key", stringData=secret)
        await world.git_repository(url=server.url("fleet.git"), secretRef={"name": "key"})
        failure = await world.failed("fleet", kind=KIND, reason="AuthenticationFailed")
        assert "the passphrase of the ssh key in 'identity' is wrong" in failure["message"]
        assert "sesame" not in failure["message"]
        stranger = make_key(passphrase="open sesame")[0]
        await world.apply("v1", "Secret", "key", stringData={"identity": stranger, "password": "open sesame"})
        await world.request_reconcile(KIND, "fleet", "again")
        failure = await world.failed("fleet", kind=KIND, reason="GitOperationFailed")
        assert "the server refused the key" in failure["message"]
