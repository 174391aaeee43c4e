"""Ranges agree with Masterminds/semver in every recorded case."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fairlead.sources.semver import Constraint, SemverError, Version

RECORDED = Path(__file__).parents[3].parent / "shared" / "reference" / "semver-masterminds.json"


def test_recorded_answers_of_masterminds() -> None:
    if not RECORDED.exists():
        pytest.skip("the recorded answers of Masterminds/semver are not there (../shared/reference)")
    wrong = []
    for pair, expected in json.loads(RECORDED.read_text()).items():
        constraint, version = pair.rsplit("|", 1)
        if Constraint.parse(constraint).allows(Version.parse(version)) is not expected:
            wrong.append(pair)
    assert not wrong


@pytest.mark.parametrize(
    ("constraint", "version", "allowed"),
    [
        ("^1.2.3", "1.9.0", True),
        ("^0.2.3", "0.3.0", False),
        (">=1.0.0-0", "1.1.0-rc.1", True),
        (">=1.0.0", "1.1.0-rc.1", False),
        ("1.2 - 1.4", "1.4.9", True),
        (">1", "1.5.0", False),
        ("<2 || >=3", "3.0.0", True),
        ("*", "9.9.9", True),
        ("x", "0.0.1", True),
    ],
)
def test_a_few_by_hand(constraint: str, version: str, allowed: bool) -> None:
    assert Constraint.parse(constraint).allows(Version.parse(version)) is allowed


def test_versions_sort_as_semver_says() -> None:
    ordered = ["1.0.0-alpha", "1.0.0-alpha.1", "1.0.0-alpha.beta", "1.0.0-beta.2", "1.0.0-beta.11", "1.0.0", "1.0.1"]
    backwards = ordered[::-1]
    assert sorted(backwards, key=Version.parse) == ordered


@pytest.mark.parametrize("text", ["1.2", "01.2.3", "1.2.3-01", "v1", "release-1.2.3", "1.2.3.4", ""])
def test_tags_must_be_strict_versions(text: str) -> None:
    assert Version.parse_strict(text) is None


@pytest.mark.parametrize("text", ["", "latest", ">=", "1.0.0 ||", "=> =<", "1.2.3.4", "1" * 2000])
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(SemverError):
        Constraint.parse(text)


@given(st.text(alphabet="0123456789.xX*<>=~^!|-+v, abc", max_size=30))
def test_parsing_raises_only_its_own_error(text: str) -> None:
    with suppress(SemverError):
        Constraint.parse(text).allows(Version.parse("1.2.3"))
