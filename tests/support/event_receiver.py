"""Takes events in the place of Flux's notification-controller, and refuses them on demand."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self

from aiohttp import web

if TYPE_CHECKING:
    from collections.abc import Iterable

__all__ = ["EventReceiver"]


class EventReceiver:
    """An async context manager; ``answers`` are the statuses of the first requests, 202 follows."""

    def __init__(self, answers: Iterable[int] = ()) -> None:
        self.asked = 0
        self.taken: list[dict[str, Any]] = []
        self.url = ""
        self._answers = list(answers)

    async def __aenter__(self) -> Self:
        app = web.Application()
        app.router.add_post("/", self._take)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}/"
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._runner.cleanup()

    async def _take(self, request: web.Request) -> web.Response:
        self.asked += 1
        status = self._answers.pop(0) if self._answers else 202
        if status == 202:
            self.taken.append(await request.json())
        return web.Response(status=status)
