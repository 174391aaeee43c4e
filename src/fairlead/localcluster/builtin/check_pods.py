"""Validation of pods and pod templates, as far as users meet it (``pkg/apis/core/validation``)."""

from __future__ import annotations

from typing import Any, Final

from fairlead.localcluster.builtin.check_containers import check_containers
from fairlead.localcluster.builtin.check_volumes import check_volumes
from fairlead.localcluster.builtin.names import dns_label, dns_subdomain, ip_address, labels, problems
from fairlead.localcluster.builtin.selectors import selector
from fairlead.localcluster.merge.values import equal
from fairlead.localcluster.schema.field_errors import FieldError, forbidden, invalid, not_supported, required

__all__ = ["check_pod", "check_pod_change", "check_pod_spec", "check_template"]

Struct = dict[str, Any]
_MAX: Final = 2147483647
_DNS_POLICIES: Final = ("ClusterFirstWithHostNet", "ClusterFirst", "Default", "None")
_CHANGE_TEXT: Final = (
    "pod updates may not change fields other than `spec.containers[*].image`,`spec.initContainers[*].image`,"
    "`spec.activeDeadlineSeconds`,`spec.tolerations` (only additions to existing tolerations),"
    "`spec.terminationGracePeriodSeconds` (allow it to be set to 1 if it was previously negative)"
)


def check_pod(new: Struct) -> list[FieldError]:
    return check_pod_spec("spec", new.get("spec") or {})


def check_template(path: str, template: Struct) -> list[FieldError]:
    """Errors of a pod template; its labels are named without ``metadata``, as the server does."""
    meta = template.get("metadata") or {}
    errors = labels(f"{path}.labels", meta.get("labels"))
    return errors + check_pod_spec(f"{path}.spec", template.get("spec") or {})


def check_pod_spec(path: str, spec: Struct) -> list[FieldError]:
    errors = check_volumes(path, spec)
    errors += check_containers(path, spec)
    errors += _policies(path, spec)
    security = spec.get("securityContext") or {}
    for field in ("runAsUser", "runAsGroup", "fsGroup"):
        errors += _id(f"{path}.securityContext.{field}", security.get(field))
    errors += labels(f"{path}.nodeSelector", spec.get("nodeSelector"))
    if name := spec.get("serviceAccountName"):
        errors += problems(f"{path}.serviceAccountName", name, dns_subdomain)
    for field in ("hostname", "subdomain"):
        if name := spec.get(field):
            errors += problems(f"{path}.{field}", name, dns_label)
    deadline = spec.get("activeDeadlineSeconds")
    if deadline is not None and not 1 <= deadline <= _MAX:
        errors.append(invalid(f"{path}.activeDeadlineSeconds", deadline, f"must be between 1 and {_MAX}, inclusive"))
    errors += _affinity(f"{path}.affinity", spec.get("affinity") or {})
    errors += _tolerations(f"{path}.tolerations", spec.get("tolerations") or [])
    for index, alias in enumerate(spec.get("hostAliases") or ()):
        errors += problems(f"{path}.hostAliases[{index}].ip", alias.get("ip") or "", ip_address)
    return errors + _spread(f"{path}.topologySpreadConstraints", spec.get("topologySpreadConstraints") or [])


def _policies(path: str, spec: Struct) -> list[FieldError]:
    errors: list[FieldError] = []
    restart = spec.get("restartPolicy")
    if restart not in ("Always", "OnFailure", "Never"):
        errors.append(not_supported(f"{path}.restartPolicy", restart, ("Always", "OnFailure", "Never")))
    dns = spec.get("dnsPolicy")
    if dns not in _DNS_POLICIES:
        errors.append(not_supported(f"{path}.dnsPolicy", dns, _DNS_POLICIES))
    elif dns == "None" and not (spec.get("dnsConfig") or {}).get("nameservers"):
        if spec.get("dnsConfig") is None:
            errors.append(required(f"{path}.dnsConfig", "must provide `dnsConfig` when `dnsPolicy` is None"))
        else:
            text = "must provide at least one DNS nameserver when `dnsPolicy` is None"
            errors.append(required(f"{path}.dnsConfig.nameservers", text))
    return errors


def _id(path: str, value: int | None) -> list[FieldError]:
    if value is None or 0 <= value <= _MAX:
        return []
    return [invalid(path, value, f"must be between 0 and {_MAX}, inclusive")]


def _affinity(path: str, affinity: Struct) -> list[FieldError]:
    errors: list[FieldError] = []
    wanted = (affinity.get("nodeAffinity") or {}).get("requiredDuringSchedulingIgnoredDuringExecution")
    if wanted is not None and not wanted.get("nodeSelectorTerms"):
        where = f"{path}.nodeAffinity.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
        errors.append(required(where, "must have at least one node selector term"))
    for kind in ("podAffinity", "podAntiAffinity"):
        field = "requiredDuringSchedulingIgnoredDuringExecution"
        for index, term in enumerate((affinity.get(kind) or {}).get(field) or ()):
            where = f"{path}.{kind}.{field}[{index}]"
            errors += selector(f"{where}.labelSelector", term.get("labelSelector"))
            if not term.get("topologyKey"):
                errors.append(required(f"{where}.topologyKey", "can not be empty"))
    return errors


def _tolerations(path: str, tolerations: list[Struct]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, toleration in enumerate(tolerations):
        where, operator = f"{path}[{index}]", toleration.get("operator")
        if operator not in (None, "", "Equal", "Exists"):
            errors.append(not_supported(f"{where}.operator", operator, ("Equal", "Exists")))
        elif operator == "Exists" and toleration.get("value"):
            text = "value must be empty when `operator` is 'Exists'"
            errors.append(invalid(f"{where}.operator", toleration["value"], text))
    return errors


def _spread(path: str, constraints: list[Struct]) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, constraint in enumerate(constraints):
        where = f"{path}[{index}]"
        skew = constraint.get("maxSkew") or 0
        if skew <= 0:
            errors.append(invalid(f"{where}.maxSkew", skew, "must be greater than zero"))
        if not constraint.get("topologyKey"):
            errors.append(required(f"{where}.topologyKey", "can not be empty"))
        action = constraint.get("whenUnsatisfiable")
        if action not in ("DoNotSchedule", "ScheduleAnyway"):
            errors.append(
                not_supported(f"{where}.whenUnsatisfiable", action or "", ("DoNotSchedule", "ScheduleAnyway"))
            )
    return errors


# ---- changes


def check_pod_change(new: Struct, old: Struct) -> list[FieldError]:
    """A pod's spec is fixed but for images, the deadline, and tolerations that are added."""
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    for field in ("containers", "initContainers"):
        if len(spec.get(field) or ()) != len(before.get(field) or ()):
            return [forbidden(f"spec.{field}", "pod updates may not add or remove containers")]
    tolerations = spec.get("tolerations") or []
    errors: list[FieldError] = []
    if not all(toleration in tolerations for toleration in before.get("tolerations") or ()):
        text = "existing toleration can not be modified except its tolerationSeconds"
        errors.append(forbidden("spec.tolerations", text))
    if not equal(_fixed(spec), _fixed(before)):
        errors.append(forbidden("spec", _CHANGE_TEXT))
    return errors


def _fixed(spec: Struct) -> Struct:
    """What may not change, without what the server fills in later."""
    left_out = ("activeDeadlineSeconds", "tolerations", "containers", "initContainers", "ephemeralContainers")
    result = {key: value for key, value in spec.items() if key not in left_out and value not in (None, "", [], {})}
    if spec.get("schedulingGates") and not spec.get("nodeName"):
        result.pop("nodeSelector", None)
    for field in ("containers", "initContainers"):
        result[field] = [
            {key: value for key, value in container.items() if key not in ("image", "resources")}
            for container in spec.get(field) or ()
        ]
    return result
