"""Validation of the containers of a pod."""

from __future__ import annotations

import re
from typing import Any, Final

from fairlead.localcluster.builtin.check_resources import check_resources
from fairlead.localcluster.builtin.names import dns_label, dns_subdomain, port_name, port_number, problems
from fairlead.localcluster.builtin.numbers import not_negative
from fairlead.localcluster.schema.field_errors import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_found,
    not_supported,
    required,
)

__all__ = ["check_containers"]

Struct = dict[str, Any]
PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_PULL_POLICIES: Final = ("Always", "IfNotPresent", "Never")
_SOURCES: Final = "`fieldRef`, `resourceFieldRef`, `configMapKeyRef`, `secretKeyRef` or `fileKeyRef`"
_FIELDS: Final = frozenset(
    {
        "metadata.name",
        "metadata.namespace",
        "metadata.uid",
        "metadata.labels",
        "metadata.annotations",
        "spec.nodeName",
        "spec.serviceAccountName",
        "status.hostIP",
        "status.hostIPs",
        "status.podIP",
        "status.podIPs",
    }
)


def check_containers(path: str, spec: Struct) -> list[FieldError]:
    """Errors of the containers and init containers of a pod spec."""
    containers = spec.get("containers") or []
    volumes = {volume.get("name") for volume in spec.get("volumes") or ()}
    if not containers:
        return [required(f"{path}.containers")]
    errors: list[FieldError] = []
    names: set[str] = set()
    for field in ("containers", "initContainers"):
        for index, container in enumerate(spec.get(field) or ()):
            where = f"{path}.{field}[{index}]"
            errors += _name(where, container, names)
            errors += _container(where, container, volumes)
    return errors


def _name(path: str, container: Struct, names: set[str]) -> list[FieldError]:
    name = container.get("name") or ""
    if not name:
        return [required(f"{path}.name")]
    errors = problems(f"{path}.name", name, dns_label)
    if name in names:
        errors.append(duplicate(f"{path}.name", name))
    names.add(name)
    return errors


def _container(path: str, container: Struct, volumes: set[Any]) -> list[FieldError]:
    errors: list[FieldError] = []
    image = container.get("image") or ""
    if not image:
        errors.append(required(f"{path}.image"))
    elif image != image.strip():
        errors.append(invalid(f"{path}.image", image, "must not have leading or trailing whitespace"))
    errors += _ports(f"{path}.ports", container.get("ports") or [])
    errors += _environment(path, container)
    errors += _mounts(f"{path}.volumeMounts", container.get("volumeMounts") or [], volumes)
    for field in ("livenessProbe", "readinessProbe", "startupProbe"):
        if (probe := container.get(field)) is not None:
            errors += _probe(f"{path}.{field}", probe, repeats=field == "readinessProbe")
    errors += _lifecycle(f"{path}.lifecycle", container.get("lifecycle") or {})
    policy = container.get("imagePullPolicy")
    if policy not in _PULL_POLICIES:
        errors.append(not_supported(f"{path}.imagePullPolicy", policy, _PULL_POLICIES))
    errors += check_resources(f"{path}.resources", container.get("resources") or {})
    return errors + _security(f"{path}.securityContext", container.get("securityContext") or {})


def _security(path: str, security: Struct) -> list[FieldError]:
    if security.get("privileged") and security.get("allowPrivilegeEscalation") is False:
        return [invalid(path, security, "cannot set `allowPrivilegeEscalation` to false and `privileged` to true")]
    return []


def _ports(path: str, ports: list[Struct]) -> list[FieldError]:
    errors: list[FieldError] = []
    names: set[str] = set()
    for index, port in enumerate(ports):
        where, name = f"{path}[{index}]", port.get("name")
        if name:
            wrong = problems(f"{where}.name", name, port_name)
            errors += wrong or ([duplicate(f"{where}.name", name)] if name in names else [])
            names.add(name)
        if not port.get("containerPort"):
            errors.append(required(f"{where}.containerPort"))
        else:
            errors += _number(f"{where}.containerPort", port["containerPort"])
        if port.get("hostPort"):
            errors += _number(f"{where}.hostPort", port["hostPort"])
        if port.get("protocol") not in PROTOCOLS:
            errors.append(not_supported(f"{where}.protocol", port.get("protocol"), PROTOCOLS))
    return errors


def _number(path: str, value: int) -> list[FieldError]:
    return [invalid(path, value, text) for text in port_number(value)]


# ---- environment


def _environment(path: str, container: Struct) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, variable in enumerate(container.get("env") or ()):
        where, name = f"{path}.env[{index}]", variable.get("name") or ""
        if not name:
            errors.append(required(f"{where}.name"))
        elif not re.fullmatch(r"[ -<>-~]+", name):
            text = "a valid environment variable name must consist only of printable ASCII characters other than '='"
            errors.append(invalid(f"{where}.name", name, text))
        if variable.get("valueFrom") is not None:
            errors += _value_from(f"{where}.valueFrom", variable["valueFrom"], variable.get("value"))
    for index, source in enumerate(container.get("envFrom") or ()):
        errors += _env_from(path, index, source)
    return errors


def _value_from(path: str, source: Struct, value: str | None) -> list[FieldError]:
    errors: list[FieldError] = []
    given = [field for field, reference in source.items() if reference is not None]
    if not given:
        errors.append(invalid(path, "", f"must specify one of: {_SOURCES}"))
    elif value:
        errors.append(invalid(path, "", "may not be specified when `value` is not empty"))
    elif len(given) > 1:
        errors.append(invalid(path, "", "may not have more than one field specified at a time"))
    if (field := source.get("fieldRef")) is not None:
        errors += _field(f"{path}.fieldRef", field)
    for kind in ("configMapKeyRef", "secretKeyRef"):
        if (reference := source.get(kind)) is not None:
            errors += problems(f"{path}.{kind}.name", reference.get("name") or "", dns_subdomain)
            if not reference.get("key"):
                errors.append(required(f"{path}.{kind}.key"))
    resource = source.get("resourceFieldRef")
    if resource is not None and not resource.get("resource"):
        errors.append(required(f"{path}.resourceFieldRef.resource"))
    return errors


def _field(path: str, field: Struct) -> list[FieldError]:
    name = field.get("fieldPath") or ""
    if not name:
        return [required(f"{path}.fieldPath")]
    if re.sub(r"\['.*'\]$", "", name) not in _FIELDS:
        return [invalid(f"{path}.fieldPath", name, f"error converting fieldPath: field label not supported: {name}")]
    return []


def _env_from(path: str, index: int, source: Struct) -> list[FieldError]:
    kinds = [kind for kind in ("configMapRef", "secretRef") if source.get(kind) is not None]
    if not kinds:
        return [invalid(f"{path}.envFrom", "", "must specify one of: `configMapRef` or `secretRef`")]
    where = f"{path}.envFrom[{index}].{kinds[0]}.name"
    name = source[kinds[0]].get("name") or ""
    return problems(where, name, dns_subdomain) if name else [required(where)]


# ---- mounts


def _mounts(path: str, mounts: list[Struct], volumes: set[Any]) -> list[FieldError]:
    errors: list[FieldError] = []
    seen: set[str] = set()
    for index, mount in enumerate(mounts):
        where, name, target = f"{path}[{index}]", mount.get("name") or "", mount.get("mountPath") or ""
        if not name:
            errors.append(required(f"{where}.name"))
        if name not in volumes:
            errors.append(not_found(f"{where}.name", name))
        if not target:
            errors.append(required(f"{where}.mountPath"))
        elif target in seen:
            errors.append(invalid(f"{where}.mountPath", target, "must be unique"))
        seen.add(target)
        sub_path = mount.get("subPath") or ""
        if sub_path.startswith("/"):
            errors.append(invalid(f"{path}.subPath", sub_path, "must be a relative path"))
        if ".." in sub_path.split("/"):
            errors.append(invalid(f"{path}.subPath", sub_path, "must not contain '..'"))
    return errors


# ---- probes and hooks


def _probe(path: str, probe: Struct, *, repeats: bool) -> list[FieldError]:
    errors = _handler(path, probe)
    for field in ("initialDelaySeconds", "timeoutSeconds", "periodSeconds", "successThreshold", "failureThreshold"):
        errors += not_negative(f"{path}.{field}", probe.get(field))
    if not repeats and probe.get("successThreshold", 1) > 1:
        errors.append(invalid(f"{path}.successThreshold", probe["successThreshold"], "must be 1"))
    return errors


def _lifecycle(path: str, lifecycle: Struct) -> list[FieldError]:
    errors: list[FieldError] = []
    for hook in ("postStart", "preStop"):
        if (handler := lifecycle.get(hook)) is not None:
            errors += _handler(f"{path}.{hook}", handler)
    return errors


def _handler(path: str, value: Struct) -> list[FieldError]:
    errors: list[FieldError] = []
    found = 0
    for kind in ("exec", "httpGet", "tcpSocket", "grpc", "sleep"):
        action = value.get(kind)
        if action is None:
            continue
        found += 1
        if found > 1:
            errors.append(forbidden(f"{path}.{kind}", "may not specify more than 1 handler type"))
        else:
            errors += _action(f"{path}.{kind}", kind, action)
    if not found:
        errors.append(required(path, "must specify a handler type"))
    return errors


def _action(path: str, kind: str, action: Struct) -> list[FieldError]:
    if kind == "exec":
        return [] if action.get("command") else [required(f"{path}.command")]
    if kind == "sleep":
        return []
    errors = _port_or_name(f"{path}.port", action.get("port"))
    if kind == "httpGet":
        if not action.get("path"):
            errors.append(required(f"{path}.path"))
        if action.get("scheme") not in ("HTTP", "HTTPS"):
            errors.append(not_supported(f"{path}.scheme", action.get("scheme"), ("HTTP", "HTTPS")))
    return errors


def _port_or_name(path: str, port: Any) -> list[FieldError]:
    if isinstance(port, str):
        return problems(path, port, port_name)
    return _number(path, port or 0)
