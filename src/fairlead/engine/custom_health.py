"""Rules of the user's for the health of their own kinds (``healthCheckExprs``), in CEL over the object's fields.

What holds for every kind comes first: an object that is being deleted, or whose controller has not seen its newest
spec, is not ready whatever a rule says. Then the first of *in progress*, *failed* and *current* that holds decides;
when none does the object is in progress. An expression that cannot be evaluated makes the health unknown, which is not
ready: a status that is still empty may fill.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

from fairlead.engine.expressions import EvaluationError, ExpressionError, condition
from fairlead.engine.health import HealthStatus, Status, general_status
from fairlead.objects.manifest import is_secret
from fairlead.objects.ref import GroupKind

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fairlead.engine.expressions import Condition

__all__ = ["CustomHealth", "HealthRules", "Rule"]


@dataclass(frozen=True, slots=True, kw_only=True)
class CustomHealth:
    """The expressions for one kind; an empty ``kind.kind`` stands for all kinds of the group."""

    kind: GroupKind
    current: str
    in_progress: str = ""
    failed: str = ""


class Rule(Protocol):
    """The health of an object as it was read."""

    def __call__(self, manifest: Mapping[str, Any], /) -> HealthStatus: ...


class HealthRules:
    """Compiled rules by kind; raises ``ExpressionError`` for what cannot be read and for two rules for one kind."""

    __slots__ = ("_rules",)

    def __init__(self, checks: Iterable[CustomHealth] = ()) -> None:
        self._rules: dict[GroupKind, Rule] = {}
        for check in checks:
            if check.kind in self._rules:
                raise ExpressionError(f"there are two healthCheckExprs for {_name(check.kind)}; keep one of them")
            try:
                self._rules[check.kind] = _Expressions(check)
            except ExpressionError as error:
                raise ExpressionError(f"healthCheckExprs for {_name(check.kind)}: {error}") from error

    def rule(self, kind: GroupKind) -> Rule | None:
        """The rule for a kind; one for exactly this kind goes before one for its group."""
        return self._rules.get(kind) or self._rules.get(GroupKind(kind.group, ""))


class _Expressions:
    """The expressions of one kind in the order in which they are asked."""

    __slots__ = ("_steps",)

    def __init__(self, check: CustomHealth) -> None:
        texts = (
            (check.in_progress, Status.IN_PROGRESS),
            (check.failed, Status.FAILED),
            (check.current, Status.CURRENT),
        )
        self._steps: list[tuple[Condition, Status]] = [(condition(text), status) for text, status in texts if text]

    def __call__(self, manifest: Mapping[str, Any], /) -> HealthStatus:
        if (general := general_status(manifest)) is not None:
            return general
        for step, status in self._steps:
            try:
                holds = step.holds(manifest)
            except EvaluationError as error:
                # What the engine says of a value may quote it.
                text = f"expression '{step.text}' cannot be evaluated" if is_secret(manifest) else str(error)
                return HealthStatus(Status.UNKNOWN, text)
            if holds:
                return HealthStatus(status, f"expression '{step.text}' holds")
        return HealthStatus(Status.IN_PROGRESS, "none of the health check expressions holds")


def _name(kind: GroupKind) -> str:
    return str(kind) if kind.kind else f"all kinds of {kind.group or 'the core group'}"
