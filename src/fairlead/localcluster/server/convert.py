"""Built-in resources that are served in versions of another shape than they are stored in.

Only two exist: ``autoscaling/v1`` beside ``v2``, and ``events.k8s.io/v1`` beside the core event.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fairlead.localcluster.server.registry import Resource

__all__ = ["from_storage", "needs_conversion", "to_storage"]

Manifest = dict[str, Any]

_EVENT_FIELDS = {
    "regarding": "involvedObject",
    "note": "message",
    "deprecatedSource": "source",
    "deprecatedFirstTimestamp": "firstTimestamp",
    "deprecatedLastTimestamp": "lastTimestamp",
    "deprecatedCount": "count",
    "reportingController": "reportingComponent",
}
"""Fields of the new event and what they are called in the core one."""


def needs_conversion(resource: Resource) -> bool:
    return (resource.group, resource.version, resource.plural) in _CONVERTED


def from_storage(resource: Resource, obj: Manifest) -> Manifest:
    """An object in the shape of the served version; ``apiVersion`` and ``kind`` are set already."""
    if resource.group == "autoscaling":
        return _autoscaler_to_v1(obj)
    old = {new: name for name, new in _EVENT_FIELDS.items()}
    event = {old.get(key, key): value for key, value in obj.items()}
    for key in ("reportingController", "reportingInstance"):
        if not event.get(key):
            event.pop(key, None)
    event.setdefault("eventTime", None)
    return event


def to_storage(resource: Resource, obj: Manifest) -> Manifest:
    """The inverse of :func:`from_storage`."""
    if not needs_conversion(resource):
        return obj
    if resource.group == "autoscaling":
        return _autoscaler_to_v2(obj)
    return {_EVENT_FIELDS.get(key, key): value for key, value in obj.items()}


_CONVERTED = {("autoscaling", "v1", "horizontalpodautoscalers"), ("events.k8s.io", "v1", "events")}


def _autoscaler_to_v2(obj: Manifest) -> Manifest:
    spec = dict(obj.get("spec") or {})
    percent = spec.pop("targetCPUUtilizationPercentage", None)
    if percent is not None:
        target = {"type": "Utilization", "averageUtilization": percent}
        spec["metrics"] = [{"type": "Resource", "resource": {"name": "cpu", "target": target}}]
    return {**obj, "spec": spec}


def _autoscaler_to_v1(obj: Manifest) -> Manifest:
    spec = {key: value for key, value in (obj.get("spec") or {}).items() if key not in ("metrics", "behavior")}
    for metric in (obj.get("spec") or {}).get("metrics") or []:
        resource = metric.get("resource") or {}
        percent = (resource.get("target") or {}).get("averageUtilization")
        if resource.get("name") == "cpu" and percent is not None:
            spec["targetCPUUtilizationPercentage"] = percent
    status = {
        key: value for key, value in (obj.get("status") or {}).items() if key not in ("currentMetrics", "conditions")
    }
    return {**obj, "spec": spec, "status": status}
