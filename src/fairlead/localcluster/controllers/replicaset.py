"""ReplicaSets: as many pods as asked for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fairlead.localcluster.controllers.conditions import with_condition, without_condition
from fairlead.localcluster.controllers.kinds import (
    POD,
    REPLICA_SET,
    is_deleting,
    labels_of,
    namespace_of,
    spec_of,
    status_of,
)
from fairlead.localcluster.controllers.pods import (
    create_pod,
    delete_pod,
    deletion_rank,
    is_active,
    is_finished,
    is_ready,
    owner_reference,
    pod_from_template,
    seconds_until_available,
)
from fairlead.localcluster.controllers.selectors import matches
from fairlead.localcluster.status import StatusError

if TYPE_CHECKING:
    from fairlead.localcluster.controllers.context import Context
    from fairlead.localcluster.controllers.kinds import Manifest
    from fairlead.localcluster.controllers.queue import Key

COMPONENT = "replicaset-controller"


async def reconcile(context: Context, key: Key) -> None:
    """Create or delete pods until their number is right, and count them."""
    replica_set = context.store.get(REPLICA_SET, key.namespace, key.name)
    if replica_set is None:
        return
    pods = context.store.owned(replica_set, POD)
    failure: StatusError | None = None
    if not is_deleting(replica_set):
        pods = await _claim(context, replica_set, pods)
        try:
            await _scale(context, replica_set, [pod for pod in pods if is_active(pod)])
        except StatusError as error:
            failure = error
        pods = context.store.owned(replica_set, POD)
    status, wake_seconds = _status(replica_set, pods, failure)
    await context.update_status(replica_set, status)
    if wake_seconds is not None:
        context.queue.add_after(key, wake_seconds)
    if failure is not None:
        raise failure


async def _claim(context: Context, replica_set: Manifest, pods: list[Manifest]) -> list[Manifest]:
    """Adopt orphans that the selector chooses, let go of own pods that it does not choose any more."""
    selector = spec_of(replica_set).get("selector")
    kept = []
    for pod in pods:
        if matches(selector, labels_of(pod)) or is_deleting(pod):
            kept.append(pod)
        else:
            await context.update(_with_owners(pod, []))
    orphans = context.store.orphans(POD, namespace_of(replica_set))
    chosen = [pod for pod in orphans if is_active(pod) and matches(selector, labels_of(pod))]
    adopted = [await context.update(_with_owners(pod, [owner_reference(replica_set)])) for pod in chosen]
    return kept + adopted


def _with_owners(pod: Manifest, owners: list[Manifest]) -> Manifest:
    return {**pod, "metadata": {**pod["metadata"], "ownerReferences": owners}}


async def _scale(context: Context, replica_set: Manifest, active: list[Manifest]) -> None:
    wanted = spec_of(replica_set).get("replicas", 1)
    template = spec_of(replica_set)["template"]
    for _ in range(wanted - len(active)):
        await create_pod(context, replica_set, pod_from_template(template, replica_set), COMPONENT)
        await asyncio.sleep(0)
    if len(active) > wanted:
        for pod in sorted(active, key=deletion_rank)[: len(active) - wanted]:
            await delete_pod(context, replica_set, pod, COMPONENT)


def _status(replica_set: Manifest, pods: list[Manifest], failure: StatusError | None) -> tuple[Manifest, float | None]:
    """The status, and in how many seconds a ready pod becomes available, if one is waiting for that."""
    spec = spec_of(replica_set)
    active = [pod for pod in pods if is_active(pod)]
    template_labels = ((spec.get("template") or {}).get("metadata") or {}).get("labels") or {}
    waits = [seconds_until_available(pod, spec.get("minReadySeconds", 0)) for pod in active]
    counts = {
        "fullyLabeledReplicas": sum(template_labels.items() <= labels_of(pod).items() for pod in active),
        "readyReplicas": sum(is_ready(pod) for pod in active),
        "availableReplicas": sum(wait == 0 for wait in waits),
    }
    status: Manifest = {
        "replicas": len(active),
        **{name: count for name, count in counts.items() if count},
        "terminatingReplicas": sum(is_deleting(pod) and not is_finished(pod) for pod in pods),
        "observedGeneration": replica_set["metadata"].get("generation", 0),
    }
    conditions = _conditions(status_of(replica_set).get("conditions") or [], failure)
    if conditions:
        status["conditions"] = conditions
    return status, min((wait for wait in waits if wait), default=None)


def _conditions(conditions: list[Manifest], failure: StatusError | None) -> list[Manifest]:
    if failure is None:
        return without_condition(conditions, "ReplicaFailure")
    condition = {"type": "ReplicaFailure", "status": "True", "reason": "FailedCreate", "message": failure.message}
    return with_condition(conditions, condition)
