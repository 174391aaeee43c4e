"""Runs the pods of the simulated node: what a kubelet would do, without containers.

Each run looks at one pod and takes it one step on: created, started or failed, ended, and, once deleted, gone. The
state lives in the pod's status alone, so a restart continues where the last run stopped.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.localcluster.controllers.clock import stamp
from fairlead.localcluster.controllers.context import KUBELET, Context
from fairlead.localcluster.controllers.events import KUBELET_COMPONENT
from fairlead.localcluster.controllers.kinds import POD, is_deleting, namespace_of, spec_of, status_of, uid_of
from fairlead.localcluster.controllers.node import NODE_ADDRESS, NODE_NAME
from fairlead.localcluster.controllers.pods import is_finished
from fairlead.localcluster.controllers.podstatus import Step, created_status, next_step, with_conditions
from fairlead.localcluster.controllers.references import environment_problem, mount_problem

if TYPE_CHECKING:
    from fairlead.localcluster.controllers.kinds import Manifest
    from fairlead.localcluster.controllers.queue import Key


async def reconcile(context: Context, key: Key) -> None:
    """Take one pod one step on."""
    pod = context.store.get(POD, key.namespace, key.name)
    if pod is None:
        context.forget(key)
        return
    if is_deleting(pod):
        await _terminate(context, key, pod)
    elif spec_of(pod).get("nodeName") == NODE_NAME and not is_finished(pod):
        await _run(context, key, pod)


async def _run(context: Context, key: Key, pod: Manifest) -> None:
    if not status_of(pod).get("containerStatuses"):
        await _write(context, pod, created_status(pod) | _place(context, pod))
        return
    problem = mount_problem(pod, context.store)
    if problem and not _has_started(pod):
        if context.elapsed(key, f"{uid_of(pod)}/mount", context.timing.start):
            context.recorder.warning(pod, "FailedMount", problem, KUBELET_COMPONENT, host=NODE_NAME)
        return
    step = next_step(pod, context.timing, lambda each: environment_problem(each, context.store, namespace_of(pod)))
    if step is None:
        await _write(context, pod, with_conditions(pod, status_of(pod)))
    elif context.elapsed(key, step.phase, step.seconds):
        await _take(context, pod, step)


async def _take(context: Context, pod: Manifest, step: Step) -> None:
    status = step.status
    if "podIP" not in status and not spec_of(pod).get("hostNetwork"):
        address = context.pod_addresses.take(uid_of(pod))
        status = {**status, "podIP": address, "podIPs": [{"ip": address}]}
    await _write(context, pod, status)
    for event in step.events:
        record = context.recorder.warning if event.told.warning else context.recorder.normal
        record(
            pod,
            event.told.reason,
            event.told.message,
            KUBELET_COMPONENT,
            field_path=event.field_path,
            host=NODE_NAME,
        )


async def _write(context: Context, pod: Manifest, status: Manifest) -> None:
    if status != status_of(pod):
        await context.update_status(pod, status, manager=KUBELET)


async def _terminate(context: Context, key: Key, pod: Manifest) -> None:
    """A deleted pod ends its grace period early: there is nothing to stop."""
    if pod["metadata"].get("deletionGracePeriodSeconds") == 0 and pod["metadata"].get("finalizers"):
        return
    if not context.elapsed(key, f"{uid_of(pod)}/terminate", context.timing.terminate):
        return
    for container in spec_of(pod).get("containers") or ():
        name = container["name"]
        path = f"spec.containers{{{name}}}"
        if _is_running(pod, name):
            message = f"Stopping container {name}"
            context.recorder.normal(pod, "Killing", message, KUBELET_COMPONENT, field_path=path, host=NODE_NAME)
    context.pod_addresses.release(uid_of(pod))
    await context.delete(pod, grace_period_seconds=0)


def _place(context: Context, pod: Manifest) -> Manifest:
    """Where and since when a pod runs."""
    place = {"hostIP": NODE_ADDRESS, "hostIPs": [{"ip": NODE_ADDRESS}], "startTime": stamp()}
    place["qosClass"] = status_of(pod).get("qosClass") or _qos_class(pod)
    if spec_of(pod).get("hostNetwork"):
        place |= {"podIP": NODE_ADDRESS, "podIPs": [{"ip": NODE_ADDRESS}]}
    return place


def _qos_class(pod: Manifest) -> str:
    resources = [container.get("resources") or {} for container in spec_of(pod).get("containers") or ()]
    if not any(each.get("requests") or each.get("limits") for each in resources):
        return "BestEffort"
    for each in resources:
        limits = each.get("limits") or {}
        if set(limits) < {"cpu", "memory"} or (each.get("requests") or limits) != limits:
            return "Burstable"
    return "Guaranteed"


def _is_running(pod: Manifest, name: str) -> bool:
    statuses = status_of(pod).get("containerStatuses") or ()
    return any(each["name"] == name and "running" in each["state"] for each in statuses)


def _has_started(pod: Manifest) -> bool:
    """Mounts are set up once; what goes missing later does not stop a pod."""
    return "podIP" in status_of(pod) and not spec_of(pod).get("hostNetwork")
