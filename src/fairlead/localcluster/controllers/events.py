"""Kubernetes Events as the real controllers write them, off the path of their work.

Recording never waits. When a storm fills the queue, the chatter about healthy containers is dropped first: nobody reads
seven events for each of a thousand pods, and the API server would spend more time on them than on the pods.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import OrderedDict, deque
from typing import TYPE_CHECKING

from fairlead.localcluster.controllers.clock import micro_stamp, now, stamp
from fairlead.localcluster.controllers.kinds import name_of, namespace_of, uid_of
from fairlead.localcluster.status import StatusError

if TYPE_CHECKING:
    from fairlead.localcluster.access import Access
    from fairlead.localcluster.controllers.kinds import Manifest

_LOG = logging.getLogger(__name__)
_CHATTER_LIMIT = 100  # beyond this depth the events of healthy containers are dropped
_LIMIT = 2000  # beyond this depth everything is
_REMEMBERED = 4096  # events that a repetition can still be counted on

SCHEDULER_COMPONENT = "default-scheduler"
KUBELET_COMPONENT = "kubelet"
_MANAGERS = {SCHEDULER_COMPONENT: "kube-scheduler", KUBELET_COMPONENT: "kubelet"}


class Recorder:
    """Events wait here until :meth:`run` writes them; a repeated one raises the count of the first."""

    def __init__(self, access: Access) -> None:
        self._access = access
        self._waiting: deque[Manifest] = deque()
        self._wake = asyncio.Event()
        self._written: OrderedDict[tuple[str, str, str, str], Manifest] = OrderedDict()

    def __len__(self) -> int:
        return len(self._waiting)

    def normal(
        self, obj: Manifest, reason: str, message: str, component: str, *, field_path: str = "", host: str = ""
    ) -> None:
        limit = _CHATTER_LIMIT if component == KUBELET_COMPONENT else _LIMIT
        if len(self._waiting) < limit:
            self._add(_event(obj, "Normal", reason, message, component, field_path, host))

    def warning(
        self, obj: Manifest, reason: str, message: str, component: str, *, field_path: str = "", host: str = ""
    ) -> None:
        if len(self._waiting) < _LIMIT:
            self._add(_event(obj, "Warning", reason, message, component, field_path, host))

    async def run(self) -> None:
        """Write events until cancelled."""
        while True:
            while self._waiting:
                await self._write(self._waiting.popleft())
                await asyncio.sleep(0)  # an access that never suspends must not starve the controllers
            self._wake.clear()
            await self._wake.wait()

    def _add(self, event: Manifest) -> None:
        self._waiting.append(event)
        self._wake.set()

    async def _write(self, event: Manifest) -> None:
        key = (event["involvedObject"]["uid"], event["reportingComponent"], event["reason"], event["message"])
        before = self._written.get(key)
        try:
            self._written[key] = await self._create_or_count(event, before)
        except StatusError as error:
            # The object's namespace may be gone or going; a lost event is no reason to stop.
            _LOG.debug("event %s of %s is not written: %s", event["reason"], event["metadata"]["name"], error)
        if len(self._written) > _REMEMBERED:
            self._written.popitem(last=False)

    async def _create_or_count(self, event: Manifest, before: Manifest | None) -> Manifest:
        manager = _MANAGERS.get(event["reportingComponent"], "kube-controller-manager")
        if before is not None and "count" in before:
            counted = {**before, "count": before["count"] + 1, "lastTimestamp": event["lastTimestamp"]}
            try:
                return await self._access.update(counted, field_manager=manager)
            except StatusError as error:
                if error.code not in (404, 409):
                    raise
        return await self._access.create(event, field_manager=manager)


def _event(
    obj: Manifest, event_type: str, reason: str, message: str, component: str, field_path: str, host: str
) -> Manifest:
    moment = now()
    involved = {
        "apiVersion": obj["apiVersion"],
        "kind": obj["kind"],
        "name": name_of(obj),
        "uid": uid_of(obj),
        "resourceVersion": obj["metadata"].get("resourceVersion") or "",
    }
    namespace = namespace_of(obj)
    if namespace:
        involved["namespace"] = namespace
    if field_path:
        involved["fieldPath"] = field_path
    event: Manifest = {
        "apiVersion": "v1",
        "kind": "Event",
        "metadata": {"name": f"{name_of(obj)}.{time.time_ns():x}", "namespace": namespace or "default"},
        "involvedObject": involved,
        "type": event_type,
        "reason": reason,
        "message": message,
        "reportingComponent": component,
        "reportingInstance": host,
    }
    if component == SCHEDULER_COMPONENT:
        # The scheduler writes the newer form, without a count.
        action = "Binding" if reason == "Scheduled" else "Scheduling"
        event |= {"eventTime": micro_stamp(moment), "action": action, "reportingInstance": SCHEDULER_COMPONENT}
        event |= {"firstTimestamp": None, "lastTimestamp": None, "source": {}}
        return event
    source = {"component": component} | ({"host": host} if host else {})
    event |= {"eventTime": None, "firstTimestamp": stamp(moment), "lastTimestamp": stamp(moment)}
    event |= {"count": 1, "source": source}
    return event
