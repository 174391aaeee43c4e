"""Flux's controllers that are still at work are noticed, and left to it until they end."""

from __future__ import annotations

import asyncio
import dataclasses
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from fairlead.controllers.manager import Manager
from fairlead.controllers.manager import run as run_controllers
from fairlead.controllers.neighbours import FluxAtWorkError, Neighbours, look_around, shard_suffix
from fairlead.kube.client import PatchType
from fairlead.objects.ref import ObjectRef
from fairlead.runtime.clock import SystemClock
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fairlead.settings import Settings
    from tests.support.world import World

pytestmark = pytest.mark.usefixtures("only_flux")

LEASE = "kustomize-controller-leader-election"
LABELS = {"app.kubernetes.io/part-of": "flux", "app.kubernetes.io/component": "kustomize-controller"}
CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\ndata: {key: value}\n"


class Flux:
    """A Deployment of Flux's controller; there are no nodes, so nothing of it runs."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.name = f"Deployment/{world.namespace}/kustomize-controller"

    async def scale(self, replicas: int, *arguments: str) -> None:
        container = {"name": "manager", "image": "example.org/controller", "args": [*arguments]}
        template = {"metadata": {"labels": LABELS}, "spec": {"containers": [container]}}
        spec: dict[str, Any] = {"replicas": replicas, "selector": {"matchLabels": LABELS}, "template": template}
        await self._world.apply("apps/v1", "Deployment", "kustomize-controller", spec=spec, labels=LABELS)


@pytest_asyncio.fixture
async def flux(world: World) -> AsyncIterator[Flux]:
    yield Flux(world)
    if await world.get("Deployment", "kustomize-controller"):
        await world.delete("Deployment", "kustomize-controller")
    await world.eventually("nothing of Flux is left for the next test", lambda: nobody(world))


async def nobody(world: World) -> bool:
    return not (await look_around(world.client, world.namespace, datetime.now(UTC) + timedelta(minutes=1))).found


async def hold(world: World, name: str = LEASE) -> datetime:
    now = datetime.now(UTC)
    spec = {
        "holderIdentity": "kustomize-controller-1_x",
        "leaseDurationSeconds": 35,
        "renewTime": now.strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
    }
    await world.apply("coordination.k8s.io/v1", "Lease", name, spec=spec)
    return now


def careful(world: World) -> Settings:
    return dataclasses.replace(world.settings, runtime_namespace=world.namespace, stand_back=True)


async def test_a_held_lease_is_seen_until_it_runs_out(world: World) -> None:
    assert (await look_around(world.client, world.namespace, datetime.now(UTC))).found == []
    now = await hold(world)
    expected = ["kustomize-controller (kustomize-controller-1_x)"]
    assert (await look_around(world.client, world.namespace, now)).found == expected
    assert (await look_around(world.client, world.namespace, now + timedelta(minutes=1))).found == []


async def test_controllers_stand_back_and_say_so(world: World, caplog: pytest.LogCaptureFixture) -> None:
    await hold(world)
    settings = careful(world)
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
    async with asyncio.timeout(PATIENCE):
        await manager.started.wait()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    ref = ObjectRef("coordination.k8s.io", "Lease", world.namespace, LEASE)
    await world.client.patch(ref, {"spec": {"holderIdentity": ""}}, PatchType.MERGE)
    assert (await look_around(world.client, world.namespace, datetime.now(UTC))).found == []


async def test_a_deployment_without_leader_election_is_seen(world: World, flux: Flux) -> None:
    """``--enable-leader-election=false`` leaves no Lease, and Fairlead wrote beside such a controller."""
    await flux.scale(1)
    found = (await look_around(world.client, "elsewhere", datetime.now(UTC))).found
    assert found == [f"kustomize-controller ({flux.name})"]
    await flux.scale(0)
    await world.eventually("nobody is left", lambda: nobody(world))


async def test_a_pod_that_still_ends_is_at_work(world: World, flux: Flux) -> None:
    spec = {"containers": [{"name": "manager", "image": "example.org/controller"}]}
    await world.apply("v1", "Pod", "leftover", spec=spec, labels=LABELS)
    found = (await look_around(world.client, world.namespace, datetime.now(UTC))).found
    assert found == [f"kustomize-controller (Pod/{world.namespace}/leftover)"]
    await world.client.delete(ObjectRef("", "Pod", world.namespace, "leftover"))
    await world.eventually("nobody is left", lambda: nobody(world))


async def test_shards_are_apart(world: World, flux: Flux) -> None:
    """A part of the fleet can be handed over alone: by a label that Flux's controllers leave out."""
    theirs, ours = "sharding.fluxcd.io/key notin (fairlead)", "sharding.fluxcd.io/key=fairlead"
    await flux.scale(1, "--log-level=info", f"--watch-label-selector={theirs}")
    now = await hold(world, f"{LEASE}{shard_suffix(theirs)}")
    assert (await look_around(world.client, world.namespace, now, ours)).found == []
    both = [f"kustomize-controller ({flux.name}, kustomize-controller-1_x)"]
    assert (await look_around(world.client, world.namespace, now, theirs)).found == both
    assert (await look_around(world.client, world.namespace, now)).found == both


async def test_work_ends_when_flux_comes_and_begins_when_it_goes(
    world: World, flux: Flux, caplog: pytest.LogCaptureFixture
) -> None:
    """Somebody scales it up, or Git does: from then on nothing is written, until it has gone."""
    caplog.set_level(logging.INFO)
    await world.stop()
    world.repo.commit("Begin", {"apps/one.yaml": CONFIG})
    await world.git_repository()
    await world.kustomization("apps", path="apps", targetNamespace=world.namespace)
    working = asyncio.create_task(run_controllers(careful(world), world.client.config))
    await world.ready("apps")
    await flux.scale(1)

    async def said(text: str) -> bool:
        return any(text in record.getMessage() for record in caplog.records)

    await world.eventually("it is said", lambda: said("Flux has begun to work here (kustomize-controller (Deployment"))
    await world.eventually("it waits", lambda: said("Flux is at work here (kustomize-controller (Deployment"))
    await world.patch("ConfigMap", "one", {"data": {"key": "by hand"}})
    commit = world.repo.commit("More", {"apps/two.yaml": CONFIG.replace("one", "two")})
    await asyncio.sleep(1)
    assert (await world.get("ConfigMap", "one") or {})["data"] == {"key": "by hand"}
    assert await world.get("ConfigMap", "two") is None
    await flux.scale(0)
    await world.ready("apps", commit=commit)
    assert (await world.get("ConfigMap", "one") or {})["data"] == {"key": "value"}
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def test_the_work_that_is_guarded_ends_as_it_would(world: World) -> None:
    async def done() -> None: ...

    async def failed() -> None:
        raise ValueError("a fault")

    neighbours = Neighbours(world.client, world.namespace, SystemClock())
    await neighbours.work_until_they_come(done())
    with pytest.raises(ValueError, match="a fault"):
        await neighbours.work_until_they_come(failed())
    await hold(world)
    with pytest.raises(FluxAtWorkError, match="kustomize-controller-1_x"):
        await neighbours.work_until_they_come(asyncio.sleep(30))
