"""Cluster addresses and node ports of services."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairlead.localcluster.storage import decode_body

if TYPE_CHECKING:
    from fairlead.localcluster.storage import Store

__all__ = ["ServiceAddresses"]

Manifest = dict[str, Any]

_OF_ADDRESSES = ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy", "internalTrafficPolicy")
"""What a service loses that becomes a name for something outside."""

_FIRST_PORT, _LAST_PORT = 30000, 32767


class ServiceAddresses:
    """Hands out free addresses of 10.96.0.0/16 and node ports; what is taken is read from the services themselves."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._next = 256
        self._next_port = _FIRST_PORT

    def allocate(self, service: Manifest) -> None:
        spec = service["spec"]
        if spec.get("type") == "ExternalName":
            return
        if not spec.get("clusterIP"):
            spec["clusterIP"] = self._free_address()
        spec["clusterIPs"] = spec.get("clusterIPs") or [spec["clusterIP"]]
        if spec["clusterIP"] != "None" or spec.get("selector"):
            spec.setdefault("ipFamilies", ["IPv4"])
            spec.setdefault("ipFamilyPolicy", "SingleStack")
        self._allocate_ports(spec)

    def update(self, live: Manifest, new: Manifest) -> None:
        """Addresses stay; a service that changes its type gets or loses what belongs to it."""
        spec, old = new["spec"], live["spec"]
        if spec.get("type") == "ExternalName":
            if old.get("type") != "ExternalName":
                for key in _OF_ADDRESSES:
                    if spec.get(key) == old.get(key):
                        spec.pop(key, None)
            return
        changed = spec.get("clusterIP") and spec["clusterIP"] != old.get("clusterIP")
        if changed and spec.get("clusterIPs") == old.get("clusterIPs"):
            spec["clusterIPs"] = [spec["clusterIP"]]
        for key in ("clusterIP", "clusterIPs", "ipFamilies", "ipFamilyPolicy"):
            if old.get(key) and not spec.get(key):
                spec[key] = old[key]
        known = {(port.get("port"), port.get("protocol")): port.get("nodePort") for port in old.get("ports") or []}
        if spec.get("type") in ("NodePort", "LoadBalancer"):
            for port in spec.get("ports") or []:
                number = known.get((port.get("port"), port.get("protocol")))
                if number and not port.get("nodePort"):
                    port["nodePort"] = number
        elif old.get("type") in ("NodePort", "LoadBalancer"):
            kept = {port.get("nodePort") for port in old.get("ports") or []}
            for port in spec.get("ports") or []:
                if port.get("nodePort") in kept:
                    port.pop("nodePort", None)
        self.allocate(new)

    def _allocate_ports(self, spec: Manifest) -> None:
        if spec.get("type") not in ("NodePort", "LoadBalancer"):
            return
        if spec.get("type") == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is False:
            return
        for port in spec.get("ports") or []:
            if not port.get("nodePort"):
                port["nodePort"] = self._free_port()

    def _specs(self) -> list[Manifest]:
        return [decode_body(stored.body)["spec"] for stored in self._store.collection("services").scan()]

    def _free_address(self) -> str:
        taken = {spec.get("clusterIP") for spec in self._specs()}
        while True:
            address = f"10.96.{self._next >> 8 & 255}.{self._next & 255}"
            self._next = self._next % 65000 + 1
            if address not in taken and not address.endswith(".0"):
                return address

    def _free_port(self) -> int:
        taken = {port.get("nodePort") for spec in self._specs() for port in spec.get("ports") or []}
        while self._next_port in taken:
            self._next_port += 1
        port = self._next_port
        self._next_port = port + 1 if port < _LAST_PORT else _FIRST_PORT
        return port
