"""Substitution of variables, against the answers of Flux's own library."""

from __future__ import annotations

import contextlib
import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.build.substitute import SubstitutionError, check_names, substitute

ANSWERS = Path(__file__).parents[2] / "referees" / "envsubst" / "answers.jsonl"
VARIABLES, *QUESTIONS = [json.loads(line) for line in ANSWERS.read_text().splitlines()]


@pytest.mark.parametrize("strict", [True, False], ids=["strict", "lax"])
def test_answers_as_flux_does(strict: bool) -> None:
    wrong = {}
    for question in QUESTIONS:
        try:
            answer = substitute(question["text"], VARIABLES["variables"], strict=strict)
        except SubstitutionError:
            answer = None
        expected = question["strict" if strict else "lax"]
        if answer != expected and "\ufffd" not in (expected or ""):
            wrong[question["text"]] = (answer, expected)
    assert not wrong


def test_says_which_variable_is_missing() -> None:
    with pytest.raises(SubstitutionError, match=r'variable not set \(strict mode\): "REGION"'):
        substitute("region: ${REGION}", {})


def test_shows_the_malformed_expression_and_the_way_out() -> None:
    with pytest.raises(SubstitutionError, match=r"missing closing brace at .*arr\[@\].*write \$\$"):
        substitute('run: |\n  for a in "${arr[@]}"; do', {})


def test_refuses_names_that_no_expression_can_use() -> None:
    with pytest.raises(SubstitutionError, match="'my-var' var name is invalid"):
        check_names({"ok": "", "my-var": ""})


@given(st.text(alphabet=st.sampled_from("${}v#%/:=-^,\\ *[]a"), max_size=30))
def test_gives_a_text_or_its_own_error(text: str) -> None:
    with contextlib.suppress(SubstitutionError):
        substitute(text, {"v": "value", "a": "${v}"}, strict=False)


@given(st.text())
def test_escaped_text_is_left_as_it_was(text: str) -> None:
    assert substitute(text.replace("$", "$$"), {"v": "value"}) == text
