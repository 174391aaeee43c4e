"""The one simulated node: present, Ready, with room for everything."""

from __future__ import annotations

import platform
from typing import TYPE_CHECKING

from fairlead.localcluster.controllers.clock import micro_stamp, stamp
from fairlead.localcluster.controllers.context import KUBELET, Context
from fairlead.localcluster.controllers.kinds import LEASE, NODE, api_version, status_of, uid_of
from fairlead.localcluster.status import StatusError

if TYPE_CHECKING:
    from fairlead.localcluster.controllers.kinds import Manifest
    from fairlead.localcluster.controllers.queue import Key

NODE_NAME = "local"
NODE_ADDRESS = "172.18.0.2"
_LEASE_NAMESPACE = "kube-node-lease"
_VERSION = "v1.35.4"


async def reconcile(context: Context, key: Key) -> None:
    """Register the node, report it ready, and hold its lease; a node of any other name is none of ours."""
    if key.name != NODE_NAME:
        return
    node = context.store.get(NODE, "", NODE_NAME)
    if node is None:
        node = await context.create(_node(), manager=KUBELET)
    if not status_of(node).get("conditions"):
        node = await context.update_status(node, _status(), manager=KUBELET)
    if context.access.get(LEASE.group, LEASE.kind, _LEASE_NAMESPACE, NODE_NAME) is None:
        await _create_lease(context, node)


async def _create_lease(context: Context, node: Manifest) -> None:
    reference = {"apiVersion": "v1", "kind": "Node", "name": NODE_NAME, "uid": uid_of(node)}
    lease = {
        "apiVersion": api_version(LEASE),
        "kind": LEASE.kind,
        "metadata": {"name": NODE_NAME, "namespace": _LEASE_NAMESPACE, "ownerReferences": [reference]},
        "spec": {"holderIdentity": NODE_NAME, "leaseDurationSeconds": 40, "renewTime": micro_stamp()},
    }
    try:
        await context.create(lease, manager=KUBELET)
    except StatusError as error:
        if error.code != 404:  # without that namespace there is nobody to tell
            raise


def _machine() -> str:
    return {"x86_64": "amd64", "aarch64": "arm64"}.get(platform.machine(), platform.machine())


def _node() -> Manifest:
    labels = {
        "beta.kubernetes.io/arch": _machine(),
        "beta.kubernetes.io/os": "linux",
        "kubernetes.io/arch": _machine(),
        "kubernetes.io/hostname": NODE_NAME,
        "kubernetes.io/os": "linux",
        "node-role.kubernetes.io/control-plane": "",
    }
    return {
        "apiVersion": "v1",
        "kind": "Node",
        "metadata": {"name": NODE_NAME, "labels": labels},
        "spec": {"podCIDR": "10.244.0.0/16", "podCIDRs": ["10.244.0.0/16"], "providerID": f"fairlead://{NODE_NAME}"},
    }


def _status() -> Manifest:
    room = {"cpu": "64", "ephemeral-storage": "1Ti", "memory": "256Gi", "pods": "10000"}
    return {
        "addresses": [{"type": "InternalIP", "address": NODE_ADDRESS}, {"type": "Hostname", "address": NODE_NAME}],
        "allocatable": room,
        "capacity": room,
        "conditions": [
            _condition(
                "MemoryPressure", "False", "KubeletHasSufficientMemory", "kubelet has sufficient memory available"
            ),
            _condition("DiskPressure", "False", "KubeletHasNoDiskPressure", "kubelet has no disk pressure"),
            _condition("PIDPressure", "False", "KubeletHasSufficientPID", "kubelet has sufficient PID available"),
            _condition("Ready", "True", "KubeletReady", "kubelet is posting ready status"),
        ],
        "daemonEndpoints": {"kubeletEndpoint": {"Port": 10250}},
        "nodeInfo": {
            "architecture": _machine(),
            "bootID": "",
            "containerRuntimeVersion": "simulated://1.0",
            "kernelVersion": platform.release(),
            "kubeProxyVersion": "",
            "kubeletVersion": _VERSION,
            "machineID": "",
            "operatingSystem": "linux",
            "osImage": "Fairlead local cluster",
            "systemUUID": "",
        },
    }


def _condition(name: str, status: str, reason: str, message: str) -> Manifest:
    moment = stamp()
    return {
        "type": name,
        "status": status,
        "reason": reason,
        "message": message,
        "lastHeartbeatTime": moment,
        "lastTransitionTime": moment,
    }
