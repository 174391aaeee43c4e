"""A cluster that is empty at the beginning of each test: these repositories use fixed names.

On another server (``KUBECONFIG_UNDER_TEST``) run one test only; ``tests/envtest/run-suite.sh`` starts one for each.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from fairlead.kube.client import KubeClient
from fairlead.kube.config import config_from_kubeconfig
from tests.support.fleet import Fleet
from tests.support.under_test import kubeconfig_under_test, workloads_under_test

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator
    from pathlib import Path


@pytest.fixture
def kubeconfig() -> Iterator[str]:
    with kubeconfig_under_test() as text:
        yield text


@pytest_asyncio.fixture
async def fleet(kubeconfig: str, tmp_path: Path) -> AsyncIterator[Fleet]:
    """Not started yet."""
    config = config_from_kubeconfig(kubeconfig)
    async with KubeClient(config) as client, workloads_under_test(client), Fleet(config, tmp_path / "state") as fleet:
        yield fleet
