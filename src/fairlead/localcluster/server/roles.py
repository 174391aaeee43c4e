"""Cluster roles that are sums of others: their rules follow the roles that their selectors name."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairlead.localcluster.storage import decode_body

if TYPE_CHECKING:
    from fairlead.localcluster.server.pipeline import Pipeline
    from fairlead.localcluster.server.registry import Registry
    from fairlead.localcluster.server.requests import WriteOptions

__all__ = ["AggregatedRoles"]

Manifest = dict[str, Any]

CLUSTER_ROLES = "clusterroles.rbac.authorization.k8s.io"


class AggregatedRoles:
    def __init__(self, pipeline: Pipeline, registry: Registry, options: WriteOptions) -> None:
        self._pipeline = pipeline
        self._registry = registry
        self._options = options

    def sync(self, changed: str) -> None:
        """A role changed: bring every sum up to date that may contain it (or that it is)."""
        resource = self._registry.by_kind("rbac.authorization.k8s.io", "ClusterRole")
        if resource is None:  # pragma: no cover - it is in the data
            return
        collection = self._pipeline.store.collection(CLUSTER_ROLES)
        roles = {stored.name: decode_body(stored.body) for stored in collection.scan()}
        for name, role in roles.items():
            selectors = (role.get("aggregationRule") or {}).get("clusterRoleSelectors")
            if not selectors:
                continue
            rules = _sum(roles, name, selectors)
            if rules != (role.get("rules") or []):
                role.update({"kind": resource.kind, "apiVersion": resource.api_version, "rules": rules})
                self._pipeline.write_system(resource, role, collection.objects[name], self._options)


def _sum(roles: dict[str, Manifest], own: str, selectors: list[Manifest]) -> list[Manifest]:
    rules: list[Manifest] = []
    for name, role in roles.items():
        labels = role["metadata"].get("labels") or {}
        if name != own and any(_matches(selector, labels) for selector in selectors):
            rules.extend(rule for rule in role.get("rules") or [] if rule not in rules)
    return rules


def _matches(selector: Manifest, labels: dict[str, str]) -> bool:
    """The label selector of the API: equalities and expressions, all of which must hold."""
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(_holds(expression, labels) for expression in selector.get("matchExpressions") or [])


def _holds(expression: Manifest, labels: dict[str, str]) -> bool:
    value, values = labels.get(expression["key"]), expression.get("values") or []
    match expression["operator"]:
        case "In":
            return value in values
        case "NotIn":
            return value not in values
        case "Exists":
            return value is not None
        case _:
            return value is None
