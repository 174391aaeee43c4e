"""Fixtures for sources: a store, servers, and a Git source that may read this machine's repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fairlead.sources.git import GitOptions, GitSource
from fairlead.sources.store import ObjectStore
from tests.support.git_server import GitServer
from tests.support.repo import RepoBuilder

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path


@pytest.fixture
def store(tmp_path: Path) -> ObjectStore:
    return ObjectStore(tmp_path / "store")


@pytest.fixture
async def git(store: ObjectStore) -> AsyncIterator[GitSource]:
    async with GitSource(store, options=GitOptions(local_repositories=True)) as source:
        yield source


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[GitServer]:
    async with GitServer(tmp_path / "served") as server:
        yield server


@pytest.fixture
def served(server: GitServer) -> RepoBuilder:
    """A repository on the server, with one commit."""
    repo = RepoBuilder(server.folder / "fleet.git")
    repo.commit("Start", {"apps/web.yaml": "kind: ConfigMap\n", "README.md": "# Fleet\n"})
    return repo


@pytest.fixture
def repo(tmp_path: Path) -> RepoBuilder:
    """A repository on this machine, with one commit."""
    repo = RepoBuilder(tmp_path / "fleet")
    repo.commit("Start", {"apps/web.yaml": "kind: ConfigMap\n", "README.md": "# Fleet\n"})
    return repo
