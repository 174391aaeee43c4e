"""What every controller gets: reads from the store, writes that the store sees at once, delays, events."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fairlead.localcluster.controllers.addresses import AddressPool
from fairlead.localcluster.controllers.clock import Timing
from fairlead.localcluster.controllers.kinds import kind_of, name_of, namespace_of, uid_of
from fairlead.localcluster.controllers.queue import Key, WorkQueue
from fairlead.localcluster.controllers.store import Store
from fairlead.localcluster.status import StatusError

if TYPE_CHECKING:
    from fairlead.localcluster.access import Access
    from fairlead.localcluster.controllers.events import Recorder
    from fairlead.localcluster.controllers.kinds import Manifest

CONTROLLER_MANAGER = "kube-controller-manager"
KUBELET = "kubelet"
SCHEDULER = "kube-scheduler"


@dataclass(slots=True)
class Context:
    """Shared by all controllers of one run; ``speed`` divides every simulated duration."""

    access: Access
    recorder: Recorder
    speed: float = 1.0
    timing: Timing = field(default_factory=Timing)
    store: Store = field(default_factory=Store)
    queue: WorkQueue = field(default_factory=WorkQueue)
    pod_addresses: AddressPool = field(default_factory=lambda: AddressPool("10.244.0.0/16"))
    ingress_addresses: AddressPool = field(default_factory=lambda: AddressPool("172.18.255.0/24"))
    _phases: dict[Key, tuple[str, float]] = field(default_factory=dict)

    def elapsed(self, key: Key, phase: str, seconds: float) -> bool:
        """Whether ``key`` has been in ``phase`` for this long since it was first asked; if not, it will run again then.

        The start is kept in memory alone: after a restart the wait begins anew, which is all that a simulation owes.
        """
        now = asyncio.get_running_loop().time()
        known = self._phases.get(key)
        if known is None or known[0] != phase:
            known = (phase, now + seconds / self.speed)
            self._phases[key] = known
            self.queue.cancel(key)  # what the last phase waited for
        remaining = known[1] - now
        if remaining <= 0:
            return True
        self.queue.add_after(key, remaining)
        return False

    def forget(self, key: Key) -> None:
        """The object is gone, or waits for nothing any more: drop its phase and its delay."""
        if self._phases.pop(key, None) is not None:
            self.queue.cancel(key)

    async def create(self, obj: Manifest, *, manager: str = CONTROLLER_MANAGER) -> Manifest:
        created = await self.access.create(obj, field_manager=manager)
        self.store.put(created)
        return created

    async def update(self, obj: Manifest, *, manager: str = CONTROLLER_MANAGER) -> Manifest:
        updated = await self.access.update(obj, field_manager=manager)
        self.store.put(updated)
        return updated

    async def update_status(self, obj: Manifest, status: Manifest, *, manager: str = CONTROLLER_MANAGER) -> Manifest:
        """Write ``status`` unless the object has it already."""
        if status == (obj.get("status") or {}):
            return obj
        updated = await self.access.update_status({**obj, "status": status}, field_manager=manager)
        self.store.put(updated)
        return updated

    async def delete(self, obj: Manifest, *, grace_period_seconds: int | None = None) -> None:
        """Delete this incarnation; one that is gone already is no error."""
        kind, namespace, name = kind_of(obj), namespace_of(obj), name_of(obj)
        try:
            await self.access.delete(
                kind.group, kind.kind, namespace, name, uid=uid_of(obj), grace_period_seconds=grace_period_seconds
            )
        except StatusError as error:
            if error.code not in (404, 409):
                raise
        left = self.access.get(kind.group, kind.kind, namespace, name)
        if left is None or uid_of(left) != uid_of(obj):
            self.store.remove(obj)
        else:
            self.store.put(left)
