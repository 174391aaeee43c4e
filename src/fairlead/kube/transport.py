"""HTTP to one API server: one connection pool, bounded requests in flight, retries, and errors in our words.

The HTTP library and its exceptions stop here. A request is repeated only when that is safe: any request that the server
turned away (429) or that never left (no connection), and idempotent ones after a 5xx or a lost connection.
"""

from __future__ import annotations

import asyncio
import contextlib
import io
import os
import socket
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

import aiohttp
from multidict import CIMultiDict
from yarl import URL

from fairlead import __version__
from fairlead.connections import Connector, plain_socket
from fairlead.kube.credentials import Credentials
from fairlead.kube.errors import (
    ApiError,
    ForbiddenApiError,
    ServerUnavailableError,
    TooManyRequestsError,
    error_from_status,
    parse_status,
)

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from fairlead.kube.config import ClusterConfig
    from fairlead.kube.credentials import Access
    from fairlead.kube.options import ClientOptions

__all__ = ["Call", "Headers", "Transport"]

Headers = tuple[tuple[str, str], ...]
"""Additional headers; a name may occur more than once (Impersonate-Group)."""

JSON = "application/json"
USER_AGENT = f"fairlead/{__version__}"
TRANSIENT = frozenset({500, 502, 503, 504})

# A peer that vanished without a word is noticed after 15 s + 3 x 5 s; watches have no other sign of life.
_LARGE_BYTES = 2**20
_KEEPALIVE = (("TCP_KEEPIDLE", 15), ("TCP_KEEPINTVL", 5), ("TCP_KEEPCNT", 3), ("TCP_USER_TIMEOUT", 30_000))


@dataclass(frozen=True, slots=True, kw_only=True)
class Call:
    """One request: what goes on the wire, and what errors and statistics call it."""

    verb: str
    method: str
    path: str
    """Path and query, already encoded."""
    subject: str
    resource: str = ""
    body: bytes | None = None
    content_type: str = JSON
    accept: str = JSON
    idempotent: bool = True
    secret: bool = False
    """Whether body and answer hold a Secret, which errors must not quote."""


class Transport:
    """The connections to one server, shared by all clients that derive from one :class:`KubeClient`."""

    def __init__(
        self,
        config: ClusterConfig,
        options: ClientOptions,
        *,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.options = options
        self.requests: Counter[tuple[str, str]] = Counter()
        """Requests sent, by verb and resource; every attempt counts."""
        self.responses: Counter[tuple[str, str]] = Counter()
        """Answers by method and status code; ``<error>`` when there was none."""
        self.host = URL(config.server).authority
        self._config = config
        self._sleep = sleep
        self._gate = asyncio.Semaphore(options.concurrency)
        self._credentials: Credentials | None = None
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        self._credentials = Credentials(self._config)
        connector = Connector(make_socket=_keepalive_socket, limit=0, keepalive_timeout=60, ttl_dns_cache=30)
        self._session = aiohttp.ClientSession(
            connector=connector,
            headers={"User-Agent": USER_AGENT},
            auto_decompress=True,
            cookie_jar=aiohttp.DummyCookieJar(),
            read_bufsize=2**18,
        )

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()
            self._session = None

    async def send(self, call: Call, identity: Headers) -> bytes:
        """The body of the answer; raises :class:`ApiError`, after the retries that options and call allow."""
        failures = 0
        renewed = False
        while True:
            try:
                return await self._attempt(call, identity)
            except ForbiddenApiError as error:
                if error.status != 401 or renewed or not self._open_credentials().renewable:
                    raise
                renewed = True  # the attempt has dropped the rejected credentials
            except ApiError as error:
                failures += 1
                delay = self._retry_delay(call, error, failures)
                if delay is None:
                    raise
                await self._sleep(delay)

    @contextlib.asynccontextmanager
    async def stream(self, call: Call, identity: Headers, seconds: float) -> AsyncIterator[AsyncIterator[bytes]]:
        """The answer as chunks of bytes, as they come, for at most so many seconds; not retried."""
        timeout = aiohttp.ClientTimeout(total=seconds, sock_connect=self.options.connect_timeout)
        async with self._request(call, identity, timeout) as response:
            if response.status >= 300:
                raise self._refusal(call, response, await response.read())
            try:
                yield response.content.iter_any()
            finally:
                _abort(response)

    async def _attempt(self, call: Call, identity: Headers) -> bytes:
        options = self.options
        timeout = aiohttp.ClientTimeout(total=options.request_timeout, sock_connect=options.connect_timeout)
        async with self._gate, self._request(call, identity, timeout) as response:
            body = await response.read()
            if response.status >= 300:
                raise self._refusal(call, response, body)
            return body

    @contextlib.asynccontextmanager
    async def _request(
        self, call: Call, identity: Headers, timeout: aiohttp.ClientTimeout
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        if self._session is None:
            raise RuntimeError("the client is not open: use it in an `async with` block")
        credentials = self._open_credentials()
        access = await credentials.current()
        self.requests[call.verb, call.resource] += 1
        try:
            async with self._session.request(
                call.method,
                URL(self._config.server + call.path, encoded=True),
                data=_payload(call.body),
                headers=_headers(call, access, identity),
                timeout=timeout,
                ssl=access.tls if access.tls is not None else True,
                server_hostname=self._config.tls_server_name or None,
                proxy=self._config.proxy_url or None,
                allow_redirects=False,
            ) as response:
                self.responses[call.method, str(response.status)] += 1
                if response.status == 401:
                    credentials.renew(access)
                yield response
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            self.responses[call.method, "<error>"] += 1
            raise _connection_error(call, error, self._config.server) from error

    def _open_credentials(self) -> Credentials:
        if self._credentials is None:
            raise RuntimeError("the client is not open: use it in an `async with` block")
        return self._credentials

    def _refusal(self, call: Call, response: aiohttp.ClientResponse, body: bytes) -> ApiError:
        return error_from_status(
            parse_status(response.status, body),
            call.subject,
            call.verb,
            retry_after=_retry_after(response.headers.get("Retry-After")),
            secret_body=(call.body or b"") if call.secret else None,
        )

    def _retry_delay(self, call: Call, error: ApiError, failures: int) -> float | None:
        """Seconds until the next attempt, or None when the error is final."""
        options = self.options
        if failures > options.retries or not _repeatable(call, error):
            return None
        if error.retry_after is None:
            return options.backoff.delay(failures)
        return error.retry_after if error.retry_after <= options.retry_after_limit else None


def _repeatable(call: Call, error: ApiError) -> bool:
    if isinstance(error, TooManyRequestsError):
        return True
    if not isinstance(error, ServerUnavailableError):
        return False
    return call.idempotent or error.reason == "ConnectionFailed"


def _payload(body: bytes | None) -> bytes | io.BytesIO | None:
    """A large one in pieces: written in one go it would hold the loop, of which aiohttp warns."""
    return io.BytesIO(body) if body is not None and len(body) > _LARGE_BYTES else body


def _headers(call: Call, access: Access, identity: Headers) -> CIMultiDict[str]:
    headers = CIMultiDict((("Accept", call.accept), *identity))
    if access.authorization:
        headers["Authorization"] = access.authorization
    if call.body is not None:
        headers["Content-Type"] = call.content_type
    return headers


def _abort(response: aiohttp.ClientResponse) -> None:
    """Drop the connection of an unfinished answer at once: a TLS farewell would outlive its caller."""
    if response.connection is not None and response.connection.transport is not None:
        response.connection.transport.abort()


def _retry_after(text: str | None) -> float | None:
    """Seconds of a Retry-After header; its form as a date is not used by API servers."""
    return float(text) if text is not None and text.isdigit() else None


def _connection_error(call: Call, error: Exception, server: str) -> ServerUnavailableError:
    if isinstance(error, aiohttp.ClientConnectorError | aiohttp.ConnectionTimeoutError):
        reason, cause = "ConnectionFailed", f"cannot connect to {server}: {_why_unconnected(error)}"
    elif isinstance(error, TimeoutError):
        reason, cause = "Timeout", f"{server} did not answer in time"
    else:
        reason, cause = "ConnectionLost", f"the connection to {server} was lost: {error or type(error).__name__}"
    return ServerUnavailableError(call.subject, call.verb, reason=reason, message=" ".join(cause.split()))


def _why_unconnected(error: Exception) -> str:
    """The reason alone: the library's text repeats the address and shows its own objects."""
    if isinstance(error, aiohttp.ClientConnectorCertificateError):
        reason = error.certificate_error
        return f"its certificate is not trusted ({getattr(reason, 'verify_message', '') or reason})"
    if isinstance(error, aiohttp.ClientConnectorError):
        code = error.os_error.errno or 0
        return os.strerror(code) if code > 0 else error.os_error.strerror or str(error.os_error)
    return str(error) or "no answer in time"


def _keepalive_socket(address: aiohttp.AddrInfoType) -> socket.socket:
    created = plain_socket(address)
    created.setsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1)
    for name, value in _KEEPALIVE:
        if option := getattr(socket, name, None):
            created.setsockopt(socket.IPPROTO_TCP, option, value)
    return created
