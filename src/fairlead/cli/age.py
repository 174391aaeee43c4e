"""Ages as kubectl prints them: ``7s``, ``3m20s``, ``4h5m``, ``2d3h``."""

from __future__ import annotations

from datetime import datetime

__all__ = ["human_age", "human_duration"]


def human_age(stamp: str, now: datetime) -> str:
    """How long ago an RFC 3339 time was; ``<unknown>`` when there is none."""
    if not stamp:
        return "<unknown>"
    return human_duration(int((now - datetime.fromisoformat(stamp.replace("Z", "+00:00"))).total_seconds()))


def human_duration(seconds: int) -> str:
    """Two units at most, the second only where kubectl shows it."""
    if seconds < 0:
        return "0s"
    minutes, hours, days = seconds // 60, seconds // 3600, seconds // 86400
    if seconds < 120:
        return f"{seconds}s"
    if minutes < 10:
        return _pair(minutes, "m", seconds % 60, "s")
    if minutes < 180:
        return f"{minutes}m"
    if hours < 8:
        return _pair(hours, "h", minutes % 60, "m")
    if hours < 48:
        return f"{hours}h"
    if days < 8:
        return _pair(days, "d", hours % 24, "h")
    return f"{days}d" if days < 730 else _pair(days // 365, "y", days % 365, "d")


def _pair(first: int, first_unit: str, second: int, second_unit: str) -> str:
    return f"{first}{first_unit}{second}{second_unit}" if second else f"{first}{first_unit}"
