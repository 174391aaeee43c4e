"""Names and labels of the metrics that dashboards for Flux read, on a world that has worked."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import aiohttp
import pytest
from prometheus_client.parser import text_string_to_metric_families

from fairlead.runtime import events, forwarding
from tests.support.event_receiver import EventReceiver
from tests.support.manifests import config_map
from tests.support.ports import free_port

if TYPE_CHECKING:
    from prometheus_client.samples import Sample

    from tests.support.world import World

LABELS = {
    "gotk_reconcile_duration_seconds_bucket": {"kind", "name", "namespace", "le"},
    "gotk_reconcile_duration_seconds_sum": {"kind", "name", "namespace"},
    "gotk_reconcile_duration_seconds_count": {"kind", "name", "namespace"},
    "controller_runtime_reconcile_total": {"controller", "result"},
    "controller_runtime_reconcile_errors_total": {"controller"},
    "controller_runtime_reconcile_time_seconds_count": {"controller"},
    "controller_runtime_active_workers": {"controller"},
    "controller_runtime_max_concurrent_reconciles": {"controller"},
    "workqueue_depth": {"name"},
    "workqueue_adds_total": {"name"},
    "workqueue_retries_total": {"name"},
    "workqueue_queue_duration_seconds_count": {"name"},
    "workqueue_work_duration_seconds_count": {"name"},
    "workqueue_unfinished_work_seconds": {"name"},
    "workqueue_longest_running_processor_seconds": {"name"},
    "rest_client_requests_total": {"code", "host", "method"},
    "process_cpu_seconds_total": set(),
    "process_resident_memory_bytes": set(),
}
CONTROLLERS = {"gitrepository", "kustomization"}


async def restart_with_metrics(world: World, events_address: str = "") -> int:
    """The port at which they are served."""
    port = free_port()
    world.settings = replace(world.settings, metrics_address=f":{port}", events_address=events_address)
    await world.restart()
    return port


async def samples(port: int) -> list[Sample]:
    async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/metrics") as answer:
        return [each for family in text_string_to_metric_families(await answer.text()) for each in family.samples]


async def test_names_and_labels_are_those_of_flux(world: World) -> None:
    port = await restart_with_metrics(world)
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("settings", world.namespace, {"a": "b"})})
    await world.git_repository()
    await world.kustomization("apps", path="apps")
    await world.ready("apps")
    found: dict[str, list[dict[str, str]]] = {}

    async def scraped() -> bool:
        found.clear()
        for sample in await samples(port):
            found.setdefault(sample.name, []).append(dict(sample.labels))
        return any(labels["name"] == "apps" for labels in found.get("gotk_reconcile_duration_seconds_count", ()))

    await world.eventually("the run is counted", scraped)
    for name, labels in LABELS.items():
        assert name in found, f"{name} is missing"
        assert set(found[name][0]) == labels, name
    for name in ("controller_runtime_reconcile_total", "controller_runtime_max_concurrent_reconciles"):
        assert {labels["controller"] for labels in found[name]} == CONTROLLERS
    assert {labels["name"] for labels in found["workqueue_depth"]} == CONTROLLERS
    objects = {(labels["kind"], labels["name"]) for labels in found["gotk_reconcile_duration_seconds_count"]}
    assert objects >= {("GitRepository", "fleet"), ("Kustomization", "apps")}
    bounds = [float(labels["le"]) for labels in found["gotk_reconcile_duration_seconds_bucket"]][:11]
    assert bounds[0] == pytest.approx(0.01)
    assert bounds[9] == pytest.approx(1800)
    assert bounds[10] == float("inf")

    async def gone() -> bool:
        await scraped()
        return not any(labels["name"] == "apps" for labels in found["gotk_reconcile_duration_seconds_count"])

    await world.delete("Kustomization", "apps")
    await world.eventually("the series go with their object", gone)


async def test_lost_events_are_counted(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    """Those in the cluster and those for the receiver, which takes none here; the deliveries do not wait for them."""
    monkeypatch.setattr(events, "QUEUE_LIMIT", 1)
    monkeypatch.setattr(forwarding, "QUEUE_LIMIT", 1)
    async with EventReceiver([503] * 1000) as receiver:
        port = await restart_with_metrics(world, events_address=receiver.url)
        apps = [f"app-{number}" for number in range(6)]
        files = {f"{name}/cm.yaml": config_map(name, world.namespace, {"a": "b"}) for name in apps}
        world.repo.commit("Begin", files)
        await world.git_repository()
        for name in apps:
            await world.kustomization(name, path=name)
        await world.ready(*apps)

        async def counted() -> bool:
            found = await samples(port)
            lost = {
                each.labels["component"]: each.value for each in found if each.name == "fairlead_events_dropped_total"
            }
            return lost["kustomize-controller"] > 0 and lost["forwarder"] > 0

        await world.eventually("the loss is counted", counted)
        await world.stop()
