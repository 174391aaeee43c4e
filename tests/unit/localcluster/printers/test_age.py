from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from fairlead.localcluster.printers.age import human_duration, since


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-2, "<invalid>"),
        (-1, "0s"),
        (0, "0s"),
        (5.9, "5s"),
        (119, "119s"),
        (120, "2m"),
        (200, "3m20s"),
        (599, "9m59s"),
        (600, "10m"),
        (10799, "179m"),
        (10800, "3h"),
        (4 * 3600 + 5 * 60, "4h5m"),
        (8 * 3600 + 5 * 60, "8h"),
        (48 * 3600 - 1, "47h"),
        (48 * 3600, "2d"),
        (51 * 3600, "2d3h"),
        (8 * 86400 + 3600, "8d"),
        (400 * 86400, "400d"),
        (2 * 365 * 86400, "2y"),
        (2 * 365 * 86400 + 86400, "2y1d"),
        (9 * 365 * 86400 + 5 * 86400, "9y"),
    ],
)
def test_durations_are_short(seconds: float, text: str) -> None:
    assert human_duration(timedelta(seconds=seconds)) == text


def test_a_time_that_is_missing_or_wrong() -> None:
    now = datetime(2026, 1, 1, tzinfo=UTC)
    assert since(None, now) == "<unknown>"
    assert since("yesterday", now) == "<invalid>"
    assert since("2025-12-31T23:59:30Z", now) == "30s"
