"""Ages read as kubectl's do."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fairlead.cli.age import human_age, human_duration


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-3, "0s"),
        (0, "0s"),
        (119, "119s"),
        (120, "2m"),
        (150, "2m30s"),
        (599, "9m59s"),
        (600, "10m"),
        (10_799, "179m"),
        (10_800, "3h"),
        (3 * 3600 + 120, "3h2m"),
        (8 * 3600, "8h"),
        (47 * 3600, "47h"),
        (48 * 3600, "2d"),
        (51 * 3600, "2d3h"),
        (8 * 86400, "8d"),
        (729 * 86400, "729d"),
        (730 * 86400, "2y"),
        (800 * 86400, "2y70d"),
    ],
)
def test_two_units_at_most(seconds: int, text: str) -> None:
    assert human_duration(seconds) == text


def test_age_of_a_timestamp() -> None:
    now = datetime(2026, 1, 1, 0, 1, tzinfo=UTC)
    assert human_age("2026-01-01T00:00:00Z", now) == "60s"
    assert human_age("", now) == "<unknown>"
