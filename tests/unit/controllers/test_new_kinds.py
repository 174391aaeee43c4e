"""Whoever waits for a kind is told when it is served, which is a little after its definition is established."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, cast

from fairlead.controllers.new_kinds import FIRST_PAUSE_SECONDS, LOOKS, NewKinds
from fairlead.kube.discovery import Discovery
from fairlead.kube.errors import ServerUnavailableError
from fairlead.objects.ref import GroupKind

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

WIDGET, GADGET = GroupKind("example.com", "Widget"), GroupKind("example.com", "Gadget")


class Server:
    """Serves a kind after so many pauses; plays the clock, too."""

    def __init__(self, after: dict[GroupKind, int]) -> None:
        self.after = after
        self.pauses: list[float] = []
        self.readings = 0
        self.is_down = False
        self.told: asyncio.Queue[set[str]] = asyncio.Queue()
        self.discovery = Discovery(self._fetch)

    @property
    def served(self) -> set[str]:
        return {kind.kind for kind, pauses in self.after.items() if len(self.pauses) >= pauses}

    @asynccontextmanager
    async def established(self, *kinds: GroupKind) -> AsyncIterator[None]:
        new_kinds = NewKinds(self.discovery, cast("Any", self), lambda: self.told.put_nowait(self.served))
        running = asyncio.create_task(new_kinds.run())
        for kind in kinds:
            new_kinds.add(kind)
        yield
        running.cancel()
        await asyncio.wait((running,))

    async def sleep(self, seconds: float) -> None:
        await asyncio.sleep(0)
        self.pauses.append(seconds)

    async def _fetch(self, path: str, _: str) -> dict[str, Any]:
        if self.is_down:
            self.is_down = False
            raise ServerUnavailableError(path, "get")
        self.readings += path == "/apis"
        kinds = sorted(self.served) if path == "/apis" else []
        resources = [{"resource": f"{kind.lower()}s", "responseKind": {"kind": kind}} for kind in kinds]
        group = {"metadata": {"name": "example.com"}, "versions": [{"version": "v1", "resources": resources}]}
        return {"kind": "APIGroupDiscoveryList", "items": [group]}


async def test_not_before_it_is_served() -> None:
    server = Server({WIDGET: 3})
    async with server.established(WIDGET):
        assert await server.told.get() == {"Widget"}
    assert server.pauses == [factor * FIRST_PAUSE_SECONDS for factor in (1, 2, 4)]
    assert await server.discovery.versions(WIDGET) == {"v1"}, "it is known to who looks now"


async def test_those_that_come_together_cost_one_reading() -> None:
    server = Server({WIDGET: 0, GADGET: 0})
    async with server.established(WIDGET, GADGET):
        for _ in range(2):
            assert await server.told.get() == {"Widget", "Gadget"}
    assert server.readings == 1


async def test_one_that_is_never_served_holds_up_nobody() -> None:
    server = Server({WIDGET: 1, GADGET: 1000})
    async with server.established(GADGET, WIDGET):
        assert await server.told.get() == {"Widget"}
        assert len(server.pauses) < LOOKS
        await server.told.get()
    assert len(server.pauses) == LOOKS + 1


async def test_a_server_that_is_down_is_asked_again() -> None:
    server = Server({WIDGET: 0})
    server.is_down = True
    async with server.established(WIDGET):
        assert await server.told.get() == {"Widget"}
    assert len(server.pauses) == 2
