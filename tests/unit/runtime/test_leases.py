"""One leader at a time, whatever happens to the first."""

from __future__ import annotations

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any

import pytest

from fairlead.kube.client import KubeClient
from fairlead.kube.options import ClientOptions
from fairlead.runtime.leases import LeaderElector, LeadershipLostError, LeaseOptions
from tests.support.fake_api import FakeApi
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

QUICK = LeaseOptions(duration=3.0, renew_deadline=2.7, retry=0.1)
"""A busy machine may stop this process for a second, which must not cost it the Lease."""


class Candidate:
    def __init__(self, client: KubeClient, identity: str) -> None:
        self.elector = LeaderElector(client, namespace="flux-system", name="leader", identity=identity, options=QUICK)
        self.started = asyncio.Event()
        self.cancelled = False

    async def lead(self) -> None:
        self.started.set()
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            self.cancelled = True
            raise

    def start(self) -> asyncio.Task[None]:
        return asyncio.create_task(self.elector.run(self.lead))


@pytest.fixture
async def api() -> AsyncIterator[FakeApi]:
    async with FakeApi() as found:
        yield found


@pytest.fixture
async def client(api: FakeApi) -> AsyncIterator[KubeClient]:
    async with KubeClient(api.config, ClientOptions(retries=0)) as found:
        yield found


def spec_of(api: FakeApi) -> dict[str, Any]:
    (lease,) = api.objects.values()
    return dict(lease["spec"])


async def stop(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await asyncio.wait_for(task, PATIENCE)


async def test_the_first_leads_and_hands_over_when_it_ends(api: FakeApi, client: KubeClient) -> None:
    first, second = Candidate(client, "one"), Candidate(client, "two")
    running = first.start()
    await asyncio.wait_for(first.started.wait(), PATIENCE)
    waiting = second.start()
    await asyncio.sleep(QUICK.duration + 0.3)
    assert not second.started.is_set(), "the holder renews"
    assert spec_of(api)["holderIdentity"] == "one"
    await stop(running)
    assert first.cancelled
    assert not first.elector.leading
    assert spec_of(api)["holderIdentity"] in ("", "two"), "it was given back, and did not run out"
    await asyncio.wait_for(second.started.wait(), PATIENCE)
    assert spec_of(api)["holderIdentity"] == "two"
    assert spec_of(api)["leaseTransitions"] == 1
    await stop(waiting)


async def test_a_dead_leader_is_succeeded_when_its_lease_runs_out(api: FakeApi, client: KubeClient) -> None:
    api.put(
        {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {"namespace": "flux-system", "name": "leader"},
            "spec": {"holderIdentity": "dead", "renewTime": "2020-01-01T00:00:00.000000Z", "leaseDurationSeconds": 1},
        }
    )
    candidate = Candidate(client, "two")
    running = candidate.start()
    await asyncio.sleep(0.5)
    assert not candidate.started.is_set(), "an old time alone proves nothing: clocks differ"
    await asyncio.wait_for(candidate.started.wait(), PATIENCE)
    await stop(running)


async def test_who_cannot_renew_stops_to_lead(api: FakeApi, client: KubeClient) -> None:
    candidate = Candidate(client, "one")
    running = candidate.start()
    await asyncio.wait_for(candidate.started.wait(), PATIENCE)
    api.fail(500, path="leases", times=10_000)
    with pytest.raises(LeadershipLostError, match="Lease/flux-system/leader could not be renewed"):
        await asyncio.wait_for(running, PATIENCE)
    assert candidate.cancelled


async def test_who_was_robbed_stops_at_once(api: FakeApi, client: KubeClient) -> None:
    candidate = Candidate(client, "one")
    running = candidate.start()
    await asyncio.wait_for(candidate.started.wait(), PATIENCE)
    (lease,) = api.objects.values()
    api.put({**lease, "spec": {**lease["spec"], "holderIdentity": "thief"}})
    with pytest.raises(LeadershipLostError, match="was taken by another candidate"):
        await asyncio.wait_for(running, PATIENCE)
    assert spec_of(api)["holderIdentity"] == "thief"


async def test_what_the_leader_returns_or_raises_comes_out(client: KubeClient) -> None:
    elector = LeaderElector(client, namespace="a", name="b", identity="c", options=QUICK)

    async def finish() -> None:
        return

    async def fail() -> None:
        raise ZeroDivisionError

    await asyncio.wait_for(elector.run(finish), PATIENCE)
    with pytest.raises(ZeroDivisionError):
        await asyncio.wait_for(elector.run(fail), PATIENCE)


async def test_an_unreachable_server_is_tried_again(api: FakeApi, client: KubeClient) -> None:
    api.fail(503, path="leases", times=2)
    candidate = Candidate(client, "one")
    running = candidate.start()
    await asyncio.wait_for(candidate.started.wait(), PATIENCE)
    await stop(running)
