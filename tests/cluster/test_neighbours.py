"""Flux's controllers that are still at work are noticed, and left to it until they end."""

from __future__ import annotations

import asyncio
import dataclasses
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from fairlead.controllers.manager import Manager
from fairlead.controllers.neighbours import flux_at_work
from fairlead.kube.client import PatchType
from fairlead.objects.ref import ObjectRef

if TYPE_CHECKING:
    import pytest

    from tests.support.world import World

LEASE = "kustomize-controller-leader-election"


async def hold(world: World) -> datetime:
    now = datetime.now(UTC)
    spec = {
        "holderIdentity": "kustomize-controller-1_x",
        "leaseDurationSeconds": 35,
        "renewTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    await world.apply("coordination.k8s.io/v1", "Lease", LEASE, spec=spec)
    return now


async def test_a_held_lease_is_seen_until_it_runs_out(world: World) -> None:
    assert await flux_at_work(world.client, world.namespace, datetime.now(UTC)) == []
    now = await hold(world)
    expected = ["kustomize-controller (kustomize-controller-1_x)"]
    assert await flux_at_work(world.client, world.namespace, now) == expected
    assert await flux_at_work(world.client, world.namespace, now + timedelta(minutes=1)) == []


async def test_controllers_stand_back_and_say_so(world: World, caplog: pytest.LogCaptureFixture) -> None:
    await hold(world)
    settings = dataclasses.replace(world.settings, runtime_namespace=world.namespace)
    waiting = asyncio.create_task(Manager(settings, world.client).run())

    async def said() -> bool:
        return any("standing back" in record.getMessage() for record in caplog.records)

    await world.eventually("it is said", said)
    assert not waiting.done()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)

    told = dataclasses.replace(settings, stand_back=False)
    manager = Manager(told, world.client)
    working = asyncio.create_task(manager.run())
    async with asyncio.timeout(10):
        await manager.started.wait()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    ref = ObjectRef("coordination.k8s.io", "Lease", world.namespace, LEASE)
    await world.client.patch(ref, {"spec": {"holderIdentity": ""}}, PatchType.MERGE)
    assert await flux_at_work(world.client, world.namespace, datetime.now(UTC)) == []
