"""A cluster for each session, a namespace, a repository and running controllers for each test.

``KUBECONFIG_UNDER_TEST`` names another API server; otherwise a local cluster is started, and spoken to over HTTPS. On a
server without controllers for workloads a helper writes their status.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import threading
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from fairlead.controllers.install import install
from fairlead.kube.client import KubeClient
from fairlead.kube.config import ClusterConfig, config_from_kubeconfig
from fairlead.localcluster import LocalCluster
from tests.support.repo import RepoBuilder
from tests.support.workloads import run_workloads
from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

OTHER = os.environ.get("KUBECONFIG_UNDER_TEST", "")
_serial = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("cluster")


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


@pytest.fixture(scope="session")
def kubeconfig() -> Iterator[str]:
    """The text of a kubeconfig for the cluster under test."""
    if OTHER:
        yield Path(OTHER).read_text()
        return
    background = _Background()
    try:
        yield background.start()
    finally:
        background.stop()


@pytest.fixture(scope="session")
def cluster(kubeconfig: str) -> ClusterConfig:
    """How to reach the cluster under test, with Fairlead installed."""
    config = config_from_kubeconfig(kubeconfig)
    asyncio.run(_install(config))
    return config


async def _install(config: ClusterConfig) -> None:
    async with KubeClient(config) as client:
        async for _ in install(client):
            pass


@pytest.fixture
def repo(tmp_path: Path) -> RepoBuilder:
    return RepoBuilder(tmp_path / "fleet")


@pytest_asyncio.fixture
async def world(cluster: ClusterConfig, repo: RepoBuilder, tmp_path: Path) -> AsyncIterator[World]:
    """A namespace of one's own with controllers that care for nothing else."""
    async with KubeClient(cluster) as client:
        world = World(client, repo, tmp_path / "state", namespace=f"test-{os.getpid()}-{next(_serial)}")
        helpers = [asyncio.create_task(run_workloads(client))] if OTHER else []
        async with world:
            yield world
        for helper in helpers:
            helper.cancel()
        await asyncio.gather(*helpers, return_exceptions=True)
