"""Validation of deployments and the other kinds that keep pods (``pkg/apis/apps`` and ``batch``)."""

from __future__ import annotations

from typing import Any, Final

from fairlead.localcluster.builtin.check_pods import check_template
from fairlead.localcluster.builtin.cron import schedule_problem
from fairlead.localcluster.builtin.numbers import int_or_percent, not_negative, over_100_percent
from fairlead.localcluster.builtin.selectors import is_empty, selector, selects
from fairlead.localcluster.merge.values import equal
from fairlead.localcluster.schema.field_errors import (
    FieldError,
    forbidden,
    invalid,
    not_supported,
    required,
)

__all__ = [
    "check_cron_job",
    "check_daemon_set",
    "check_deployment",
    "check_job",
    "check_job_change",
    "check_replica_set",
    "check_selector_change",
    "check_stateful_set",
    "check_stateful_set_change",
]

Struct = dict[str, Any]
_IMMUTABLE: Final = "field is immutable"
_MISMATCH: Final = "`selector` does not match template `labels`"
_AREAS: Final = frozenset(
    (
        "Africa",
        "America",
        "Antarctica",
        "Arctic",
        "Asia",
        "Atlantic",
        "Australia",
        "Brazil",
        "Canada",
        "Chile",
        "Etc",
        "Europe",
        "Indian",
        "Mexico",
        "Pacific",
        "US",
    )
)
_STATEFUL_SET_FIELDS: Final = (
    "replicas",
    "ordinals",
    "template",
    "updateStrategy",
    "revisionHistoryLimit",
    "persistentVolumeClaimRetentionPolicy",
    "minReadySeconds",
)
_STATEFUL_SET_TEXT: Final = (
    "updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', 'updateStrategy', "
    "'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' are forbidden"
)


def _template_of(spec: Struct) -> tuple[Struct, dict[str, str] | None]:
    template = spec.get("template") or {}
    return template, (template.get("metadata") or {}).get("labels") or None


def _selector(kind: str, spec: Struct) -> list[FieldError]:
    """Errors of a workload's selector, alone and against its template."""
    value, (_, labels) = spec.get("selector"), _template_of(spec)
    errors: list[FieldError] = []
    if value is None:
        errors.append(required("spec.selector"))
        unfit = True
    else:
        found = selector("spec.selector", value)
        errors += found
        if is_empty(value):
            errors.append(invalid("spec.selector", value, f"empty selector is invalid for {kind}"))
            return errors
        if found:
            errors.append(invalid("spec.selector", value, "invalid label selector"))
            return errors
        unfit = not selects(value, labels or {})
    if unfit:
        errors.append(invalid("spec.template.metadata.labels", labels, _MISMATCH))
    return errors


def _pods(spec: Struct) -> list[FieldError]:
    """Errors of a template whose pods run for ever."""
    template, _ = _template_of(spec)
    pod = template.get("spec") or {}
    errors = check_template("spec.template", template)
    if pod.get("restartPolicy") in ("OnFailure", "Never"):
        errors.append(not_supported("spec.template.spec.restartPolicy", pod["restartPolicy"], ("Always",)))
    if pod.get("activeDeadlineSeconds") is not None:
        text = "activeDeadlineSeconds in ReplicaSet is not Supported"
        errors.append(forbidden("spec.template.spec.activeDeadlineSeconds", text))
    return errors


def _counts(spec: Struct, *fields: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for field in fields:
        errors += not_negative(f"spec.{field}", spec.get(field))
    return errors


# ---- deployments and replica sets


def check_deployment(new: Struct) -> list[FieldError]:
    spec = new.get("spec") or {}
    errors = _counts(spec, "replicas") + _selector("deployment", spec) + _pods(spec)
    errors += _strategy("spec.strategy", spec.get("strategy") or {})
    errors += _counts(spec, "minReadySeconds", "revisionHistoryLimit", "progressDeadlineSeconds")
    deadline = spec.get("progressDeadlineSeconds")
    if deadline is not None and deadline <= spec.get("minReadySeconds", 0):
        errors.append(invalid("spec.progressDeadlineSeconds", deadline, "must be greater than minReadySeconds"))
    return errors


def _strategy(path: str, strategy: Struct) -> list[FieldError]:
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate")
    if kind == "Recreate":
        text = "may not be specified when strategy `type` is 'Recreate'"
        return [forbidden(f"{path}.rollingUpdate", text)] if rolling is not None else []
    if kind != "RollingUpdate":
        return [not_supported(path, {"Type": kind, "RollingUpdate": rolling}, ("Recreate", "RollingUpdate"))]
    rolling = rolling or {}
    unavailable, surge = rolling.get("maxUnavailable"), rolling.get("maxSurge")
    errors = int_or_percent(f"{path}.rollingUpdate.maxUnavailable", unavailable)
    errors += int_or_percent(f"{path}.rollingUpdate.maxSurge", surge)
    if unavailable in (0, "0%") and surge in (0, "0%"):
        text = "may not be 0 when `maxSurge` is 0"
        errors.append(invalid(f"{path}.rollingUpdate.maxUnavailable", unavailable, text))
    return errors + over_100_percent(f"{path}.rollingUpdate.maxUnavailable", unavailable)


def check_replica_set(new: Struct) -> list[FieldError]:
    spec = new.get("spec") or {}
    return _counts(spec, "replicas", "minReadySeconds") + _selector("deployment", spec) + _pods(spec)


def check_selector_change(new: Struct, old: Struct) -> list[FieldError]:
    """Deployments, replica sets and daemon sets keep their selector for ever."""
    value = (new.get("spec") or {}).get("selector")
    if equal(value, (old.get("spec") or {}).get("selector")):
        return []
    return [invalid("spec.selector", value, _IMMUTABLE)]


# ---- daemon sets


def check_daemon_set(new: Struct) -> list[FieldError]:
    spec = new.get("spec") or {}
    strategy = spec.get("updateStrategy") or {}
    errors = _selector("daemonset", spec) + _pods(spec)
    errors += _counts(spec, "minReadySeconds", "revisionHistoryLimit")
    kind, rolling = strategy.get("type"), strategy.get("rollingUpdate") or {}
    if kind not in ("RollingUpdate", "OnDelete"):
        shown = {"Type": kind, "RollingUpdate": strategy.get("rollingUpdate")}
        errors.append(not_supported("spec.updateStrategy", shown, ("RollingUpdate", "OnDelete")))
    elif kind == "RollingUpdate":
        path = "spec.updateStrategy.rollingUpdate"
        unavailable, surge = rolling.get("maxUnavailable"), rolling.get("maxSurge")
        errors += int_or_percent(f"{path}.maxUnavailable", unavailable) + int_or_percent(f"{path}.maxSurge", surge)
        if unavailable not in (0, "0%", None) and surge not in (0, "0%", None):
            errors.append(invalid(f"{path}.maxSurge", surge, "may not be set when maxUnavailable is non-zero"))
        elif unavailable in (0, "0%") and surge in (0, "0%"):
            errors.append(invalid(f"{path}.maxUnavailable", unavailable, "cannot be 0 when maxSurge is 0"))
    return errors


# ---- stateful sets


def check_stateful_set(new: Struct) -> list[FieldError]:
    spec = new.get("spec") or {}
    strategy = spec.get("updateStrategy") or {}
    errors: list[FieldError] = []
    policy = spec.get("podManagementPolicy")
    if policy not in ("OrderedReady", "Parallel"):
        errors.append(invalid("spec.podManagementPolicy", policy, "must be 'OrderedReady' or 'Parallel'"))
    if strategy.get("type") not in ("RollingUpdate", "OnDelete"):
        shown = {"Type": strategy.get("type"), "RollingUpdate": strategy.get("rollingUpdate")}
        errors.append(invalid("spec.updateStrategy", shown, "must be 'RollingUpdate' or 'OnDelete'"))
    elif strategy["type"] == "RollingUpdate":
        partition = (strategy.get("rollingUpdate") or {}).get("partition")
        errors += not_negative("spec.updateStrategy.rollingUpdate.partition", partition)
    errors += _counts(spec, "replicas", "minReadySeconds", "revisionHistoryLimit")
    return errors + _selector("statefulset", spec) + _pods(spec)


def check_stateful_set_change(new: Struct, old: Struct) -> list[FieldError]:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    same = all(
        equal(spec.get(field), before.get(field))
        for field in spec.keys() | before.keys()
        if field not in _STATEFUL_SET_FIELDS
    )
    return [] if same else [forbidden("spec", _STATEFUL_SET_TEXT)]


# ---- jobs


def check_job(new: Struct, path: str = "spec") -> list[FieldError]:
    spec = new.get("spec") or {}
    template, labels = _template_of(spec)
    errors: list[FieldError] = []
    for field in ("parallelism", "completions", "activeDeadlineSeconds", "backoffLimit", "ttlSecondsAfterFinished"):
        errors += not_negative(f"{path}.{field}", spec.get(field))
    if path == "spec":
        errors += _job_selector(new, spec, labels)
    errors += check_template(f"{path}.template", template)
    restart = (template.get("spec") or {}).get("restartPolicy")
    if restart in (None, "", "Always"):
        errors.append(required(f"{path}.template.spec.restartPolicy", 'valid values: "OnFailure", "Never"'))
    if spec.get("completionMode") == "Indexed" and spec.get("completions") is None:
        errors.append(required(f"{path}.completions", "when completion mode is Indexed"))
    return errors


def _job_selector(new: Struct, spec: Struct, labels: dict[str, str] | None) -> list[FieldError]:
    value = spec.get("selector")
    if value is None:
        return [required("spec.selector")]
    errors = selector("spec.selector", value)
    uid = (new.get("metadata") or {}).get("uid")
    generated = {"matchLabels": {"batch.kubernetes.io/controller-uid": uid}}
    if not spec.get("manualSelector") and value != generated and "uid" in (new.get("metadata") or {}):
        errors.append(invalid("spec.selector", value, "`selector` not auto-generated"))
    if not errors[1:] and not selects(value, labels or {}):
        errors.append(invalid("spec.template.metadata.labels", labels, _MISMATCH))
    return errors


def check_job_change(new: Struct, old: Struct) -> list[FieldError]:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    fields = ["selector", "template", "completionMode", "podFailurePolicy", "backoffLimitPerIndex"]
    indexed = spec.get("completionMode") == "Indexed" and spec.get("completions") == spec.get("parallelism")
    if not indexed:
        fields.insert(0, "completions")
    if before.get("suspend") and not (old.get("status") or {}).get("startTime"):
        fields.remove("template")  # a suspended job's pods may still be scheduled elsewhere
    return [
        invalid(f"spec.{field}", spec.get(field), _IMMUTABLE)
        for field in fields
        if not equal(spec.get(field), before.get(field))
    ]


def check_cron_job(new: Struct) -> list[FieldError]:
    spec = new.get("spec") or {}
    errors: list[FieldError] = []
    name = (new.get("metadata") or {}).get("name") or ""
    schedule = spec.get("schedule") or ""
    if not schedule:
        errors.append(required("spec.schedule"))
    elif (problem := schedule_problem(schedule)) is not None:
        errors.append(invalid("spec.schedule", schedule, problem))
    errors += _time_zone(spec.get("timeZone"))
    errors += _counts(spec, "startingDeadlineSeconds")
    policy = spec.get("concurrencyPolicy")
    if policy not in ("Allow", "Forbid", "Replace"):
        errors.append(not_supported("spec.concurrencyPolicy", policy, ("Allow", "Forbid", "Replace")))
    errors += check_job(spec.get("jobTemplate") or {}, "spec.jobTemplate.spec")
    errors += _counts(spec, "successfulJobsHistoryLimit", "failedJobsHistoryLimit")
    if len(name) > 52:
        errors.append(invalid("metadata.name", name, "must be no more than 52 characters"))
    return errors


def _time_zone(zone: str | None) -> list[FieldError]:
    if zone is None:
        return []
    if not zone:
        return [invalid("spec.timeZone", zone, "timeZone must be nil or non-empty string")]
    if "/" not in zone and zone not in ("UTC", "GMT", "EST", "MST", "HST"):
        return [invalid("spec.timeZone", zone, f"unknown time zone {zone}")]
    area = zone.partition("/")[0]
    return [] if area in _AREAS or "/" not in zone else [invalid("spec.timeZone", zone, f"unknown time zone {zone}")]
