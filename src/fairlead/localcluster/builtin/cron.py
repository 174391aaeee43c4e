"""Schedules of cron jobs, with the texts of ``robfig/cron`` v3."""

from __future__ import annotations

import re
from typing import Final

__all__ = ["schedule_problem"]

_MACROS: Final = frozenset({"@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"})
_MONTHS: Final = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS: Final = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
_FIELDS: Final[tuple[tuple[int, int, dict[str, int]], ...]] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, {name: number for number, name in enumerate(_MONTHS, 1)}),
    (0, 6, {name: number for number, name in enumerate(_DAYS)}),
)
_EVERY: Final = re.compile(r"@every ([0-9.]+(ns|us|µs|ms|s|m|h))+")


def schedule_problem(schedule: str) -> str | None:
    """What is wrong with a schedule, or None."""
    if "TZ" in schedule:
        return "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"
    if schedule.startswith("@"):
        if schedule in _MACROS or _EVERY.fullmatch(schedule):
            return None
        return f"unrecognized descriptor: {schedule}"
    fields = schedule.split()
    if len(fields) != 5:
        return f"expected exactly 5 fields, found {len(fields)}: [{' '.join(fields)}]"
    for text, (low, high, names) in zip(fields, _FIELDS, strict=True):
        for part in text.split(","):
            if (problem := _range_problem(part, low, high, names)) is not None:
                return problem
    return None


def _range_problem(text: str, low: int, high: int, names: dict[str, int]) -> str | None:
    base, *step = text.split("/")
    bounds = base.split("-")
    if len(bounds) > 2:
        return f"too many hyphens: {text}"
    if len(step) > 1:
        return f"too many slashes: {text}"
    if base in ("*", "?"):
        start, end = low, high
    else:
        numbers = [_number(bound, names) for bound in bounds]
        for bound, number in zip(bounds, numbers, strict=True):
            if number is None:
                return f'failed to parse int from {bound}: strconv.Atoi: parsing "{bound}": invalid syntax'
        start, end = numbers[0] or 0, numbers[-1] or 0
        if step and len(bounds) == 1:
            end = high
    if step and not step[0].isdigit():
        return f'failed to parse int from {step[0]}: strconv.Atoi: parsing "{step[0]}": invalid syntax'
    if start < low:
        return f"beginning of range ({start}) below minimum ({low}): {text}"
    if end > high:
        return f"end of range ({end}) above maximum ({high}): {text}"
    if start > end:
        return f"beginning of range ({start}) beyond end of range ({end}): {text}"
    return f"step of range should be a positive number: {text}" if step and step[0] == "0" else None


def _number(text: str, names: dict[str, int]) -> int | None:
    known = names.get(text.lower())
    if known is not None:
        return known
    return int(text) if text.isdigit() else None
