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
from fairlead.kube.options import ClientOptions
from tests.support.accounts import service_account
from tests.support.cli import Cli
from tests.support.fault_proxy import FaultProxy
from tests.support.manifests import config_map
from tests.support.repo import RepoBuilder
from tests.support.under_test import kubeconfig_under_test, the_only_flux, workloads_under_test
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


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A folder for the files that somebody works on."""
    found = tmp_path / "work"
    found.mkdir()
    return found


@pytest_asyncio.fixture
async def world(cluster: ClusterConfig, repo: RepoBuilder, tmp_path: Path) -> AsyncIterator[World]:
    """A namespace of one's own with controllers that care for nothing else.

    The test's own look is never stale: a kind that it does not know is looked up each time.
    """
    async with KubeClient(cluster, ClientOptions(discovery_interval=0)) as client:
        world = World(client, repo, tmp_path / "state", namespace=f"test-{os.getpid()}-{next(_serial)}")
        async with workloads_under_test(client), world:
            yield world


@pytest.fixture
def only_flux() -> Iterator[None]:
    """For tests that play Flux, or that look for it: no other one does so meanwhile."""
    with the_only_flux():
        yield


@pytest_asyncio.fixture
async def proxy(world: World, tmp_path: Path) -> AsyncIterator[FaultProxy]:
    """The controllers reach the server through this alone; the test itself reaches it directly."""
    async with FaultProxy(await service_account(world), tmp_path / "proxy") as proxy:
        await world.stop()
        world.controllers_config = proxy.config
        await world.start()
        yield proxy
        await world.stop()


@pytest_asyncio.fixture
async def cli(world: World, tmp_path: Path) -> Cli:
    """The commands, in a namespace with a Kustomization that is ready and one whose build fails."""
    settings = config_map("settings", world.namespace, {"zone": "a"})
    world.repo.commit("Begin", {"apps/settings.yaml": settings, "broken/x.yaml": "kind: {"})
    await world.git_repository()
    await world.kustomization("apps", path="./apps")
    await world.kustomization("broken", path="./broken")
    await world.ready("apps")
    await world.failed("broken")
    return Cli(world.client.config, world.namespace, tmp_path)
