"""Connections end with the client that made them, at whatever moment it is broken off."""

from __future__ import annotations

import asyncio
import gc
import threading
import warnings
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from fairlead.kube.client import KubeClient
from fairlead.objects.ref import GroupKind
from tests.support.certificates import CertificateAuthority
from tests.support.fake_api import FakeApi

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from fairlead.kube.config import ClusterConfig

STEPS = 40
"""Of the loop; a first request over TLS takes some twenty."""


@pytest.fixture
def far(tmp_path: Path) -> Iterator[ClusterConfig]:
    """How to reach a server in another loop, which does not end connections when the client's loop ends."""
    authority = CertificateAuthority()
    api = FakeApi(tls=authority.server_context(tmp_path))
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, name="server")
    thread.start()
    asyncio.run_coroutine_threadsafe(api.__aenter__(), loop).result(10)
    yield replace(api.config, ca=authority.pem.encode())
    asyncio.run_coroutine_threadsafe(api.__aexit__(), loop).result(10)
    loop.call_soon_threadsafe(loop.stop)
    thread.join()
    loop.close()


def test_a_request_that_is_cancelled_leaves_no_connection(far: ClusterConfig) -> None:
    """asyncio forgot connections whose maker was cancelled amid their TLS greeting; the collector found them later."""
    gc.collect()
    left: dict[int, list[str]] = {}
    for steps in range(STEPS):
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always", ResourceWarning)
            asyncio.run(_cancelled_after(steps, far))
            gc.collect()
        if seen:
            left[steps] = [str(each.message) for each in seen]
    assert not left


async def _cancelled_after(steps: int, config: ClusterConfig) -> None:
    async with KubeClient(config) as client:
        asking = asyncio.create_task(client.list(GroupKind("", "ConfigMap")))
        for _ in range(steps):
            await asyncio.sleep(0)
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
