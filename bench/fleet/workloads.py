"""Says that Deployments are ready, on servers without workload controllers (a bare kube-apiserver with etcd)."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from bench.fleet.eyes import DEPLOYMENT
from fairlead.kube.client import PatchType
from fairlead.kube.errors import ApiError, NotFoundError
from fairlead.objects.ref import ObjectRef

if TYPE_CHECKING:
    from bench.fleet.eyes import Eyes
    from fairlead.kube.client import KubeClient

AT_ONCE = 8


class Workloads:
    """Whose status is behind its spec gets the status of one that has rolled out."""

    def __init__(self, client: KubeClient, eyes: Eyes) -> None:
        """``eyes`` follow the Deployments of all namespaces."""
        self._client = client
        self._newest: dict[ObjectRef, dict[str, Any]] = {}
        self._some = asyncio.Event()
        eyes.listeners[DEPLOYMENT] = self._take

    async def run(self) -> None:
        async with asyncio.TaskGroup() as group:
            for _ in range(AT_ONCE):
                group.create_task(self._work())

    def _take(self, manifest: dict[str, Any]) -> None:
        if manifest.get("status", {}).get("observedGeneration") == manifest["metadata"]["generation"]:
            return
        meta = manifest["metadata"]
        self._newest[ObjectRef("apps", "Deployment", meta["namespace"], meta["name"])] = manifest
        self._some.set()

    async def _work(self) -> None:
        while True:
            await self._some.wait()
            ref = next(iter(self._newest), None)
            if ref is None:
                self._some.clear()
                continue
            manifest = self._newest.pop(ref)
            try:
                await self._client.patch(ref, {"status": rolled_out(manifest)}, PatchType.MERGE, subresource="status")
            except NotFoundError:
                continue
            except ApiError:
                # Somebody wrote at the same time, or the server was too busy: again, or what is newer.
                self._newest.setdefault(ref, manifest)


def rolled_out(manifest: dict[str, Any]) -> dict[str, Any]:
    """The status that the Deployment controller writes at the end of a rollout."""
    replicas = manifest["spec"].get("replicas", 1)
    conditions = [
        {"type": "Available", "status": "True", "reason": "MinimumReplicasAvailable"},
        {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"},
    ]
    counts = dict.fromkeys(("replicas", "updatedReplicas", "readyReplicas", "availableReplicas"), replicas)
    return {"observedGeneration": manifest["metadata"]["generation"], **counts, "conditions": conditions}
