"""Go durations, ``1h30m``: how the API writes time spans, read and printed as Go does."""

from __future__ import annotations

import re
from datetime import timedelta
from fractions import Fraction

__all__ = ["format_duration", "format_seconds", "parse_duration"]

_NANOSECONDS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART = re.compile(r"([0-9]+\.?[0-9]*|\.[0-9]+)(ns|us|µs|μs|ms|s|m|h)")
_MAX_NANOSECONDS = 2**63 - 1


def parse_duration(text: str) -> timedelta:
    """The time span that ``text`` says; raises ``ValueError``. Parts of a microsecond are dropped."""
    sign = -1 if text.startswith("-") else 1
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return timedelta()
    total = Fraction(0)
    position = 0
    while position < len(rest):
        part = _PART.match(rest, position)
        if part is None:
            break
        total += Fraction(part[1]) * _NANOSECONDS[part[2]]
        position = part.end()
    if not rest or position < len(rest) or total > _MAX_NANOSECONDS:
        raise ValueError(f"invalid duration {text!r}")
    return timedelta(microseconds=sign * (int(total) // 1_000))


def format_duration(span: timedelta) -> str:
    """As Go prints it: ``10m0s``, ``1.5s``, ``250ms``, ``80µs``, ``0s``."""
    microseconds = round(span / timedelta(microseconds=1))
    sign = "-" if microseconds < 0 else ""
    microseconds = abs(microseconds)
    if microseconds == 0:
        return "0s"
    if microseconds < 1_000:
        return f"{sign}{microseconds}µs"
    if microseconds < 1_000_000:
        return f"{sign}{_decimal(microseconds, 1_000)}ms"
    minutes, rest = divmod(microseconds, 60_000_000)
    text = f"{_decimal(rest, 1_000_000)}s"
    if minutes:
        hours, minutes = divmod(minutes, 60)
        text = f"{minutes}m{text}"
        if hours:
            text = f"{hours}h{text}"
    return sign + text


def format_seconds(seconds: float) -> str:
    """:func:`format_duration` of a measured number of seconds."""
    return format_duration(timedelta(seconds=seconds))


def _decimal(value: int, unit: int) -> str:
    whole, part = divmod(value, unit)
    if not part:
        return str(whole)
    digits = str(part).rjust(len(str(unit)) - 1, "0").rstrip("0")
    return f"{whole}.{digits}"
