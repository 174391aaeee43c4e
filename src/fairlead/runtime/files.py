"""A folder over HTTP, for reading: GET and HEAD of the files whose paths fit a pattern, and nothing else.

The pattern is the fence: no path that it does not fit is looked up, so it must not fit ``..`` or names that are not
for others. There are no listings. There is no authentication either; who can reach the port can read.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING, Self

from aiohttp import web

from fairlead.errors import UnavailableError

if TYPE_CHECKING:
    import re
    from pathlib import Path

__all__ = ["AddressInUseError", "FileServer"]


class AddressInUseError(UnavailableError):
    """Another program listens there, or the address is not one of this machine."""


class FileServer:
    """An async context manager. ``port`` 0 takes a free one, see :attr:`port` once it is open; ``host`` None is all."""

    def __init__(self, root: Path, allowed: re.Pattern[str], content_type: str, *, host: str | None, port: int) -> None:
        self.host = host
        self.port = port
        self._root = root
        self._allowed = allowed
        self._content_type = content_type
        self._stack = contextlib.AsyncExitStack()

    async def __aenter__(self) -> Self:
        application = web.Application()
        application.router.add_get("/{path:.*}", self._serve)
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=1)
        await runner.setup()
        self._stack.push_async_callback(runner.cleanup)
        try:
            await web.TCPSite(runner, self.host, self.port).start()
        except OSError as error:
            await self._stack.aclose()
            why = os.strerror(error.errno) if error.errno else str(error)  # asyncio's text repeats the address
            raise AddressInUseError(f"cannot listen at {self.host or ''}:{self.port}: {why}") from error
        self.port = runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        await self._stack.aclose()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        path = request.match_info["path"]
        if self._allowed.fullmatch(path) is None:
            raise web.HTTPNotFound
        file = self._root / path
        if not await asyncio.to_thread(file.is_file):
            raise web.HTTPNotFound
        # The type is given because a guess by name would call it an encoding, and clients would unpack it.
        return web.FileResponse(file, headers={"Content-Type": self._content_type})
