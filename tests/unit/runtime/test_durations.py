"""The same series as the library's histogram prints."""

from __future__ import annotations

from prometheus_client import CollectorRegistry, Histogram, generate_latest
from prometheus_client.parser import text_string_to_metric_families

from fairlead.runtime.durations import DURATION_BUCKETS, Durations

SECONDS = (0.0, 0.01, 0.0100001, 0.3, 59.0, 1800.0, 5000.0)


def series(text: bytes) -> dict[tuple[str, frozenset[tuple[str, str]]], float]:
    return {
        (sample.name, frozenset(sample.labels.items())): sample.value
        for family in text_string_to_metric_families(text.decode())
        for sample in family.samples
        if not sample.name.endswith("_created")
    }


def test_they_are_those_of_the_library() -> None:
    registry = CollectorRegistry()
    model = Histogram(
        "gotk_reconcile_duration_seconds",
        "",
        ["kind", "name", "namespace"],
        buckets=DURATION_BUCKETS,
        registry=registry,
    )
    ours = Durations()
    for name in ("web", 'odd"\\\n'):
        for seconds in SECONDS:
            model.labels("Kustomization", name, "apps").observe(seconds)
            ours.observe(("Kustomization", name, "apps"), seconds)
    assert series(ours.exposition()) == series(generate_latest(registry))


def test_what_is_forgotten_is_not_shown() -> None:
    durations = Durations()
    durations.observe(("Kustomization", "web", "apps"), 1.0)
    durations.forget(("Kustomization", "web", "apps"))
    durations.forget(("Kustomization", "never", "apps"))
    assert b"web" not in durations.exposition()
