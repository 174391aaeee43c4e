"""The values that the API server fills into its own kinds (kube-apiserver 1.35, ``pkg/apis/*/v1/defaults.go``).

Defaults belong to Go types, so one function per type is registered here and a walk along the schema calls them wherever
that type occurs, outer types first: a pod template gets the same values in a Deployment and in a Job. Static defaults
that the OpenAPI schema states (``protocol: TCP``) come from the schema.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fairlead.localcluster.builtin import default_pods, default_rules, default_workloads
from fairlead.localcluster.builtin.default_registry import RULES
from fairlead.localcluster.schema.schemaset import builtin_schema
from fairlead.localcluster.schema.types import MISSING, Schema
from fairlead.objects.ref import GroupVersionKind

if TYPE_CHECKING:
    from collections.abc import Callable

    Rule = Callable[[dict[str, Any]], None]

__all__ = ["default"]

_REGISTERED: Final = (default_pods, default_rules, default_workloads)  # importing them fills the registry
_PREFIXES: Final = ("io.k8s.api.", "io.k8s.apiextensions-apiserver.", "io.k8s.kube-aggregator.")


class _Plan:
    """What to do at one node: its rule, its static defaults, and the fields below which there is something to do."""

    __slots__ = ("children", "items", "rule", "static", "values")

    def __init__(self) -> None:
        self.rule: Rule | None = None
        self.static: list[tuple[str, Any]] = []
        self.children: list[tuple[str, _Plan]] = []
        self.items: _Plan | None = None
        self.values: _Plan | None = None

    @property
    def empty(self) -> bool:
        return not (self.rule or self.static or self.children or self.items or self.values)


_plans: dict[int, _Plan] = {}


def default(manifest: dict[str, Any]) -> dict[str, Any]:
    """Fills the defaults of a built-in kind in place and returns it; any other object stays as it is.

    ``manifest`` has to be fresh from :func:`fairlead.localcluster.schema.decode.decode`, whose containers are its own.
    What the server allocates (cluster IPs, node ports, uids) is not filled here.
    """
    schema = builtin_schema(*GroupVersionKind.of(manifest))
    if schema is not None:
        _run(_plan(schema), manifest)
    return manifest


def _run(plan: _Plan, value: dict[str, Any]) -> None:
    if plan.rule is not None:
        plan.rule(value)
    for key, static in plan.static:
        if value.get(key) in (None, ""):
            value[key] = static
    for key, child in plan.children:
        inner = value.get(key)
        if isinstance(inner, dict):
            if child.values is None:
                _run(child, inner)
            else:
                for item in inner.values():
                    if isinstance(item, dict):
                        _run(child.values, item)
        elif isinstance(inner, list) and child.items is not None:
            for item in inner:
                if isinstance(item, dict):
                    _run(child.items, item)


def _plan(schema: Schema) -> _Plan:
    """The plan of a node, made once. Recursive types have no defaults below themselves."""
    known = _plans.get(id(schema))
    if known is not None:
        return known
    plan = _plans[id(schema)] = _Plan()
    plan.rule = RULES.get(_short(schema.name))
    for key, child in schema.properties.items():
        if child.default is not MISSING and child.default not in ("", False, 0, {}):  # the rest is Go's zero value
            plan.static.append((key, child.default))
        inner = _plan(child)
        if not inner.empty:
            plan.children.append((key, inner))
    if schema.items is not None and schema.items is not schema:
        items = _plan(schema.items)
        plan.items = None if items.empty else items
    if schema.extra is not None and schema.extra is not schema and schema.type == "object" and not schema.properties:
        values = _plan(schema.extra)
        plan.values = None if values.empty else values
    return plan


def _short(name: str) -> str:
    """``io.k8s.api.core.v1.Container`` is ``core.v1.Container``."""
    for prefix in _PREFIXES:
        if name.startswith(prefix):
            return name.removeprefix(prefix).removeprefix("pkg.apis.")
    return name
