"""Label selectors: whether they are well formed, and whether they select a pod template."""

from __future__ import annotations

from typing import Any

from fairlead.localcluster.builtin.names import label_value, problems, qualified_name
from fairlead.localcluster.schema.field_errors import FieldError, forbidden, invalid, required

__all__ = ["is_empty", "selector", "selects"]

Selector = dict[str, Any]


def is_empty(value: Selector) -> bool:
    return not value.get("matchLabels") and not value.get("matchExpressions")


def selector(path: str, value: Selector | None) -> list[FieldError]:
    """Errors of a label selector."""
    if not value:
        return []
    errors: list[FieldError] = []
    for key, wanted in (value.get("matchLabels") or {}).items():
        errors += problems(f"{path}.matchLabels", key, qualified_name)
        errors += problems(f"{path}.matchLabels", wanted, label_value)
    for index, expression in enumerate(value.get("matchExpressions") or ()):
        errors += _expression(f"{path}.matchExpressions[{index}]", expression)
    return errors


def _expression(path: str, value: Selector) -> list[FieldError]:
    errors: list[FieldError] = []
    operator, values = value.get("operator"), value.get("values") or []
    if operator in ("In", "NotIn"):
        if not values:
            errors.append(required(f"{path}.values", "must be specified when `operator` is 'In' or 'NotIn'"))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            text = "may not be specified when `operator` is 'Exists' or 'DoesNotExist'"
            errors.append(forbidden(f"{path}.values", text))
    else:
        errors.append(invalid(f"{path}.operator", operator or "", "not a valid selector operator"))
    errors += problems(f"{path}.key", value.get("key") or "", qualified_name)
    for index, item in enumerate(values):
        errors += problems(f"{path}.values[{index}]", item, label_value)
    return errors


def selects(value: Selector, labels: dict[str, str]) -> bool:
    """Whether a well-formed selector matches labels; an empty one matches everything."""
    for key, wanted in (value.get("matchLabels") or {}).items():
        if labels.get(key) != wanted:
            return False
    return all(_matches(expression, labels) for expression in value.get("matchExpressions") or ())


def _matches(expression: Selector, labels: dict[str, str]) -> bool:
    key, values = expression.get("key"), expression.get("values") or []
    match expression.get("operator"):
        case "In":
            return labels.get(str(key)) in values
        case "NotIn":
            return labels.get(str(key)) not in values
        case "Exists":
            return key in labels
        case "DoesNotExist":
            return key not in labels
    return False
