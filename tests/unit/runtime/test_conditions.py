"""Conditions by Flux's rules."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING

from hypothesis import given
from hypothesis import strategies as st

from fairlead.runtime.conditions import (
    MAX_MESSAGE,
    READY,
    RECONCILING,
    STALLED,
    find_condition,
    is_true,
    remove_condition,
    set_condition,
    sort_conditions,
)

if TYPE_CHECKING:
    from fairlead.api.meta import Condition

NOON = datetime(2026, 1, 1, 12, 0, 0, 987654, tzinfo=UTC)
LATER = NOON + timedelta(minutes=5)


def test_a_new_condition_has_everything() -> None:
    (ready,) = set_condition([], READY, "True", "Succeeded", "stored artifact", 3, NOON)
    assert (ready.type, ready.status, ready.reason, ready.message) == ("Ready", "True", "Succeeded", "stored artifact")
    assert ready.observed_generation == 3
    assert ready.last_transition_time == "2026-01-01T12:00:00Z"


def test_times_are_utc() -> None:
    moment = datetime(2026, 1, 1, 14, tzinfo=timezone(timedelta(hours=2)))
    (ready,) = set_condition([], READY, "True", "Succeeded", "", 1, moment)
    assert ready.last_transition_time == "2026-01-01T12:00:00Z"


def test_the_same_again_keeps_its_time_and_follows_the_generation() -> None:
    before = set_condition([], READY, "True", "Succeeded", "ok", 1, NOON)
    (after,) = set_condition(before, READY, "True", "Succeeded", "ok", 2, LATER)
    assert after.last_transition_time == before[0].last_transition_time
    assert after.observed_generation == 2


def test_status_reason_and_message_each_move_the_time() -> None:
    before = set_condition([], READY, "True", "Succeeded", "ok", 1, NOON)
    for status, reason, message in (("False", "Succeeded", "ok"), ("True", "Other", "ok"), ("True", "Succeeded", "x")):
        (after,) = set_condition(before, READY, status, reason, message, 1, LATER)  # type: ignore[arg-type]  # parametrised
        assert after.last_transition_time == "2026-01-01T12:05:00Z"


def test_long_messages_are_cut() -> None:
    (ready,) = set_condition([], READY, "False", "BuildFailed", "ä" * 40_000, 1, NOON)
    assert len(ready.message) == MAX_MESSAGE
    (again,) = set_condition([ready], READY, "False", "BuildFailed", "ä" * 40_000, 1, LATER)
    assert again == ready


def test_the_order_is_kstatus_order() -> None:
    conditions = set_condition([], "Healthy", "True", "Succeeded", "", 2, NOON)
    conditions = set_condition(conditions, "ArtifactInStorage", "True", "Succeeded", "", 1, NOON)
    conditions = set_condition(conditions, "FetchFailed", "True", "Failed", "", 2, NOON)
    for type in (READY, RECONCILING, STALLED):
        conditions = set_condition(conditions, type, "True", "Failed", "", 1, NOON)
    assert [condition.type for condition in conditions] == [
        "Stalled",
        "Reconciling",
        "Ready",
        "FetchFailed",
        "Healthy",
        "ArtifactInStorage",
    ]


def test_removing_and_finding() -> None:
    conditions = set_condition([], RECONCILING, "True", "Progressing", "", 1, NOON)
    assert is_true(conditions, RECONCILING)
    assert remove_condition(conditions, RECONCILING) == []
    assert conditions, "the given list is left alone"
    assert find_condition(conditions, STALLED) is None
    assert not is_true(conditions, STALLED)


@given(st.lists(st.tuples(st.sampled_from(["Ready", "Stalled", "Healthy", "X"]), st.integers(0, 3)), max_size=8))
def test_each_type_is_there_once_and_sorting_again_changes_nothing(steps: list[tuple[str, int]]) -> None:
    conditions: list[Condition] = []
    for type, generation in steps:
        conditions = set_condition(conditions, type, "True", "Succeeded", "", generation, NOON)
    types = [condition.type for condition in conditions]
    assert sorted(types) == sorted({type for type, _ in steps})
    assert sort_conditions(conditions) == conditions
