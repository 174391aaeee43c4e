"""The engine waits for objects by watching them, and says what is missing."""

from __future__ import annotations

import asyncio
import itertools
import os
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from fairlead.engine.health import HealthStatus, Status
from fairlead.engine.wait import (
    HealthCheckCanceledError,
    HealthCheckFailedError,
    HealthTracker,
    WaitOptions,
    jobs_with_ttl,
)
from fairlead.engine.watcher import ManagedWatcher
from fairlead.kube.client import KubeClient
from fairlead.objects.ref import ObjectRef
from tests.support.engine import Fleet
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Mapping

    from fairlead.kube.config import ClusterConfig

_serial = itertools.count(1)


@pytest_asyncio.fixture
async def fleet(cluster: ClusterConfig) -> AsyncIterator[Fleet]:
    async with KubeClient(cluster) as client, ManagedWatcher(client) as watcher:
        fleet = Fleet(watcher, f"engine-wait-{os.getpid()}-{next(_serial)}")
        await fleet.applied(fleet.namespace(), fleet.definition(), fleet.widget())
        yield fleet


def condition(kind: str, status: str, message: str = "") -> dict[str, object]:
    return {"status": {"conditions": [{"type": kind, "status": status, "message": message}]}}


async def test_what_is_ready_is_not_waited_for(fleet: Fleet) -> None:
    before = sum(fleet.client.stats.values())
    await HealthTracker(fleet.watcher).wait(fleet.inventory, WaitOptions(timeout=PATIENCE))
    assert sum(fleet.client.stats.values()) == before


async def test_a_wait_ends_when_the_object_becomes_ready(fleet: Fleet) -> None:
    ref = fleet.ref("Widget", "w", fleet.group)
    await fleet.edit(ref, condition("Ready", "False"), manager="operator")
    await fleet.caught_up(ref)
    tracker = HealthTracker(fleet.watcher)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(tracker.wait([ref], WaitOptions(timeout=PATIENCE)))
        await asyncio.sleep(0.05)
        assert not waiting.done()
        await fleet.edit(ref, condition("Ready", "True"), manager="operator")
    assert waiting.result() < PATIENCE


async def test_a_timeout_names_object_status_and_cause(fleet: Fleet) -> None:
    ref = fleet.ref("Widget", "w", fleet.group)
    await fleet.edit(ref, condition("Ready", "False", "no database"), manager="operator")
    await fleet.caught_up(ref)
    with pytest.raises(HealthCheckFailedError) as caught:
        await HealthTracker(fleet.watcher).wait([*fleet.inventory], WaitOptions(timeout=0.1))
    assert str(caught.value) == (f"timeout waiting for: [Widget/{fleet.name}/w status: 'InProgress': no database]")
    assert caught.value.timed_out


async def test_a_failed_object_ends_the_wait_at_once(fleet: Fleet) -> None:
    ref = fleet.ref("Widget", "w", fleet.group)
    await fleet.edit(ref, condition("Stalled", "True", "never"), manager="operator")
    await fleet.caught_up(ref)
    tracker = HealthTracker(fleet.watcher)
    with pytest.raises(HealthCheckFailedError, match=r"failed early due to stalled resources: .*'Failed': never"):
        await tracker.wait([ref], WaitOptions(timeout=30))
    absent = fleet.ref("ConfigMap", "absent")
    with pytest.raises(HealthCheckFailedError, match=r"timeout waiting for: .*absent status: 'NotFound'"):
        await tracker.wait([ref, absent], WaitOptions(timeout=0.3, fail_fast=False))


async def test_an_object_that_is_not_ours_is_watched_for_the_wait(fleet: Fleet) -> None:
    ref = fleet.ref("ConfigMap", "foreign")
    tracker = HealthTracker(fleet.watcher)
    async with asyncio.TaskGroup() as group:
        waiting = group.create_task(tracker.wait([ref], WaitOptions(timeout=PATIENCE)))
        await asyncio.sleep(0.1)
        assert not waiting.done()
        await fleet.client.create(fleet.config_map("foreign"))
    assert waiting.result() < PATIENCE


async def test_a_kind_that_is_not_served_is_the_cause(fleet: Fleet) -> None:
    refs = [ObjectRef("test.example", "Nothing", fleet.name, name) for name in ("a", "b")]
    seen: list[Mapping[ObjectRef, HealthStatus]] = []
    options = WaitOptions(timeout=0.3, seen=seen.append)
    with pytest.raises(HealthCheckFailedError) as caught:
        await HealthTracker(fleet.watcher).wait(refs, options)
    for ref in refs:
        assert f"{ref} status: 'NotFound': no matches for kind \"Nothing\"" in str(caught.value)
    assert seen[-1].keys() == set(refs)


async def test_a_rule_of_the_users_decides(fleet: Fleet) -> None:
    ref = fleet.ref("Widget", "w", fleet.group)

    def rule(manifest: Mapping[str, Any], /) -> HealthStatus:
        big = manifest["spec"]["size"] >= 3
        return HealthStatus(Status.CURRENT if big else Status.IN_PROGRESS, "too small")

    tracker = HealthTracker(fleet.watcher)
    with pytest.raises(HealthCheckFailedError, match="too small"):
        await tracker.wait([ref], WaitOptions(timeout=0.2, rules={ref: rule}))
    await fleet.applied(fleet.widget(size=4))
    await tracker.wait([ref], WaitOptions(timeout=PATIENCE, rules={ref: rule}))


async def test_newer_intent_ends_a_wait(fleet: Fleet) -> None:
    superseded = asyncio.Event()
    options = WaitOptions(timeout=30, superseded=superseded)
    asyncio.get_running_loop().call_later(0.05, superseded.set)
    with pytest.raises(HealthCheckCanceledError):
        await HealthTracker(fleet.watcher).wait([fleet.ref("ConfigMap", "absent")], options)


async def test_a_job_that_cleans_up_after_itself_is_done(fleet: Fleet) -> None:
    job = fleet.object("Job", "once", "batch/v1", spec={"ttlSecondsAfterFinished": 0})
    gone = jobs_with_ttl([job, fleet.config_map("a")])
    assert gone == {fleet.ref("Job", "once", "batch")}
    await HealthTracker(fleet.watcher).wait(gone, WaitOptions(timeout=PATIENCE, may_vanish=gone))
