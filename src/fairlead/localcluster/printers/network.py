"""The cells of what connects pods."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairlead.localcluster.printers.age import since
from fairlead.localcluster.printers.text import (
    NONE,
    UNSET,
    Manifest,
    cut,
    ingress_addresses,
    labels_text,
    selector_or_none,
    spec_of,
)

if TYPE_CHECKING:
    from datetime import datetime

_MAX_HOSTS = 3


def service_cells(obj: Manifest, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    return [
        obj["metadata"]["name"],
        spec.get("type") or "",
        (spec.get("clusterIPs") or [spec.get("clusterIP") or NONE])[0],
        _external(obj),
        ",".join(map(_port, spec.get("ports") or ())) or NONE,
        since(obj["metadata"].get("creationTimestamp"), now),
        labels_text(spec.get("selector")),
    ]


def _external(obj: Manifest) -> str:
    spec = spec_of(obj)
    outside: list[str] = spec.get("externalIPs") or []
    match spec.get("type"):
        case "ClusterIP" | "NodePort":
            return ",".join(outside) or NONE
        case "LoadBalancer":
            own = ingress_addresses(obj)
            return ",".join([*([own] if own else []), *outside]) or "<pending>"
        case "ExternalName":
            return str(spec.get("externalName") or "")
        case _:
            return "<unknown>"


def _port(port: Manifest) -> str:
    node = f":{port['nodePort']}" if port.get("nodePort") else ""
    return f"{port['port']}{node}/{port.get('protocol') or 'TCP'}"


def endpoints_cells(obj: Manifest, now: datetime) -> list[Any]:
    found: list[str] = []
    for subset in obj.get("subsets") or ():
        addresses = [address["ip"] for address in subset.get("addresses") or ()]
        ports = [port["port"] for port in subset.get("ports") or ()]
        if not ports:
            found += addresses
        found += [_host_port(address, port) for port in ports for address in addresses]
    text = cut(found, empty="" if obj.get("subsets") else NONE)
    return [obj["metadata"]["name"], text, since(obj["metadata"].get("creationTimestamp"), now)]


def _host_port(address: str, port: int) -> str:
    return f"[{address}]:{port}" if ":" in address else f"{address}:{port}"


def endpoint_slice_cells(obj: Manifest, now: datetime) -> list[Any]:
    ports = [str(port.get("port") or port.get("name") or "*") for port in obj.get("ports") or ()]
    addresses = [address for endpoint in obj.get("endpoints") or () for address in endpoint.get("addresses") or ()]
    return [
        obj["metadata"]["name"],
        obj.get("addressType") or "",
        cut(ports, empty=UNSET),
        cut(addresses, empty=UNSET),
        since(obj["metadata"].get("creationTimestamp"), now),
    ]


def ingress_cells(obj: Manifest, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    return [
        obj["metadata"]["name"],
        spec.get("ingressClassName") or NONE,
        _hosts([rule.get("host") or "" for rule in spec.get("rules") or ()]),
        ingress_addresses(obj),
        "80, 443" if spec.get("tls") else "80",
        since(obj["metadata"].get("creationTimestamp"), now),
    ]


def _hosts(hosts: list[str]) -> str:
    """Rules without a host count among the "more", as the real server counts them."""
    shown: list[str] = []
    more = False
    for host in hosts:
        more = more or len(shown) == _MAX_HOSTS
        if not more and host:
            shown.append(host)
    if not shown:
        return "*"
    text = ",".join(shown)
    return f"{text} + {len(hosts) - _MAX_HOSTS} more..." if more else text


def ingress_class_cells(obj: Manifest, now: datetime) -> list[Any]:
    spec = spec_of(obj)
    parameters = spec.get("parameters")
    text = NONE
    if parameters:
        group = f".{parameters['apiGroup']}" if parameters.get("apiGroup") is not None else ""
        text = f"{parameters['kind']}{group}/{parameters['name']}"
    age = since(obj["metadata"].get("creationTimestamp"), now)
    return [obj["metadata"]["name"], spec.get("controller") or "", text, age]


def network_policy_cells(obj: Manifest, now: datetime) -> list[Any]:
    age = since(obj["metadata"].get("creationTimestamp"), now)
    return [obj["metadata"]["name"], selector_or_none(spec_of(obj).get("podSelector")), age]


def service_cidr_cells(obj: Manifest, now: datetime) -> list[Any]:
    age = since(obj["metadata"].get("creationTimestamp"), now)
    return [obj["metadata"]["name"], ",".join(spec_of(obj).get("cidrs") or ()), age]


def ip_address_cells(obj: Manifest, now: datetime) -> list[Any]:
    """Three cells under two columns: so does the real server."""
    parent = spec_of(obj).get("parentRef")
    text = NONE
    if parent:
        group = f".{parent['group']}" if parent.get("group") else ""
        where = f"/{parent['namespace']}" if parent.get("namespace") else ""
        text = f"{parent['resource']}{group}".lower() + f"{where}/{parent['name']}"
    return [obj["metadata"]["name"], text, since(obj["metadata"].get("creationTimestamp"), now)]
