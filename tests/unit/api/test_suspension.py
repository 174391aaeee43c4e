"""The record of a suspension, as annotations and as words."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from fairlead.api.suspension import REASON, Suspension


def test_round_trip() -> None:
    said = Suspension(reason="upgrade", by="ada", since="2026-01-02T03:04:05Z", until="2026-01-02T05:04:05Z")
    written = {key: value for key, value in said.annotations().items() if value is not None}
    assert Suspension.of(written) == said
    assert said.end == datetime(2026, 1, 2, 5, 4, 5, tzinfo=UTC)


def test_what_is_empty_is_removed() -> None:
    assert set(Suspension().annotations().values()) == {None}
    assert Suspension(by="ada").annotations()[REASON] is None


@pytest.mark.parametrize("until", ["", "tomorrow", "2026-01-02T03:04:05"])
def test_no_end_that_can_be_read(until: str) -> None:
    assert Suspension(until=until).end is None
