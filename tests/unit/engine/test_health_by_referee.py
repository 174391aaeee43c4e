"""Health as kstatus v1.2.2, which Flux uses, gives it, for objects of every built-in kind in many states.

``tests/referees/kstatus`` makes the questions and asks the library; its answers are kept there.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from fairlead.engine.health import status_of

ANSWERS = Path(__file__).parents[2] / "referees/kstatus/answers.jsonl"


def answers() -> dict[str, list[dict[str, Any]]]:
    """By API version and kind."""
    found: dict[str, list[dict[str, Any]]] = {}
    with ANSWERS.open() as lines:
        for answer in map(json.loads, lines):
            found.setdefault(f"{answer['object']['apiVersion']} {answer['object']['kind']}", []).append(answer)
    return found


def _is_open_job(answer: dict[str, Any]) -> bool:
    """A Job that has merely started: kstatus alone calls it current, Flux's controllers do not."""
    return answer["object"]["kind"] == "Job" and str(answer["message"]).startswith("Job in progress")


def _is_suspended_job(answer: dict[str, Any]) -> bool:
    """Flux: it is as it was asked to be."""
    job = answer["object"]
    return job["kind"] == "Job" and job["spec"].get("suspend") is True and str(answer["message"]).startswith("Job ")


@pytest.mark.parametrize(("kind", "asked"), [pytest.param(kind, asked, id=kind) for kind, asked in answers().items()])
def test_as_the_library_says(kind: str, asked: list[dict[str, Any]]) -> None:
    assert len(asked) >= 10, kind
    for answer in asked:
        found = status_of(answer["object"])
        if found.message == "Job is suspended":
            assert _is_suspended_job(answer)
        elif _is_open_job(answer):
            assert found.status == "InProgress"
        elif answer.get("error"):  # a phase that kstatus does not know
            assert found.status == "Unknown"
        else:
            assert found.status == answer["status"], answer["object"]
            # Where kstatus has no message, we tell the condition's reason.
            assert found.message == answer["message"] or not answer["message"], answer["object"]
