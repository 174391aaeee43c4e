"""PodDisruptionBudgets: how many pods may be evicted now."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.localcluster.controllers.conditions import with_condition
from fairlead.localcluster.controllers.kinds import (
    DEPLOYMENT,
    POD_DISRUPTION_BUDGET,
    REPLICA_SET,
    STATEFUL_SET,
    is_deleting,
    labels_of,
    namespace_of,
    spec_of,
    status_of,
)
from fairlead.localcluster.controllers.pods import is_active, is_ready
from fairlead.localcluster.controllers.selectors import matches, scaled
from fairlead.localcluster.controllers.store import controller_of
from fairlead.objects.ref import GroupKind, split_api_version

if TYPE_CHECKING:
    from fairlead.localcluster.controllers.context import Context
    from fairlead.localcluster.controllers.kinds import Manifest
    from fairlead.localcluster.controllers.queue import Key


async def reconcile(context: Context, key: Key) -> None:
    """Count healthy pods against the budget."""
    budget = context.store.get(POD_DISRUPTION_BUDGET, key.namespace, key.name)
    if budget is None or is_deleting(budget):
        return
    selector = spec_of(budget).get("selector")
    candidates = context.store.pods_with(key.namespace, (selector or {}).get("matchLabels") or {})
    pods = [pod for pod in candidates if is_active(pod) and matches(selector, labels_of(pod))]
    expected, desired = _expectation(context, budget, pods)
    healthy = sum(is_ready(pod) for pod in pods)
    allowed = max(0, healthy - desired) if expected else 0
    generation = budget["metadata"].get("generation", 0)
    condition = {
        "type": "DisruptionAllowed",
        "status": "True" if allowed else "False",
        "reason": "SufficientPods" if allowed else "InsufficientPods",
        "message": "",
        "observedGeneration": generation,
    }
    status = {
        **status_of(budget),
        "conditions": with_condition(status_of(budget).get("conditions") or [], condition),
        "currentHealthy": healthy,
        "desiredHealthy": desired,
        "disruptionsAllowed": allowed,
        "expectedPods": expected,
        "observedGeneration": generation,
    }
    await context.update_status(budget, status)


def _expectation(context: Context, budget: Manifest, pods: list[Manifest]) -> tuple[int, int]:
    """How many pods there should be, and how many of them have to be healthy."""
    spec = spec_of(budget)
    if "maxUnavailable" in spec:
        expected = _expected(context, budget, pods)
        return expected, max(0, expected - scaled(spec["maxUnavailable"], expected, round_up=True))
    minimum = spec.get("minAvailable", 1)
    if isinstance(minimum, int):
        return len(pods), minimum
    expected = _expected(context, budget, pods)
    return expected, scaled(minimum, expected, round_up=True)


def _expected(context: Context, budget: Manifest, pods: list[Manifest]) -> int:
    """The sizes of the workloads that own these pods."""
    owners: dict[str, Manifest] = {}
    for pod in pods:
        owner = _scaled_owner(context, pod)
        if owner is not None:
            owners[owner["metadata"]["uid"]] = owner
    return sum(spec_of(owner).get("replicas", 1) for owner in owners.values())


def _scaled_owner(context: Context, obj: Manifest) -> Manifest | None:
    reference = controller_of(obj)
    if reference is None:
        return None
    kind = GroupKind(split_api_version(reference["apiVersion"])[0], reference["kind"])
    if kind not in (REPLICA_SET, STATEFUL_SET, DEPLOYMENT):
        return None
    owner = context.store.get(kind, namespace_of(obj), reference["name"])
    if owner is None or kind != REPLICA_SET:
        return owner
    return _scaled_owner(context, owner) or owner
