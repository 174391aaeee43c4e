"""Go durations."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.objects.duration import format_duration, format_seconds, parse_duration


@pytest.mark.parametrize(
    ("text", "span", "printed"),
    [
        ("1h30m", timedelta(minutes=90), "1h30m0s"),
        ("10m", timedelta(minutes=10), "10m0s"),
        ("1.5s", timedelta(seconds=1.5), "1.5s"),
        ("250ms", timedelta(milliseconds=250), "250ms"),
        ("80us", timedelta(microseconds=80), "80µs"),
        ("0s", timedelta(), "0s"),
        ("0", timedelta(), "0s"),
        ("-1m", timedelta(minutes=-1), "-1m0s"),
        ("1h0m0.5s", timedelta(hours=1, seconds=0.5), "1h0m0.5s"),
        ("1000h", timedelta(hours=1000), "1000h0m0s"),
    ],
)
def test_reads_and_prints_as_go_does(text: str, span: timedelta, printed: str) -> None:
    assert parse_duration(text) == span
    assert format_duration(span) == printed


@pytest.mark.parametrize("text", ["", "1", "m", "1x", "1h ", " 1h", "1h,5m", "99999999999h", "--1m"])
def test_refuses_what_go_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="invalid duration"):
        parse_duration(text)


@given(st.timedeltas(timedelta(days=-10000), timedelta(days=10000)))
def test_prints_what_it_reads(span: timedelta) -> None:
    assert parse_duration(format_duration(span)) == span


def test_prints_measured_seconds() -> None:
    assert format_seconds(1.2345678) == "1.234568s"
