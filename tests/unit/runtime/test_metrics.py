"""The names that dashboards know, from zero."""

from __future__ import annotations

import asyncio

from fairlead.errors import BuildError
from fairlead.kube.client import KubeClient
from fairlead.runtime.controller import Controller, Result
from fairlead.runtime.durations import DURATION_BUCKETS
from fairlead.runtime.events import EventRecorder
from fairlead.runtime.metrics import Metrics
from tests.support.clock import VirtualClock
from tests.support.fake_api import FakeApi


def labels(controller: str, key: object) -> tuple[str, str, str]:
    return ("Kustomization", str(key), "apps")


async def test_everything_exists_from_zero() -> None:
    metrics = Metrics(labels)

    async def reconcile(_: str) -> None:
        return

    async with FakeApi() as api, KubeClient(api.config) as client:
        for name in ("kustomization", "gitrepository"):
            metrics.watch_controller(Controller(name, reconcile, workers=3))
        metrics.watch_client(client)
        metrics.watch_events(EventRecorder(client, component="kustomize-controller"))
        await client.request("GET", "/api")
        text = metrics.exposition().decode()
        assert f'rest_client_requests_total{{code="200",host="{client.host}",method="GET"}} 1.0' in text
    for line in (
        'controller_runtime_reconcile_total{controller="kustomization",result="success"} 0.0',
        'controller_runtime_reconcile_errors_total{controller="kustomization"} 0.0',
        'controller_runtime_max_concurrent_reconciles{controller="gitrepository"} 3.0',
        'workqueue_depth{name="kustomization"} 0.0',
        'workqueue_adds_total{name="kustomization"} 0.0',
        'workqueue_retries_total{name="gitrepository"} 0.0',
        'fairlead_events_depth{component="kustomize-controller"} 0.0',
        "process_resident_memory_bytes",
    ):
        assert line in text
    assert text.count("# TYPE workqueue_depth gauge") == 1


async def test_runs_are_counted_by_outcome() -> None:
    deleted: set[object] = set()
    clock, metrics = VirtualClock(), Metrics(labels, lambda _, key: key not in deleted)

    async def reconcile(key: str) -> Result:
        await clock.sleep(2)
        if key == "bad":
            raise BuildError("no")
        return Result(requeue_after=600 if key == "again" else None)

    controller: Controller[str] = Controller("kustomization", reconcile, clock=clock, observer=metrics)
    metrics.watch_controller(controller)
    task = asyncio.create_task(controller.run())
    for key in ("good", "bad", "again"):
        controller.queue.add(key)
    await clock.advance(1)
    assert 'controller_runtime_active_workers{controller="kustomization"} 3.0' in metrics.exposition().decode()
    assert 'workqueue_longest_running_processor_seconds{name="kustomization"} 1.0' in metrics.exposition().decode()
    await clock.advance(1)
    task.cancel()
    await asyncio.wait((task,))
    text = metrics.exposition().decode()
    for outcome in ("success", "error", "requeue_after"):
        assert f'controller_runtime_reconcile_total{{controller="kustomization",result="{outcome}"}} 1.0' in text
    assert 'controller_runtime_reconcile_errors_total{controller="kustomization"} 1.0' in text
    assert 'controller_runtime_active_workers{controller="kustomization"} 0.0' in text
    assert 'gotk_reconcile_duration_seconds_count{kind="Kustomization",name="good",namespace="apps"} 1.0' in text
    deleted.update(("good", "never seen"))
    for key in ("good", "never seen", "bad"):  # a deletion brings a last run
        metrics.run_started("kustomization", key, 0)
        metrics.run_ended("kustomization", key, 1, "success")
    text = metrics.exposition().decode()
    assert 'name="good"' not in text
    assert 'name="never seen"' not in text
    assert 'gotk_reconcile_duration_seconds_count{kind="Kustomization",name="bad",namespace="apps"} 2.0' in text


def test_the_buckets_are_fluxs() -> None:
    assert len(DURATION_BUCKETS) == 10
    assert DURATION_BUCKETS[0] == 0.01
    assert round(DURATION_BUCKETS[-1]) == 1800
