"""StatefulSets: pods with a number, started and replaced in order, each with its own claims."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.localcluster.controllers.kinds import (
    PERSISTENT_VOLUME_CLAIM,
    POD,
    STATEFUL_SET,
    is_deleting,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
)
from fairlead.localcluster.controllers.pods import (
    is_finished,
    is_ready,
    owner_reference,
    pod_from_template,
    seconds_until_available,
)
from fairlead.localcluster.controllers.revisions import ensure_revision, revisions_of, template_of, trim_revisions
from fairlead.localcluster.status import StatusError

if TYPE_CHECKING:
    from fairlead.localcluster.controllers.context import Context
    from fairlead.localcluster.controllers.kinds import Manifest
    from fairlead.localcluster.controllers.queue import Key

COMPONENT = "statefulset-controller"
REVISION_LABEL = "controller-revision-hash"
_HASH_LABEL = "controller.kubernetes.io/hash"


@dataclass(frozen=True, slots=True)
class _Set:
    """A StatefulSet with what a run needs of it."""

    manifest: Manifest
    current: Manifest  # the revision that pods below the partition have
    update: Manifest  # the revision of the present template
    pods: dict[int, Manifest]

    @property
    def wanted(self) -> range:
        first = (spec_of(self.manifest).get("ordinals") or {}).get("start", 0)
        return range(first, first + spec_of(self.manifest).get("replicas", 1))

    @property
    def is_parallel(self) -> bool:
        return spec_of(self.manifest).get("podManagementPolicy") == "Parallel"

    def is_available(self, pod: Manifest) -> bool:
        return not is_deleting(pod) and seconds_until_available(pod, self.min_ready_seconds) == 0

    @property
    def min_ready_seconds(self) -> int:
        return int(spec_of(self.manifest).get("minReadySeconds", 0))


async def reconcile(context: Context, key: Key) -> None:
    """Start, replace or remove the next pod in order, then count them."""
    manifest = context.store.get(STATEFUL_SET, key.namespace, key.name)
    if manifest is None:
        context.forget(key)
        return
    if is_deleting(manifest):
        return
    update = await ensure_revision(context, manifest, _HASH_LABEL)
    current = _current_revision(context, manifest, update)
    await _step(context, _look(context, manifest, current, update))
    after = _look(context, manifest, current, update)
    await context.update_status(manifest, _status(after))
    await trim_revisions(
        context, manifest, {_revision(pod) for pod in after.pods.values()} | {name_of(current), name_of(update)}
    )
    waits = [seconds_until_available(pod, after.min_ready_seconds) for pod in after.pods.values()]
    if any(waits):
        context.queue.add_after(key, min(wait for wait in waits if wait))


def _look(context: Context, manifest: Manifest, current: Manifest, update: Manifest) -> _Set:
    pods = {}
    for pod in context.store.owned(manifest, POD):
        prefix, _, number = name_of(pod).rpartition("-")
        if prefix == name_of(manifest) and number.isdigit():
            pods[int(number)] = pod
    return _Set(manifest, current, update, pods)


def _current_revision(context: Context, manifest: Manifest, update: Manifest) -> Manifest:
    wanted = status_of(manifest).get("currentRevision")
    return next((each for each in revisions_of(context, manifest) if name_of(each) == wanted), update)


async def _step(context: Context, state: _Set) -> None:
    """Take one action, or several when the set is managed in parallel."""
    for number in state.wanted:
        pod = state.pods.get(number)
        if pod is None:
            await _create(context, state, number)
            if not state.is_parallel:
                return
        elif is_finished(pod) and not is_deleting(pod):
            await _delete(context, state, pod)
            return
        elif not state.is_available(pod) and not state.is_parallel:
            if _is_outdated_and_stuck(state, number, pod):
                await _delete(context, state, pod)
            return
    surplus = sorted((number for number in state.pods if number not in state.wanted), reverse=True)
    for number in surplus:
        pod = state.pods[number]
        if not is_deleting(pod):
            await _delete(context, state, pod)
        if not state.is_parallel:
            return
    if not surplus:
        await _replace_outdated(context, state)


async def _replace_outdated(context: Context, state: _Set) -> None:
    """Highest number first, one at a time, down to the partition."""
    if (spec_of(state.manifest).get("updateStrategy") or {}).get("type") == "OnDelete":
        return
    for number in sorted(state.pods, reverse=True):
        pod = state.pods[number]
        if number < _partition(state):
            return
        if _revision(pod) != name_of(state.update):
            if not is_deleting(pod):
                await _delete(context, state, pod)
            return
        if not state.is_available(pod):
            return


def _is_outdated_and_stuck(state: _Set, number: int, pod: Manifest) -> bool:
    """A pod that never became ready must not keep its own successor out.

    The real controller waits for a person here (kubernetes#67250); a simulation that heals after a revert is of more
    use, so this is a deliberate difference.
    """
    outdated = number >= _partition(state) and _revision(pod) != name_of(state.update)
    return outdated and not is_deleting(pod) and not is_ready(pod)


def _partition(state: _Set) -> int:
    rolling = (spec_of(state.manifest).get("updateStrategy") or {}).get("rollingUpdate") or {}
    return int(rolling.get("partition", 0))


def _revision(pod: Manifest) -> str:
    return labels_of(pod).get(REVISION_LABEL, "")


async def _create(context: Context, state: _Set, number: int) -> None:
    manifest = state.manifest
    name = f"{name_of(manifest)}-{number}"
    revision = state.current if number < _partition(state) else state.update
    template = template_of(revision)
    pod = pod_from_template(template, manifest, name)
    pod["metadata"]["labels"] = {
        **(pod["metadata"].get("labels") or {}),
        "apps.kubernetes.io/pod-index": str(number),
        REVISION_LABEL: name_of(revision),
        "statefulset.kubernetes.io/pod-name": name,
    }
    pod["spec"] |= {"hostname": name, "subdomain": spec_of(manifest).get("serviceName") or ""}
    pod["spec"]["volumes"] = await _claims(context, manifest, name, pod["spec"].get("volumes") or [])
    said = f"Pod {name} in StatefulSet {name_of(manifest)}"
    try:
        await context.create(pod)
    except StatusError as error:
        message = f"Create {said} failed error: {error.message}"
        context.recorder.warning(manifest, "FailedCreate", message, COMPONENT)
        raise
    context.recorder.normal(manifest, "SuccessfulCreate", f"Create {said} successful", COMPONENT)


async def _claims(context: Context, manifest: Manifest, pod: str, volumes: list[Manifest]) -> list[Manifest]:
    """Make the pod's claims where they are missing; answers its volumes with them."""
    templates = spec_of(manifest).get("volumeClaimTemplates") or []
    for template in templates:
        name = f"{template['metadata']['name']}-{pod}"
        if context.store.get(PERSISTENT_VOLUME_CLAIM, namespace_of(manifest), name) is None:
            await _create_claim(context, manifest, template, name, pod)
    claimed = {template["metadata"]["name"] for template in templates}
    made = [{"name": volume, "persistentVolumeClaim": {"claimName": f"{volume}-{pod}"}} for volume in sorted(claimed)]
    return [*made, *(volume for volume in volumes if volume["name"] not in claimed)]


async def _create_claim(context: Context, manifest: Manifest, template: Manifest, name: str, pod: str) -> None:
    claim = copy.deepcopy(template)
    claim.pop("status", None)
    metadata = claim["metadata"]
    labels = (spec_of(manifest)["selector"].get("matchLabels") or {}) | (metadata.get("labels") or {})
    claim |= {"apiVersion": "v1", "kind": "PersistentVolumeClaim"}
    claim["metadata"] = {**metadata, "name": name, "namespace": namespace_of(manifest), "labels": labels}
    policy = spec_of(manifest).get("persistentVolumeClaimRetentionPolicy") or {}
    if policy.get("whenDeleted") == "Delete":
        claim["metadata"]["ownerReferences"] = [owner_reference(manifest)]
    try:
        await context.create(claim)
    except StatusError as error:
        if error.reason != "AlreadyExists":
            raise
        return
    message = f"Create Claim {name} Pod {pod} in StatefulSet {name_of(manifest)} success"
    context.recorder.normal(manifest, "SuccessfulCreate", message, COMPONENT)


async def _delete(context: Context, state: _Set, pod: Manifest) -> None:
    await context.delete(pod)
    message = f"Delete Pod {name_of(pod)} in StatefulSet {name_of(state.manifest)} successful"
    context.recorder.normal(state.manifest, "SuccessfulDelete", message, COMPONENT)


def _status(state: _Set) -> Manifest:
    pods = [pod for pod in state.pods.values() if not is_finished(pod)]
    live = [pod for pod in pods if not is_deleting(pod)]
    current, update = name_of(state.current), name_of(state.update)
    updated = sum(_revision(pod) == update for pod in live)
    ready = sum(is_ready(pod) for pod in pods)
    if _is_rolled_out(state, live):
        current = update
    counts = {
        "currentReplicas": sum(_revision(pod) == current for pod in live),
        "updatedReplicas": updated,
        "readyReplicas": ready,
    }
    return {
        "observedGeneration": state.manifest["metadata"].get("generation", 0),
        "replicas": len(pods),
        "availableReplicas": sum(state.is_available(pod) for pod in pods),
        **{name: count for name, count in counts.items() if count},
        "currentRevision": current,
        "updateRevision": update,
        "collisionCount": 0,
    }


def _is_rolled_out(state: _Set, live: list[Manifest]) -> bool:
    """Whether every pod has the new template and is ready: then it is the current one."""
    if (spec_of(state.manifest).get("updateStrategy") or {}).get("type") == "OnDelete":
        return False
    if len(live) != len(state.wanted) or len(state.pods) != len(live):
        return False
    return all(_revision(pod) == name_of(state.update) and is_ready(pod) for pod in live)
