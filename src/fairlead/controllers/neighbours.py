"""Flux's own controllers, still at work in the same cluster: two engines on the same resources would fight.

They are told by the Leases that they renew. As long as one does, Fairlead says so and stands back; it begins when the
last of them has ended, so a cluster changes hands by scaling Flux's deployments down.
"""

from __future__ import annotations

import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from fairlead.api.names import KUSTOMIZE_CONTROLLER, SOURCE_CONTROLLER
from fairlead.kube.errors import ApiError, NoMatchError
from fairlead.objects.manifest import part
from fairlead.objects.ref import ObjectRef

if TYPE_CHECKING:
    from fairlead.kube.client import KubeClient
    from fairlead.objects.manifest import Manifest
    from fairlead.runtime.clock import Clock

__all__ = ["flux_at_work", "wait_for_flux_to_end"]

log = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 5.0
DEFAULT_LEASE_SECONDS = 35


async def wait_for_flux_to_end(client: KubeClient, namespace: str, clock: Clock) -> None:
    """Returns when none of Flux's controllers that do our work holds its Lease."""
    told: list[str] = []
    while found := await flux_at_work(client, namespace, clock.now()):
        if found != told:
            log.warning(
                "Flux is at work here (%s): standing back until it ends; scale it down, or use --alongside-flux",
                ", ".join(found),
            )
            told = found
        await clock.sleep(LOOK_AGAIN_SECONDS)


async def flux_at_work(client: KubeClient, namespace: str, now: datetime) -> list[str]:
    """The controllers of Flux that hold their Leases, as ``name (holder)``. What cannot be read counts as none."""
    found = []
    for controller in (SOURCE_CONTROLLER, KUSTOMIZE_CONTROLLER):
        ref = ObjectRef("coordination.k8s.io", "Lease", namespace, f"{controller}-leader-election")
        try:
            lease = await client.get(ref)
        except (ApiError, NoMatchError):
            continue
        if _is_held(lease, now):
            found.append(f"{controller} ({part(lease, 'spec')['holderIdentity']})")
    return found


def _is_held(lease: Manifest, now: datetime) -> bool:
    spec = part(lease, "spec")
    if not spec.get("holderIdentity"):
        return False
    try:
        renewed = datetime.fromisoformat(str(spec.get("renewTime")))
    except ValueError:
        return False
    lasts = timedelta(seconds=int(spec.get("leaseDurationSeconds") or DEFAULT_LEASE_SECONDS))
    return renewed.replace(tzinfo=renewed.tzinfo or UTC) + lasts >= now
