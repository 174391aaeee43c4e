"""Events: what is written, how often, and that nobody waits for it."""

from __future__ import annotations

import asyncio
import contextlib
import re
import time
from typing import TYPE_CHECKING

import pytest

from fairlead.kube.client import KubeClient
from fairlead.kube.options import ClientOptions
from fairlead.runtime import events as events_module
from fairlead.runtime.events import EventRecorder
from tests.support.clock import VirtualClock
from tests.support.fake_api import FakeApi
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fairlead.objects.manifest import Manifest

WEB: Manifest = {
    "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
    "kind": "Kustomization",
    "metadata": {
        "namespace": "apps",
        "name": "web",
        "uid": "u1",
        "resourceVersion": "7",
        "annotations": {"event.toolkit.fluxcd.io/team": "blue", "other": "x"},
    },
    "spec": {"path": "./"},
}


@contextlib.asynccontextmanager
async def recording(api: FakeApi, clock: VirtualClock | None = None) -> AsyncIterator[EventRecorder]:
    async with KubeClient(api.config, ClientOptions(retries=0)) as client:
        recorder = EventRecorder(client, component="kustomize-controller", instance="pod-1", clock=clock)
        task = asyncio.create_task(recorder.run())
        try:
            yield recorder
        finally:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await asyncio.wait_for(task, PATIENCE)


async def test_an_event_is_as_flux_writes_it() -> None:
    async with FakeApi() as api, recording(api, VirtualClock()) as recorder:
        recorder.record(
            WEB,
            "Normal",
            "ReconciliationSucceeded",
            "Reconciliation finished in 1s",
            metadata={"revision": "main@sha1:abc", "example.com/own": "kept"},
            action="Reconcile",
        )
        await recorder.flush(2)
        (event,) = api.objects.values()
        metadata = event["metadata"]
        assert re.fullmatch(r"web\.[0-9a-f]{16}", metadata["name"])
        assert metadata["namespace"] == "apps"
        assert metadata["annotations"] == {
            "event.toolkit.fluxcd.io/team": "blue",
            "example.com/own": "kept",
            "kustomize.toolkit.fluxcd.io/revision": "main@sha1:abc",
        }
        assert event["involvedObject"] == {
            "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
            "kind": "Kustomization",
            "namespace": "apps",
            "name": "web",
            "uid": "u1",
            "resourceVersion": "7",
        }
        assert event["source"] == {"component": "kustomize-controller"}
        assert (event["reportingComponent"], event["reportingInstance"]) == ("kustomize-controller", "pod-1")
        assert (event["type"], event["reason"], event["action"], event["count"]) == (
            "Normal",
            "ReconciliationSucceeded",
            "Reconcile",
            1,
        )
        assert event["firstTimestamp"] == event["lastTimestamp"] == "2026-01-01T00:00:00Z"


async def test_a_repeated_event_is_counted() -> None:
    clock = VirtualClock()
    async with FakeApi() as api, recording(api, clock) as recorder:
        for _ in range(3):
            recorder.record(WEB, "Warning", "BuildFailed", "no such file")
        await recorder.flush(2)
        clock.step(60)
        recorder.record(WEB, "Warning", "BuildFailed", "no such file")
        recorder.record(WEB, "Warning", "BuildFailed", "another cause")
        await recorder.flush(2)
        counts = {event["message"]: (event["count"], event["lastTimestamp"]) for event in api.objects.values()}
        assert counts == {
            "no such file": (4, "2026-01-01T00:01:00Z"),
            "another cause": (1, "2026-01-01T00:01:00Z"),
        }
        assert (len(api.seen("POST")), len(api.seen("PATCH"))) == (2, 1)


@pytest.mark.parametrize("written", [False, True])
async def test_one_that_is_broken_off_is_written_by_the_next_run(
    monkeypatch: pytest.MonkeyPatch, written: bool
) -> None:
    """Whether the server had it already or not: it is there once."""
    async with FakeApi() as api, KubeClient(api.config, ClientOptions(retries=0)) as client:
        create, sent = client.create, asyncio.Event()

        async def slow(manifest: Manifest, *, field_manager: str) -> Manifest:
            if written:
                await create(manifest, field_manager=field_manager)
            sent.set()
            await asyncio.Event().wait()
            raise AssertionError("it is cancelled")

        recorder = EventRecorder(client, component="kustomize-controller")
        monkeypatch.setattr(client, "create", slow)
        recorder.record(WEB, "Normal", "A", "b")
        first = asyncio.create_task(recorder.run())
        await asyncio.wait_for(sent.wait(), PATIENCE)
        first.cancel()
        await asyncio.wait((first,))
        assert recorder.depth == 1
        monkeypatch.setattr(client, "create", create)
        second = asyncio.create_task(recorder.run())
        await recorder.flush(PATIENCE)
        second.cancel()
        await asyncio.wait((second,))
        assert [event["count"] for event in api.objects.values()] == [1]
        assert recorder.dropped == 0


async def test_an_expired_event_is_written_anew() -> None:
    async with FakeApi() as api, recording(api) as recorder:
        recorder.record(WEB, "Normal", "A", "b")
        await recorder.flush(2)
        api.objects.clear()
        recorder.record(WEB, "Normal", "A", "b")
        await recorder.flush(2)
        assert [event["count"] for event in api.objects.values()] == [1]


async def test_objects_without_namespace_report_in_default() -> None:
    async with FakeApi() as api, recording(api) as recorder:
        recorder.record({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": "apps"}}, "Normal", "A", "b")
        await recorder.flush(2)
        (event,) = api.objects.values()
        assert event["metadata"]["namespace"] == "default"
        assert "annotations" not in event["metadata"]


async def test_recording_never_waits_and_the_oldest_are_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "QUEUE_LIMIT", 10)
    async with FakeApi() as api, recording(api) as recorder:
        api.fail(path="events", delay=30, times=99)
        started = time.perf_counter()
        for number in range(25):
            recorder.record(WEB, "Normal", "A", f"number {number}")
        assert time.perf_counter() - started < 10
        assert (recorder.depth, recorder.dropped) == (10, 15)
        started = time.perf_counter()
        await recorder.flush(0.1)
        assert time.perf_counter() - started < 10, "the server takes longer"


async def test_warnings_are_written_first_and_dropped_last(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events_module, "QUEUE_LIMIT", 4)
    async with FakeApi() as api, KubeClient(api.config) as client:
        recorder = EventRecorder(client, component="kustomize-controller")
        for number in range(4):
            recorder.record(WEB, "Normal", "A", f"news {number}")
            recorder.record(WEB, "Warning", "A", f"warning {number}")
        assert recorder.dropped == 4
        writing = asyncio.create_task(recorder.run())
        await recorder.flush(5)
        writing.cancel()
    written = [request.body["message"] for request in api.requests if request.method == "POST"]
    assert written == [f"warning {number}" for number in range(4)]


async def test_a_refused_event_is_dropped_and_the_next_is_written(caplog: pytest.LogCaptureFixture) -> None:
    async with FakeApi() as api, recording(api) as recorder:
        api.fail(403, method="POST", reason="Forbidden", message="namespace is being terminated")
        recorder.record(WEB, "Normal", "A", "lost")
        recorder.record(WEB, "Normal", "A", "written")
        await recorder.flush(2)
        assert [event["message"] for event in api.objects.values()] == ["written"]
        assert recorder.dropped == 1
        assert "an event of Kustomization/apps/web is lost" in caplog.text


async def test_names_differ_although_time_stands_still() -> None:
    async with FakeApi() as api, recording(api, VirtualClock()) as recorder:
        for number in range(50):
            recorder.record(WEB, "Normal", "A", f"number {number}")
        await recorder.flush(5)
        assert len(api.objects) == 50


async def test_a_long_list_is_cut_at_the_end_of_a_line() -> None:
    lines = [f"ConfigMap/apps/number-{number} created" for number in range(2000)]
    async with FakeApi() as api, recording(api) as recorder:
        recorder.record(WEB, "Normal", "A", "\n".join(lines))
        await recorder.flush(2)
        (event,) = api.objects.values()
    *kept, more = event["message"].split("\n")
    assert len(event["message"]) <= events_module.MAX_MESSAGE
    assert kept == lines[: len(kept)]
    assert more == f"… and {len(lines) - len(kept)} more"


@pytest.mark.parametrize("name", ["n" * 253, "n" * 235 + "-" + "n" * 10])
async def test_long_names_and_messages_are_cut(name: str) -> None:
    long: Manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"namespace": "a", "name": name}}
    async with FakeApi() as api, recording(api) as recorder:
        recorder.record(long, "Normal", "A", "m" * 100_000)
        await recorder.flush(2)
        (event,) = api.objects.values()
        assert len(event["metadata"]["name"]) <= 253
        assert "-." not in event["metadata"]["name"]
        assert len(event["message"]) == events_module.MAX_MESSAGE
