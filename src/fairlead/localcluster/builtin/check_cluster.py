"""Validation of autoscalers, disruption budgets, priority classes, leases, webhooks and aggregated APIs."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import urlsplit

from fairlead.localcluster.builtin.names import dns_subdomain
from fairlead.localcluster.builtin.numbers import int_or_percent, over_100_percent
from fairlead.localcluster.builtin.selectors import selector
from fairlead.localcluster.schema.field_errors import FieldError, forbidden, invalid, not_supported, required

__all__ = [
    "check_api_service",
    "check_autoscaler",
    "check_budget",
    "check_lease",
    "check_priority_class",
    "check_priority_class_change",
    "check_webhooks",
]

Struct = dict[str, Any]
_METRICS: Final = ("ContainerResource", "External", "Object", "Pods", "Resource")
_HIGHEST_PRIORITY: Final = 1_000_000_000
_SYSTEM_PRIORITIES: Final = {"system-node-critical": 2_000_001_000, "system-cluster-critical": 2_000_000_000}


# ---- autoscalers


def check_autoscaler(new: Struct) -> list[FieldError]:
    spec = new.get("spec") or {}
    target = spec.get("scaleTargetRef") or {}
    errors: list[FieldError] = []
    low, high = spec.get("minReplicas"), spec.get("maxReplicas") or 0
    if low is not None and low < 1:
        errors.append(invalid("spec.minReplicas", low, "must be greater than or equal to 1"))
    if high < 1:
        errors.append(invalid("spec.maxReplicas", high, "must be greater than 0"))
    if low is not None and high < low:
        errors.append(invalid("spec.maxReplicas", high, "must be greater than or equal to `minReplicas`"))
    errors += [required(f"spec.scaleTargetRef.{field}") for field in ("kind", "name") if not target.get(field)]
    if "/" not in (target.get("apiVersion") or "") and target.get("kind") != "ReplicationController":
        api = target.get("apiVersion") or ""
        errors.append(invalid("spec.scaleTargetRef.apiVersion", api, "apiVersion must specify API group"))
    outside = False
    for index, metric in enumerate(spec.get("metrics") or ()):
        errors += _metric(f"spec.metrics[{index}]", metric)
        outside = outside or metric.get("type") in ("Object", "External")
    if low == 0 and not outside:
        text = "must specify at least one Object or External metric to support scaling to zero replicas"
        errors.append(forbidden("spec.metrics", text))
    return errors


def _metric(path: str, metric: Struct) -> list[FieldError]:
    kind = metric.get("type") or ""
    if not kind:
        return [required(f"{path}.type", "must specify a metric source type")]
    if kind not in _METRICS:
        return [not_supported(f"{path}.type", kind, _METRICS)]
    field = kind[0].lower() + kind[1:]
    source = metric.get(field)
    if source is None:
        return [required(f"{path}.{field}", "must populate information for the given metric source")]
    target = source.get("target") or {}
    unset = target.get("averageUtilization") is None and target.get("averageValue") is None
    if kind in ("Resource", "ContainerResource") and unset:
        text = "must set either a target raw value or a target utilization"
        return [required(f"{path}.{field}.target.averageUtilization", text)]
    return []


# ---- disruption budgets


def check_budget(new: Struct) -> list[FieldError]:
    spec = new.get("spec") or {}
    low, high = spec.get("minAvailable"), spec.get("maxUnavailable")
    errors: list[FieldError] = []
    if low is not None and high is not None:
        shown = {
            "MinAvailable": low,
            "Selector": spec.get("selector"),
            "MaxUnavailable": high,
            "UnhealthyPodEvictionPolicy": spec.get("unhealthyPodEvictionPolicy"),
        }
        errors.append(invalid("spec", shown, "minAvailable and maxUnavailable cannot be both set"))
    for field, value in (("minAvailable", low), ("maxUnavailable", high)):
        if value is not None:
            errors += int_or_percent(f"spec.{field}", value) + over_100_percent(f"spec.{field}", value)
    return errors + selector("spec.selector", spec.get("selector"))


# ---- priority classes and leases


def check_priority_class(new: Struct) -> list[FieldError]:
    name, value = new["metadata"].get("name") or "", new.get("value") or 0
    if name.startswith("system-"):
        if name not in _SYSTEM_PRIORITIES:
            text = (
                "priority class names with 'system-' prefix are reserved for system use only. error: "
                f"{name} is not a known system priority class"
            )
            return [forbidden("metadata.name", text)]
        return []
    if value > _HIGHEST_PRIORITY:
        text = f"maximum allowed value of a user defined priority is {_HIGHEST_PRIORITY}"
        return [forbidden("value", text)]
    return []


def check_priority_class_change(new: Struct, old: Struct) -> list[FieldError]:
    if new.get("value") == old.get("value"):
        return []
    return [forbidden("value", "may not be changed in an update.")]


def check_lease(new: Struct) -> list[FieldError]:
    spec = new.get("spec") or {}
    errors: list[FieldError] = []
    duration, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if duration is not None and duration <= 0:
        errors.append(invalid("spec.leaseDurationSeconds", duration, "must be greater than 0"))
    if transitions is not None and transitions < 0:
        errors.append(invalid("spec.leaseTransitions", transitions, "must be greater than or equal to 0"))
    return errors


# ---- webhooks and aggregated APIs


def check_webhooks(new: Struct) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, webhook in enumerate(new.get("webhooks") or ()):
        errors += _webhook(f"webhooks[{index}]", webhook)
    return errors


def _webhook(path: str, webhook: Struct) -> list[FieldError]:
    errors: list[FieldError] = []
    if not webhook.get("admissionReviewVersions"):
        errors.append(required(f"{path}.admissionReviewVersions", "must specify one of v1, v1beta1"))
    name = webhook.get("name") or ""
    if not name:
        errors.append(required(f"{path}.name"))
    elif dns_subdomain(name) or name.count(".") < 2:
        text = "should be a domain with at least three segments separated by dots"
        errors.append(invalid(f"{path}.name", name, text))
    for field, allowed in (("failurePolicy", ("Fail", "Ignore")), ("matchPolicy", ("Equivalent", "Exact"))):
        if webhook.get(field) not in allowed:
            errors.append(not_supported(f"{path}.{field}", webhook.get(field), allowed))
    effects = webhook.get("sideEffects")
    if effects is None:
        errors.append(required(f"{path}.sideEffects", "must specify one of None, NoneOnDryRun"))
    elif effects not in ("None", "NoneOnDryRun"):
        errors.append(not_supported(f"{path}.sideEffects", effects, ("None", "NoneOnDryRun")))
    timeout = webhook.get("timeoutSeconds")
    if timeout is not None and not 1 <= timeout <= 30:
        text = "the timeout value must be between 1 and 30 seconds"
        errors.append(invalid(f"{path}.timeoutSeconds", timeout, text))
    return errors + _client(f"{path}.clientConfig", webhook.get("clientConfig") or {})


def _client(path: str, client: Struct) -> list[FieldError]:
    url, service = client.get("url"), client.get("service")
    if (url is None) == (service is None):
        return [required(path, "exactly one of url or service is required")]
    if url is not None and (scheme := urlsplit(url).scheme) != "https":
        text = "'https' is the only allowed URL scheme; desired format: https://host[/path]"
        return [invalid(f"{path}.url", scheme, text)]
    if service is not None:
        return [required(f"{path}.service.{field}") for field in ("name", "namespace") if not service.get(field)]
    return []


def check_api_service(new: Struct) -> list[FieldError]:
    spec, name = new.get("spec") or {}, new["metadata"].get("name") or ""
    wanted = f"{spec.get('version', '')}.{spec.get('group', '')}"
    if name != wanted:
        return [invalid("metadata.name", name, f'must be `spec.version+"."+spec.group`: "{wanted}"')]
    return []
