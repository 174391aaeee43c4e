"""Conditions in CEL, the Common Expression Language, over plain values; the one module that knows the engine.

The dialect is Flux's: optional syntax (``a.?b.orValue(c)``), comparison of numbers of different types, UTC, and the
libraries *strings*, *sets* and *encoders*. A field that is missing is an error, not false: expressions say ``has()``.

Two ways to read an expression, as in Flux. With declared variables it is checked as a whole, names and types, before it
is ever used. Without them only its syntax is: then every top-level field of the values is a variable. That lists in an
expression hold values of one type only is not checked; our engine cannot.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from fairlead.errors import InvalidSpecError, NotReadyError

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["Condition", "EvaluationError", "ExpressionError", "condition"]

_LIBRARIES = "extensions:\n" + "".join(f"- name: {name}\n" for name in ("optional", "strings", "sets", "encoders"))
_NUMBER = "(int|uint|double)"
_MIXED_NUMBERS = re.compile(rf"found no matching overload for '_[<>]=?_' applied to '\({_NUMBER}, {_NUMBER}\)'")
_PROBLEM = re.compile(r"^(?:[A-Z_]+: )?ERROR: <input>:(\d+):(\d+): (.*)$", re.MULTILINE)

_NOISE = " (in container '')"


class ExpressionError(InvalidSpecError):
    """The expression cannot be used: its syntax, a name or a type is wrong. Only another expression helps."""


class EvaluationError(NotReadyError):
    """The values do not have what the expression takes for granted; they may have it later."""


class Condition:
    """An expression that says yes or no."""

    __slots__ = ("_program", "text")

    def __init__(self, text: str, program: Any) -> None:
        self.text = text
        self._program = program

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether the values fulfil it; raises :class:`EvaluationError`."""
        try:
            result = self._program.eval(data=values)
            answer = result.value()
        except (RuntimeError, TypeError, ValueError, OverflowError) as error:
            raise EvaluationError(f"expression '{self.text}' cannot be evaluated: {_reason(error)}") from error
        if isinstance(answer, bool):
            return answer
        found = result.type().name()
        if found == "ERROR":
            raise EvaluationError(f"expression '{self.text}' cannot be evaluated: {_reason(answer)}")
        raise EvaluationError(f"expression '{self.text}' gives {found.lower()} where bool is expected")


@lru_cache(maxsize=1024)
def condition(text: str, variables: tuple[str, ...] = ()) -> Condition:
    """Reads an expression; with ``variables``, which may hold anything, it is checked too.

    Raises :class:`ExpressionError`.
    """
    environment = _environment(variables)
    try:
        program = environment.compile(text, disable_check=not variables)
    except RuntimeError as error:
        if not variables or not _is_about_mixed_numbers_alone(error):
            raise ExpressionError(f"CEL expression '{text}' cannot be read: {_reason(error)}") from error
        program = environment.compile(text, disable_check=True)
    else:
        if variables and program.return_type().name() != "BOOL":
            found = program.return_type().name().lower()
            raise ExpressionError(f"CEL expression '{text}' gives {found} where bool is expected; compare it with ==")
    return Condition(text, program)


@lru_cache(maxsize=8)
def _environment(variables: tuple[str, ...]) -> Any:
    """The engine is a big library: it is loaded when somebody uses an expression."""
    from cel_expr_python import cel

    return cel.NewEnv(config=cel.NewEnvConfigFromYaml(_LIBRARIES), variables=dict.fromkeys(variables, cel.Type.DYN))


def _is_about_mixed_numbers_alone(error: RuntimeError) -> bool:
    """The checker refuses ``1 < 2.5``, which Flux allows; the evaluation can do it."""
    problems = _PROBLEM.findall(str(error))
    return bool(problems) and all(_MIXED_NUMBERS.match(text) for _, _, text in problems)


def _reason(error: object) -> str:
    """One line of the engine's report."""
    text = str(error)
    if problem := _PROBLEM.search(text):
        line, column, what = problem.groups()
        return f"{what.removesuffix(_NOISE)} at {line}:{column}"
    first = text.strip().splitlines()[0] if text.strip() else type(error).__name__
    return re.sub(r"^[A-Z_]+: ", "", first)
