"""The end of a Kustomization: its objects are deleted, or left, as its policy says; then it is let go.

A suspended one leaves everything. When the account or the cluster to act in cannot be had any more, nothing is deleted
and an Event says so; the Kustomization goes all the same, as in Flux.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.api.names import EVENT_ORIGIN_REVISION, EVENT_REVISION, FINALIZER
from fairlead.controllers.attempt import timeout_of
from fairlead.controllers.delivery import owner_of
from fairlead.controllers.references import ReferenceNotFoundError
from fairlead.engine.plan import Owner
from fairlead.engine.prune import Pruner, deletion_plan
from fairlead.errors import FairleadError, InvalidSpecError, NotReadyError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import timedelta

    from fairlead.api.kustomization import Kustomization
    from fairlead.controllers.access import Access
    from fairlead.controllers.claims import Wanted
    from fairlead.controllers.clusters import Clusters
    from fairlead.objects.inventory import Inventory
    from fairlead.runtime.events import EventType

__all__ = ["finalize"]


async def finalize(
    kustomization: Kustomization,
    access: Access[Kustomization],
    clusters: Clusters,
    inventory: Inventory,
    wanted: Callable[[Inventory], Awaitable[Wanted]],
    shortest_timeout: timedelta,
) -> None:
    """Delete what has to be deleted and remove the finalizer; raises what stands in the way, to be tried again.

    ``inventory`` has all that may exist because of it.
    """
    if FINALIZER not in kustomization.metadata.finalizers:
        return
    spec = kustomization.spec
    delete, wait = deletion_plan(spec.deletion_policy or "", prune=spec.prune, suspended=bool(spec.suspend))
    patience = timeout_of(kustomization, shortest_timeout) if wait else None
    if delete and inventory.versions:
        try:
            await _delete_objects(kustomization, access, clusters, inventory, wanted, patience)
        except (ReferenceNotFoundError, InvalidSpecError) as error:
            left = "\n".join(str(ref) for ref in inventory)
            _tell(access, kustomization, "Warning", f"unable to prune objects: {error}; these are left:\n{left}")
        except NotReadyError as error:
            # Nothing wakes a deletion, as it would an ordinary run that waits: it has to be tried again.
            raise UnavailableError(str(error)) from error
    await access.remove_finalizer(kustomization)


async def _delete_objects(
    kustomization: Kustomization,
    access: Access[Kustomization],
    clusters: Clusters,
    inventory: Inventory,
    wanted: Callable[[Inventory], Awaitable[Wanted]],
    patience: timedelta | None,
) -> None:
    """Delete; with ``patience`` wait until all are gone."""
    try:
        await clusters.check_account(kustomization)
        target = await clusters.target(kustomization)
        kept = await wanted(inventory)
    except UnavailableError as error:
        hint = "it is tried again; suspend the Kustomization to let it go and leave its objects"
        _tell(access, kustomization, "Warning", f"pruning for deleted resource failed: {error}; {hint}")
        raise
    owner = owner_of(kustomization)
    pruner = Pruner(target.watcher, owner, client=target.client, claimed=kept)
    result = await pruner.prune(inventory)
    if result.changes.written:
        _tell(access, kustomization, "Normal", result.changes.lines())
    if result.error is not None:
        _tell(access, kustomization, "Warning", f"pruning for deleted resource failed: {result.error}")
        raise result.error
    if result.survivors.without(kept.heirs).versions:
        raise NotReadyError("a new revision came meanwhile, or a late write may still create objects; the rest follows")
    for ref in result.left:
        heir = kept.heirs[ref]
        await pruner.pass_on(ref, Owner(heir.namespace, heir.name))
        target.watcher.state.hand_back(ref, Owner(heir.namespace, heir.name))
    if patience is not None:
        try:
            await pruner.wait_for_termination(result, patience.total_seconds())
        except FairleadError as error:
            _tell(access, kustomization, "Warning", f"failed to wait for resources termination: {error}")
            raise
    target.watcher.state.release_owner(owner)


def _tell(access: Access[Kustomization], kustomization: Kustomization, type: EventType, message: str) -> None:
    """An Event about the end, with the revision that was applied."""
    status = kustomization.status
    pairs = (
        (EVENT_REVISION, status.last_applied_revision),
        (EVENT_ORIGIN_REVISION, status.last_applied_origin_revision),
    )
    metadata = {key: value for key, value in pairs if value}
    reason = "ReconciliationSucceeded" if type == "Normal" else "PruneFailed"
    access.event(kustomization, type, reason, message, metadata)
