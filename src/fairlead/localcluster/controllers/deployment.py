"""Deployments: one ReplicaSet per pod template, rolled over with the asked surge and unavailability.

A run does one round: find or make the new ReplicaSet, move the sizes of new and old ones a step, write the status. The
ReplicaSets' own progress brings the next round.
"""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

from fairlead.localcluster.controllers import deployment_status
from fairlead.localcluster.controllers.kinds import (
    DEPLOYMENT,
    POD,
    REPLICA_SET,
    annotations_of,
    api_version,
    is_deleting,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
)
from fairlead.localcluster.controllers.names import template_hash
from fairlead.localcluster.controllers.pods import is_finished, owner_reference
from fairlead.localcluster.controllers.rollout import Sizes, next_sizes, rolling_limits
from fairlead.localcluster.controllers.selectors import matches
from fairlead.localcluster.status import StatusError

if TYPE_CHECKING:
    from fairlead.localcluster.controllers.context import Context
    from fairlead.localcluster.controllers.kinds import Manifest
    from fairlead.localcluster.controllers.queue import Key

COMPONENT = "deployment-controller"
HASH_LABEL = "pod-template-hash"
REVISION = "deployment.kubernetes.io/revision"
_DESIRED = "deployment.kubernetes.io/desired-replicas"
_MAX = "deployment.kubernetes.io/max-replicas"
_NOT_COPIED = {
    "kubectl.kubernetes.io/last-applied-configuration",
    REVISION,
    "deployment.kubernetes.io/revision-history",
    _DESIRED,
    _MAX,
    "deprecated.deployment.rollback.to",
}


async def reconcile(context: Context, key: Key) -> None:
    """One round of a rollout, and the status after it."""
    deployment = context.store.get(DEPLOYMENT, key.namespace, key.name)
    if deployment is None:
        context.forget(key)
        return
    if is_deleting(deployment):
        return
    await _adopt(context, deployment)
    if not spec_of(deployment).get("paused"):
        deployment = await _ensure_new(context, deployment)
    await _scale_all(context, deployment)
    new, old = _replica_sets(context, deployment)
    status = deployment_status.after(deployment, new, [*old, *([new] if new else [])])
    deadline = deployment_status.seconds_to_deadline(deployment, status)
    if deadline is None:
        context.forget(key)
    elif context.elapsed(key, _progress_phase(status), deadline):
        status = deployment_status.timed_out(deployment, status, new)
    await context.update_status(deployment, status)
    if deployment_status.is_complete(deployment, status):
        await _clean_up(context, deployment, old)


def _replica_sets(context: Context, deployment: Manifest) -> tuple[Manifest | None, list[Manifest]]:
    """The one of the present template, if there is one, and all others, oldest first."""
    template = spec_of(deployment)["template"]
    word = _hash_of(deployment)
    owned = sorted(context.store.owned(deployment, REPLICA_SET), key=_age)
    new = [each for each in owned if labels_of(each).get(HASH_LABEL) == word or _same_template(each, template)][:1]
    return (new[0] if new else None), [each for each in owned if each not in new]


def _age(replica_set: Manifest) -> tuple[int, str, str]:
    return revision_of(replica_set), replica_set["metadata"]["creationTimestamp"], name_of(replica_set)


def revision_of(obj: Manifest) -> int:
    text = annotations_of(obj).get(REVISION, "")
    return int(text) if text.isdigit() else 0


def _hash_of(deployment: Manifest) -> str:
    return template_hash(spec_of(deployment)["template"], status_of(deployment).get("collisionCount") or 0)


def _same_template(replica_set: Manifest, template: Manifest) -> bool:
    own = spec_of(replica_set)["template"]
    if own.get("spec") != template.get("spec"):
        return False
    own_meta, meta = own.get("metadata") or {}, template.get("metadata") or {}
    own_labels = {key: value for key, value in (own_meta.get("labels") or {}).items() if key != HASH_LABEL}
    same_annotations = (own_meta.get("annotations") or {}) == (meta.get("annotations") or {})
    return own_labels == (meta.get("labels") or {}) and same_annotations


async def _adopt(context: Context, deployment: Manifest) -> None:
    """ReplicaSets that an earlier Deployment of this name left behind."""
    selector = spec_of(deployment).get("selector")
    for orphan in context.store.orphans(REPLICA_SET, namespace_of(deployment)):
        if not is_deleting(orphan) and matches(selector, labels_of(orphan)):
            metadata = {**orphan["metadata"], "ownerReferences": [owner_reference(deployment)]}
            await context.update({**orphan, "metadata": metadata})


async def _ensure_new(context: Context, deployment: Manifest) -> Manifest:
    """Make the ReplicaSet of the present template and number it; answers the Deployment with its revision."""
    new, old = _replica_sets(context, deployment)
    last = max((revision_of(each) for each in old), default=0)
    if new is None:
        new = await _create_new(context, deployment, old, last + 1)
        if new is None:
            return deployment
    elif revision_of(new) <= last:
        new = await context.update(_annotated(new, {REVISION: str(last + 1)}))
    revision = str(revision_of(new) or 1)
    if annotations_of(deployment).get(REVISION) != revision:
        deployment = await context.update(_annotated(deployment, {REVISION: revision}))
    return deployment


async def _create_new(context: Context, deployment: Manifest, old: list[Manifest], revision: int) -> Manifest | None:
    draft = _new_replica_set(deployment, revision)
    sizes = _sizes(deployment, None, old)
    replicas = next_sizes(deployment, sizes).new if not _waits_for_old_pods(context, deployment, old) else 0
    draft["spec"]["replicas"] = replicas
    try:
        created = await context.create(draft)
    except StatusError as error:
        if error.reason == "AlreadyExists":
            await _resolve_collision(context, deployment, name_of(draft), error)
            return None
        message = f'Failed to create new replica set "{name_of(draft)}": {error.message}'
        context.recorder.warning(deployment, "ReplicaSetCreateError", message, COMPONENT)
        raise
    if replicas:
        message = f"Scaled up replica set {name_of(created)} from 0 to {replicas}"
        context.recorder.normal(deployment, "ScalingReplicaSet", message, COMPONENT)
    return created


async def _resolve_collision(context: Context, deployment: Manifest, name: str, error: StatusError) -> None:
    """The name is taken: by our own ReplicaSet that the store has not seen yet, or by a stranger's."""
    taken = context.access.get(REPLICA_SET.group, REPLICA_SET.kind, namespace_of(deployment), name)
    if taken is not None:
        context.store.put(taken)
        if taken in context.store.owned(deployment, REPLICA_SET) or is_deleting(taken):
            raise error
        collisions = (status_of(deployment).get("collisionCount") or 0) + 1
        await context.update_status(deployment, {**status_of(deployment), "collisionCount": collisions})


def _new_replica_set(deployment: Manifest, revision: int) -> Manifest:
    spec = spec_of(deployment)
    word = _hash_of(deployment)
    template = copy.deepcopy(spec["template"])
    metadata = template.setdefault("metadata", {})
    metadata["labels"] = {**(metadata.get("labels") or {}), HASH_LABEL: word}
    selector = copy.deepcopy(spec["selector"])
    selector["matchLabels"] = {**(selector.get("matchLabels") or {}), HASH_LABEL: word}
    made: Manifest = {
        "apiVersion": api_version(REPLICA_SET),
        "kind": REPLICA_SET.kind,
        "metadata": {
            "name": f"{name_of(deployment)}-{word}",
            "namespace": namespace_of(deployment),
            "labels": dict(metadata["labels"]),
            "annotations": {**_copied_annotations(deployment), **_size_notes(deployment), REVISION: str(revision)},
            "ownerReferences": [owner_reference(deployment)],
        },
        "spec": {"replicas": 0, "selector": selector, "template": template},
    }
    if spec.get("minReadySeconds"):
        made["spec"]["minReadySeconds"] = spec["minReadySeconds"]
    return made


def _copied_annotations(deployment: Manifest) -> dict[str, str]:
    return {key: value for key, value in annotations_of(deployment).items() if key not in _NOT_COPIED}


def _size_notes(deployment: Manifest) -> dict[str, str]:
    replicas = spec_of(deployment).get("replicas", 1)
    surge, _ = rolling_limits(deployment)
    return {_DESIRED: str(replicas), _MAX: str(replicas + surge)}


def _annotated(obj: Manifest, annotations: dict[str, str]) -> Manifest:
    merged = {**annotations_of(obj), **annotations}
    return {**obj, "metadata": {**obj["metadata"], "annotations": merged}}


def _sizes(deployment: Manifest, new: Manifest | None, old: list[Manifest]) -> Sizes:
    return Sizes(
        new=spec_of(new).get("replicas", 0) if new else 0,
        new_available=status_of(new).get("availableReplicas", 0) if new else 0,
        old=tuple(spec_of(each).get("replicas", 0) for each in old),
        old_available=tuple(status_of(each).get("availableReplicas", 0) for each in old),
    )


async def _scale_all(context: Context, deployment: Manifest) -> None:
    new, old = _replica_sets(context, deployment)
    if new is None and not old:
        return
    if spec_of(deployment).get("paused"):
        # Only the size follows while paused: that of the ReplicaSet which is in use.
        current = next(
            (each for each in [new, *reversed(old)] if each and spec_of(each).get("replicas")), new or old[-1]
        )
        others = sum(
            spec_of(each).get("replicas", 0) for each in [*old, *([new] if new else [])] if each is not current
        )
        await _scale(context, deployment, current, max(0, spec_of(deployment).get("replicas", 1) - others))
        return
    sizes = next_sizes(deployment, _sizes(deployment, new, old))
    for replica_set, size in zip(old, sizes.old, strict=True):
        await _scale(context, deployment, replica_set, size)
    if new is not None and not _waits_for_old_pods(context, deployment, old):
        await _scale(context, deployment, new, sizes.new)


def _waits_for_old_pods(context: Context, deployment: Manifest, old: list[Manifest]) -> bool:
    """``Recreate`` starts new pods only when the last old one is gone."""
    if (spec_of(deployment).get("strategy") or {}).get("type") != "Recreate":
        return False
    return any(not is_finished(pod) for each in old for pod in context.store.owned(each, POD))


async def _scale(context: Context, deployment: Manifest, replica_set: Manifest, size: int) -> None:
    before = spec_of(replica_set).get("replicas", 0)
    notes = _size_notes(deployment)
    is_noted = notes.items() <= annotations_of(replica_set).items()
    if before == size and (is_noted or size == 0):
        return
    changed = _annotated(replica_set, notes)
    await context.update({**changed, "spec": {**spec_of(changed), "replicas": size}})
    if before != size:
        direction = "up" if size > before else "down"
        message = f"Scaled {direction} replica set {name_of(replica_set)} from {before} to {size}"
        context.recorder.normal(deployment, "ScalingReplicaSet", message, COMPONENT)


def _progress_phase(status: Manifest) -> str:
    """Changes whenever something moves, so that the deadline counts from the last progress."""
    counted = ("observedGeneration", "replicas", "updatedReplicas", "readyReplicas", "availableReplicas")
    return "/".join(str(status.get(name, 0)) for name in counted)


async def _clean_up(context: Context, deployment: Manifest, old: list[Manifest]) -> None:
    limit = spec_of(deployment).get("revisionHistoryLimit")
    if limit is None:
        return
    empty = [
        each
        for each in old
        if not spec_of(each).get("replicas") and not status_of(each).get("replicas") and not is_deleting(each)
    ]
    for replica_set in empty[: max(0, len(old) - limit)]:
        await context.delete(replica_set)
