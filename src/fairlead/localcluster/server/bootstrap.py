"""What a new cluster holds before anybody comes: namespaces, roles, priority classes, its own service."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.localcluster.server.certs import SERVICE_IP
from fairlead.localcluster.server.namespaces import SYSTEM
from fairlead.localcluster.server.requests import WriteOptions
from fairlead.objects.ref import split_api_version

if TYPE_CHECKING:
    from fairlead.localcluster.server.core import Core

__all__ = ["bootstrap"]

NAMESPACES = ("default", "kube-system", "kube-public", "kube-node-lease")


def bootstrap(core: Core, port: int) -> None:
    """Create what is missing; safe to call at every start."""
    options = WriteOptions(SYSTEM, "kube-apiserver", field_validation="Ignore")
    data = resources.files("fairlead.localcluster").joinpath("data/bootstrap.json").read_bytes()
    objects: list[dict[str, Any]] = [_namespace(name) for name in NAMESPACES]
    objects += msgspec.json.decode(data)
    objects.append(_service(port))
    for obj in objects:
        group, version = split_api_version(obj["apiVersion"])
        resource = core.registry.by_kind(group, obj["kind"], version)
        namespace = obj["metadata"].get("namespace") or ""
        if resource and core.store.collection(resource.collection).get(namespace, obj["metadata"]["name"]) is None:
            core.pipeline.create(resource, namespace, obj, options)


def _namespace(name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}


def _service(port: int) -> dict[str, Any]:
    labels = {"component": "apiserver", "provider": "kubernetes"}
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": {"name": "kubernetes", "namespace": "default", "labels": labels},
        "spec": {
            "type": "ClusterIP",
            "clusterIP": SERVICE_IP,
            "clusterIPs": [SERVICE_IP],
            "ports": [{"name": "https", "port": 443, "protocol": "TCP", "targetPort": port}],
            "sessionAffinity": "None",
        },
    }
