"""Which files remain, compared with the answers of Flux's own ignore rules; see ``tests/referees/sourceignore``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.trees import kept

if TYPE_CHECKING:
    from fairlead.sources.store import ObjectStore

ANSWERS = Path(__file__).parents[2] / "referees/sourceignore/answers.jsonl"
QUESTIONS = [json.loads(line) for line in ANSWERS.read_bytes().splitlines()]


@pytest.mark.parametrize("question", QUESTIONS, ids=[str(number) for number in range(len(QUESTIONS))])
def test_as_flux_says(store: ObjectStore, question: dict[str, Any]) -> None:
    rules = {"/".join((*file["folder"], ".sourceignore")): file["text"] for file in question["ignoreFiles"]}
    found = kept(store, dict.fromkeys(question["paths"], "x") | rules, question["spec"])
    assert sorted(set(found) - rules.keys()) == sorted(question["kept"])
