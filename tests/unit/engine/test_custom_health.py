"""Health rules of the user's."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead.engine.custom_health import CustomHealth, HealthRules
from fairlead.engine.expressions import ExpressionError
from fairlead.engine.health import Status
from fairlead.objects.ref import GroupKind

QUEUE = GroupKind("example.com", "Queue")
CHECK = CustomHealth(
    kind=QUEUE,
    current="status.phase == 'Up'",
    in_progress="status.phase in ['New', 'Odd']",
    failed="status.phase in ['Down', 'Odd']",
)


def queue(status: dict[str, Any] | None = None, **metadata: Any) -> dict[str, Any]:
    found: dict[str, Any] = {"apiVersion": "example.com/v1", "kind": "Queue", "metadata": {"name": "q", **metadata}}
    return found if status is None else {**found, "status": status}


@pytest.mark.parametrize(
    ("phase", "expected"),
    [
        ("Up", Status.CURRENT),
        ("New", Status.IN_PROGRESS),
        ("Down", Status.FAILED),
        ("Odd", Status.IN_PROGRESS),
        ("Else", Status.IN_PROGRESS),
    ],
)
def test_the_first_expression_that_holds_decides(phase: str, expected: Status) -> None:
    rule = HealthRules([CHECK]).rule(QUEUE)
    assert rule is not None
    assert rule(queue({"phase": phase})).status is expected


def test_what_cannot_be_evaluated_is_not_ready_and_says_why() -> None:
    rule = HealthRules([CHECK]).rule(QUEUE)
    assert rule is not None
    found = rule(queue())
    assert found.status is Status.UNKNOWN
    assert 'No value with name "status"' in found.message


def test_the_general_rules_come_first() -> None:
    rule = HealthRules([CHECK]).rule(QUEUE)
    assert rule is not None
    assert rule(queue({"phase": "Up"}, deletionTimestamp="2026-01-01T00:00:00Z")).status is Status.TERMINATING
    assert rule(queue({"phase": "Up", "observedGeneration": 1}, generation=2)).status is Status.IN_PROGRESS


def test_a_rule_for_a_kind_goes_before_one_for_its_group() -> None:
    group = CustomHealth(kind=GroupKind("example.com", ""), current="has(status.up)")
    rules = HealthRules([group, CHECK])
    exact, wide = rules.rule(QUEUE), rules.rule(GroupKind("example.com", "Topic"))
    assert exact is not None
    assert exact is not wide
    assert wide is not None
    assert wide(queue({"up": True})).ready
    assert rules.rule(GroupKind("apps", "Deployment")) is None


def test_two_rules_for_a_kind_are_refused() -> None:
    with pytest.raises(ExpressionError, match=r"two healthCheckExprs for Queue\.example\.com"):
        HealthRules([CHECK, CHECK])


def test_a_bad_expression_is_told_with_its_kind() -> None:
    with pytest.raises(ExpressionError, match=r"healthCheckExprs for Queue\.example\.com: .* cannot be read"):
        HealthRules([CustomHealth(kind=QUEUE, current="status.")])


def test_the_value_of_a_secret_is_not_told() -> None:
    rule = HealthRules([CustomHealth(kind=GroupKind("", "Secret"), current="int(data.a) == 1")]).rule(
        GroupKind("", "Secret")
    )
    assert rule is not None
    found = rule({"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a": "hidden"}})
    assert found.message == "expression 'int(data.a) == 1' cannot be evaluated"
