"""Services: their Endpoints and EndpointSlices from ready pods, and an address for a load balancer."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.localcluster.controllers.kinds import (
    ENDPOINT_SLICE,
    ENDPOINTS,
    SERVICE,
    api_version,
    is_deleting,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from fairlead.localcluster.controllers.pods import is_finished, is_ready, owner_reference
from fairlead.localcluster.controllers.selectors import matches_map

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairlead.localcluster.controllers.context import Context
    from fairlead.localcluster.controllers.kinds import Manifest
    from fairlead.localcluster.controllers.queue import Key

_MANAGED_BY = "endpointslice-controller.k8s.io"
_SERVICE_NAME = "kubernetes.io/service-name"
_COMPONENT = "service-controller"


async def reconcile(context: Context, key: Key) -> None:
    """Write who serves a Service now; without a selector that is the user's business."""
    service = context.store.get(SERVICE, key.namespace, key.name)
    if service is None:
        context.forget(key)
        endpoints = context.store.get(ENDPOINTS, key.namespace, key.name)
        if endpoints is not None and "endpoints.kubernetes.io/managed-by" in labels_of(endpoints):
            await context.delete(endpoints)
        return
    if is_deleting(service):
        return
    await _balance(context, key, service)
    if spec_of(service).get("selector") and spec_of(service).get("type") != "ExternalName":
        pods = _backends(context, service)
        await _write_endpoints(context, service, pods)
        await _write_slice(context, service, pods)


def _backends(context: Context, service: Manifest) -> list[Manifest]:
    selector = spec_of(service)["selector"]
    pods = [
        pod
        for pod in context.store.pods_with(namespace_of(service), selector)
        if matches_map(selector, labels_of(pod)) and status_of(pod).get("podIP") and not is_finished(pod)
    ]
    return sorted(pods, key=name_of)


async def _balance(context: Context, key: Key, service: Manifest) -> None:
    """Give a load balancer its address, and take it back when the type changes."""
    ingress = (status_of(service).get("loadBalancer") or {}).get("ingress")
    if spec_of(service).get("type") != "LoadBalancer" or spec_of(service).get("loadBalancerClass"):
        if ingress and spec_of(service).get("type") != "LoadBalancer":
            context.ingress_addresses.release(uid_of(service))
            await context.update_status(service, {**status_of(service), "loadBalancer": {}})
        return
    if ingress or not context.elapsed(key, f"{uid_of(service)}/address", context.timing.provision):
        return
    address = spec_of(service).get("loadBalancerIP") or context.ingress_addresses.take(uid_of(service))
    balancer = {"ingress": [{"ip": address, "ipMode": "VIP"}]}
    await context.update_status(service, {**status_of(service), "loadBalancer": balancer})
    context.recorder.normal(service, "EnsuredLoadBalancer", "Ensured load balancer", _COMPONENT)


def _ports(service: Manifest, pods: Iterable[Manifest]) -> list[Manifest]:
    """The ports as the pods listen on them; a named target port that no pod has is left out."""
    ports = []
    for port in spec_of(service).get("ports") or ():
        number = _target(port, pods)
        if number is None:
            continue
        made = {"name": port.get("name") or "", "port": number, "protocol": port.get("protocol") or "TCP"}
        if port.get("appProtocol"):
            made["appProtocol"] = port["appProtocol"]
        ports.append(made)
    return ports


def _target(port: Manifest, pods: Iterable[Manifest]) -> int | None:
    target = port.get("targetPort", port["port"])
    if isinstance(target, int):
        return target or int(port["port"])
    for pod in pods:
        for container in spec_of(pod).get("containers") or ():
            for known in container.get("ports") or ():
                if known.get("name") == target:
                    return int(known["containerPort"])
    return None


def _target_reference(pod: Manifest) -> Manifest:
    return {"kind": "Pod", "name": name_of(pod), "namespace": namespace_of(pod), "uid": uid_of(pod)}


def _serves(service: Manifest, pod: Manifest) -> bool:
    return is_ready(pod) or bool(spec_of(service).get("publishNotReadyAddresses"))


async def _write_endpoints(context: Context, service: Manifest, pods: list[Manifest]) -> None:
    live = [pod for pod in pods if not is_deleting(pod)]
    ready = [_address(pod) for pod in live if _serves(service, pod)]
    waiting = [_address(pod) for pod in live if not _serves(service, pod)]
    ports = [{key: value for key, value in port.items() if value} for port in _ports(service, live)]
    subset: Manifest = {}
    if ready:
        subset["addresses"] = ready
    if waiting:
        subset["notReadyAddresses"] = waiting
    subsets = [subset | ({"ports": ports} if ports else {})] if subset else []
    found = context.store.get(ENDPOINTS, namespace_of(service), name_of(service))
    if found is None:
        await context.create(_with_subsets(_new_endpoints(service), subsets))
    elif (found.get("subsets") or []) != subsets:
        await context.update(_with_subsets(found, subsets))


def _with_subsets(endpoints: Manifest, subsets: list[Manifest]) -> Manifest:
    bare = {key: value for key, value in endpoints.items() if key != "subsets"}
    return bare | ({"subsets": subsets} if subsets else {})


def _new_endpoints(service: Manifest) -> Manifest:
    labels = {**labels_of(service), "endpoints.kubernetes.io/managed-by": "endpoint-controller"}
    if spec_of(service).get("clusterIP") == "None":
        labels["service.kubernetes.io/headless"] = ""
    return {
        "apiVersion": api_version(ENDPOINTS),
        "kind": ENDPOINTS.kind,
        "metadata": {
            "name": name_of(service),
            "namespace": namespace_of(service),
            "labels": labels,
            "annotations": _trigger(service),
        },
    }


def _trigger(service: Manifest) -> dict[str, str]:
    return {"endpoints.kubernetes.io/last-change-trigger-time": service["metadata"]["creationTimestamp"]}


def _address(pod: Manifest) -> Manifest:
    address = {"ip": status_of(pod)["podIP"], "nodeName": spec_of(pod).get("nodeName") or ""}
    if spec_of(pod).get("hostname") and spec_of(pod).get("subdomain"):
        address["hostname"] = spec_of(pod)["hostname"]
    return address | {"targetRef": _target_reference(pod)}


async def _write_slice(context: Context, service: Manifest, pods: list[Manifest]) -> None:
    endpoints = [_endpoint(service, pod) for pod in pods]
    ports = _ports(service, pods) if pods else []
    found = next(iter(context.store.owned(service, ENDPOINT_SLICE)), None)
    if found is None:
        await context.create(_new_slice(service) | {"endpoints": endpoints, "ports": ports})
    elif (found.get("endpoints") or []) != endpoints or (found.get("ports") or []) != ports:
        await context.update({**found, "endpoints": endpoints, "ports": ports})


def _new_slice(service: Manifest) -> Manifest:
    labels = {
        **labels_of(service),
        "endpointslice.kubernetes.io/managed-by": _MANAGED_BY,
        _SERVICE_NAME: name_of(service),
    }
    if spec_of(service).get("clusterIP") == "None":
        labels["service.kubernetes.io/headless"] = ""
    return {
        "apiVersion": api_version(ENDPOINT_SLICE),
        "kind": ENDPOINT_SLICE.kind,
        "addressType": (spec_of(service).get("ipFamilies") or ["IPv4"])[0],
        "metadata": {
            "generateName": f"{name_of(service)}-",
            "namespace": namespace_of(service),
            "labels": labels,
            "annotations": _trigger(service),
            "ownerReferences": [owner_reference(service)],
        },
    }


def _endpoint(service: Manifest, pod: Manifest) -> Manifest:
    serving, deleting = is_ready(pod), is_deleting(pod)
    return {
        "addresses": [status_of(pod)["podIP"]],
        "conditions": {
            "ready": (serving and not deleting) or bool(spec_of(service).get("publishNotReadyAddresses")),
            "serving": serving,
            "terminating": deleting,
        },
        "nodeName": spec_of(pod).get("nodeName") or "",
        "targetRef": _target_reference(pod),
    }
