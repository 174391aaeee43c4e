"""Git servers that fail: the source says what is wrong, the last good artifact stays, and nothing else is harmed."""

from __future__ import annotations

import base64
import functools
import itertools
import random
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from fairlead.controllers import manager
from fairlead.sources.git import GitOptions
from tests.support.git_server import Failure, GitServer
from tests.support.manifests import config_map
from tests.support.repo import RepoBuilder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.world import World

TOKEN = "swordfish-0123456789"


class Remote:
    """A repository on a server, delivered by ``far``; ``near`` is delivered from the local one."""

    def __init__(self, world: World, server: GitServer) -> None:
        self.world = world
        self.server = server
        self.repo = RepoBuilder(server.folder / "fleet.git")
        self._turn = itertools.count()

    async def begin(self, **spec: Any) -> None:
        world = self.world
        self.commit("1")
        await world.git_repository("far", url=self.server.url("fleet.git"), timeout="5s", **spec)
        await world.kustomization("far", path="far", sourceRef={"kind": "GitRepository", "name": "far"})
        world.repo.commit("Begin", {"near/cm.yaml": config_map("near", world.namespace, {"k": "1"})})
        await world.git_repository()
        await world.kustomization("near", path="near")
        await world.ready("near")
        await self.delivered("1")

    def commit(self, value: str) -> str:
        return self.repo.commit(value, {"far/cm.yaml": config_map("far", self.world.namespace, {"k": value})})

    async def delivered(self, value: str) -> None:
        await self.world.ready("far", commit=self.repo.head)
        found = await self.world.get("ConfigMap", "far")
        assert found is not None
        assert found["data"] == {"k": value}

    async def ask(self) -> None:
        await self.world.request_reconcile("GitRepository", "far", f"{len(self.server.seen)}-{next(self._turn)}")

    async def fails(self) -> str:
        """The message of the condition; everything else goes on, and the event is there once."""
        world, reason = self.world, "GitOperationFailed"
        artifact = (await world.status("far", "GitRepository"))["artifact"]
        await self.ask()
        failure = await world.failed("far", kind="GitRepository", reason=reason)
        fetch = await world.condition("far", "FetchFailed", kind="GitRepository")
        assert (fetch["status"], fetch["message"]) == ("True", failure["message"])
        assert (await world.status("far", "GitRepository"))["artifact"] == artifact
        assert (await world.condition("far"))["status"] == "True", "what was delivered stays"
        await self._others_go_on()
        message: str = failure["message"]
        event = await world.event("far", message[:300], kind="GitRepository")
        assert (event["type"], event["reason"]) == ("Warning", reason)
        return message

    async def _others_go_on(self) -> None:
        value = {"k": f"{len(self.server.seen)}"}
        self.world.repo.commit("Go on", {"near/cm.yaml": config_map("near", self.world.namespace, value)})
        await self.world.ready("near")

    async def recovers(self) -> None:
        self.commit("2")
        await self.ask()
        await self.delivered("2")
        assert (await self.world.condition("far", "FetchFailed", kind="GitRepository"))["status"] == ""


@pytest_asyncio.fixture
async def remote(world: World, tmp_path: Path) -> AsyncIterator[Remote]:
    async with GitServer(tmp_path / "srv") as server:
        yield Remote(world, server)


FAILURES = {
    Failure.ERROR_500: ("500",),
    Failure.TOO_MANY_429: ("429",),
    Failure.GARBAGE: ("127.0.0.1",),
    Failure.HTML: ("127.0.0.1",),
    Failure.RESET: ("127.0.0.1",),
    Failure.HANG: ("127.0.0.1",),
    Failure.NOT_FOUND: ("fleet.git",),
}


@pytest.mark.parametrize("failure", FAILURES, ids=lambda failure: failure.name.lower())
async def test_a_server_that_misbehaves(remote: Remote, failure: Failure) -> None:
    await remote.begin()
    remote.server.failure = failure
    message = await remote.fails()
    for text in FAILURES[failure]:
        assert text in message
    assert "<html>" not in message
    remote.server.failure = None
    await remote.recovers()


@pytest.mark.parametrize("failure", [Failure.CUT, Failure.CORRUPT], ids=lambda failure: failure.name.lower())
async def test_a_pack_that_is_damaged_on_its_way(remote: Remote, failure: Failure) -> None:
    await remote.begin()
    remote.server.failure = failure
    remote.commit("1b")
    await remote.fails()
    remote.server.failure = None
    await remote.recovers()


async def test_a_pack_that_is_too_large(remote: Remote, monkeypatch: pytest.MonkeyPatch) -> None:
    """It is broken off at the limit, so nobody fills our disk, and the next revision comes without it."""
    monkeypatch.setattr(manager, "GitOptions", functools.partial(GitOptions, largest_pack_bytes=50_000))
    await remote.world.restart()
    await remote.begin()
    remote.repo.commit("Big", {"big.bin": random.Random(1).randbytes(100_000)})
    assert "exceeds maximum allowed size" in await remote.fails()
    remote.repo.commit("Small again", {"big.bin": None})
    await remote.recovers()


async def test_a_server_that_is_down(remote: Remote) -> None:
    await remote.begin()
    await remote.world.patch("GitRepository", "far", {"spec": {"url": "http://127.0.0.1:9/fleet.git"}})
    message = await remote.fails()
    assert "127.0.0.1:9" in message
    await remote.world.patch("GitRepository", "far", {"spec": {"url": remote.server.url("fleet.git")}})
    await remote.recovers()


async def test_it_comes_back_by_itself(remote: Remote) -> None:
    """A failure that may pass is tried again within seconds, not at the interval."""
    await remote.begin()
    remote.server.failure = Failure.RESET
    await remote.fails()
    remote.commit("2")
    remote.server.failure = None
    await remote.delivered("2")


async def test_a_forced_push(remote: Remote) -> None:
    await remote.begin()
    first = remote.repo.head
    remote.commit("2")
    await remote.ask()
    await remote.delivered("2")
    remote.repo.force("main", first)
    remote.repo.commit("Another history", {"far/cm.yaml": config_map("far", remote.world.namespace, {"k": "3"})})
    await remote.ask()
    await remote.delivered("3")


async def test_a_deleted_branch(remote: Remote) -> None:
    await remote.begin()
    head = remote.repo.head
    remote.repo.commit("Elsewhere", {}, branch="other")
    remote.repo.delete_branch("main")
    message = await remote.fails()
    assert "main" in message
    assert "not found" in message or "no branch" in message or "couldn't find remote ref" in message
    remote.repo.force("main", head)
    await remote.recovers()


async def test_an_expired_token(remote: Remote) -> None:
    remote.server.users["git"] = TOKEN
    await remote.world.apply("v1", "Secret", "login", stringData={"username": "git", "password": TOKEN})
    await remote.begin(secretRef={"name": "login"})
    remote.server.users["git"] = "another"
    message = await remote.fails()
    assert "credentials were refused" in message
    events = await remote.world.events("far", "GitRepository")
    secrets = (TOKEN, base64.b64encode(f"git:{TOKEN}".encode()).decode())
    told = [message, *(event["message"] for event in events)]
    assert not any(secret in text for secret in secrets for text in told)

    await remote.world.apply("v1", "Secret", "login", stringData={"username": "git", "password": "another"})
    await remote.recovers()


async def test_a_secret_that_is_missing(remote: Remote) -> None:
    await remote.begin()
    await remote.world.patch("GitRepository", "far", {"spec": {"secretRef": {"name": "nobody"}}})
    failure = await remote.world.failed("far", kind="GitRepository")
    assert "nobody" in failure["message"]
    assert "not found" in failure["message"]
    await remote.world.apply("v1", "Secret", "nobody", stringData={"username": "git", "password": "x"})
    await remote.recovers()
