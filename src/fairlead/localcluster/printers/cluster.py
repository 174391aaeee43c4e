"""The cells of what belongs to the cluster itself, and of small plain kinds."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from fairlead.localcluster.printers.age import human_duration, since
from fairlead.localcluster.printers.text import NONE, Manifest, spec_of, status_of

if TYPE_CHECKING:
    from datetime import datetime

_ROLE_PREFIX = "node-role.kubernetes.io/"
_UNKNOWN = "<unknown>"


def _name_and_age(obj: Manifest, now: datetime, *between: Any) -> list[Any]:
    return [obj["metadata"]["name"], *between, since(obj["metadata"].get("creationTimestamp"), now)]


def plain_cells(obj: Manifest, now: datetime) -> list[Any]:
    """Name and age."""
    return _name_and_age(obj, now)


def created_at_cells(obj: Manifest, now: datetime) -> list[Any]:
    """Kinds without a printer of their own: the time of creation, not an age."""
    return [obj["metadata"]["name"], obj["metadata"].get("creationTimestamp")]


def namespace_cells(obj: Manifest, now: datetime) -> list[Any]:
    return _name_and_age(obj, now, status_of(obj).get("phase") or "")


def config_map_cells(obj: Manifest, now: datetime) -> list[Any]:
    return _name_and_age(obj, now, len(obj.get("data") or ()) + len(obj.get("binaryData") or ()))


def secret_cells(obj: Manifest, now: datetime) -> list[Any]:
    return _name_and_age(obj, now, obj.get("type") or "", len(obj.get("data") or ()))


def lease_cells(obj: Manifest, now: datetime) -> list[Any]:
    return _name_and_age(obj, now, spec_of(obj).get("holderIdentity") or "")


def runtime_class_cells(obj: Manifest, now: datetime) -> list[Any]:
    return _name_and_age(obj, now, obj.get("handler") or "")


def priority_class_cells(obj: Manifest, now: datetime) -> list[Any]:
    found = _name_and_age(obj, now, obj.get("value", 0), bool(obj.get("globalDefault")))
    return [*found, obj.get("preemptionPolicy") or ""]


def node_cells(obj: Manifest, now: datetime) -> list[Any]:
    status = status_of(obj)
    info = status.get("nodeInfo") or {}
    return [
        obj["metadata"]["name"],
        _node_state(obj),
        ",".join(_roles(obj)) or NONE,
        since(obj["metadata"].get("creationTimestamp"), now),
        info.get("kubeletVersion") or "",
        _address(status, "InternalIP"),
        _address(status, "ExternalIP"),
        info.get("osImage") or _UNKNOWN,
        info.get("kernelVersion") or _UNKNOWN,
        info.get("containerRuntimeVersion") or _UNKNOWN,
    ]


def _node_state(obj: Manifest) -> str:
    ready = next((each for each in status_of(obj).get("conditions") or () if each["type"] == "Ready"), None)
    state = "Unknown" if ready is None else "Ready" if ready["status"] == "True" else "NotReady"
    return state + (",SchedulingDisabled" if spec_of(obj).get("unschedulable") else "")


def _roles(obj: Manifest) -> list[str]:
    labels: dict[str, str] = obj["metadata"].get("labels") or {}
    roles = {name.removeprefix(_ROLE_PREFIX) for name in labels if name.startswith(_ROLE_PREFIX)}
    return sorted((roles | {labels.get("kubernetes.io/role", "")}) - {""})


def _address(status: Manifest, kind: str) -> str:
    return next((str(each["address"]) for each in status.get("addresses") or () if each["type"] == kind), NONE)


def event_cells(obj: Manifest, now: datetime) -> list[Any]:
    """Both forms: of the core group, and of ``events.k8s.io`` with its renamed fields."""
    involved = obj.get("involvedObject") or obj.get("regarding") or {}
    source = obj.get("source") or obj.get("deprecatedSource") or {}
    series = obj.get("series")
    first = since(obj.get("firstTimestamp") or obj.get("deprecatedFirstTimestamp") or obj.get("eventTime"), now)
    latest = obj.get("lastTimestamp") or obj.get("deprecatedLastTimestamp")
    last = since(latest, now) if latest else first
    count = obj.get("count") or obj.get("deprecatedCount") or 1
    if series:
        last, count = since(series.get("lastObservedTime"), now), series.get("count", 0)
    kind, name = (involved.get("kind") or "").lower(), involved.get("name")
    component = source.get("component") or obj.get("reportingComponent") or obj.get("reportingController") or ""
    instance = source.get("host") or obj.get("reportingInstance") or ""
    return [
        last,
        obj.get("type") or "",
        obj.get("reason") or "",
        f"{kind}/{name}" if name else kind,
        involved.get("fieldPath") or "",
        f"{component}, {instance}" if instance else component,
        (obj.get("message") or obj.get("note") or "").strip(),
        first,
        count,
        obj["metadata"]["name"],
    ]


def quota_cells(obj: Manifest, now: datetime) -> list[Any]:
    status = status_of(obj)
    used = status.get("used") or {}
    requests: list[str] = []
    limits: list[str] = []
    for resource, hard in sorted((status.get("hard") or {}).items()):
        column = limits if resource.startswith("limits.") else requests
        column.append(f"{resource}: {used.get(resource, '0')}/{hard}")
    return _name_and_age(obj, now, ", ".join(requests), ", ".join(limits))


def api_service_cells(obj: Manifest, now: datetime) -> list[Any]:
    service = spec_of(obj).get("service")
    where = f"{service.get('namespace', '')}/{service.get('name', '')}" if service else "Local"
    available = "Unknown"
    for condition in status_of(obj).get("conditions") or ():
        if condition["type"] == "Available":
            holds = condition["status"] == "True"
            available = condition["status"] if holds else f"{condition['status']} ({condition.get('reason', '')})"
    return _name_and_age(obj, now, where, available)


def component_status_cells(obj: Manifest, now: datetime) -> list[Any]:
    for condition in obj.get("conditions") or ():
        if condition["type"] == "Healthy":
            state = "Healthy" if condition["status"] == "True" else "Unhealthy"
            return [obj["metadata"]["name"], state, condition.get("message") or "", condition.get("error") or ""]
    return [obj["metadata"]["name"], "Unknown", "", ""]


def signing_request_cells(obj: Manifest, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    seconds = spec.get("expirationSeconds")
    return [
        *_name_and_age(obj, now),
        spec.get("signerName") or NONE,
        spec.get("username") or "",
        NONE if seconds is None else human_duration(timedelta(seconds=seconds)),
        _signing_state(obj),
    ]


def _signing_state(obj: Manifest) -> str:
    conditions = {each["type"] for each in status_of(obj).get("conditions") or ()}
    state = "Denied" if "Denied" in conditions else "Approved" if "Approved" in conditions else "Pending"
    state += ",Failed" if "Failed" in conditions else ""
    return state + (",Issued" if status_of(obj).get("certificate") else "")
