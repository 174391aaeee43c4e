"""Validation of ingresses, ingress classes and network policies."""

from __future__ import annotations

import ipaddress
from typing import Any, Final

from fairlead.localcluster.builtin.names import dns_subdomain, port_name, port_number, problems, service_label
from fairlead.localcluster.builtin.selectors import selector
from fairlead.localcluster.schema.field_errors import FieldError, forbidden, invalid, not_supported, required

__all__ = ["check_ingress", "check_ingress_class", "check_ingress_class_change", "check_network_policy"]

Struct = dict[str, Any]
_PATH_TYPES: Final = ("Exact", "ImplementationSpecific", "Prefix")
_BAD_PARTS: Final = ("//", "/./", "/../", "%2f", "%2F")
_BAD_ENDINGS: Final = ("/..", "/.")


def check_ingress(new: Struct) -> list[FieldError]:
    spec = new.get("spec") or {}
    rules, backend = spec.get("rules") or [], spec.get("defaultBackend")
    errors: list[FieldError] = []
    if not rules and backend is None:
        errors.append(invalid("spec", None, "either `defaultBackend` or `rules` must be specified"))
    if backend is not None:
        errors += _backend("spec.defaultBackend", backend)
    for index, rule in enumerate(rules):
        errors += _rule(f"spec.rules[{index}]", rule)
    for index, tls in enumerate(spec.get("tls") or ()):
        for number, host in enumerate(tls.get("hosts") or ()):
            errors += _host(f"spec.tls[{index}].hosts[{number}]", host)
    if name := spec.get("ingressClassName"):
        errors += problems("spec.ingressClassName", name, dns_subdomain)
    return errors


def _host(path: str, host: str) -> list[FieldError]:
    if host.startswith("*."):
        return problems(path, host[2:], dns_subdomain)
    return problems(path, host, dns_subdomain)


def _rule(path: str, rule: Struct) -> list[FieldError]:
    errors: list[FieldError] = []
    if host := rule.get("host"):
        try:
            ipaddress.ip_address(host)
        except ValueError:
            errors += _host(f"{path}.host", host)
        else:
            errors.append(invalid(f"{path}.host", host, "must be a DNS name, not an IP address"))
    http = rule.get("http")
    if http is None:
        return errors
    if not http.get("paths"):
        errors.append(required(f"{path}.http.paths"))
    for index, item in enumerate(http.get("paths") or ()):
        errors += _path(f"{path}.http.paths[{index}]", item)
    return errors


def _path(where: str, item: Struct) -> list[FieldError]:
    errors: list[FieldError] = []
    kind, path = item.get("pathType"), item.get("path") or ""
    if kind is None:
        errors.append(required(f"{where}.pathType", "pathType must be specified"))
    elif kind in ("Exact", "Prefix"):
        if not path.startswith("/"):
            errors.append(invalid(f"{where}.path", path, "must be an absolute path"))
        if path:
            errors += [invalid(f"{where}.path", path, f"must not contain '{bad}'") for bad in _BAD_PARTS if bad in path]
            errors += [
                invalid(f"{where}.path", path, f"cannot end with '{bad}'") for bad in _BAD_ENDINGS if path.endswith(bad)
            ]
    elif kind == "ImplementationSpecific":
        if path and not path.startswith("/"):
            errors.append(invalid(f"{where}.path", path, "must be an absolute path"))
    else:
        errors.append(not_supported(f"{where}.pathType", kind, _PATH_TYPES))
    return errors + _backend(f"{where}.backend", item.get("backend") or {})


def _backend(path: str, backend: Struct) -> list[FieldError]:
    service, resource = backend.get("service"), backend.get("resource")
    if service is None and resource is None:
        return [invalid(path, "", "resource or service backend is required")]
    if service is not None and resource is not None:
        return [invalid(path, "", "cannot set both resource and service backends")]
    if service is None:
        return []
    errors: list[FieldError] = []
    name, port = service.get("name") or "", service.get("port") or {}
    if not name:
        errors.append(required(f"{path}.service.name"))
    else:
        errors += problems(f"{path}.service.name", name, service_label)
    if port.get("name") and port.get("number"):
        errors.append(invalid(path, "", "cannot set both port name & port number"))
    elif port.get("name"):
        errors += problems(f"{path}.service.port.name", port["name"], port_name)
    elif port.get("number"):
        number = port["number"]
        errors += [invalid(f"{path}.service.port.number", number, text) for text in port_number(number)]
    else:
        errors.append(required(path, "port name or number is required"))
    return errors


def check_ingress_class(new: Struct) -> list[FieldError]:
    controller = (new.get("spec") or {}).get("controller") or ""
    domain, slash, rest = controller.partition("/")
    if controller and (not slash or not rest or dns_subdomain(domain)):
        return [invalid("spec.controller", controller, 'must be a domain-prefixed path (such as "acme.io/foo")')]
    return []


def check_ingress_class_change(new: Struct, old: Struct) -> list[FieldError]:
    controller = (new.get("spec") or {}).get("controller")
    if controller == (old.get("spec") or {}).get("controller"):
        return []
    return [invalid("spec.controller", controller, "field is immutable")]


# ---- network policies


def check_network_policy(new: Struct) -> list[FieldError]:
    spec = new.get("spec") or {}
    errors = selector("spec.podSelector", spec.get("podSelector"))
    for direction, peers in (("ingress", "from"), ("egress", "to")):
        for index, rule in enumerate(spec.get(direction) or ()):
            path = f"spec.{direction}[{index}]"
            for number, port in enumerate(rule.get("ports") or ()):
                errors += _policy_port(f"{path}.ports[{number}]", port)
            for number, peer in enumerate(rule.get(peers) or ()):
                errors += _peer(f"{path}.{peers}[{number}]", peer)
    kinds = spec.get("policyTypes") or []
    for index, kind in enumerate(kinds):
        if kind not in ("Ingress", "Egress"):
            errors.append(not_supported(f"spec.policyTypes[{index}]", kind, ("Ingress", "Egress")))
    return errors


def _policy_port(path: str, port: Struct) -> list[FieldError]:
    errors: list[FieldError] = []
    if port.get("protocol") not in ("SCTP", "TCP", "UDP"):
        errors.append(not_supported(f"{path}.protocol", port.get("protocol"), ("SCTP", "TCP", "UDP")))
    number = port.get("port")
    if number is not None:
        check = port_name(number) if isinstance(number, str) else port_number(number)
        errors += [invalid(f"{path}.port", number, text) for text in check]
    return errors


def _peer(path: str, peer: Struct) -> list[FieldError]:
    errors: list[FieldError] = []
    count = sum(peer.get(field) is not None for field in ("podSelector", "namespaceSelector", "ipBlock"))
    for field in ("podSelector", "namespaceSelector"):
        errors += selector(f"{path}.{field}", peer.get(field))
    block = peer.get("ipBlock")
    if block is not None:
        errors += _block(f"{path}.ipBlock", block)
    if count == 0:
        errors.append(required(path, "must specify a peer"))
    elif block is not None and count > 1:
        errors.append(forbidden(path, "may not specify both ipBlock and another peer"))
    return errors


def _block(path: str, block: Struct) -> list[FieldError]:
    errors: list[FieldError] = []
    places = [("cidr", block.get("cidr") or "")]
    places += [(f"except[{index}]", item) for index, item in enumerate(block.get("except") or ())]
    for field, text in places:
        try:
            ipaddress.ip_network(text, strict=False)
        except ValueError:
            detail = "must be a valid CIDR value, (e.g. 10.9.8.0/24 or 2001:db8::/64)"
            errors.append(invalid(f"{path}.{field}", text, detail))
    return errors
