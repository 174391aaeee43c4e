"""Prometheus metrics under the names that Flux's dashboards and alerts use.

Everything is in a registry of its own and exists from zero. Queues and clients are read when somebody scrapes, so they
cost nothing in between. Per-object series are limited to ``gotk_reconcile_duration_seconds``, as in Flux, and go with
their object.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Protocol

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily
from prometheus_client.gc_collector import GCCollector
from prometheus_client.platform_collector import PlatformCollector
from prometheus_client.process_collector import ProcessCollector

from fairlead.runtime.durations import Durations
from fairlead.runtime.phases import Phases

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from prometheus_client.metrics_core import Metric

    from fairlead.kube.client import KubeClient
    from fairlead.runtime.controller import Controller
    from fairlead.runtime.events import EventRecorder

__all__ = ["Metrics", "ObjectLabels"]

FORWARDER = "forwarder"
"""In the place of a controller: events for the receiver at ``--events-addr``."""
RUN_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 120, 300, 600)
WAIT_BUCKETS = (0.001, 0.01, 0.1, 1, 10, 60, 300)


class ObjectLabels(Protocol):
    """How a controller's key is shown: ``(kind, name, namespace)``."""

    def __call__(self, controller: str, key: object) -> tuple[str, str, str]: ...


class Metrics:
    """All metrics of one process; give it to controllers as their observer."""

    def __init__(
        self, labels: ObjectLabels | None = None, exists: Callable[[str, object], bool] = lambda _, __: True
    ) -> None:
        """``exists`` says whether the object of a controller's key is (still) there."""
        self.registry = CollectorRegistry()
        self._labels = labels
        self._exists = exists
        self._durations = Durations()
        self._runs = Counter(
            "controller_runtime_reconcile_total",
            "Total number of reconciliations per controller",
            ["controller", "result"],
            registry=self.registry,
        )
        self._errors = Counter(
            "controller_runtime_reconcile_errors_total",
            "Total number of reconciliation errors per controller",
            ["controller"],
            registry=self.registry,
        )
        self._seconds = Histogram(
            "controller_runtime_reconcile_time_seconds",
            "Length of time per reconciliation per controller",
            ["controller"],
            buckets=RUN_BUCKETS,
            registry=self.registry,
        )
        self._active = Gauge(
            "controller_runtime_active_workers",
            "Number of currently used workers per controller",
            ["controller"],
            registry=self.registry,
        )
        self._waited = Histogram(
            "workqueue_queue_duration_seconds",
            "How long in seconds an item stays in workqueue before being requested",
            ["name"],
            buckets=WAIT_BUCKETS,
            registry=self.registry,
        )
        self._worked = Histogram(
            "workqueue_work_duration_seconds",
            "How long in seconds processing an item from workqueue takes",
            ["name"],
            buckets=RUN_BUCKETS,
            registry=self.registry,
        )
        self.phases = Phases()
        """Spans of the work by phase."""
        self._live = _Live(self.phases)
        self.registry.register(self._live)
        for process in (ProcessCollector, PlatformCollector, GCCollector):
            process(registry=self.registry)

    def exposition(self) -> bytes:
        """The metrics in Prometheus' text format."""
        return generate_latest(self.registry) + self._durations.exposition()

    def watch_controller(self, controller: Controller[Any]) -> None:
        """Expose a controller and its queue; its series exist from now on."""
        name = controller.name
        for outcome in ("success", "requeue_after", "error"):
            self._runs.labels(name, outcome)
        for family in (self._errors, self._seconds, self._active, self._waited, self._worked):
            family.labels(name)
        self._live.controllers.append(controller)

    def watch_client(self, client: KubeClient) -> None:
        """Expose a client's requests; derived clients are counted with it."""
        self._live.clients.append(client)

    def watch_events(self, recorder: EventRecorder) -> None:
        """Expose how many events wait and how many were lost, those for its forwarder too."""
        self._live.recorders.append(recorder)

    def run_started(self, controller: str, key: object, waited_seconds: float) -> None:
        self._active.labels(controller).inc()
        self._waited.labels(controller).observe(waited_seconds)

    def run_ended(self, controller: str, key: object, seconds: float, outcome: str) -> None:
        self._active.labels(controller).dec()
        self._runs.labels(controller, outcome).inc()
        self._seconds.labels(controller).observe(seconds)
        self._worked.labels(controller).observe(seconds)
        if outcome == "error":
            self._errors.labels(controller).inc()
        if self._labels is None:
            return
        labels = self._labels(controller, key)
        if self._exists(controller, key):
            self._durations.observe(labels, seconds)
        else:
            self._durations.forget(labels)


class _Live:
    """What is read from its owner when somebody scrapes."""

    def __init__(self, phases: Phases) -> None:
        self.phases = phases
        self.controllers: list[Controller[Any]] = []
        self.clients: list[KubeClient] = []
        self.recorders: list[EventRecorder] = []

    def collect(self) -> Iterator[Metric]:
        yield from self._queues()
        yield self._requests()
        yield self._verbs()
        yield from self._events()
        yield from self._spans()

    def _queues(self) -> Iterator[Metric]:
        depth = GaugeMetricFamily("workqueue_depth", "Current depth of workqueue", labels=["name"])
        delayed = GaugeMetricFamily("workqueue_delayed", "Items whose time has not come yet", labels=["name"])
        adds = CounterMetricFamily("workqueue_adds", "Total number of adds handled by workqueue", labels=["name"])
        retries = CounterMetricFamily("workqueue_retries", "Total number of retries handled", labels=["name"])
        unfinished = GaugeMetricFamily(
            "workqueue_unfinished_work_seconds", "Seconds of work in progress, summed over workers", labels=["name"]
        )
        longest = GaugeMetricFamily(
            "workqueue_longest_running_processor_seconds", "Age of the longest running work", labels=["name"]
        )
        workers = GaugeMetricFamily(
            "controller_runtime_max_concurrent_reconciles", "Maximum number of concurrent runs", labels=["controller"]
        )
        for controller in self.controllers:
            queue, labels = controller.queue, [controller.name]
            ages = queue.ages()
            depth.add_metric(labels, queue.depth)
            delayed.add_metric(labels, queue.delayed)
            adds.add_metric(labels, queue.adds)
            retries.add_metric(labels, queue.retries)
            unfinished.add_metric(labels, sum(ages))
            longest.add_metric(labels, max(ages, default=0))
            workers.add_metric(labels, controller.workers)
        yield from (depth, delayed, adds, retries, unfinished, longest, workers)

    def _requests(self) -> Metric:
        requests = CounterMetricFamily(
            "rest_client_requests",
            "Number of HTTP requests, partitioned by status code, method, and host.",
            labels=["code", "host", "method"],
        )
        for client in self.clients:
            for (method, code), count in list(client.responses.items()):
                requests.add_metric([code, client.host, method], count)
        return requests

    def _verbs(self) -> Metric:
        verbs = CounterMetricFamily(
            "fairlead_requests", "Requests sent to API servers, retries included.", labels=["verb", "resource"]
        )
        for client in self.clients:
            for labels, count in list(client.stats.items()):
                verbs.add_metric(labels, count)
        return verbs

    def _spans(self) -> Iterator[Metric]:
        seconds = CounterMetricFamily(
            "fairlead_phase_seconds", "Time spent by phase, waiting included.", labels=["phase"]
        )
        spans = CounterMetricFamily("fairlead_phase_spans", "How often a phase was gone through.", labels=["phase"])
        for phase, total in list(self.phases.seconds.items()):
            seconds.add_metric([phase], total)
            spans.add_metric([phase], self.phases.counts[phase])
        yield from (seconds, spans)

    def _events(self) -> Iterator[Metric]:
        depth = GaugeMetricFamily("fairlead_events_depth", "Events that wait to be written", labels=["component"])
        lost = CounterMetricFamily("fairlead_events_dropped", "Events that were lost", labels=["component"])
        for recorder in self.recorders:
            depth.add_metric([recorder.component], recorder.depth)
            lost.add_metric([recorder.component], recorder.dropped)
        for forwarder in {recorder.forwarder for recorder in self.recorders if recorder.forwarder is not None}:
            depth.add_metric([FORWARDER], forwarder.depth)
            lost.add_metric([FORWARDER], forwarder.dropped)
        yield from (depth, lost)
