"""A cluster that is empty at the beginning of each test: these repositories use fixed names.

On another server (``KUBECONFIG_UNDER_TEST``) run one test only; ``tests/envtest/run-suite.sh`` starts one for each.
"""

from __future__ import annotations

import asyncio
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from fairlead.kube.client import KubeClient
from fairlead.kube.config import config_from_kubeconfig
from fairlead.localcluster import LocalCluster
from tests.support.fleet import Fleet
from tests.support.workloads import run_workloads

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

OTHER = os.environ.get("KUBECONFIG_UNDER_TEST", "")


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


@pytest.fixture
def kubeconfig() -> Iterator[str]:
    if OTHER:
        yield Path(OTHER).read_text()
        return
    background = _Background()
    try:
        yield background.start()
    finally:
        background.stop()


@pytest_asyncio.fixture
async def fleet(kubeconfig: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    """Not started yet."""
    config = config_from_kubeconfig(kubeconfig)
    async with Fleet(config, tmp_path / "state") as fleet, KubeClient(config) as client:
        helpers = [asyncio.create_task(run_workloads(client))] if OTHER else []
        yield fleet
        await fleet.stop()
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)
