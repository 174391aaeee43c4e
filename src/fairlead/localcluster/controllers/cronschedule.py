"""Cron schedules of five fields, and the ``@daily`` words: when is the next time; pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from fairlead.errors import InvalidSpecError

_WORDS = {
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
    "@monthly": "0 0 1 * *",
    "@weekly": "0 0 * * 0",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@hourly": "0 * * * *",
}
_MONTHS = ["", "jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
_DAYS = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"]
# The rarest schedule, 29 February, comes back within eight years.
_HORIZON = timedelta(days=366 * 8)


class ScheduleError(InvalidSpecError):
    """A text that is no cron schedule."""


@dataclass(frozen=True, slots=True)
class Schedule:
    """The minutes that fit; day of month and day of week are alternatives when both are restricted, as in cron."""

    minutes: frozenset[int]
    hours: frozenset[int]
    days: frozenset[int]
    months: frozenset[int]
    weekdays: frozenset[int]
    any_day: bool
    any_weekday: bool

    def next_after(self, moment: datetime) -> datetime | None:
        """The first fitting minute after ``moment``, in its time zone; ``None`` for one like 30 February."""
        candidate = moment.replace(second=0, microsecond=0) + timedelta(minutes=1)
        end = moment + _HORIZON
        while candidate < end:
            if candidate.month not in self.months or not self._fits_day(candidate):
                candidate = candidate.replace(hour=0, minute=0) + timedelta(days=1)
            elif candidate.hour not in self.hours:
                candidate = candidate.replace(minute=0) + timedelta(hours=1)
            elif candidate.minute not in self.minutes:
                candidate += timedelta(minutes=1)
            else:
                return candidate
        return None

    def _fits_day(self, moment: datetime) -> bool:
        day = moment.day in self.days
        weekday = (moment.weekday() + 1) % 7 in self.weekdays
        if self.any_day or self.any_weekday:
            return day and weekday
        return day or weekday


def parse_schedule(text: str) -> Schedule:
    """Raises :class:`ScheduleError`."""
    fields = _WORDS.get(text.strip(), text).split()
    if len(fields) != 5:
        raise ScheduleError(f"expected exactly 5 fields, found {len(fields)}: {fields}")
    minute, hour, day, month, weekday = fields
    return Schedule(
        _field(minute, 0, 59, []),
        _field(hour, 0, 23, []),
        _field(day, 1, 31, []),
        _field(month, 1, 12, _MONTHS),
        frozenset(number % 7 for number in _field(weekday, 0, 7, _DAYS)),
        day[0] in "*?",
        weekday[0] in "*?",
    )


def _field(text: str, low: int, high: int, names: list[str]) -> frozenset[int]:
    numbers: set[int] = set()
    for part in text.split(","):
        span, slash, step_text = part.partition("/")
        step = _number(step_text, []) if slash else 1
        if step < 1:
            raise ScheduleError(f"step of range should be a positive number: {part}")
        if span in ("*", "?"):
            first, last = low, high
        elif "-" in span:
            start, _, stop = span.partition("-")
            first, last = _number(start, names), _number(stop, names)
        else:
            first = _number(span, names)
            last = high if slash else first
        if not low <= first <= last <= high:
            raise ScheduleError(f"range ({part}) is outside {low}-{high}")
        numbers |= set(range(first, last + 1, step))
    return frozenset(numbers)


def _number(text: str, names: list[str]) -> int:
    if text.lower() in names and text:
        return names.index(text.lower())
    if not text.isdigit():
        raise ScheduleError(f"failed to parse number: {text!r}")
    return int(text)
