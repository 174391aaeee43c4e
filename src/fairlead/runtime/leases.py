"""Leader election with a ``coordination.k8s.io/v1`` Lease, in the way of client-go.

The holder renews the Lease; others may take it when it has not changed for ``duration`` as measured by *their* clock,
so clocks of machines need not agree. The holder stops to lead when it could not renew for ``renew_deadline``, which is
shorter: two leaders at the same time would need a process that was frozen for the difference.
"""

from __future__ import annotations

import asyncio
import logging
import random
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairlead.errors import FairleadError, UnavailableError
from fairlead.kube.errors import ConflictApiError, NotFoundError
from fairlead.objects.ref import ObjectRef
from fairlead.runtime.clock import SystemClock, timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

    from fairlead.kube.client import KubeClient
    from fairlead.objects.manifest import Manifest
    from fairlead.runtime.clock import Clock

__all__ = ["LeaderElector", "LeadershipLostError", "LeaseOptions"]

log = logging.getLogger(__name__)

RETRY_JITTER = 1.2


class LeadershipLostError(UnavailableError):
    """The Lease could not be renewed in time; what was led has been cancelled."""


@dataclass(frozen=True, slots=True)
class LeaseOptions:
    """Flux's times, in seconds."""

    duration: float = 35.0
    """A Lease that has not been renewed for so long may be taken."""
    renew_deadline: float = 30.0
    """A leader that cannot renew for so long gives up."""
    retry: float = 5.0
    """Between attempts to take or renew."""

    def __post_init__(self) -> None:
        if not int(self.duration) > self.renew_deadline > RETRY_JITTER * self.retry > 0:
            raise ValueError(
                "a lease must last longer than its renew deadline, and that longer than 1.2 times the retry period"
            )

    def pause(self) -> float:
        """Before the next attempt to take: a little longer each for chance, so that candidates do not meet for ever."""
        return self.retry * random.uniform(1, RETRY_JITTER)  # noqa: S311 - spreads load, hides nothing


class LeaderElector:
    """One candidate for one Lease; ``identity`` names this process among the candidates."""

    def __init__(
        self,
        client: KubeClient,
        *,
        namespace: str,
        name: str,
        identity: str,
        options: LeaseOptions | None = None,
        clock: Clock | None = None,
    ) -> None:
        self.identity = identity
        self.leading = False
        self._client = client
        self._ref = ObjectRef("coordination.k8s.io", "Lease", namespace, name)
        self._options = options or LeaseOptions()
        self._clock = clock or SystemClock()
        self._seen: tuple[str, str] | None = None
        """Holder and renew time as last observed, and since when by our clock."""
        self._seen_at = 0.0

    async def run(self, lead: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Wait for the leadership, then run ``lead`` until it returns; gives the Lease back at the end.

        Raises :class:`LeadershipLostError` after ``lead`` was cancelled because the Lease was lost.
        """
        lease = await self._acquire()
        self.leading = True
        log.info("%s leads by %s", self.identity, self._ref)
        leading = asyncio.create_task(lead(), name=f"lead by {self._ref}")
        renewing = asyncio.create_task(self._renew_for_ever(lease), name=f"renew {self._ref}")
        try:
            await asyncio.wait((leading, renewing), return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.leading = False
            await _end(leading)
            await _end(renewing)
            await self._release()
        for task in (renewing, leading):
            if not task.cancelled():
                task.result()  # raises what ended it

    async def _acquire(self) -> Manifest:
        while True:
            try:
                lease = await self._try_take()
            except FairleadError as error:
                log.warning("%s: %s", self._ref, error)
                lease = None
            if lease is not None:
                return lease
            await self._clock.sleep(self._options.pause())

    async def _try_take(self) -> Manifest | None:
        """Take the Lease if it is free, ours or abandoned; None when somebody holds it."""
        try:
            lease = await self._client.get(self._ref)
        except NotFoundError:
            return await self._client.create(self._lease())
        spec = lease.get("spec") or {}
        holder = spec.get("holderIdentity") or ""
        if holder and holder != self.identity and not self._abandoned(holder, spec):
            return None
        transitions = (spec.get("leaseTransitions") or 0) + (holder != self.identity)
        try:
            return await self._client.replace(self._lease(lease, transitions))
        except ConflictApiError:
            return None

    def _abandoned(self, holder: str, spec: dict[str, Any]) -> bool:
        """Whether we have watched the holder not renew for the whole duration that it promised."""
        seen = (holder, spec.get("renewTime") or "")
        now = self._clock.monotonic()
        if seen != self._seen:
            self._seen, self._seen_at = seen, now
            return False
        return now - self._seen_at >= (spec.get("leaseDurationSeconds") or self._options.duration)

    def _lease(self, live: Manifest | None = None, transitions: int = 0) -> Manifest:
        now = timestamp(self._clock.now(), micro=True)
        before = (live or {}).get("spec") or {}
        ours = before.get("holderIdentity") == self.identity
        metadata = live["metadata"] if live else {"namespace": self._ref.namespace, "name": self._ref.name}
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": metadata,
            "spec": {
                "holderIdentity": self.identity,
                "leaseDurationSeconds": max(int(self._options.duration), 1),
                "acquireTime": before["acquireTime"] if ours and before.get("acquireTime") else now,
                "renewTime": now,
                "leaseTransitions": transitions,
            },
        }

    async def _renew_for_ever(self, lease: Manifest) -> None:
        renewed = self._clock.monotonic()
        while True:
            await self._clock.sleep(self._options.retry)
            left = self._options.renew_deadline - (self._clock.monotonic() - renewed)
            try:
                async with asyncio.timeout(max(left, 0.001)):
                    lease = await self._renew(lease)
                renewed = self._clock.monotonic()
            except (FairleadError, TimeoutError) as error:
                log.warning("%s could not be renewed: %s", self._ref, error or "no answer in time")
                if isinstance(error, LeadershipLostError):
                    raise
                if self._clock.monotonic() - renewed + self._options.retry >= self._options.renew_deadline:
                    message = f"{self._ref} could not be renewed for {self._options.renew_deadline:.0f} s"
                    raise LeadershipLostError(message) from error

    async def _renew(self, lease: Manifest) -> Manifest:
        transitions = lease["spec"].get("leaseTransitions") or 0
        try:
            return await self._client.replace(self._lease(lease, transitions))
        except ConflictApiError:
            fresh = await self._client.get(self._ref)
        if (fresh.get("spec") or {}).get("holderIdentity") != self.identity:
            raise LeadershipLostError(f"{self._ref} was taken by another candidate")
        return await self._client.replace(self._lease(fresh, transitions))

    async def _release(self) -> None:
        """Let the next candidate take over at once; failing that, it takes over when the Lease runs out."""
        try:
            async with asyncio.timeout(2):
                lease = await self._client.get(self._ref)
                if (lease.get("spec") or {}).get("holderIdentity") == self.identity:
                    lease["spec"] = {**lease["spec"], "holderIdentity": "", "leaseDurationSeconds": 1}
                    await self._client.replace(lease)
        except (FairleadError, TimeoutError) as error:
            log.warning("%s could not be given back: %s", self._ref, error or "no answer in time")


async def _end(task: asyncio.Task[None]) -> None:
    """Cancel a task and wait until it has cleaned up."""
    task.cancel()
    await asyncio.wait((task,))
