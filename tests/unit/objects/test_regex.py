"""Patterns of users take time linear in the text, also in selectors."""

from __future__ import annotations

import pytest

from fairlead.errors import InvalidSpecError
from fairlead.objects.regex import PatternError, compile_pattern
from fairlead.objects.selector import Selector


def test_a_hostile_pattern_in_a_selector_ends() -> None:
    """Backtracking would need 2^250 steps."""
    matches = Selector(name="(a+)+b").matcher()
    manifest = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a" * 250}}
    assert not matches(manifest)
    assert matches(manifest | {"metadata": {"name": "aab"}})


def test_what_is_no_pattern() -> None:
    with pytest.raises(PatternError, match="missing closing"):
        compile_pattern("(", whole=True)
    with pytest.raises(InvalidSpecError, match="selector kind"):
        Selector(kind="(").matcher()
