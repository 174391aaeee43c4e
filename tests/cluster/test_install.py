"""``fairlead install``: everything that is needed, twice without a change, and nothing of Flux's is touched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fairlead.controllers.install import crds, install, manifests
from fairlead.kube.client import KubeClient
from fairlead.objects.ref import ObjectRef

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fairlead.kube.config import ClusterConfig


@pytest.fixture
async def client(cluster: ClusterConfig) -> AsyncIterator[KubeClient]:
    async with KubeClient(cluster) as client:
        yield client


async def test_a_second_time_changes_nothing(client: KubeClient) -> None:
    outcomes = [step.outcome async for step in install(client)]
    assert outcomes == ["unchanged"] * len(manifests())


async def test_definitions_of_others_are_kept(client: KubeClient) -> None:
    wanted = crds()[0]
    ref = ObjectRef.of(wanted)
    live = await client.get(ref)
    theirs = {**live, "metadata": {**live["metadata"], "managedFields": [{}]}}
    await client.replace(theirs, field_manager="flux")
    try:
        steps = {step.ref: step async for step in install(client)}
        assert steps[ref].outcome == "kept"
        assert "installed by others" in steps[ref].note
    finally:
        await client.apply(wanted, field_manager="fairlead")
