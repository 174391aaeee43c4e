"""What controllers ask of pods, and how they make them from templates."""

from __future__ import annotations

import copy
from datetime import timedelta
from typing import TYPE_CHECKING

from fairlead.localcluster.controllers.clock import now, parse_stamp
from fairlead.localcluster.controllers.conditions import find_condition, is_true
from fairlead.localcluster.controllers.kinds import is_deleting, name_of, namespace_of, spec_of, status_of, uid_of
from fairlead.localcluster.status import StatusError

if TYPE_CHECKING:
    from fairlead.localcluster.controllers.context import Context
    from fairlead.localcluster.controllers.kinds import Manifest


def phase_of(pod: Manifest) -> str:
    return status_of(pod).get("phase") or "Pending"


def is_finished(pod: Manifest) -> bool:
    return phase_of(pod) in ("Succeeded", "Failed")


def is_active(pod: Manifest) -> bool:
    return not is_finished(pod) and not is_deleting(pod)


def is_ready(pod: Manifest) -> bool:
    return is_true(status_of(pod), "Ready")


def seconds_until_available(pod: Manifest, min_ready_seconds: float) -> float | None:
    """0 for a pod that has been ready long enough; ``None`` for one that is not ready."""
    condition = find_condition(status_of(pod), "Ready")
    if condition is None or condition["status"] != "True":
        return None
    if min_ready_seconds <= 0:
        return 0
    since = parse_stamp(condition["lastTransitionTime"])
    return max(0.0, (since + timedelta(seconds=min_ready_seconds) - now()).total_seconds())


def deletion_rank(pod: Manifest) -> tuple[bool, bool, bool, float]:
    """Sorts first what is deleted first: not scheduled, not running, not ready, youngest."""
    created = parse_stamp(pod["metadata"]["creationTimestamp"])
    return (bool(spec_of(pod).get("nodeName")), phase_of(pod) == "Running", is_ready(pod), -created.timestamp())


def owner_reference(owner: Manifest) -> Manifest:
    return {
        "apiVersion": owner["apiVersion"],
        "kind": owner["kind"],
        "name": name_of(owner),
        "uid": uid_of(owner),
        "controller": True,
        "blockOwnerDeletion": True,
    }


def pod_from_template(template: Manifest, owner: Manifest, name: str = "") -> Manifest:
    """A pod of ``owner``; without a ``name`` the server makes one from the owner's."""
    template = copy.deepcopy(template)
    metadata = template.get("metadata") or {}
    kept = {key: metadata[key] for key in ("labels", "annotations", "finalizers") if metadata.get(key)}
    named = {"name": name} if name else {"generateName": name_of(owner) + "-"}
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": {
            **named,
            "namespace": namespace_of(owner),
            **kept,
            "ownerReferences": [owner_reference(owner)],
        },
        "spec": template.get("spec") or {},
    }


async def create_pod(context: Context, owner: Manifest, pod: Manifest, component: str) -> Manifest:
    """Create a pod and tell of it, or of the failure, in an event on its owner."""
    try:
        created = await context.create(pod)
    except StatusError as error:
        context.recorder.warning(owner, "FailedCreate", f"Error creating: {error.message}", component)
        raise
    context.recorder.normal(owner, "SuccessfulCreate", f"Created pod: {name_of(created)}", component)
    return created


async def delete_pod(context: Context, owner: Manifest, pod: Manifest, component: str) -> None:
    await context.delete(pod)
    context.recorder.normal(owner, "SuccessfulDelete", f"Deleted pod: {name_of(pod)}", component)
