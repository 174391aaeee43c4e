"""The local cluster answers what a real kube-apiserver (1.35) answered: codes, bodies, texts, owners, event sequences.

The answers stand in ``conformance/recorded.json``; ``python -m tests.localcluster.conformance.record`` asks a real
server again. What is known to differ, and why, is listed in ``docs/design/localcluster.md``.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
import pytest_asyncio

from fairlead.localcluster import LocalCluster
from tests.localcluster.conformance.all import all_scenarios
from tests.localcluster.conformance.record import RECORDED, ask_one, connect, show

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.localcluster.conformance.replay import Scenario, Send

DIFFERENT = {
    "definition with an unstructured schema": "only the first of several errors about a schema's root is reported",
}
"""Scenarios that are known to differ, and how."""

ANSWERS = json.loads(RECORDED.read_text())


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def send() -> AsyncIterator[Send]:
    """Requests to a cluster without workload controllers: the real server ran without them, too."""
    async with LocalCluster(simulate=False) as cluster, connect(cluster.kubeconfig()) as sender:
        yield sender


@pytest.mark.asyncio(loop_scope="module")
@pytest.mark.parametrize("scenario", all_scenarios(), ids=lambda one: one.name)
async def test_as_the_real_server(scenario: Scenario, send: Send) -> None:
    if scenario.name in DIFFERENT:
        pytest.xfail(DIFFERENT[scenario.name])
    found = await ask_one(scenario, send)
    assert found == ANSWERS[scenario.name], show(scenario.name, ANSWERS[scenario.name], found)
