"""Git's smart protocol over http(s), spoken by ourselves.

Why not libgit2 or the command line: certificates, tokens and proxies differ per tenant, calls must end at once when
they are cancelled, and credentials should never leave this process. A question costs one request on a connection
that stays open, and a fetch one more. Version 2 of the protocol is preferred, version 0 understood; "dumb" servers
are not (nor are they by Flux).

Redirects are followed for the first request only, never from https to http, and credentials do not go to another
host.
"""

from __future__ import annotations

import asyncio
import base64
import re
from collections import OrderedDict
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, NoReturn
from urllib.parse import urljoin, urlsplit

import aiohttp

from fairlead.connections import Connector
from fairlead.sources import protocol
from fairlead.sources.errors import GitAccessDeniedError, GitAuthError, GitOperationError, GitRefNotFoundError
from fairlead.sources.pktline import PktReader
from fairlead.sources.receiving import receive_pack
from fairlead.sources.socks import SOCKS_SCHEMES, SocksConnector, SocksError
from fairlead.sources.tls import tls_context
from fairlead.sources.unreachable import certificate_problem, connection_problem

if TYPE_CHECKING:
    import ssl
    from collections.abc import AsyncIterator, Sequence
    from contextlib import AbstractAsyncContextManager

    from fairlead.sources.refs import Advertised
    from fairlead.sources.remote import Remote
    from fairlead.sources.spec import GitAuth, GitProxy
    from fairlead.sources.url import GitUrl

__all__ = ["HttpPool", "HttpTransport"]

AGENT = "git/2.45 (fairlead)"  # servers look for "git/" to tell Git from browsers
_MOST_REDIRECTS = 5
_REMEMBERED_SERVERS = 4096
_CONNECTIONS_PER_HOST = 8
_TAIL = "/info/refs?service=git-upload-pack"


@dataclass(frozen=True, slots=True)
class Server:
    """What the first answer of a server told us."""

    base: str
    """The URL after redirects."""
    send_credentials: bool
    features: protocol.Features


@dataclass(slots=True)
class HttpPool:
    """Open connections, TLS settings and what is known of servers; shared by all transports of a process."""

    _sessions: dict[GitProxy | None, aiohttp.ClientSession] = field(default_factory=dict)
    _tls: dict[str, ssl.SSLContext] = field(default_factory=dict)
    servers: OrderedDict[tuple[str, str], Server] = field(default_factory=OrderedDict)

    def session(self, auth: GitAuth) -> aiohttp.ClientSession:
        """The connections of everybody, or those through a SOCKS proxy; an http proxy is named with each request."""
        proxy = auth.proxy if auth.proxy and auth.proxy.is_socks else None
        if proxy not in self._sessions:
            options: dict[str, Any] = {"limit": 0, "limit_per_host": _CONNECTIONS_PER_HOST}
            self._sessions[proxy] = aiohttp.ClientSession(
                connector=SocksConnector(proxy, **options) if proxy else Connector(**options),
                cookie_jar=aiohttp.DummyCookieJar(),
                timeout=aiohttp.ClientTimeout(total=None),
                headers={"User-Agent": AGENT, "Accept": "*/*"},
                read_bufsize=2**18,
            )
        return self._sessions[proxy]

    def tls(self, auth: GitAuth) -> ssl.SSLContext:
        key = auth.fingerprint() if auth.ca or auth.client_certificate else ""
        if key not in self._tls:
            self._tls[key] = tls_context(auth)
        return self._tls[key]

    def post_form(
        self, auth: GitAuth, url: str, form: dict[str, str]
    ) -> AbstractAsyncContextManager[aiohttp.ClientResponse]:
        """A form for somebody who gives tokens; ``auth`` says by which way."""
        proxy = auth.proxy if auth.proxy and not auth.proxy.is_socks else None
        return self.session(auth).post(
            url,
            data=form,
            ssl=self.tls(auth),
            proxy=proxy.address if proxy else None,
            proxy_auth=aiohttp.BasicAuth(proxy.username, proxy.password) if proxy and proxy.username else None,
            allow_redirects=False,
        )

    def remember(self, key: tuple[str, str], server: Server) -> None:
        self.servers[key] = server
        while len(self.servers) > _REMEMBERED_SERVERS:
            self.servers.popitem(last=False)

    async def close(self) -> None:
        while self._sessions:
            await self._sessions.popitem()[1].close()


class HttpTransport:
    """One repository with one set of credentials."""

    def __init__(self, pool: HttpPool, url: GitUrl, auth: GitAuth, *, largest_pack_bytes: int) -> None:
        if auth.bearer_token and auth.username:
            raise GitAuthError("the secret must hold either a bearer token or a user and password, not both")
        if bool(auth.client_certificate) != bool(auth.client_key):
            raise GitAuthError("the secret must hold both 'tls.crt' and 'tls.key'")
        if auth.proxy and not auth.proxy.address.startswith(("http://", "https://", *SOCKS_SCHEMES)):
            raise GitAuthError("the proxy's address must start with http://, https:// or socks5://")
        if auth.proxy and not _is_address(auth.proxy.address):
            raise GitAuthError("the proxy's address is no URL: write http://host:port")
        if any(character < " " for character in auth.bearer_token):
            raise GitAuthError("the bearer token holds a line break or another control character")
        self._pool = pool
        self._url = url
        self._auth = auth
        self._largest_pack_bytes = largest_pack_bytes
        self._key = (url.text, auth.fingerprint())

    async def list_refs(self, prefixes: Sequence[str]) -> Advertised:
        known = self._pool.servers.get(self._key)
        if known is not None and known.features.version == 2:
            try:
                return await self._list_v2(known, prefixes)
            except GitAccessDeniedError:
                raise
            except GitOperationError:
                self._pool.servers.pop(self._key, None)  # the server may have changed; ask from the start
        server, advertised = await self._connect()
        return advertised if advertised is not None else await self._list_v2(server, prefixes)

    async def fetch(self, remote: Remote, commit: str, *, reference: str = "", tag_id: str = "") -> str:
        """Bring one commit without its history, as a difference to what ``remote`` holds."""
        wants = [commit, *([tag_id] if tag_id else [])]
        haves = remote.commits()
        shallow = sorted(remote.shallow().intersection(haves))
        request = protocol.FetchRequest(wants, haves=haves, shallow=shallow, depth=1)
        try:
            await self._fetch(remote, request)
        except GitRefNotFoundError:
            if reference:
                raise
            await self._fetch_all(remote, commit)
        return commit

    async def contains(self, remote: Remote, commit: str, tip: str) -> bool:
        """Fetches the commits (not the files, where the server can leave them out) of the branch and looks."""
        history = remote.history()
        if not history.has(tip):
            request = protocol.FetchRequest([tip], haves=history.commits(), filter_spec="tree:0")
            await self._fetch(history, request)
            history.keep("history", tip)
        return await asyncio.to_thread(history.reaches, tip, commit)

    # -- steps -----------------------------------------------------------------------------------------------------

    async def _fetch_all(self, remote: Remote, commit: str) -> None:
        """For servers that give no commit by its id: everything there is, as Flux does."""
        advertised = await self.list_refs(("refs/heads/", "refs/tags/"))
        wants = sorted(set(advertised.refs.values()))
        await self._fetch(remote, protocol.FetchRequest(wants, haves=[], shallow=[], depth=protocol.ALL_HISTORY))
        if not remote.has(commit):
            raise GitRefNotFoundError(f"commit {commit} not found in {self._url.text}")

    async def _connect(self) -> tuple[Server, Advertised | None]:
        """The first request: learns the protocol version, and with version 0 the references at once."""
        base, send_credentials = self._url.text.rstrip("/"), True
        for _ in range(_MOST_REDIRECTS):
            async with self._request("GET", base + _TAIL, send_credentials) as response:
                if response.status in (301, 302, 303, 307, 308):
                    base, send_credentials = self._follow(base, response.headers.get("Location", ""), send_credentials)
                    continue
                self._check(response, "application/x-git-upload-pack-advertisement")
                features, advertised = await protocol.read_advertisement(self._reader(response))
            server = Server(base, send_credentials, features)
            self._pool.remember(self._key, server)
            return server, advertised
        raise GitOperationError(f"{self._url.text} redirects more than {_MOST_REDIRECTS} times")

    async def _list_v2(self, server: Server, prefixes: Sequence[str]) -> Advertised:
        async with self._call(server, protocol.ls_refs(server.features, prefixes)) as reader:
            return await protocol.read_ls_refs(reader)

    async def _fetch(self, remote: Remote, request: protocol.FetchRequest) -> None:
        server = self._pool.servers.get(self._key)
        if server is None:
            server, _ = await self._connect()
        remote.prepare()  # the history of a branch is fetched into a folder of its own
        async with self._call(server, protocol.fetch(server.features, request)) as reader:
            shallow = await protocol.read_until_pack(reader, server.features, request)
            await receive_pack(remote, reader.sideband(shallow.first), largest_bytes=self._largest_pack_bytes)
        remote.update_shallow(add=shallow.added, remove=shallow.removed)

    @asynccontextmanager
    async def _call(self, server: Server, body: bytes) -> AsyncIterator[PktReader]:
        headers = {
            "Content-Type": "application/x-git-upload-pack-request",
            "Accept": "application/x-git-upload-pack-result",
        }
        url = server.base + "/git-upload-pack"
        async with self._request("POST", url, server.send_credentials, body, headers) as response:
            self._check(response, "application/x-git-upload-pack-result")
            yield self._reader(response)

    @asynccontextmanager
    async def _request(
        self,
        method: str,
        url: str,
        send_credentials: bool,
        body: bytes | None = None,
        headers: dict[str, str] | None = None,
    ) -> AsyncIterator[aiohttp.ClientResponse]:
        proxy = self._auth.proxy if self._auth.proxy and not self._auth.proxy.is_socks else None
        all_headers = {"Git-Protocol": "version=2", **(headers or {}), **self._authorization(send_credentials)}
        proxy_headers = {}
        if proxy and proxy.username:
            proxy_headers = {"Proxy-Authorization": _basic(proxy.username, proxy.password)}
            if not url.startswith("https:"):
                all_headers |= proxy_headers  # without a tunnel the request itself goes to the proxy
        try:
            async with self._pool.session(self._auth).request(
                method,
                url,
                data=body,
                headers=all_headers,
                ssl=self._pool.tls(self._auth),
                proxy=proxy.address if proxy else None,
                proxy_headers=proxy_headers or None,
                allow_redirects=False,
            ) as response:
                yield response
        except SocksError as error:
            raise GitOperationError(f"{self._url.text}: {error}") from None
        except aiohttp.ClientError as error:
            self._raise_unreachable(error)
        except ConnectionError as error:
            raise GitOperationError(f"{self._url.text} broke off the connection: {error}") from None

    def _authorization(self, send_credentials: bool) -> dict[str, str]:
        if not send_credentials:
            return {}
        if self._auth.bearer_token:
            return {"Authorization": f"Bearer {self._auth.bearer_token}"}
        if self._auth.username:
            return {"Authorization": _basic(self._auth.username, self._auth.password)}
        return {}

    def _follow(self, base: str, location: str, send_credentials: bool) -> tuple[str, bool]:
        try:
            target = urljoin(base + _TAIL, location)
            old, new = urlsplit(base), urlsplit(target)
            _ = new.port
        except ValueError as error:
            raise GitOperationError(f"{self._url.text} redirects to something that is no URL: {error}") from None
        if not target.endswith(_TAIL) or new.scheme not in ("http", "https") or not new.hostname:
            raise GitOperationError(f"{self._url.text} redirects to something that is no Git repository")
        if old.scheme == "https" and new.scheme != "https":
            raise GitOperationError(f"{self._url.text} redirects from https to http, which is refused")
        same = old.hostname == new.hostname and (old.port == new.port or new.scheme == "https" != old.scheme)
        return target.removesuffix(_TAIL), send_credentials and same

    def _check(self, response: aiohttp.ClientResponse, content_type: str) -> None:
        url = self._url.text
        match response.status:
            case 200:
                pass
            case 401:
                given = bool(self._auth.username or self._auth.bearer_token)
                word = "credentials were refused (wrong or expired)" if given else "authentication required"
                raise GitAccessDeniedError(f"{url}: {word}")
            case 403:
                raise GitAccessDeniedError(f"{url}: access is forbidden with these credentials")
            case 407:
                raise GitAccessDeniedError(f"{url}: the proxy requires authentication")
            case 404 | 410:
                raise GitOperationError(f"{url}: repository not found")
            case status:
                raise GitOperationError(f"{url}: the server answered {status} {_safe(response.reason or '')}".rstrip())
        if response.content_type != content_type:
            raise GitOperationError(f"{url} is no Git repository: the answer is {_safe(response.content_type)}")

    def _reader(self, response: aiohttp.ClientResponse) -> PktReader:
        return PktReader(response.content, self._url.text)

    def _raise_unreachable(self, error: aiohttp.ClientError) -> NoReturn:
        url = self._url.text
        match error:
            case aiohttp.ClientConnectorCertificateError():
                problem = certificate_problem(error.certificate_error)
                raise GitOperationError(f"{url}: the certificate is not trusted: {problem}") from None
            case aiohttp.ClientHttpProxyError():
                if error.status == 407:
                    raise GitAccessDeniedError(f"{url}: the proxy requires authentication") from None
                raise GitOperationError(f"{url}: the proxy answered {error.status}") from None
            case aiohttp.ClientConnectorError():
                raise GitOperationError(f"{url} cannot be reached: {connection_problem(error.os_error)}") from None
            case _:
                raise GitOperationError(f"{url} broke off: {type(error).__name__}") from None


def _basic(user: str, password: str) -> str:
    return f"Basic {base64.b64encode(f'{user}:{password}'.encode()).decode()}"


def _safe(text: str) -> str:
    """A word of the server that may be shown: short, without control characters."""
    return re.sub(r"[^\x20-\x7e]", "?", text)[:80]


def _is_address(address: str) -> bool:
    try:
        parts = urlsplit(address)
        return bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
