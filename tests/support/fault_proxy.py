"""Stands between the controllers and an API server, over TLS, and fails as told.

::

    async with FaultProxy(cluster, folder) as proxy:
        proxy.fail(409, "PATCH", "/configmaps/", times=2)      # the server does not see these
        proxy.fail(Reset.AFTER, "PATCH", "/configmaps/")       # the server does it, and nobody hears of it
        hold = proxy.hold("PATCH", "/configmaps/")             # done after hold.release.set(), even if nobody waits
        proxy.break_watches()
        proxy.harass(random.Random(1), 0.05)                   # each twentieth request fails in some way
        KubeClient(proxy.config) ...
"""

from __future__ import annotations

import asyncio
import re
import ssl
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import TYPE_CHECKING, Self

import aiohttp
from aiohttp import web
from yarl import URL

from tests.support.certificates import CertificateAuthority

if TYPE_CHECKING:
    import random
    from pathlib import Path

    from fairlead.kube.config import ClusterConfig

__all__ = ["FaultProxy", "Hold", "Reset"]

SLOW_SECONDS = 0.4
STALE_SECONDS = 1.0
WATCHES_MORE = 5
"""How much oftener a watch fails than another request: there are few of them."""

REASONS = {
    409: "Conflict",
    410: "Expired",
    422: "Invalid",
    429: "TooManyRequests",
    500: "InternalError",
    503: "ServiceUnavailable",
}
_NOT_FORWARDED = {"host", "connection", "transfer-encoding", "content-length", "keep-alive"}


class Reset(Enum):
    """A connection that breaks."""

    BEFORE = auto()
    """The server never sees the request."""
    AFTER = auto()
    """The server answers, and the answer is lost."""


class Delay(Enum):
    """An answer that comes late."""

    SLOW = auto()
    STALE = auto()
    """A watch that tells everything late."""


@dataclass(frozen=True, slots=True, eq=False)
class Hold:
    """A request that is kept back."""

    reached: asyncio.Event = field(default_factory=asyncio.Event)
    release: asyncio.Event = field(default_factory=asyncio.Event)


Fault = int | Reset | Delay | Hold
WAYS: tuple[Fault, ...] = (429, 500, 503, Reset.BEFORE, Reset.AFTER, Delay.SLOW)
WATCH_WAYS: tuple[Fault, ...] = (410, 429, 500, Reset.BEFORE, Delay.STALE)


@dataclass(slots=True)
class _Fault:
    what: int | Reset | Hold
    method: str
    path: re.Pattern[str]
    left: int


class FaultProxy:
    """An async context manager."""

    def __init__(self, upstream: ClusterConfig, folder: Path) -> None:
        authority = CertificateAuthority()
        self._tls = authority.server_context(folder)
        self._ca = authority.pem.encode()
        self._upstream = upstream
        self._faults: list[_Fault] = []
        self._watches: set[asyncio.Task[None]] = set()
        self._closed = False
        self._chance: random.Random | None = None
        self._rate = 0.0
        self.under_way = 0
        """Requests but watches that wait for their answer now."""
        self.injected: Counter[str] = Counter()
        """How often each fault happened, by its name."""
        self.config = upstream

    def fail(self, what: int | Reset, method: str, path: str, *, times: int = 1) -> None:
        """Let the next requests with this method whose path and query match the pattern fail; not dry runs."""
        self._faults.append(_Fault(what, method, re.compile(path), times))

    def allow(self) -> None:
        """Let nothing fail any more that has not yet."""
        self._faults.clear()

    def hold(self, method: str, path: str) -> Hold:
        """Keep the next such request from the server until it is released; not dry runs."""
        hold = Hold()
        self._faults.append(_Fault(hold, method, re.compile(path), 1))
        return hold

    def harass(self, chance: random.Random | None, rate: float = 0.0) -> None:
        """Let this share of all requests, dry runs too, fail in some way of ``WAYS`` from now on; ``None`` ends it."""
        self._chance, self._rate = chance, rate

    def break_watches(self) -> None:
        """Cut all watches off in the middle."""
        for task in self._watches:
            task.cancel()

    def close(self) -> None:
        """Refuse everything, and cut what is open, until :meth:`open`."""
        self._closed = True
        self.break_watches()

    def open(self) -> None:
        self._closed = False

    async def __aenter__(self) -> Self:
        tls = ssl.create_default_context(cadata=(self._upstream.ca or b"").decode())
        connector = aiohttp.TCPConnector(ssl=tls, limit=0)
        self._session = aiohttp.ClientSession(connector=connector, auto_decompress=False)
        app = web.Application(client_max_size=64 * 1024**2)
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=self._tls).start()
        address = f"https://127.0.0.1:{self._runner.addresses[0][1]}"
        self.config = replace(self._upstream, server=address, ca=self._ca)
        return self

    async def __aexit__(self, *_: object) -> None:
        self.break_watches()
        await self._runner.cleanup()
        await self._session.close()
        await asyncio.sleep(0.05)  # connections over TLS close in the loop's next rounds

    # -- answering -------------------------------------------------------------------------------------------------

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        if request.query.get("watch"):
            return await self._answer(request)
        self.under_way += 1
        try:
            return await self._answer(request)
        finally:
            self.under_way -= 1

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        fault = self._next(request)
        if fault is Delay.SLOW:
            assert self._chance is not None
            await asyncio.sleep(self._chance.random() * SLOW_SECONDS)
        if self._closed or fault is Reset.BEFORE:
            _abort(request)
            raise web.HTTPServiceUnavailable
        if isinstance(fault, int):
            return _status(fault)
        if request.query.get("watch"):
            return await self._watch(request, stale=fault is Delay.STALE)
        content = await request.read() if request.body_exists else None  # whole: the client may die while it sends
        if isinstance(fault, Hold):
            fault.reached.set()
            await fault.release.wait()
        async with self._send(request, content) as answer:
            body = await answer.read()
            if fault is Reset.AFTER:
                _abort(request)
            return web.Response(status=answer.status, headers=_headers(answer.headers), body=body)

    def _next(self, request: web.Request) -> Fault | None:
        watch = bool(request.query.get("watch"))
        if self._chance is not None and self._chance.random() < self._rate * (WATCHES_MORE if watch else 1):
            what = self._chance.choice(WATCH_WAYS if watch else WAYS)
            self.injected[str(what)] += 1
            return what
        if "dryRun" in request.query:
            return None
        for fault in self._faults:
            if fault.left and fault.method == request.method and fault.path.search(request.path_qs):
                fault.left -= 1
                self.injected[str(fault.what)] += 1
                return fault.what
        return None

    def _send(self, request: web.Request, content: bytes | None = None) -> aiohttp.client._RequestContextManager:
        url = self._upstream.server + request.raw_path
        headers = _headers(request.headers)
        return self._session.request(
            request.method,
            URL(url, encoded=True),
            headers=headers,
            data=content,
            timeout=aiohttp.ClientTimeout(total=None),
        )

    async def _watch(self, request: web.Request, *, stale: bool) -> web.StreamResponse:
        async with self._send(request) as answer:
            response = web.StreamResponse(status=answer.status, headers=_headers(answer.headers))
            await response.prepare(request)
            copying = asyncio.create_task(_copy(answer, response, STALE_SECONDS if stale else 0.0))
            self._watches.add(copying)
            try:
                with suppress(asyncio.CancelledError, aiohttp.ClientError, ConnectionError):
                    await copying
            finally:
                copying.cancel()
                self._watches.discard(copying)
            _abort(request)
            return response


async def _copy(answer: aiohttp.ClientResponse, response: web.StreamResponse, behind: float) -> None:
    """``behind`` seconds late with what is first told."""
    await asyncio.sleep(behind)
    async for chunk in answer.content.iter_any():
        await response.write(chunk)


def _abort(request: web.Request) -> None:
    if request.transport is not None:
        request.transport.abort()


def _headers(headers: object) -> dict[str, str]:
    pairs = dict(headers)  # type: ignore[call-overload]  # a mapping of the library, without repeated names here
    return {name: value for name, value in pairs.items() if name.lower() not in _NOT_FORWARDED}


def _status(code: int) -> web.Response:
    headers = {"Retry-After": "1"} if code == 429 else {}
    status = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Failure",
        "message": f"injected failure {code}",
        "reason": REASONS[code],
        "code": code,
    }
    return web.json_response(status, status=code, headers=headers)
