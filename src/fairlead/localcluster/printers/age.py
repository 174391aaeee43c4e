"""Times as ``kubectl get`` shows them: ``5s``, ``3m20s``, ``4h5m``, ``2d3h``."""

from __future__ import annotations

from datetime import datetime, timedelta

UNKNOWN = "<unknown>"
_INVALID = "<invalid>"


def human_duration(duration: timedelta) -> str:
    """Two or three significant figures. A clock that is a second behind is forgiven; more is ``<invalid>``."""
    seconds = int(duration.total_seconds())
    if seconds < -1:
        return _INVALID
    if seconds < 120:
        return f"{max(seconds, 0)}s"
    minutes, rest = divmod(seconds, 60)
    if minutes < 10:
        return f"{minutes}m{rest}s" if rest else f"{minutes}m"
    if minutes < 180:
        return f"{minutes}m"
    hours, rest = divmod(minutes, 60)
    if hours < 8:
        return f"{hours}h{rest}m" if rest else f"{hours}h"
    if hours < 48:
        return f"{hours}h"
    return _days(*divmod(hours, 24))


def _days(days: int, hours: int) -> str:
    if days < 8:
        return f"{days}d{hours}h" if hours else f"{days}d"
    if days < 365 * 2:
        return f"{days}d"
    years, rest = divmod(days, 365)
    if years < 8:
        return f"{years}y{rest}d" if rest else f"{years}y"
    return f"{years}y"


def parse_time(text: object) -> datetime | None:
    """An RFC 3339 time with a zone; ``None`` for anything else."""
    if not isinstance(text, str):
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        return None
    return moment if moment.tzinfo is not None else None


def since(text: object, now: datetime) -> str:
    """How long ago a time was; ``<unknown>`` when there is none."""
    if not text:
        return UNKNOWN
    moment = parse_time(text)
    return _INVALID if moment is None else human_duration(now - moment)
