"""Label selectors, and numbers that may be percentages."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.localcluster.controllers.kinds import Manifest


def matches(selector: Manifest | None, labels: Mapping[str, str]) -> bool:
    """Whether a ``LabelSelector`` chooses these labels; ``None`` chooses nothing, an empty one everything."""
    if selector is None:
        return False
    wanted: Mapping[str, str] = selector.get("matchLabels") or {}
    if any(labels.get(key) != value for key, value in wanted.items()):
        return False
    return all(_expression_holds(expression, labels) for expression in selector.get("matchExpressions") or ())


def matches_map(selector: Mapping[str, str] | None, labels: Mapping[str, str]) -> bool:
    """The older form of a Service: a plain map, where an empty one chooses nothing."""
    return bool(selector) and all(labels.get(key) == value for key, value in (selector or {}).items())


def _expression_holds(expression: Manifest, labels: Mapping[str, str]) -> bool:
    value = labels.get(expression["key"])
    match expression["operator"]:
        case "In":
            return value in (expression.get("values") or ())
        case "NotIn":
            return value not in (expression.get("values") or ())
        case "Exists":
            return value is not None
        case "DoesNotExist":
            return value is None
        case _:
            return False


def scaled(value: int | str | None, total: int, *, round_up: bool) -> int:
    """An ``IntOrString``: a count, or a percentage of ``total``."""
    if value is None:
        return 0
    if isinstance(value, int):
        return value
    share = int(value.rstrip("%")) * total / 100
    return math.ceil(share) if round_up else math.floor(share)
