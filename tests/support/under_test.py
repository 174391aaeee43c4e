"""The API server that tests speak to: a local cluster of their own, or the one in ``KUBECONFIG_UNDER_TEST``.

On a server without controllers for workloads a helper writes their status.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

from fairlead.localcluster import LocalCluster
from tests.support.workloads import run_workloads

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

    from fairlead.kube.client import KubeClient

__all__ = ["OTHER", "kubeconfig_under_test", "the_only_flux", "workloads_under_test"]

OTHER = os.environ.get("KUBECONFIG_UNDER_TEST", "")
"""The file that names another server; empty for a local cluster."""


@contextlib.contextmanager
def kubeconfig_under_test() -> Iterator[str]:
    """The text of a kubeconfig; a local cluster lives as long as the block, and is spoken to over HTTPS."""
    if OTHER:
        yield Path(OTHER).read_text()
        return
    background = _Background()
    try:
        yield background.start()
    finally:
        background.stop()


@contextlib.asynccontextmanager
async def workloads_under_test(client: KubeClient) -> AsyncIterator[None]:
    """Somebody who writes the status of workloads, where the server has nobody."""
    helper = asyncio.create_task(run_workloads(client), name="workloads") if OTHER else None
    try:
        yield
    finally:
        if helper is not None:
            helper.cancel()
            await asyncio.gather(helper, return_exceptions=True)


@contextlib.contextmanager
def the_only_flux() -> Iterator[None]:
    """One test at a time, of all that share the server: who looks for Flux sees it wherever it is played."""
    if not OTHER:
        yield
        return
    with Path(OTHER).open() as shared:
        fcntl.flock(shared, fcntl.LOCK_EX)  # until it is closed, or the process ends
        yield


class _Background:
    """A local cluster in a thread, whose loop no test can block or end."""

    def __init__(self) -> None:
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="local cluster")
        self._thread.start()
        self._cluster = LocalCluster(speed=10)

    def start(self) -> str:
        asyncio.run_coroutine_threadsafe(self._cluster.__aenter__(), self._loop).result(30)
        return self._cluster.kubeconfig()

    def stop(self) -> None:
        asyncio.run_coroutine_threadsafe(self._cluster.__aexit__(None, None, None), self._loop).result(30)
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()
