"""A cluster for each session, a namespace, a repository and running controllers for each test.

The cluster is a local one, or the one in ``KUBECONFIG_UNDER_TEST``.
"""

from __future__ import annotations

import asyncio
import itertools
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from fairlead.controllers.install import install
from fairlead.kube.client import KubeClient
from fairlead.kube.config import ClusterConfig, config_from_kubeconfig
from tests.support.repo import RepoBuilder
from tests.support.under_test import kubeconfig_under_test, workloads_under_test
from tests.support.world import World

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator

_serial = itertools.count(1)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        if Path(__file__).parent in item.path.parents:
            item.add_marker("cluster")


@pytest.fixture(scope="session")
def kubeconfig() -> Iterator[str]:
    """The text of a kubeconfig for the cluster under test."""
    with kubeconfig_under_test() as text:
        yield text


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
        async with workloads_under_test(client), world:
            yield world
