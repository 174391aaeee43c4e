"""What makes workloads come alive in the local cluster: scheduler, kubelet and the controllers, in simulated time.

Each controller reads from one store that a watch feeds, and writes through the API like anybody else: its own objects
and status fields, under the field managers of the real components. Nothing polls; an idle cluster costs nothing. All
state is in the cluster, so a restart goes on where the last run stopped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.localcluster.controllers.manager import Manager

if TYPE_CHECKING:
    from fairlead.localcluster.access import Access

__all__ = ["run_controllers"]


async def run_controllers(access: Access, *, speed: float = 1.0) -> None:
    """Simulate until cancelled; ``speed`` is how much faster than usual (a pod takes about half a second) things go."""
    await Manager(access, speed=speed).run()
