"""Validation of resource requests and limits."""

from __future__ import annotations

from typing import Any, Final

from fairlead.localcluster.builtin.names import problems, qualified_name
from fairlead.localcluster.schema.field_errors import FieldError, invalid, required
from fairlead.localcluster.schema.quantity import parse_quantity

__all__ = ["check_quantity", "check_resource_name", "check_resources"]

_CONTAINER: Final = frozenset({"cpu", "memory", "ephemeral-storage"})
_STANDARD: Final = _CONTAINER | {
    "storage",
    "pods",
    "services",
    "replicationcontrollers",
    "resourcequotas",
    "secrets",
    "configmaps",
    "persistentvolumeclaims",
    "services.nodeports",
    "services.loadbalancers",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
}


def check_quantity(path: str, quantity: str) -> list[FieldError]:
    negative = parse_quantity(quantity) < 0
    return [invalid(path, quantity, "must be greater than or equal to 0")] if negative else []


def check_resource_name(path: str, name: str, *, of_container: bool = True) -> list[FieldError]:
    """Errors of a resource's name: a standard one, or one with a domain."""
    errors = problems(path, name, qualified_name)
    if errors and "/" in name and of_container:
        errors.append(invalid(path, name, "doesn't follow extended resource name standard"))
    if errors or "/" in name:
        return errors
    standard = name in _STANDARD or name.startswith(("hugepages-", "requests.", "limits.", "count/"))
    if not standard:
        errors.append(invalid(path, name, "must be a standard resource type or fully qualified"))
    if of_container and name not in _CONTAINER and not name.startswith("hugepages-"):
        errors.append(invalid(path, name, "must be a standard resource for containers"))
    elif not of_container and not standard:
        errors.append(invalid(path, name, "must be a standard resource for quota"))
    return errors


def _is_extended(name: str) -> bool:
    return "/" in name and not name.startswith("kubernetes.io/")


def check_resources(path: str, resources: dict[str, Any]) -> list[FieldError]:
    """Errors of a container's ``resources``."""
    limits, requests = resources.get("limits") or {}, resources.get("requests") or {}
    errors: list[FieldError] = []
    for field, quantities in (("limits", limits), ("requests", requests)):
        for name, quantity in quantities.items():
            where = f"{path}.{field}[{name}]"
            errors += check_resource_name(where, name)
            errors += check_quantity(where, quantity)
            if _is_extended(name) and parse_quantity(quantity) % 1:
                errors.append(invalid(where, quantity, "must be an integer"))
    return errors + _compare(path, requests, limits)


def _compare(path: str, requests: dict[str, str], limits: dict[str, str]) -> list[FieldError]:
    errors: list[FieldError] = []
    for name, quantity in requests.items():
        limit = limits.get(name)
        extended = _is_extended(name) or name.startswith("hugepages-")
        if limit is None:
            if extended:
                errors.append(required(f"{path}.limits", "Limit must be set for non overcommitable resources"))
        elif extended and parse_quantity(quantity) != parse_quantity(limit):
            errors.append(invalid(f"{path}.requests", quantity, f"must be equal to {name} limit of {limit}"))
        elif parse_quantity(quantity) > parse_quantity(limit):
            text = f"must be less than or equal to {name} limit of {limit}"
            errors.append(invalid(f"{path}.requests", quantity, text))
    return errors
