"""The cells of workload controllers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairlead.localcluster.printers.age import human_duration, parse_time, since
from fairlead.localcluster.printers.text import (
    NONE,
    Manifest,
    is_true,
    labels_text,
    names_and_images,
    selector_or_none,
    selector_text,
    spec_of,
    status_of,
)

if TYPE_CHECKING:
    from datetime import datetime


def deployment_cells(obj: Manifest, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    return [
        obj["metadata"]["name"],
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}",
        status.get("updatedReplicas", 0),
        status.get("availableReplicas", 0),
        since(obj["metadata"].get("creationTimestamp"), now),
        *names_and_images(spec.get("template")),
        selector_text(spec.get("selector")),
    ]


def replica_set_cells(obj: Manifest, now: datetime) -> list[Any]:
    return [*_replicas(obj, now), selector_or_none(spec_of(obj).get("selector"))]


def replication_controller_cells(obj: Manifest, now: datetime) -> list[Any]:
    return [*_replicas(obj, now), labels_text(spec_of(obj).get("selector"))]


def _replicas(obj: Manifest, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    return [
        obj["metadata"]["name"],
        spec.get("replicas", 0),
        status.get("replicas", 0),
        status.get("readyReplicas", 0),
        since(obj["metadata"].get("creationTimestamp"), now),
        *names_and_images(spec.get("template")),
    ]


def stateful_set_cells(obj: Manifest, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    return [
        obj["metadata"]["name"],
        f"{status.get('readyReplicas', 0)}/{spec.get('replicas', 0)}",
        since(obj["metadata"].get("creationTimestamp"), now),
        *names_and_images(spec.get("template")),
    ]


def daemon_set_cells(obj: Manifest, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    return [
        obj["metadata"]["name"],
        status.get("desiredNumberScheduled", 0),
        status.get("currentNumberScheduled", 0),
        status.get("numberReady", 0),
        status.get("updatedNumberScheduled", 0),
        status.get("numberAvailable", 0),
        labels_text(spec_of(spec.get("template") or {}).get("nodeSelector")),
        since(obj["metadata"].get("creationTimestamp"), now),
        *names_and_images(spec.get("template")),
        selector_or_none(spec.get("selector")),
    ]


def job_cells(obj: Manifest, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    return [
        obj["metadata"]["name"],
        _job_state(obj),
        _completions(obj),
        _job_duration(obj, now),
        since(obj["metadata"].get("creationTimestamp"), now),
        *names_and_images(spec.get("template")),
        selector_or_none(spec.get("selector")),
    ]


def _job_state(obj: Manifest) -> str:
    if is_true(obj, "Complete"):
        return "Complete"
    if is_true(obj, "Failed"):
        return "Failed"
    if obj["metadata"].get("deletionTimestamp"):
        return "Terminating"
    for condition in ("Suspended", "FailureTarget", "SuccessCriteriaMet"):
        if is_true(obj, condition):
            return condition
    return "Running"


def _completions(obj: Manifest) -> str:
    spec, succeeded = spec_of(obj), status_of(obj).get("succeeded", 0)
    if spec.get("completions") is not None:
        return f"{succeeded}/{spec['completions']}"
    parallelism = spec.get("parallelism") or 0
    return f"{succeeded}/1 of {parallelism}" if parallelism > 1 else f"{succeeded}/1"


def _job_duration(obj: Manifest, now: datetime) -> str:
    start = parse_time(status_of(obj).get("startTime"))
    if start is None:
        return ""
    return human_duration((parse_time(status_of(obj).get("completionTime")) or now) - start)


def cron_job_cells(obj: Manifest, now: datetime) -> list[Any]:
    spec, status = spec_of(obj), status_of(obj)
    job = spec_of(spec.get("jobTemplate") or {})
    last = status.get("lastScheduleTime")
    suspend = spec.get("suspend")
    return [
        obj["metadata"]["name"],
        spec.get("schedule") or "",
        spec.get("timeZone") or NONE,
        "<unset>" if suspend is None else str(bool(suspend)),
        len(status.get("active") or ()),
        since(last, now) if last else NONE,
        since(obj["metadata"].get("creationTimestamp"), now),
        *names_and_images(job.get("template")),
        selector_or_none(job.get("selector")),
    ]


def controller_revision_cells(obj: Manifest, now: datetime) -> list[Any]:
    owner = next((each for each in obj["metadata"].get("ownerReferences") or () if each.get("controller")), None)
    name = NONE
    if owner is not None:
        group = owner["apiVersion"].rpartition("/")[0]
        name = f"{owner['kind'].lower()}{'.' + group if group else ''}/{owner['name']}"
    age = since(obj["metadata"].get("creationTimestamp"), now)
    return [obj["metadata"]["name"], name, obj.get("revision", 0), age]


def pod_template_cells(obj: Manifest, now: datetime) -> list[Any]:
    template = obj.get("template") or {}
    labels = (template.get("metadata") or {}).get("labels")
    return [obj["metadata"]["name"], *names_and_images(template), labels_text(labels)]


def disruption_budget_cells(obj: Manifest, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    return [
        obj["metadata"]["name"],
        str(spec.get("minAvailable", "N/A")),
        str(spec.get("maxUnavailable", "N/A")),
        status_of(obj).get("disruptionsAllowed", 0),
        since(obj["metadata"].get("creationTimestamp"), now),
    ]
