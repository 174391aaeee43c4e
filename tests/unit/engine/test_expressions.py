"""CEL: Flux's dialect, checked before use where names are known, one line for a person when it is wrong."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from fairlead.engine.expressions import EvaluationError, ExpressionError, condition

STATUS: dict[str, Any] = {
    "status": {
        "conditions": [{"type": "Ready", "status": "True"}, {"type": "Synced", "status": "False"}],
        "count": 3,
        "share": 1.5,
        "text": "10",
        "nothing": None,
        "since": "2026-01-01T22:00:00Z",
    }
}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("status.conditions.exists(c, c.type == 'Ready' && c.status == 'True')", True),
        ("status.conditions.filter(c, c.type == 'Synced').all(c, c.status == 'True')", False),
        ("has(status.missing)", False),
        ("status.?missing.orValue('none') == 'none'", True),
        ("status.conditions[?5].?type.hasValue()", False),
        ("status.count == 3.0 && status.count > 2.5", True),
        ("1 < 2.5", True),
        ("status.nothing == null", True),
        ("timestamp(status.since).getHours() == 22", True),
        ("'a,b'.split(',').size() == 2", True),
        ("sets.contains([1, 2, 3], [status.count])", True),
        ("base64.decode('YQ==') == b'a'", True),
        ("status.missing == 1 || true", True),
    ],
)
def test_the_dialect(text: str, expected: bool) -> None:
    assert condition(text).holds(STATUS) is expected


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("status.missing == 1", 'Key not found in map : "missing"'),
        ("spec.paused", 'No value with name "spec"'),
        ("status.count", "gives int where bool is expected"),
        ("status.?missing", "cannot be evaluated"),
        ("status.count && true", "No matching overloads"),
        ("int(status.share) / 0 == 1", "divide by zero"),
    ],
)
def test_what_the_values_do_not_have_is_an_error(text: str, problem: str) -> None:
    with pytest.raises(EvaluationError) as caught:
        condition(text).holds(STATUS)
    assert problem in str(caught.value)
    assert f"'{text}'" in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bad_syntax_is_told_with_its_place() -> None:
    with pytest.raises(ExpressionError) as caught:
        condition("status.count ==")
    assert "cannot be read: Syntax error" in str(caught.value)
    assert str(caught.value).endswith("at 1:16")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("other.status == 1", "undeclared reference to 'other"),
        ("dep.status", "gives dyn where bool is expected"),
        ("'a' + 'b'", "gives string where bool is expected"),
        ("1 < 'a'", "no matching overload"),
    ],
)
def test_with_declared_variables_names_and_types_are_checked(text: str, problem: str) -> None:
    with pytest.raises(ExpressionError) as caught:
        condition(text, ("self", "dep"))
    assert problem in str(caught.value)
    assert "\n" not in str(caught.value)


def test_declared_variables_may_hold_anything() -> None:
    compare = condition("dep.status.revision == self.status.revision && 1 < 2.5", ("self", "dep"))
    assert compare.holds({"self": {"status": {"revision": "a"}}, "dep": {"status": {"revision": "a"}}})
    assert not compare.holds({"self": {"status": {"revision": "a"}}, "dep": {"status": {"revision": 1}}})


def test_an_expression_is_read_once() -> None:
    assert condition("status.count == 1") is condition("status.count == 1")


def test_the_engine_is_not_loaded_before_there_is_an_expression() -> None:
    modules = "fairlead.engine.custom_health, fairlead.controllers.manager"
    program = f"import sys, {modules}; sys.exit('cel_expr_python' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", program], check=False).returncode == 0
