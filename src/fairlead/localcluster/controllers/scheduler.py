"""Puts pods on the one node, or says why they do not fit, in the scheduler's words."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.localcluster.controllers.conditions import find_condition, with_condition
from fairlead.localcluster.controllers.context import SCHEDULER, Context
from fairlead.localcluster.controllers.events import SCHEDULER_COMPONENT
from fairlead.localcluster.controllers.kinds import (
    NODE,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    is_deleting,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from fairlead.localcluster.controllers.node import NODE_NAME
from fairlead.localcluster.controllers.pods import is_finished
from fairlead.localcluster.controllers.references import claims_of

if TYPE_CHECKING:
    from fairlead.localcluster.controllers.kinds import Manifest
    from fairlead.localcluster.controllers.queue import Key


_PREEMPTION = "preemption: 0/1 nodes are available: 1 Preemption is not helpful for scheduling."


def wants_scheduling(pod: Manifest) -> bool:
    spec = spec_of(pod)
    if spec.get("nodeName") or is_deleting(pod) or is_finished(pod):
        return False
    return (spec.get("schedulerName") or SCHEDULER_COMPONENT) == SCHEDULER_COMPONENT


async def reconcile(context: Context, key: Key) -> None:
    """Bind one pod, or write down why it has to wait."""
    pod = context.store.get(POD, key.namespace, key.name)
    if pod is None or not wants_scheduling(pod):
        context.forget(key)
        return
    gates = spec_of(pod).get("schedulingGates")
    if gates:
        await _refuse(context, pod, "SchedulingGated", "Scheduling is blocked due to non-empty scheduling gates")
        return
    obstacle = _obstacle(context, pod)
    if obstacle:
        # A claim that is about to be bound is no news; the wait is short and a binding ends it.
        if not context.elapsed(key, f"{uid_of(pod)}/{obstacle}", context.timing.schedule):
            return
        message = f"0/1 nodes are available: {obstacle}"
        if await _refuse(context, pod, "Unschedulable", message):
            context.recorder.warning(pod, "FailedScheduling", message, SCHEDULER_COMPONENT)
        return
    await context.update({**pod, "spec": {**spec_of(pod), "nodeName": NODE_NAME}}, manager=SCHEDULER)
    message = f"Successfully assigned {namespace_of(pod)}/{name_of(pod)} to {NODE_NAME}"
    context.recorder.normal(pod, "Scheduled", message, SCHEDULER_COMPONENT)


def _obstacle(context: Context, pod: Manifest) -> str:
    for name in claims_of(pod):
        claim = context.store.get(PERSISTENT_VOLUME_CLAIM, namespace_of(pod), name)
        if claim is None:
            return f'persistentvolumeclaim "{name}" not found. not found'
        if status_of(claim).get("phase") != "Bound":
            return "pod has unbound immediate PersistentVolumeClaims. not found"
    node = context.store.get(NODE, "", NODE_NAME)
    if node is None:
        return "no nodes available to schedule pods"
    if spec_of(node).get("unschedulable"):
        return f"1 node(s) were unschedulable. {_PREEMPTION}"
    wanted = (spec_of(pod).get("nodeSelector") or {}).items()
    if not wanted <= labels_of(node).items():
        return f"1 node(s) didn't match Pod's node affinity/selector. {_PREEMPTION}"
    return ""


async def _refuse(context: Context, pod: Manifest, reason: str, message: str) -> bool:
    """Set ``PodScheduled`` to False; says whether that was news."""
    status = status_of(pod)
    known = find_condition(status, "PodScheduled")
    if known is not None and (known.get("reason"), known.get("message")) == (reason, message):
        return False
    condition = {
        "type": "PodScheduled",
        "status": "False",
        "lastProbeTime": None,
        "reason": reason,
        "message": message,
    }
    conditions = with_condition(list(status.get("conditions") or []), condition)
    await context.update_status(pod, {**status, "phase": "Pending", "conditions": conditions}, manager=SCHEDULER)
    return True
