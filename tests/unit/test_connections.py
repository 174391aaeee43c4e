"""Connections end with the client that made them, at whatever moment it is broken off."""

from __future__ import annotations

import asyncio
import gc
import ssl
import threading
import warnings
from contextlib import AsyncExitStack
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pytest

from fairlead.kube.client import KubeClient
from fairlead.localcluster.server.issuers import Claim, Issuer, _fetch_keys
from fairlead.objects.ref import GroupKind
from fairlead.runtime.forwarding import EventForwarder
from fairlead.sources import vault
from fairlead.sources.download import download
from fairlead.sources.http import HttpPool
from fairlead.sources.spec import GitAuth, GitProxy
from tests.support.certificates import CertificateAuthority
from tests.support.fake_api import FakeApi
from tests.support.patience import PATIENCE
from tests.support.proxies import proxy

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator
    from pathlib import Path

    from fairlead.kube.config import ClusterConfig

STEPS = 40
"""Of the loop; a first request over TLS takes some twenty, and some more through a proxy."""

LAST_ROUNDS = 20


@dataclass(frozen=True, slots=True)
class Far:
    """A server in another loop, which does not end connections when the client's loop ends."""

    config: ClusterConfig
    proxy_port: int

    @property
    def url(self) -> str:
        return self.config.server

    def auth(self, scheme: str = "") -> GitAuth:
        through = GitProxy(f"{scheme}://127.0.0.1:{self.proxy_port}") if scheme else None
        return GitAuth(ca=(self.config.ca or b"").decode(), proxy=through)


@pytest.fixture(scope="module")
def far(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Far]:
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="server")
    thread.start()
    stack = AsyncExitStack()
    yield asyncio.run_coroutine_threadsafe(_serve(stack, tmp_path_factory.mktemp("tls")), loop).result(PATIENCE)
    asyncio.run_coroutine_threadsafe(stack.aclose(), loop).result(PATIENCE)
    asyncio.run_coroutine_threadsafe(_all_done(), loop).result(PATIENCE)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()
    _collect_quietly()


def _collect_quietly() -> None:
    """asyncio forgets connections of the server, too, and what it forgets there is not what these tests are about."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


async def _serve(stack: AsyncExitStack, folder: Path) -> Far:
    authority = CertificateAuthority()
    api = await stack.enter_async_context(FakeApi(tls=authority.server_context(folder)))
    port = int(api.config.server.rpartition(":")[2])
    through = await stack.enter_async_context(proxy({"127.0.0.1": port}))
    return Far(replace(api.config, ca=authority.pem.encode()), through.port)


async def _all_done() -> None:
    """The server notices the end of its clients in the loop's next rounds, and the proxy passes it on."""
    for _ in range(LAST_ROUNDS):
        await asyncio.sleep(0)
    async with asyncio.timeout(PATIENCE):
        while len(asyncio.get_running_loop()._selector.get_map()) > 1:  # type: ignore[attr-defined]  # noqa: ASYNC110
            await asyncio.sleep(0.005)
    left = asyncio.all_tasks() - {asyncio.current_task()}
    await asyncio.wait_for(asyncio.gather(*left, return_exceptions=True), PATIENCE)


async def _api(far: Far) -> None:
    async with KubeClient(far.config) as client:
        await client.list(GroupKind("", "ConfigMap"))


async def _git(far: Far, scheme: str = "") -> None:
    pool = HttpPool()
    try:
        async with pool.post_form(far.auth(scheme), far.url, {}) as response:
            await response.read()
    finally:
        await pool.close()


async def _git_by_socks(far: Far) -> None:
    await _git(far, "socks5")


async def _git_by_proxy(far: Far) -> None:
    await _git(far, "http")


async def _file(far: Far) -> None:
    await download(far.url, largest_bytes=10, timeout=timedelta(seconds=10))


async def _vault(far: Far) -> None:
    await vault.decrypt(f"{far.url}/v1/sops/keys/first", "vault:v1:eA==", "token")


async def _event(far: Far) -> None:
    forwarder = EventForwarder(far.url)
    involved = {"kind": "Kustomization", "name": "apps", "namespace": "flux-system"}
    moment = datetime.now(UTC)
    forwarder.send(involved, error=False, reason="", message="", metadata={}, component="", moment=moment)
    await forwarder.run()


async def _issuer(far: Far) -> None:
    await _fetch_keys(Issuer(far.url, ("fairlead",), Claim(), ca=far.auth().ca))


@pytest.mark.parametrize("ask", [_api, _git, _git_by_socks, _git_by_proxy, _file, _vault, _event, _issuer])
def test_a_request_that_is_cancelled_leaves_no_connection(
    far: Far, ask: Callable[[Far], Awaitable[None]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """asyncio forgot connections whose maker was cancelled amid their TLS greeting; the collector found them later."""
    trusting = ssl.create_default_context(cadata=far.auth().ca)
    monkeypatch.setattr("aiohttp.connector._SSL_CONTEXT_VERIFIED", trusting)  # of those who take the system's word
    _collect_quietly()
    gc.freeze()  # what was there before need not be looked through each time
    left: dict[int, list[str]] = {}
    for steps in range(STEPS):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always", ResourceWarning)
            asyncio.run(_cancelled_after(steps, ask(far)))
            gc.collect()
        if seen:
            left[steps] = [str(each.message) for each in seen]
    gc.unfreeze()
    assert not left


async def _cancelled_after(steps: int, asking: Awaitable[None]) -> None:
    task = asyncio.ensure_future(asking)
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    await asyncio.gather(task, return_exceptions=True)
