"""Upkeep comes some minutes after the start and once a day, with what all GitRepositories show."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

import msgspec

from fairlead.api.gitrepository import GitRepository
from fairlead.controllers.upkeep import FIRST_SECONDS, PERIOD_SECONDS, Upkeep
from fairlead.kube.reflector import Key
from fairlead.sources.upkeep import InUse
from tests.support.clock import VirtualClock

if TYPE_CHECKING:
    from collections.abc import Iterable

    import pytest

TREE = "2" * 40
HEAD, LIBRARY = "a" * 40, "b" * 40


class Source:
    """Remembers what it was called with; fails at the first time."""

    def __init__(self) -> None:
        self.calls: list[tuple[list[InUse], float]] = []
        self.clock = VirtualClock()

    async def maintain(self, artifacts: Iterable[InUse], *, now: Any) -> None:
        self.calls.append((list(artifacts), self.clock.elapsed))
        assert now == self.clock.now()
        if len(self.calls) == 1:
            raise OSError("no space left on device")


class Swept:
    """No archives are there."""

    async def sweep(self) -> None:
        """Nothing to remove."""


def repository(status: dict[str, Any]) -> GitRepository:
    manifest = {
        "metadata": {"name": "fleet", "namespace": "apps"},
        "spec": {"url": "https://git.example.com/fleet.git", "interval": "1m", "suspend": True},
        "status": status,
    }
    return msgspec.convert(manifest, GitRepository)


async def test_once_a_day_with_all_that_is_shown(caplog: pytest.LogCaptureFixture) -> None:
    def artifact(revision: str) -> dict[str, Any]:
        metadata = {"fairlead.dev/tree": TREE}
        return {"revision": revision, "path": "", "url": "", "lastUpdateTime": "", "metadata": metadata}

    shown = {"artifact": artifact(f"main@sha1:{HEAD}"), "includedArtifacts": [artifact(f"sha1:{LIBRARY}")]}
    known = {Key("apps", "fleet"): repository(shown), Key("apps", "new"): repository({})}
    source = Source()
    upkeep = Upkeep(cast("Any", source), cast("Any", known), cast("Any", Swept()), source.clock)
    work = asyncio.create_task(upkeep.run())
    await source.clock.advance(FIRST_SECONDS - 1)
    assert not source.calls
    await source.clock.advance(1)
    await source.clock.advance(PERIOD_SECONDS)
    work.cancel()
    expected = [InUse(TREE, (HEAD, LIBRARY))]
    assert source.calls == [(expected, FIRST_SECONDS), (expected, FIRST_SECONDS + PERIOD_SECONDS)]
    assert "no space left" in caplog.text
