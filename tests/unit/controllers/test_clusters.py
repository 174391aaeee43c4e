"""A remote cluster that cannot be asked fails those who name it, and nothing else."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, cast

import pytest

from fairlead.controllers.clusters import _Remote
from fairlead.errors import UnavailableError
from fairlead.kube.config import ClusterConfig

if TYPE_CHECKING:
    from typing import Never

    from fairlead.engine.watcher import ManagedWatcher
    from fairlead.kube.client import KubeClient


class Broken:
    config = ClusterConfig(server="https://far.example.com")

    async def request(self, method: str, path: str) -> Never:
        raise KeyError("token-value")


async def test_a_fault_of_the_question_is_the_clusters_alone(caplog: pytest.LogCaptureFixture) -> None:
    async with asyncio.TaskGroup() as tasks:
        remote = _Remote(cast("KubeClient", Broken()), cast("ManagedWatcher", None), tasks)
        with pytest.raises(UnavailableError) as caught:
            await remote.ensure_present()
        assert "https://far.example.com" in str(caught.value)
        assert "token-value" not in str(caught.value)
    assert "https://far.example.com" in caplog.text
