"""The cells of access rules, admission, scaling and flow control."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairlead.localcluster.printers.age import since
from fairlead.localcluster.printers.text import NONE, UNSET, Manifest, cut, selector_text, spec_of, status_of

if TYPE_CHECKING:
    from datetime import datetime

_MAX_METRICS = 2


def _age(obj: Manifest, now: datetime) -> str:
    return since(obj["metadata"].get("creationTimestamp"), now)


def binding_cells(obj: Manifest, now: datetime) -> list[Any]:
    """RoleBinding and ClusterRoleBinding."""
    role = obj.get("roleRef") or {}
    subjects = obj.get("subjects") or ()
    named = {kind: ", ".join(each["name"] for each in subjects if each["kind"] == kind) for kind in ("User", "Group")}
    accounts = [
        f"{each.get('namespace') or ''}/{each['name']}" for each in subjects if each["kind"] == "ServiceAccount"
    ]
    return [
        obj["metadata"]["name"],
        f"{role.get('kind', '')}/{role.get('name', '')}",
        _age(obj, now),
        named["User"],
        named["Group"],
        ", ".join(accounts),
    ]


def webhook_cells(obj: Manifest, now: datetime) -> list[Any]:
    return [obj["metadata"]["name"], len(obj.get("webhooks") or ()), _age(obj, now)]


def admission_policy_cells(obj: Manifest, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    parameter = spec.get("paramKind")
    text = f"{parameter.get('apiVersion', '')}/{parameter.get('kind', '')}" if parameter else UNSET
    return [obj["metadata"]["name"], len(spec.get("validations") or ()), text, _age(obj, now)]


def admission_binding_cells(obj: Manifest, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    parameter = spec.get("paramRef") or {}
    text = UNSET
    if parameter.get("name"):
        text = f"{parameter.get('namespace') or '*'}/{parameter['name']}"
    elif parameter.get("selector") is not None:
        text = selector_text(parameter["selector"])
    return [obj["metadata"]["name"], spec.get("policyName") or "", text, _age(obj, now)]


def autoscaler_cells(obj: Manifest, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    target = spec.get("scaleTargetRef") or {}
    minimum = spec.get("minReplicas")
    return [
        obj["metadata"]["name"],
        f"{target.get('kind', '')}/{target.get('name', '')}",
        _metrics(obj),
        UNSET if minimum is None else str(minimum),
        spec.get("maxReplicas", 0),
        status.get("currentReplicas") or 0,
        _age(obj, now),
    ]


def _metrics(obj: Manifest) -> str:
    spec, status = spec_of(obj), status_of(obj)
    if "targetCPUUtilizationPercentage" in spec:  # the older form, autoscaling/v1
        current = status.get("currentCPUUtilizationPercentage")
        seen = "<unknown>" if current is None else f"{current}%"
        return f"cpu: {seen}/{spec['targetCPUUtilizationPercentage']}%"
    seen_metrics = status.get("currentMetrics") or []
    texts = []
    for index, metric in enumerate(spec.get("metrics") or ()):
        seen = seen_metrics[index] if index < len(seen_metrics) else {}
        texts.append(_metric(metric, seen))
    return cut(texts, limit=_MAX_METRICS, separator=", ")


def _metric(metric: Manifest, seen: Manifest) -> str:
    kind = metric.get("type") or ""
    field = kind[:1].lower() + kind[1:]
    asked = metric.get(field)
    if asked is None or kind not in ("External", "Pods", "Object", "Resource", "ContainerResource"):
        return "<unknown type>"
    target = asked.get("target") or {}
    current = (seen.get(field) or {}).get("current") or {}
    if kind in ("Resource", "ContainerResource"):
        return f"{asked['name']}: {_resource(target, current)}"
    if kind != "Pods" and target.get("averageValue") is None:
        return f"{current.get('value', '<unknown>')}/{target.get('value', '0')}"
    suffix = "" if kind == "Pods" else " (avg)"
    return f"{current.get('averageValue', '<unknown>')}/{target.get('averageValue', '0')}{suffix}"


def _resource(target: Manifest, current: Manifest) -> str:
    if target.get("averageValue") is not None:
        return f"{current.get('averageValue', '<unknown>')}/{target['averageValue']}"
    used, wanted = current.get("averageUtilization"), target.get("averageUtilization")
    return f"{'<unknown>' if used is None else f'{used}%'}/{'<auto>' if wanted is None else f'{wanted}%'}"


def flow_schema_cells(obj: Manifest, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    dangling = [each["status"] for each in status_of(obj).get("conditions") or () if each["type"] == "Dangling"]
    return [
        obj["metadata"]["name"],
        (spec.get("priorityLevelConfiguration") or {}).get("name") or "",
        spec.get("matchingPrecedence", 0),
        (spec.get("distinguisherMethod") or {}).get("type") or NONE,
        _age(obj, now),
        (dangling or ["?"])[0],
    ]


def priority_level_cells(obj: Manifest, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    limited = spec.get("limited")
    queuing = ((limited or {}).get("limitResponse") or {}).get("queuing")
    return [
        obj["metadata"]["name"],
        spec.get("type") or "",
        limited.get("nominalConcurrencyShares") if limited else NONE,
        *((queuing.get(name, 0) if queuing else NONE) for name in ("queues", "handSize", "queueLengthLimit")),
        _age(obj, now),
    ]


def resource_claim_cells(obj: Manifest, now: datetime) -> list[Any]:
    status = status_of(obj)
    states = ["deleted"] if obj["metadata"].get("deletionTimestamp") else []
    if status.get("allocation"):
        states.append("allocated")
        states += ["reserved"] if status.get("reservedFor") else []
    elif not states:
        states.append("pending")
    return [obj["metadata"]["name"], ",".join(states), _age(obj, now)]


def resource_slice_cells(obj: Manifest, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    pool = (spec.get("pool") or {}).get("name") or ""
    return [obj["metadata"]["name"], spec.get("nodeName") or "", spec.get("driver") or "", pool, _age(obj, now)]
