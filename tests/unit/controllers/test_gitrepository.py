"""When a GitRepository that failed is tried again; time is virtual, and there is neither cluster nor Git."""

from __future__ import annotations

import asyncio
import contextlib
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

import msgspec

from fairlead.api.gitrepository import GitRepository
from fairlead.controllers.gitrepository import GitRepositories
from fairlead.kube.reflector import Key
from fairlead.runtime.controller import Controller
from fairlead.settings import ReconcileSettings, Settings, StorageSettings
from tests.support.clock import VirtualClock

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from fairlead.runtime.controller import Result

KEY = Key("apps", "fleet")
PACE = ReconcileSettings()


def repository(name: str, *, artifact: Mapping[str, Any] | None = None, **spec: Any) -> GitRepository:
    metadata = {
        "namespace": "apps",
        "name": name,
        "generation": 1,
        "uid": name,
        "resourceVersion": "1",
        "finalizers": ["finalizers.fluxcd.io"],
    }
    wanted = {"url": "https://git.example.com/fleet", "interval": "10m", **spec}
    status = {"artifact": artifact} if artifact else {}
    return msgspec.convert({"metadata": metadata, "spec": wanted, "status": status}, GitRepository)


class Known:
    """In the place of ``Access``: some resources, and what was said of them."""

    def __init__(self, *repositories: GitRepository) -> None:
        self.repositories = {each.metadata.name: each for each in repositories}
        self.events: list[tuple[str, str, str]] = []

    def current(self, key: Key) -> GitRepository | None:
        return self.repositories.get(key.name)

    typed = current

    def is_ours(self, _: GitRepository) -> bool:
        return True

    def unfollow(self, _: Key) -> None:
        """Nothing is followed."""

    @contextlib.asynccontextmanager
    async def session(self, resource: GitRepository) -> AsyncIterator[Session]:
        yield Session(self, resource)

    def event(self, _: GitRepository, type: str, reason: str, message: str) -> None:
        self.events.append((type, reason, message))


class Session:
    def __init__(self, known: Known, resource: GitRepository) -> None:
        self._known = known
        self._resource = resource

    async def write(self, status: dict[str, Any]) -> None:
        told: dict[str, Any] = {**msgspec.to_builtins(self._resource), "status": status}
        self._known.repositories[self._resource.metadata.name] = msgspec.convert(told, GitRepository)


async def runs_of(known: Known, *, seconds: float) -> list[float]:
    """When the controller of sources, with its usual settings, runs the key of :data:`KEY`."""
    clock = VirtualClock()
    nothing = cast("Any", None)
    settings = Settings(storage=StorageSettings(folder=Path()))
    git = GitRepositories(cast("Any", known), nothing, nothing, nothing, nothing, settings, clock)
    times: list[float] = []

    async def reconcile(key: Key) -> Result:
        times.append(clock.monotonic())
        return await git.reconcile(key)

    not_ready = PACE.dependency_interval.total_seconds()
    controller: Controller[Key] = Controller("git", reconcile, clock=clock, not_ready_seconds=not_ready)
    work = asyncio.create_task(controller.run())
    controller.queue.add(KEY)
    await clock.advance(seconds)
    work.cancel()
    await asyncio.gather(work, return_exceptions=True)
    return times


async def test_an_include_that_is_absent_is_looked_for_every_30_seconds() -> None:
    """An artifact that comes wakes who includes it; this is for the event that is lost."""
    known = Known(repository("fleet", include=[{"repository": {"name": "base"}}]), repository("base"))
    assert await runs_of(known, seconds=100) == [0, 30, 60, 90]
    text = "no artifact available for include 'base'"
    assert known.events == [("Warning", "NoArtifact", text)], "once is enough"
    conditions = known.repositories["fleet"].status.conditions or []
    assert {(each.type, each.status, each.reason) for each in conditions} == {
        ("Ready", "False", "NoArtifact"),
        ("Reconciling", "True", "ProgressingWithRetry"),
        ("IncludeUnavailable", "True", "NoArtifact"),
    }


async def test_an_include_that_is_not_there() -> None:
    known = Known(repository("fleet", include=[{"repository": {"name": "base"}}]))
    assert await runs_of(known, seconds=40) == [0, 30]
    assert [event[1] for event in known.events] == ["NotFound"]


async def test_an_address_that_cannot_work_is_not_tried_again() -> None:
    known = Known(repository("fleet", provider="aws"))
    assert await runs_of(known, seconds=10_000) == [0]
    (event,) = known.events
    assert event[:2] == ("Warning", "InvalidProviderConfiguration")
