"""A real Git server over http(s) for tests: ``git http-backend`` behind a web server that misbehaves on demand.

::

    async with GitServer(tmp_path / "srv") as server:
        repo = RepoBuilder(server.folder / "fleet.git")
        repo.commit("Start", {"a.yaml": "kind: ConfigMap"})
        server.users["ada"] = "secret"          # from now on basic authentication is demanded
        server.failure = Failure.HANG           # and now it does not answer
        ... server.url("fleet.git") ...
"""

from __future__ import annotations

import asyncio
import base64
import os
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    import ssl
    from pathlib import Path

__all__ = ["Failure", "GitServer", "Seen"]


class Failure(Enum):
    """How the server misbehaves."""

    HANG = auto()
    """Takes the request and never answers."""
    ERROR_500 = auto()
    TOO_MANY_429 = auto()
    GARBAGE = auto()
    """The right content type, and nonsense."""
    HTML = auto()
    """A login page, with status 200."""
    RESET = auto()
    """Closes the connection without an answer."""
    CUT = auto()
    """Breaks off in the middle of a pack."""
    CORRUPT = auto()
    """Damages the pack on its way."""
    NOT_FOUND = auto()


@dataclass(frozen=True, slots=True)
class Seen:
    """One request as the server saw it."""

    method: str
    path: str
    authorization: str
    protocol: str
    proxy_authorization: str
    fetches: bool
    """Whether it wants objects; a question about references has the same path."""


class GitServer:
    """Serves every repository below ``folder``; to everybody, until ``users`` or ``tokens`` are filled."""

    def __init__(self, folder: Path, *, tls: ssl.SSLContext | None = None) -> None:
        self.folder = folder
        folder.mkdir(parents=True, exist_ok=True)
        self.users: dict[str, str] = {}
        self.tokens: set[str] = set()
        self.failure: Failure | None = None
        self.redirects: dict[str, str] = {}
        """Path of a repository to the URL to go to instead."""
        self.old_protocol = False
        """Speak version 0 only."""
        self.filters = True
        """Whether parts of the objects may be left out (``filter``)."""
        self.push = False
        self.seen: list[Seen] = []
        self.sent = 0
        """Bytes of all answers."""
        self.asked = asyncio.Event()
        """Set by every request."""
        self._tls = tls
        self._runner: web.AppRunner | None = None
        self._port = 0

    async def __aenter__(self) -> GitServer:
        app = web.Application(client_max_size=256 * 1024**2)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls)
        await site.start()
        self._port = self._runner.addresses[0][1]
        return self

    async def __aexit__(self, *_: object) -> None:
        if self._runner is not None:
            await self._runner.cleanup()

    def url(self, repository: str, *, user: str = "") -> str:
        scheme = "http" if self._tls is None else "https"
        return f"{scheme}://{user and user + '@'}127.0.0.1:{self._port}/{repository}"

    # -- answering -------------------------------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        header = request.headers.get
        self.seen.append(
            Seen(
                request.method,
                request.path,
                authorization=header("Authorization", ""),
                protocol=header("Git-Protocol", ""),
                proxy_authorization=header("Proxy-Authorization", ""),
                fetches=b"command=fetch" in await request.read(),
            )
        )
        self.asked.set()
        for old, new in self.redirects.items():
            if request.path.startswith(old + "/"):
                raise web.HTTPMovedPermanently(new + request.path_qs.removeprefix(old))
        if not self._permitted(header("Authorization", "")):
            raise web.HTTPUnauthorized(headers={"WWW-Authenticate": 'Basic realm="git"'})
        answer = await self._misbehave(request)
        return answer or await self._backend(request)

    def _permitted(self, authorization: str) -> bool:
        if not self.users and not self.tokens:
            return True
        scheme, _, value = authorization.partition(" ")
        if scheme == "Bearer":
            return value in self.tokens
        if scheme != "Basic":
            return False
        user, _, password = base64.b64decode(value).decode().partition(":")
        return self.users.get(user) == password

    async def _misbehave(self, request: web.Request) -> web.StreamResponse | None:
        match self.failure:
            case Failure.HANG:
                await asyncio.Event().wait()
            case Failure.ERROR_500:
                raise web.HTTPInternalServerError(text="the disk is full")
            case Failure.TOO_MANY_429:
                raise web.HTTPTooManyRequests
            case Failure.NOT_FOUND:
                raise web.HTTPNotFound
            case Failure.HTML:
                return web.Response(text="<html>Please sign in</html>", content_type="text/html")
            case Failure.GARBAGE:
                kind = "advertisement" if request.method == "GET" else "result"
                return web.Response(body=b"!!!! nonsense", content_type=f"application/x-git-upload-pack-{kind}")
            case Failure.RESET if request.transport is not None:
                request.transport.abort()
        return None

    async def _backend(self, request: web.Request) -> web.StreamResponse:
        body = await request.read()
        process = await asyncio.create_subprocess_exec(
            "git",
            "http-backend",
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.DEVNULL,
            env=self._environment(request, len(body)),
        )
        try:
            output, _ = await process.communicate(body)
        finally:
            if process.returncode is None:
                with suppress(ProcessLookupError):
                    process.kill()
                await process.wait()
        return await self._send(request, output)

    async def _send(self, request: web.Request, output: bytes) -> web.StreamResponse:
        head, _, content = output.partition(b"\r\n\r\n")
        self.sent += len(content)
        headers = dict(line.split(": ", 1) for line in head.decode().split("\r\n") if ": " in line)
        status = int(headers.pop("Status", "200").split()[0])
        if self.failure is Failure.CORRUPT and b"PACK" in content:
            place = content.index(b"PACK") + 40
            content = content[:place] + bytes([content[place] ^ 0xFF]) + content[place + 1 :]
        if self.failure is not Failure.CUT or b"PACK" not in content:
            return web.Response(status=status, headers=headers, body=content)
        response = web.StreamResponse(status=status, headers=headers)
        response.content_length = len(content)
        await response.prepare(request)
        await response.write(content[: content.index(b"PACK") + 60])
        if request.transport is not None:
            request.transport.close()
        return response

    def _environment(self, request: web.Request, length: int) -> dict[str, str]:
        settings = {
            "uploadpack.allowFilter": str(self.filters).lower(),
            "uploadpack.allowAnySHA1InWant": "false",
            "http.receivepack": str(self.push).lower(),
            "safe.directory": "*",
        }
        config = {"GIT_CONFIG_COUNT": str(len(settings))}
        for number, (key, value) in enumerate(settings.items()):
            config |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
        protocol = "" if self.old_protocol else request.headers.get("Git-Protocol", "")
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.folder),
            "GIT_CONFIG_NOSYSTEM": "1",
            "GIT_PROJECT_ROOT": str(self.folder),
            "GIT_HTTP_EXPORT_ALL": "1",
            "PATH_INFO": request.path,
            "QUERY_STRING": request.query_string,
            "REQUEST_METHOD": request.method,
            "CONTENT_TYPE": request.headers.get("Content-Type", ""),
            "CONTENT_LENGTH": str(length),
            "HTTP_CONTENT_ENCODING": "",
            "GIT_PROTOCOL": protocol,
            "REMOTE_ADDR": "127.0.0.1",
            **config,
        }
