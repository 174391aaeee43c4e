"""Reading Flux objects for display."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead.cli import fields


def with_conditions(*rows: dict[str, Any]) -> dict[str, Any]:
    return {"metadata": {"name": "apps"}, "status": {"conditions": list(rows)}}


def test_hashes_are_cut_to_eight_characters_wherever_they_stand() -> None:
    text = "Applied revision: main@sha1:0b1481aa8ed0a6c34af84f779824a74200d5c1d6"
    assert fields.short_revision(text) == "Applied revision: main@sha1:0b1481aa"


def test_an_object_without_status_is_unknown() -> None:
    assert fields.ready({"metadata": {}}) == "Unknown"
    assert fields.message({"metadata": {}}) == "waiting to be reconciled"


@pytest.mark.parametrize(
    ("rows", "settled"),
    [
        ([{"type": "Ready", "status": "True"}], True),
        (
            [
                {"type": "Ready", "status": "Unknown"},
                {"type": "Reconciling", "status": "True", "reason": "Progressing"},
            ],
            False,
        ),
        (
            [{"type": "Ready", "status": "False"}, {"type": "Reconciling", "status": "True", "reason": "Progressing"}],
            False,
        ),
        (
            [
                {"type": "Ready", "status": "False"},
                {"type": "Reconciling", "status": "True", "reason": "ProgressingWithRetry"},
            ],
            True,
        ),
        ([{"type": "Ready", "status": "False"}, {"type": "Stalled", "status": "True", "reason": "BuildFailed"}], True),
        ([], False),
    ],
)
def test_settled_means_that_nothing_new_will_be_said_by_itself(rows: list[dict[str, Any]], settled: bool) -> None:
    assert fields.settled(with_conditions(*rows)) is settled
