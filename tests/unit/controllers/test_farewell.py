"""What only the journal knows goes into statuses at the end: a few at a time, and only while the server is quick."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

from fairlead.controllers import farewell
from fairlead.controllers.farewell import AT_ONCE, say_farewell
from fairlead.errors import ForbiddenError
from fairlead.kube.reflector import Key
from fairlead.objects.inventory import Inventory
from tests.unit.controllers.resources_for_tests import kustomization

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    import pytest

    from fairlead.api.kustomization import Kustomization

APPS = 50


class World:
    """Kustomizations with entries in a journal, and a server that is as quick as it is told to be."""

    def __init__(self) -> None:
        self.reflector = self
        self.refuses = False
        self.hangs = False
        self.tried: list[str] = []
        self.told: list[str] = []
        self.most = 0
        self._at_work = 0
        self._known = {Key("flux-system", f"app-{number}"): kustomization(f"app-{number}") for number in range(APPS)}

    def items(self) -> list[tuple[Key, Kustomization]]:
        return list(self._known.items())

    def typed(self, key: Key) -> Kustomization:
        return self._known[key]

    def holds(self, _: Kustomization) -> bool:
        return True

    def inventory_of(self, _: Kustomization) -> Inventory:
        return Inventory()

    @contextlib.asynccontextmanager
    async def session(self, wanted: Kustomization) -> AsyncIterator[World]:
        self.tried.append(wanted.metadata.name)
        self._at_work += 1
        self.most = max(self.most, self._at_work)
        try:
            yield self
        finally:
            self._at_work -= 1
        self.told.append(wanted.metadata.name)

    async def write(self, _: dict[str, Any]) -> None:
        await asyncio.sleep(0)
        if self.hangs:
            await asyncio.Event().wait()
        if self.refuses:
            raise ForbiddenError("not for you")


async def end(world: World) -> None:
    await say_farewell([], world, world)  # type: ignore[arg-type]


async def test_all_are_told_a_few_at_a_time() -> None:
    world = World()
    await end(world)
    assert len(world.told) == APPS
    assert world.most == AT_ONCE


async def test_a_server_that_does_not_answer_is_not_asked_for_each_of_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(farewell, "FAREWELL_SECONDS", 0.01)
    world = World()
    world.hangs = True
    await end(world)
    assert (len(world.tried), world.told) == (AT_ONCE, [])


async def test_one_that_is_refused_stops_no_other() -> None:
    world = World()
    world.refuses = True
    await end(world)
    assert len(world.tried) == APPS
