"""What is missing is told when it stays away, and not while it is likely under way."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fairlead.controllers import waits as module
from fairlead.controllers.dependencies import DependencyNotReadyError
from fairlead.controllers.memory import Memory
from fairlead.controllers.notes import Notes
from fairlead.controllers.outcomes import MORE_PATIENCE_SECONDS, PATIENCE_SECONDS, patience_with
from fairlead.controllers.waits import Subject, Wait, Waits
from fairlead.errors import UserError
from fairlead.kube.reflector import Key

if TYPE_CHECKING:
    import pytest

KEY = Key("flux-system", "apps")
MISSING = DependencyNotReadyError("dependency 'flux-system/base' is not ready")


def test_a_missing_dependency_is_told_after_a_moment() -> None:
    memory = Memory()
    assert patience_with(memory, MISSING, 100.0, crowded=False) == PATIENCE_SECONDS
    assert patience_with(memory, MISSING, 101.5, crowded=False) == PATIENCE_SECONDS - 1.5
    assert patience_with(memory, MISSING, 102.0, crowded=False) <= 0


def test_it_is_told_later_while_others_are_delivered_but_not_never() -> None:
    memory = Memory()
    now, asked = 100.0, 0
    while (seconds := patience_with(memory, MISSING, now, crowded=True)) > 0:
        assert seconds <= PATIENCE_SECONDS
        now, asked = now + seconds, asked + 1
    assert now == 100.0 + PATIENCE_SECONDS + MORE_PATIENCE_SECONDS
    assert asked < 10


def test_what_does_not_pass_by_itself_is_told_at_once() -> None:
    assert patience_with(Memory(), UserError("no"), 100.0, crowded=True) == 0.0


def test_several_deliveries_are_a_crowd() -> None:
    notes, seen = Notes(), []
    with notes.held():
        seen.append(notes.crowded)
        with notes.held():
            seen.append(notes.crowded)
    assert [*seen, notes.crowded] == [False, True, False]


async def test_a_wait_is_told_later_in_a_crowd(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "MOMENT_SECONDS", 0.001)
    told: asyncio.Queue[Key] = asyncio.Queue()
    asked: list[bool] = []

    def crowded() -> bool:
        asked.append(True)
        return True

    async with Waits(told.put_nowait) as waits:
        waits.crowded = crowded
        waits.tell_later(KEY, Wait(Subject(1, "main", "digest"), ()), 0.0)
        assert await told.get() == KEY
    assert len(asked) == module.MOST_MOMENTS
