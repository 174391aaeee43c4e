"""Joins watch, store, queue and controllers.

One pump reads the watch and fills the queue; a few workers empty it. A key is in at most one worker, a failure
brings it back after a growing delay, and a bug in one controller stops neither the others nor the cluster.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Final

from fairlead.localcluster.controllers import (
    cronjob,
    daemonset,
    deployment,
    disruption,
    endpoints,
    job,
    kubelet,
    node,
    replicaset,
    scheduler,
    statefulset,
    volumes,
)
from fairlead.localcluster.controllers.context import Context
from fairlead.localcluster.controllers.events import Recorder
from fairlead.localcluster.controllers.kinds import (
    NODE,
    POD,
    SERVICE,
    WATCHED,
    status_of,
    uid_of,
)
from fairlead.localcluster.controllers.queue import Key
from fairlead.localcluster.controllers.routes import SCHEDULER_ROUTE, Routes
from fairlead.localcluster.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from fairlead.localcluster.access import Access
    from fairlead.localcluster.controllers.kinds import Manifest

_LOG = logging.getLogger(__name__)

# Enough that one slow write does not hold up everything; the work itself shares one thread anyway.
_WORKERS = 8

CONTROLLERS: Final[dict[str, Callable[[Context, Key], Awaitable[None]]]] = {
    "CronJob": cronjob.reconcile,
    "DaemonSet": daemonset.reconcile,
    "Deployment": deployment.reconcile,
    "Job": job.reconcile,
    "Node": node.reconcile,
    "PersistentVolume": volumes.reconcile_volume,
    "PersistentVolumeClaim": volumes.reconcile_claim,
    "Pod": kubelet.reconcile,
    "PodDisruptionBudget": disruption.reconcile,
    "ReplicaSet": replicaset.reconcile,
    SCHEDULER_ROUTE: scheduler.reconcile,
    "Service": endpoints.reconcile,
    "StatefulSet": statefulset.reconcile,
}


class Manager:
    """One run of all controllers; ``context`` is open for tests."""

    def __init__(self, access: Access, *, speed: float = 1.0) -> None:
        self.context = Context(access=access, recorder=Recorder(access), speed=speed)
        self._routes = Routes(self.context.store)
        self.context.store.observer = self._changed

    async def run(self) -> None:
        """Simulate until cancelled."""
        self._load()
        await volumes.ensure_default_class(self.context)
        self.context.queue.add(Key(NODE.kind, "", node.NODE_NAME))
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._pump(), name="simulation-watch")
                tasks.create_task(self.context.recorder.run(), name="simulation-events")
                for number in range(_WORKERS):
                    tasks.create_task(self._work(), name=f"simulation-worker-{number}")
        finally:
            self.context.queue.close()

    def _load(self) -> None:
        """Know everything that is stored before the first decision: what is not seen yet must not be made again."""
        context = self.context
        for kind in WATCHED:
            for obj in context.access.list(kind.group, kind.kind):
                context.store.put(obj)
        for pod in context.store.all(POD):
            if status_of(pod).get("podIP"):
                context.pod_addresses.reserve(uid_of(pod), status_of(pod)["podIP"])
        for service in context.store.all(SERVICE):
            for ingress in (status_of(service).get("loadBalancer") or {}).get("ingress") or ():
                context.ingress_addresses.reserve(uid_of(service), ingress.get("ip", ""))

    def _changed(self, old: Manifest | None, new: Manifest | None) -> None:
        for key in self._routes.seen(old, new):
            self.context.queue.add(key)

    async def _pump(self) -> None:
        async for event, obj in self.context.access.subscribe(*WATCHED):
            if event == "DELETED":
                self.context.store.remove(obj)
            else:
                self.context.store.put(obj)

    async def _work(self) -> None:
        queue = self.context.queue
        while True:
            key = await queue.take()
            try:
                await CONTROLLERS[key.controller](self.context, key)
            except StatusError as error:
                # A conflict, a namespace that is going, a quota: the state now is read again after a while.
                _LOG.debug("%s %s/%s: %s", key.controller, key.namespace, key.name, error)
                queue.add_failed(key)
            except Exception:
                _LOG.exception("%s %s/%s", key.controller, key.namespace, key.name)
                queue.add_failed(key)
            else:
                queue.forget(key)
            finally:
                queue.done(key)
            await asyncio.sleep(0)  # an access that never suspends must not starve the server
