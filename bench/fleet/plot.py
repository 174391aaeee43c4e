"""Two small plots as one SVG: the distribution of a commit's latency, and what a commit costs, by size of the fleet."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING, Any

from bench.fleet.goals import COMMIT

if TYPE_CHECKING:
    from collections.abc import Sequence

__all__ = ["draw"]

WIDTH, HEIGHT, LEFT, TOP, GAP = 360, 220, 60, 40, 90
COLOURS = ("#1f77b4", "#ff7f0e", "#2ca02c", "#d62728", "#9467bd")
Point = tuple[float, float]


class Axes:
    """One plot with logarithmic x."""

    def __init__(self, left: float, title: str, x: Sequence[float], y: Sequence[float], unit: str) -> None:
        self._left = left
        self._x = math.log10(min(x)), math.log10(max(x))
        self._top = max(y) or 1.0
        self.parts = [
            _text(left, TOP - 14, title, size=13),
            f'<rect x="{left}" y="{TOP}" width="{WIDTH}" height="{HEIGHT}" fill="none" stroke="#999"/>',
        ]
        for value in x:
            self.parts.append(_text(self._at(value, 0)[0], TOP + HEIGHT + 16, f"{value:g}", anchor="middle"))
        for value in y:
            level = self._at(x[0], value)[1]
            self.parts.append(f'<path d="M{left} {level:.1f}h{WIDTH}" stroke="#ddd"/>')
            self.parts.append(_text(left - 6, level + 4, f"{value:g}{unit}", anchor="end"))

    def line(self, points: Sequence[Point], colour: str, name: str, place: int) -> None:
        path = " ".join("{:.1f},{:.1f}".format(*self._at(*point)) for point in points)
        self.parts.append(f'<polyline points="{path}" fill="none" stroke="{colour}" stroke-width="2"/>')
        self.parts.append(_text(self._left + 8, TOP + 16 + 15 * place, name, colour=colour))

    def _at(self, x: float, y: float) -> Point:
        low, high = self._x
        share = (math.log10(x) - low) / (high - low) if high > low else 0.5
        return self._left + share * WIDTH, TOP + HEIGHT * (1 - y / self._top)


def draw(series: list[dict[str, Any]]) -> str:
    """The SVG's text."""
    ordered = sorted(series, key=lambda results: results["apps"])
    right = LEFT + WIDTH + GAP
    parts = [*_distribution(ordered), *_costs(ordered, right)]
    whole = f'width="{right + WIDTH + 40}" height="{TOP + HEIGHT + 30}"'
    head = f'<svg xmlns="http://www.w3.org/2000/svg" {whole} font-family="sans-serif" font-size="11">'
    return "\n".join([head, '<rect width="100%" height="100%" fill="white"/>', *parts, "</svg>"]) + "\n"


def _distribution(ordered: list[dict[str, Any]]) -> list[str]:
    title = "one-app commit → applied: share of commits within … ms"
    axes = Axes(LEFT, title, (10, 30, 100, 300, 1000), (0, 25, 50, 75, 100), " %")
    for place, results in enumerate(ordered):
        samples = sorted(min(1000.0, max(10.0, sample * 1000)) for sample in results[COMMIT]["samples"])
        points = [(sample, 100 * (index + 1) / len(samples)) for index, sample in enumerate(samples)]
        axes.line(points, COLOURS[place % len(COLOURS)], f"N = {results['apps']:,}", place)
    return axes.parts


def _costs(ordered: list[dict[str, Any]], left: float) -> list[str]:
    lines = {
        "commit, p50": [(results["apps"], results[COMMIT]["p50"] * 1000) for results in ordered],
        "commit, p99": [(results["apps"], results[COMMIT]["p99"] * 1000) for results in ordered],
        "the controllers' CPU for it": [(results["apps"], results[COMMIT]["cpu"] * 1000) for results in ordered],
    }
    top = _round_up(max(value for points in lines.values() for _, value in points))
    sizes = [float(results["apps"]) for results in ordered]
    axes = Axes(
        left, "cost of a commit against the number of apps", sizes, [top * part / 4 for part in range(5)], " ms"
    )
    for place, (name, points) in enumerate(lines.items()):
        axes.line(points, COLOURS[place], name, place)
    return axes.parts


def _round_up(value: float) -> float:
    step = math.pow(10, math.floor(math.log10(max(value, 1.0))))
    return math.ceil(value / step) * step


def _text(x: float, y: float, text: str, *, anchor: str = "start", colour: str = "#333", size: int = 11) -> str:
    said = f'text-anchor="{anchor}" fill="{colour}" font-size="{size}"'
    return f'<text x="{x:.1f}" y="{y:.1f}" {said}>{escape(text)}</text>'
