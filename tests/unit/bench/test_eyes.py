"""What the benchmark sees by, against a server that is not ready to be watched."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from bench.fleet import eyes
from bench.fleet.eyes import DEPLOYMENT, Eyes
from fairlead.kube.errors import GoneError, TooManyRequestsError
from fairlead.kube.watch import WatchEvent
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator


def deployment(name: str, version: int) -> dict[str, Any]:
    return {"metadata": {"name": name, "resourceVersion": str(version)}}


class Server:
    """Refuses to be watched for a while; then tells of one object, and that the version is too old."""

    def __init__(self, refusals: int) -> None:
        self.refusals = refusals
        self.lists = 0
        self.items = [deployment("first", 1)]
        self.watched_from: list[str] = []

    async def list(self, *_: object, **__: object) -> SimpleNamespace:
        self.lists += 1
        return SimpleNamespace(resource_version="1", items=self.items)

    async def watch(self, *_: object, resource_version: str, **__: object) -> AsyncIterator[WatchEvent]:
        self.watched_from.append(resource_version)
        if self.refusals:
            self.refusals -= 1
            text = "storage is (re)initializing"
            raise TooManyRequestsError("deployments", "watch", status=429, message=text, retry_after=0.0)
        if resource_version == "2":
            raise GoneError("deployments", "watch", status=410)
        if self.lists == 1:
            self.items.append(deployment("second", 2))
            yield WatchEvent("ADDED", self.items[-1])
        else:
            await asyncio.Event().wait()


def eyes_on(server: Server) -> Eyes:
    client: Any = server
    return Eyes(client)


async def test_a_server_that_is_not_ready_is_asked_again() -> None:
    server = Server(refusals=3)
    found = eyes_on(server)
    following = asyncio.create_task(found.follow(DEPLOYMENT))
    await found.until(lambda: "second" in found.state[DEPLOYMENT], seconds=PATIENCE)
    await found.until(lambda: server.lists == 2, seconds=PATIENCE)
    following.cancel()
    await asyncio.gather(following, return_exceptions=True)
    assert server.watched_from[:5] == ["1", "1", "1", "1", "2"]
    assert server.lists == 2, "a list for the beginning, and one for what was too old"


async def test_one_that_is_never_ready_is_named_in_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(eyes, "NO_WATCH_SECONDS", 0.05)
    with pytest.raises(TimeoutError, match=r"no watch of Deployment\.apps for 0\.05 s: .*\(re\)initializing"):
        await asyncio.wait_for(eyes_on(Server(refusals=10**9)).follow(DEPLOYMENT), PATIENCE)
