"""The local cluster as a value: start it, get its kubeconfig, stop it."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import logging
from typing import TYPE_CHECKING, Any, Self

import msgspec
from aiohttp import web

from fairlead.errors import UnavailableError, UserError
from fairlead.localcluster.controllers import run_controllers
from fairlead.localcluster.server.app import ApiServer, make_request
from fairlead.localcluster.server.authn import Authenticator
from fairlead.localcluster.server.bootstrap import bootstrap
from fairlead.localcluster.server.certs import Authority, KeyPair, server_context
from fairlead.localcluster.server.core import Core
from fairlead.localcluster.server.discovery import Discovery
from fairlead.localcluster.server.documents import Documents
from fairlead.localcluster.server.housekeeping import Housekeeping
from fairlead.localcluster.server.inprocess import InProcessAccess
from fairlead.localcluster.server.issuers import Issuers, read_issuers
from fairlead.localcluster.server.openapi import OpenApi
from fairlead.localcluster.server.requests import ADMIN_GROUP
from fairlead.localcluster.server.resources import ResourceHandler
from fairlead.localcluster.server.tokens import ISSUER, TokenAuthority
from fairlead.localcluster.storage import HISTORY, Store
from fairlead.localcluster.storage_sqlite import SqliteJournal
from fairlead.objects import yaml

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from types import TracebackType

    from fairlead.localcluster.access import Access

__all__ = ["LocalCluster"]

_log = logging.getLogger(__name__)


class LocalCluster:
    """An API server on this machine, as an async context manager.

    ``data_dir`` keeps its state over restarts; without one everything lives in memory. ``listen`` is ``HOST:PORT``,
    port 0 takes a free one. ``simulate`` runs the controllers that make workloads ready; ``speed`` is how much faster
    than real time they go. ``history`` is how many changes of a resource a watch may be behind before it gets 410.
    ``issuer`` is who the tokens of service accounts say has signed them. ``authentication`` is an
    ``AuthenticationConfiguration`` of the real server: whose tokens are good here as well.
    """

    def __init__(
        self,
        *,
        data_dir: Path | None = None,
        listen: str = "127.0.0.1:0",
        simulate: bool = True,
        speed: float = 1.0,
        history: int = HISTORY,
        issuer: str = ISSUER,
        authentication: Mapping[str, Any] | None = None,
    ) -> None:
        self.data_dir = data_dir
        self.listen = listen
        self.simulate = simulate
        self.speed = speed
        self.url = ""
        self._history = history
        self._issuer = issuer
        self._trusted = read_issuers(authentication) if authentication is not None else ()
        if issuer in {trusted.url for trusted in self._trusted}:
            raise UserError(f"{issuer} is the cluster's own issuer; give one of the two clusters another one")
        self._journal: SqliteJournal | None = None
        self._stack = contextlib.AsyncExitStack()
        self._admin = KeyPair(b"", b"")
        self._ca = b""
        self._core: Core | None = None

    @property
    def access(self) -> Access:
        """In-process access with full rights, without HTTP; only while the cluster runs."""
        return InProcessAccess(self._running())

    def _running(self) -> Core:
        if self._core is None:
            raise UnavailableError("the local cluster does not run")
        return self._core

    def compact(self) -> None:
        """Forget all past changes: watches and lists that resume from before get 410 (as etcd's compaction)."""
        for collection in self._running().store.collections():
            collection.forget_history()

    def kubeconfig(self) -> str:
        """A kubeconfig for stock kubectl, with a client certificate of a cluster administrator."""
        config = {
            "apiVersion": "v1",
            "kind": "Config",
            "current-context": "fairlead",
            "clusters": [
                {
                    "name": "fairlead",
                    "cluster": {"server": self.url, "certificate-authority-data": _base64(self._ca)},
                }
            ],
            "users": [
                {
                    "name": "admin",
                    "user": {
                        "client-certificate-data": _base64(self._admin.cert),
                        "client-key-data": _base64(self._admin.key),
                    },
                }
            ],
            "contexts": [{"name": "fairlead", "context": {"cluster": "fairlead", "user": "admin"}}],
        }
        return yaml.dump(config)

    async def __aenter__(self) -> Self:
        async with contextlib.AsyncExitStack() as stack:
            await self._start(stack)
            self._stack = stack.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()
        self._core = None

    async def _start(self, stack: contextlib.AsyncExitStack) -> None:
        host, port = _address(self.listen)
        store = self._open(stack)
        authority = Authority(self._key_pair("authority"))
        self._ca = authority.pair.cert
        self._admin = self._client_pair(authority)
        tokens = TokenAuthority(self._fact("signing-key", TokenAuthority.new_key), store, self._issuer)
        core = self._core = Core(store, tokens, self._ca.decode())
        core.load()
        housekeeping = Housekeeping(core)
        handler = ResourceHandler(core)
        documents = Documents(Discovery(core.registry), OpenApi(core.registry), tokens, lambda: self.url)
        api = ApiServer(Authenticator(tokens, Issuers(self._trusted)), core.authorizer, handler, documents.answer)
        runner = web.ServerRunner(
            web.Server(api.handle, request_factory=make_request, handler_cancellation=True, access_log=None),
            shutdown_timeout=1.0,
        )
        await runner.setup()
        stack.push_async_callback(runner.cleanup)
        site = web.TCPSite(runner, host, port, ssl_context=server_context(authority, host))
        try:
            await site.start()
        except OSError as error:
            raise UserError(f"cannot listen on {self.listen}: {error.strerror or error}") from error
        port = runner.addresses[0][1]
        self.url = f"https://{f'[{host}]' if ':' in host else host}:{port}"
        bootstrap(core, port)
        housekeeping.start()
        housekeeping.drain()
        await self._start_tasks(stack, housekeeping)
        stack.callback(handler.stop_watches)

    async def _start_tasks(self, stack: contextlib.AsyncExitStack, housekeeping: Housekeeping) -> None:
        tasks = [asyncio.create_task(housekeeping.run(), name="housekeeping")]
        if self.simulate:
            controllers = run_controllers(self.access, speed=self.speed)
            tasks.append(asyncio.create_task(controllers, name="controllers"))
        for task in tasks:
            task.add_done_callback(_report)
        stack.push_async_callback(_cancel, tasks)

    def _open(self, stack: contextlib.AsyncExitStack) -> Store:
        if self.data_dir is None:
            return Store(history=self._history)
        self._journal = SqliteJournal(self.data_dir / "cluster.sqlite")
        stack.callback(self._journal.close)
        return self._journal.load(self._history)

    def _fact(self, name: str, make: Callable[[], bytes]) -> bytes:
        """Something that stays the same over restarts."""
        if self._journal is None:
            return make()
        value = self._journal.fact(name)
        if value is None:
            value = make()
            self._journal.set_fact(name, value)
        return value

    def _key_pair(self, name: str) -> KeyPair:
        return _unpack(self._fact(name, lambda: _pack(Authority.create().pair)))

    def _client_pair(self, authority: Authority) -> KeyPair:
        return _unpack(self._fact("admin", lambda: _pack(authority.client("kubernetes-admin", [ADMIN_GROUP]))))


def _pack(pair: KeyPair) -> bytes:
    return msgspec.json.encode([pair.cert.decode(), pair.key.decode()])


def _unpack(packed: bytes) -> KeyPair:
    cert, key = msgspec.json.decode(packed, type=list[str])
    return KeyPair(cert.encode(), key.encode())


def _base64(data: bytes) -> str:
    return base64.b64encode(data).decode()


def _address(listen: str) -> tuple[str, int]:
    host, _, port = listen.rpartition(":")
    if not port.isdigit():
        raise UserError(f"{listen!r} is no HOST:PORT to listen on")
    return host.strip("[]") or "127.0.0.1", int(port)


def _report(task: asyncio.Task[None]) -> None:
    """A background task that ends by itself is a bug; the API goes on without it."""
    if not task.cancelled() and (error := task.exception()) is not None:
        _log.error("the %s of the local cluster stopped", task.get_name(), exc_info=error)


async def _cancel(tasks: list[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
