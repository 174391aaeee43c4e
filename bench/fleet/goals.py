"""The table: each measure for each size, its goal at 1,000 apps, and whether it is met."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Callable

__all__ = ["COMMIT", "table"]

Results = dict[str, Any]
COMMIT = "one-app commit → applied"
RAW = "raw limit: writes of"
BESIDE = "raw limit, rollouts beside:"
LISTED = 2
GREATEST_RATIO = 1.5
"""To the raw limit of the same server: it rolls out what the bare client applies, as it does for the controllers."""


@dataclass(frozen=True, slots=True)
class Measure:
    """One row; the figures are read from the results of one size."""

    name: str
    goal: str
    shown: Callable[[Results], str]
    met: Callable[[Results], bool] | None = None


def table(series: list[Results]) -> str:
    """Markdown; whether a goal is met is said for 1,000 apps, or for the biggest fleet below."""
    ordered = sorted(series, key=lambda results: results["apps"])
    judged = [results for results in ordered if results["apps"] <= 1000][-1:] or ordered[:1]
    sizes = [f"N = {results['apps']:,}" for results in ordered]
    lines = [f"| | {' | '.join(sizes)} | goal at 1,000 | at {judged[0]['apps']:,} |", "|---" * (len(sizes) + 3) + "|"]
    for measure in MEASURES:
        shown = " | ".join(_shown(measure, results) for results in ordered)
        lines.append(f"| {measure.name} | {shown} | {measure.goal} | {_verdict(measure, judged[0])} |")
    return "\n".join([*lines, *_growth(ordered)])


def _shown(measure: Measure, results: Results) -> str:
    try:
        return measure.shown(results)
    except KeyError:
        return "–"


def _verdict(measure: Measure, results: Results) -> str:
    if measure.met is None:
        return ""
    try:
        return "met" if measure.met(results) else "**not met**"
    except KeyError:
        return "not measured"


def _growth(ordered: list[Results]) -> list[str]:
    """How the median of a commit grows with the fleet."""
    medians = {results["apps"]: results[COMMIT]["p50"] for results in ordered if COMMIT in results}
    if not {100, 3000} <= medians.keys():
        return []
    pair = medians[100], medians[3000]
    ratio = max(pair) / min(pair)
    verdict = "met" if ratio <= 1.5 else "**not met**"
    return [f"| commit, p50: N = 100 and 3,000 apart by | {'| ' * len(ordered)}1.5 × | {ratio:.2f} ×: {verdict} |"]


def _latency(results: Results, what: str) -> str:
    return f"{results[what]['p50'] * 1000:.0f} / {results[what]['p99'] * 1000:.0f} ms"


def _within(results: Results, what: str, p50: float, p99: float = float("inf")) -> bool:
    return bool(results[what]["p50"] <= p50 and results[what]["p99"] <= p99)


def _ratio(results: Results, what: str, raw: str) -> float:
    return float(results[what]["seconds"] / results[raw]["seconds"])


def _against(results: Results, what: str, raw: str) -> str:
    return f"{results[what]['seconds']:.1f} s ({_ratio(results, what, raw):.2f} ×)"


def _idle_cpu(results: Results) -> float:
    return float(results["idle"]["cpu"] / results["idle"]["seconds"] * 100)


def _idle_requests(results: Results) -> float:
    return float(sum(count for name, count in results["idle"]["requests"].items() if name.split()[1] != "watch"))


def _chain(results: Results) -> Results:
    found: list[Results] = [value for name, value in results.items() if name.startswith("chain of")]
    if not found:
        raise KeyError("chain")
    return found[0]


def _restart_lists(results: Results) -> float:
    return float(max(n for name, n in results["restart → all at it"]["requests"].items() if name.endswith(" list")))


INSTALL, BASE, DRIFT = "install, all Ready", "base changed → all Ready", "manual change → repaired"
APPLIED = "base changed → all applied"
RESTART, RESTARTED = "restart → first commit applied", "restart → all at it"
MEASURES = (
    Measure(
        "one-app commit → applied, p50 / p99",
        "150 / 400 ms",
        lambda found: _latency(found, COMMIT),
        lambda found: _within(found, COMMIT, 0.15, 0.4),
    ),
    Measure("bare client, same writes", "", lambda found: _latency(found, f"{RAW} a commit")),
    Measure("the controllers' CPU for it, all notes included", "", lambda found: f"{found[COMMIT]['cpu']:.2f} s"),
    Measure("all others have noted the last one", "", lambda found: f"{found[COMMIT]['noted']:.1f} s"),
    Measure(
        "manual change → repaired, p50 / p99",
        "50 ms (p50)",
        lambda found: _latency(found, DRIFT),
        lambda found: _within(found, DRIFT, 0.05),
    ),
    Measure(
        "base changed → all applied (to its raw limit)",
        "1.5 ×",
        lambda found: _against(found, APPLIED, f"{BESIDE} base"),
        lambda found: _ratio(found, APPLIED, f"{BESIDE} base") <= GREATEST_RATIO,
    ),
    Measure(
        "the same, to a raw limit without rollouts beside it",
        "(1.5 ×)",
        lambda found: f"{_ratio(found, APPLIED, f'{RAW} a base change'):.2f} ×",
        lambda found: _ratio(found, APPLIED, f"{RAW} a base change") <= GREATEST_RATIO,
    ),
    Measure("base changed → all Ready", "", lambda found: _against(found, BASE, f"{BESIDE} base")),
    Measure(
        "install → all Ready (to its raw limit)",
        "1.5 ×",
        lambda found: _against(found, INSTALL, f"{BESIDE} install"),
        lambda found: _ratio(found, INSTALL, f"{BESIDE} install") <= GREATEST_RATIO,
    ),
    Measure(
        "the same, to a raw limit without rollouts beside it",
        "(1.5 ×)",
        lambda found: f"{_ratio(found, INSTALL, f'{RAW} an install'):.2f} ×",
        lambda found: _ratio(found, INSTALL, f"{RAW} an install") <= GREATEST_RATIO,
    ),
    Measure("the controllers' CPU for the install", "", lambda found: f"{found[INSTALL]['cpu']:.1f} s"),
    Measure(
        "dependsOn chain of 5 changed → last Ready (worst)",
        "2 s",
        lambda found: f"{_chain(found)['seconds']:.2f} s",
        lambda found: _chain(found)["seconds"] <= 2,
    ),
    Measure(
        "restart → next commit applied",
        "3 s",
        lambda found: f"{found[RESTART]['seconds']:.1f} s",
        lambda found: found[RESTART]["seconds"] <= 3,
    ),
    Measure(
        "objects written by a restart; lists per kind",
        "0; 2",
        lambda found: f"{found[RESTARTED]['written']:.0f}; {_restart_lists(found):.0f}",
        lambda found: not found[RESTARTED]["written"] and _restart_lists(found) <= LISTED,
    ),
    Measure(
        "idle: seconds; requests but watches; CPU",
        "0; 0.5 %",
        lambda found: f"{found['idle']['seconds']:.0f} s; {_idle_requests(found):.0f}; {_idle_cpu(found):.2f} %",
        lambda found: _idle_requests(found) == 0 and _idle_cpu(found) < 0.5,
    ),
    Measure(
        "memory at its highest, children included",
        "200 MiB",
        lambda found: f"{found['memory']['rss_mib']:.0f} MiB",
        lambda found: found["memory"]["rss_mib"] <= 200,
    ),
)
