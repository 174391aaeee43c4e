"""What may be deleted at all."""

from __future__ import annotations

import pytest

from fairlead.engine.prune import PruneBudget, PruneBudgetError, deletion_plan, stale_entries
from fairlead.objects.inventory import Inventory
from fairlead.objects.ref import ObjectRef


def inventory(*names: str) -> Inventory:
    return Inventory({ObjectRef("", "ConfigMap", "shop", name): "v1" for name in names})


def test_what_left_the_desired_state_is_stale() -> None:
    assert stale_entries(inventory("a", "b"), inventory("b", "c")) == inventory("a")


def test_an_empty_desired_state_makes_nothing_stale() -> None:
    assert stale_entries(inventory("a", "b"), inventory()) == inventory()


@pytest.mark.parametrize(
    ("stale", "total", "allowed"),
    [(50, 60, True), (51, 60, False), (51, 102, True), (60, 100, False), (0, 0, True)],
)
def test_the_budget_is_fifty_or_half(stale: int, total: int, allowed: bool) -> None:
    budget = PruneBudget()
    if allowed:
        budget.check(stale, total, how_to_allow="...")
    else:
        with pytest.raises(PruneBudgetError, match=f"would delete {stale} of {total} objects.*Say so"):
            budget.check(stale, total, how_to_allow="Say so")


@pytest.mark.parametrize(
    ("policy", "prune", "suspended", "expected"),
    [
        ("", True, False, (True, False)),
        ("", False, False, (False, False)),
        ("MirrorPrune", True, False, (True, False)),
        ("Delete", False, False, (True, False)),
        ("WaitForTermination", False, False, (True, True)),
        ("Orphan", True, False, (False, False)),
        ("Delete", True, True, (False, False)),
    ],
)
def test_the_end_of_a_kustomization(policy: str, prune: bool, suspended: bool, expected: tuple[bool, bool]) -> None:
    assert deletion_plan(policy, prune=prune, suspended=suspended) == expected
