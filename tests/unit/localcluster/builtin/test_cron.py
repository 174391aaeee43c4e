"""Schedules of cron jobs."""

from __future__ import annotations

import pytest

from fairlead.localcluster.builtin.cron import schedule_problem


@pytest.mark.parametrize(
    "schedule",
    ["* * * * *", "*/5 0-6,8 1 jan MON-fri", "@daily", "@every 1h30m", "0 0 ? * 0", "5/15 * * * *"],
)
def test_good_schedules(schedule: str) -> None:
    assert schedule_problem(schedule) is None


@pytest.mark.parametrize(
    ("schedule", "problem"),
    [
        ("x", "expected exactly 5 fields, found 1: [x]"),
        ("99 * * * *", "end of range (99) above maximum (59): 99"),
        ("* * 0 * *", "beginning of range (0) below minimum (1): 0"),
        ("5-1 * * * *", "beginning of range (5) beyond end of range (1): 5-1"),
        ("*/0 * * * *", "step of range should be a positive number: */0"),
        ("a * * * *", 'failed to parse int from a: strconv.Atoi: parsing "a": invalid syntax'),
        ("@often", "unrecognized descriptor: @often"),
        ("CRON_TZ=UTC * * * * *", "cannot use TZ or CRON_TZ in schedule, use timeZone field instead"),
    ],
)
def test_bad_schedules(schedule: str, problem: str) -> None:
    assert schedule_problem(schedule) == problem
