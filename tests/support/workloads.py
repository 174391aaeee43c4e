"""Makes Deployments ready on an API server that runs no controllers for workloads."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fairlead.errors import FairleadError
from fairlead.kube.client import PatchType
from fairlead.kube.reflector import Reflector, manifest_decoder
from fairlead.objects.ref import GroupKind, ObjectRef

if TYPE_CHECKING:
    from fairlead.kube.client import KubeClient

DEPLOYMENT = GroupKind("apps", "Deployment")


async def run_workloads(client: KubeClient) -> None:
    """Until cancelled: each generation of a Deployment becomes available, unless its image is named ``*:broken*``."""
    reflector = Reflector(client, DEPLOYMENT, decode=manifest_decoder)
    changed: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
    reflector.subscribe(lambda _, __, new: changed.put_nowait(new) if new else None)
    async with asyncio.TaskGroup() as group:
        group.create_task(reflector.run())
        while True:
            deployment = await changed.get()
            status, meta = deployment.get("status") or {}, deployment["metadata"]
            if status.get("observedGeneration") != meta["generation"] and not meta.get("deletionTimestamp"):
                await _make_ready(client, deployment)


async def _make_ready(client: KubeClient, deployment: dict[str, Any]) -> None:
    meta, spec = deployment["metadata"], deployment["spec"]
    images = [container["image"] for container in spec["template"]["spec"]["containers"]]
    replicas = 0 if any(":broken" in image for image in images) else spec["replicas"]
    available = replicas == spec["replicas"]
    status = {
        "observedGeneration": meta["generation"],
        "replicas": spec["replicas"],
        "updatedReplicas": spec["replicas"],
        "readyReplicas": replicas,
        "availableReplicas": replicas,
        "conditions": [
            {"type": "Available", "status": str(available), "reason": "MinimumReplicas", "message": ""},
            {
                "type": "Progressing",
                "status": "True",
                "reason": "NewReplicaSetAvailable" if available else "ReplicaSetUpdated",
                "message": "",
            },
        ],
    }
    ref = ObjectRef("apps", "Deployment", meta["namespace"], meta["name"])
    try:
        await client.patch(ref, {"status": status}, PatchType.MERGE, subresource="status")
    except FairleadError:
        return  # it is gone
