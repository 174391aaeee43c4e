"""Validation of config maps, secrets, services, quotas and namespaces."""

from __future__ import annotations

import base64
import json
from typing import Any, Final

from fairlead.localcluster.builtin.check_resources import check_quantity, check_resource_name
from fairlead.localcluster.builtin.names import (
    config_key,
    dns_label,
    dns_subdomain,
    ip_address,
    labels,
    port_name,
    port_number,
    problems,
    qualified_name,
)
from fairlead.localcluster.merge.values import equal
from fairlead.localcluster.schema.field_errors import (
    FieldError,
    duplicate,
    forbidden,
    invalid,
    not_supported,
    required,
    too_long,
)
from fairlead.localcluster.schema.quantity import parse_quantity

__all__ = [
    "check_config_map",
    "check_config_map_change",
    "check_limit_range",
    "check_quota",
    "check_secret",
    "check_secret_change",
    "check_service",
    "check_service_change",
]

Struct = dict[str, Any]
_SIZE_LIMIT_BYTES: Final = 1024 * 1024
_IMMUTABLE: Final = "field is immutable when `immutable` is set"
_PROTOCOLS: Final = ("SCTP", "TCP", "UDP")
_SERVICE_TYPES: Final = ("ClusterIP", "ExternalName", "LoadBalancer", "NodePort")
_SECRET_KEYS: Final = {
    "kubernetes.io/tls": ("tls.crt", "tls.key"),
    "kubernetes.io/dockercfg": (".dockercfg",),
    "kubernetes.io/dockerconfigjson": (".dockerconfigjson",),
    "kubernetes.io/ssh-auth": ("ssh-privatekey",),
}


# ---- config maps and secrets


def check_config_map(new: Struct) -> list[FieldError]:
    errors: list[FieldError] = []
    data, binary = new.get("data") or {}, new.get("binaryData") or {}
    for key in data:
        errors += problems(f"data[{key}]", key, config_key)
        if key in binary:
            errors.append(invalid(f"data[{key}]", key, "duplicate of key present in binaryData"))
    for key in binary:
        errors += problems(f"binaryData[{key}]", key, config_key)
    size = sum(len(value.encode()) for value in data.values()) + sum(len(value) * 3 // 4 for value in binary.values())
    if size > _SIZE_LIMIT_BYTES:
        errors.append(too_long("", _SIZE_LIMIT_BYTES))
    return errors


def check_config_map_change(new: Struct, old: Struct) -> list[FieldError]:
    return _frozen(new, old, ("data", "binaryData"))


def _frozen(new: Struct, old: Struct, fields: tuple[str, ...]) -> list[FieldError]:
    if not old.get("immutable"):
        return []
    errors = [] if new.get("immutable") else [forbidden("immutable", _IMMUTABLE)]
    errors += [
        forbidden(field, _IMMUTABLE) for field in fields if not equal(new.get(field) or {}, old.get(field) or {})
    ]
    return errors


def check_secret(new: Struct) -> list[FieldError]:
    data, kind = new.get("data") or {}, new.get("type") or ""
    errors: list[FieldError] = []
    for key in data:
        errors += problems(f"data[{key}]", key, config_key)
    if sum(len(value) * 3 // 4 for value in data.values()) > _SIZE_LIMIT_BYTES:
        errors.append(too_long("data", _SIZE_LIMIT_BYTES))
    errors += [required(f"data[{key}]") for key in _SECRET_KEYS.get(kind, ()) if key not in data]
    if kind == "kubernetes.io/basic-auth" and not ("username" in data or "password" in data):
        errors += [required("data[username]"), required("data[password]")]
    if kind == "kubernetes.io/service-account-token":
        annotation = "kubernetes.io/service-account.name"
        if not (new["metadata"].get("annotations") or {}).get(annotation):
            errors.append(required(f"metadata.annotations[{annotation}]"))
    for key in (".dockercfg", ".dockerconfigjson"):
        if key in data and key in _SECRET_KEYS.get(kind, ()):
            errors += _docker_config(key, data[key])
    return errors


def _docker_config(key: str, value: str) -> list[FieldError]:
    text = base64.b64decode(value).decode(errors="replace")
    try:
        json.loads(text)
    except ValueError:
        first = text.strip()[:1]
        problem = (
            f"invalid character {first!r} looking for beginning of value" if first else "unexpected end of JSON input"
        )
        return [invalid(f"data[{key}]", "<secret contents redacted>", problem)]
    return []


def check_secret_change(new: Struct, old: Struct) -> list[FieldError]:
    errors: list[FieldError] = []
    if new.get("type") != old.get("type"):
        errors.append(invalid("type", new.get("type"), "field is immutable"))
    return errors + _frozen(new, old, ("data",))


# ---- services


def check_service(new: Struct) -> list[FieldError]:
    spec = new.get("spec") or {}
    kind, ports, cluster_ip = spec.get("type"), spec.get("ports") or [], spec.get("clusterIP")
    errors: list[FieldError] = []
    if not ports and cluster_ip != "None" and kind != "ExternalName":
        errors.append(required("spec.ports"))
    if kind == "ExternalName":
        name = spec.get("externalName") or ""
        errors += (
            problems("spec.externalName", name.rstrip("."), dns_subdomain) if name else [required("spec.externalName")]
        )
    elif kind not in _SERVICE_TYPES:
        errors.append(not_supported("spec.type", kind, _SERVICE_TYPES))
    errors += _service_ports(ports, kind or "", headless=cluster_ip == "None")
    errors += labels("spec.selector", spec.get("selector"))
    if spec.get("sessionAffinity") not in ("ClientIP", "None"):
        errors.append(not_supported("spec.sessionAffinity", spec.get("sessionAffinity"), ("ClientIP", "None")))
    for index, address in enumerate(spec.get("clusterIPs") or ([cluster_ip] if cluster_ip else [])):
        if address not in ("None", ""):
            errors += problems(f"spec.clusterIPs[{index}]", address, ip_address)
    for index, address in enumerate(spec.get("externalIPs") or ()):
        errors += problems(f"spec.externalIPs[{index}]", address, ip_address)
    return errors + _traffic(spec, kind or "")


def _traffic(spec: Struct, kind: str) -> list[FieldError]:
    policy = spec.get("externalTrafficPolicy")
    outside = kind in ("NodePort", "LoadBalancer") or (kind == "ClusterIP" and spec.get("externalIPs"))
    if policy and not outside:
        text = "may only be set for externally-accessible services"
        return [invalid("spec.externalTrafficPolicy", policy, text)]
    if policy not in (None, "", "Cluster", "Local"):
        return [not_supported("spec.externalTrafficPolicy", policy, ("Cluster", "Local"))]
    return []


def _service_ports(ports: list[Struct], kind: str, *, headless: bool) -> list[FieldError]:
    errors: list[FieldError] = []
    names: set[str] = set()
    for index, port in enumerate(ports):
        path, name = f"spec.ports[{index}]", port.get("name") or ""
        if not name:
            if len(ports) > 1:
                errors.append(required(f"{path}.name"))
        else:
            errors += problems(f"{path}.name", name, dns_label)
            if name in names:
                errors.append(duplicate(f"{path}.name", name))
            names.add(name)
        number, target = port.get("port") or 0, port.get("targetPort")
        errors += [invalid(f"{path}.port", number, text) for text in port_number(number)]
        if port.get("protocol") not in _PROTOCOLS:
            errors.append(not_supported(f"{path}.protocol", port.get("protocol"), _PROTOCOLS))
        check = port_name(target) if isinstance(target, str) else port_number(target or 0)
        errors += [invalid(f"{path}.targetPort", target, text) for text in check]
    return errors + _port_clashes(ports, kind)


def _port_clashes(ports: list[Struct], kind: str) -> list[FieldError]:
    errors: list[FieldError] = []
    if kind in ("ClusterIP", "ExternalName"):
        for index, port in enumerate(ports):
            if port.get("nodePort"):
                text = f"may not be used when `type` is '{kind}'"
                errors.append(forbidden(f"spec.ports[{index}].nodePort", text))
    seen: set[tuple[Any, Any]] = set()
    for index, port in enumerate(ports):
        key = (port.get("protocol"), port.get("port"))
        if key in seen:
            shown = {
                "Name": "",
                "Protocol": port.get("protocol"),
                "AppProtocol": None,
                "Port": port.get("port"),
                "TargetPort": 0,
                "NodePort": 0,
            }
            errors.append(duplicate(f"spec.ports[{index}]", shown))
        seen.add(key)
    return errors


def check_service_change(new: Struct, old: Struct) -> list[FieldError]:
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    if "ExternalName" in (spec.get("type"), before.get("type")):
        return []
    was, now = before.get("clusterIPs") or [], spec.get("clusterIPs") or []
    if was and now and now[0] != was[0]:
        return [invalid("spec.clusterIPs[0]", now, "may not change once set")]
    return []


# ---- quotas


def check_quota(new: Struct) -> list[FieldError]:
    errors: list[FieldError] = []
    for name, quantity in ((new.get("spec") or {}).get("hard") or {}).items():
        errors += check_resource_name(f"spec.hard[{name}]", name, of_container=False)
        errors += check_quantity(f"spec.hard[{name}]", quantity)
    return errors


_COMPARED: Final = (
    ("min", "max", "min value {0} is greater than max value {1}", "min"),
    ("min", "defaultRequest", "min value {0} is greater than default request value {1}", "defaultRequest"),
    ("defaultRequest", "max", "default request value {0} is greater than max value {1}", "defaultRequest"),
    ("min", "default", "min value {0} is greater than default value {1}", "default"),
    ("default", "max", "default value {0} is greater than max value {1}", "default"),
    (
        "defaultRequest",
        "default",
        "default request value {0} is greater than default limit value {1}",
        "defaultRequest",
    ),
)


def check_limit_range(new: Struct) -> list[FieldError]:
    errors: list[FieldError] = []
    for index, limit in enumerate((new.get("spec") or {}).get("limits") or ()):
        path, kind = f"spec.limits[{index}]", limit.get("type") or ""
        errors += problems(f"{path}.type", kind, qualified_name)
        resources = {name for field in ("min", "max", "default", "defaultRequest") for name in limit.get(field) or {}}
        for name in sorted(resources):
            errors += _limits_fit(path, limit, name)
    return errors


def _limits_fit(path: str, limit: Struct, name: str) -> list[FieldError]:
    errors: list[FieldError] = []
    for low_field, high_field, text, where in _COMPARED:
        low, high = (limit.get(low_field) or {}).get(name), (limit.get(high_field) or {}).get(name)
        if low is not None and high is not None and parse_quantity(low) > parse_quantity(high):
            shown = low if where == "default" else (limit.get(where) or {})[name]
            errors.append(invalid(f"{path}.{where}[{name}]", shown, text.format(low, high)))
    return errors
