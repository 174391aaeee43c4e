"""DaemonSets: one pod on each node that their template accepts."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.localcluster.controllers.kinds import (
    DAEMON_SET,
    NODE,
    POD,
    annotations_of,
    is_deleting,
    labels_of,
    name_of,
    spec_of,
)
from fairlead.localcluster.controllers.node import NODE_NAME
from fairlead.localcluster.controllers.pods import (
    create_pod,
    delete_pod,
    is_finished,
    is_ready,
    pod_from_template,
    seconds_until_available,
)
from fairlead.localcluster.controllers.revisions import ensure_revision, trim_revisions

if TYPE_CHECKING:
    from fairlead.localcluster.controllers.context import Context
    from fairlead.localcluster.controllers.kinds import Manifest
    from fairlead.localcluster.controllers.queue import Key

COMPONENT = "daemonset-controller"
_HASH_LABEL = "controller-revision-hash"
_GENERATION = "deprecated.daemonset.template.generation"
_TOLERATED = ("not-ready", "unreachable", "disk-pressure", "memory-pressure", "pid-pressure", "unschedulable")


async def reconcile(context: Context, key: Key) -> None:
    """Create, replace or delete pods node by node, then count them."""
    manifest = context.store.get(DAEMON_SET, key.namespace, key.name)
    if manifest is None or is_deleting(manifest):
        return
    revision = await ensure_revision(context, manifest, _HASH_LABEL)
    word = labels_of(revision)[_HASH_LABEL]
    nodes = [name_of(node) for node in context.store.all(NODE) if _accepts(manifest, node)]
    pods = _by_node(context, manifest)
    for node in nodes:
        await _settle(context, manifest, node, pods.pop(node, []), word)
    for stray in [pod for each in pods.values() for pod in each if not is_deleting(pod)]:
        await delete_pod(context, manifest, stray, COMPONENT)
    after = _by_node(context, manifest)
    await context.update_status(manifest, _status(manifest, nodes, after, word))
    in_use = {f"{name_of(manifest)}-{_hash(pod)}" for each in after.values() for pod in each}
    await trim_revisions(context, manifest, in_use | {name_of(revision)})
    _wait_for_availability(context, key, manifest, after)


def _wait_for_availability(context: Context, key: Key, manifest: Manifest, pods: dict[str, list[Manifest]]) -> None:
    minimum = spec_of(manifest).get("minReadySeconds", 0)
    waits = [seconds_until_available(pod, minimum) for each in pods.values() for pod in each]
    if any(waits):
        context.queue.add_after(key, min(wait for wait in waits if wait))


def _accepts(manifest: Manifest, node: Manifest) -> bool:
    wanted = spec_of(manifest)["template"].get("spec", {}).get("nodeSelector") or {}
    return name_of(node) == NODE_NAME and wanted.items() <= labels_of(node).items()


def _by_node(context: Context, manifest: Manifest) -> dict[str, list[Manifest]]:
    pods: dict[str, list[Manifest]] = {}
    for pod in context.store.owned(manifest, POD):
        pods.setdefault(spec_of(pod).get("nodeName") or NODE_NAME, []).append(pod)
    return pods


def _hash(pod: Manifest) -> str:
    return labels_of(pod).get(_HASH_LABEL, "")


async def _settle(context: Context, manifest: Manifest, node: str, pods: list[Manifest], word: str) -> None:
    """One node: a fresh pod where there is none, the old one replaced, a finished one removed."""
    live = [pod for pod in pods if not is_deleting(pod)]
    for finished in [pod for pod in live if is_finished(pod)]:
        await delete_pod(context, manifest, finished, COMPONENT)
        return
    if not pods:
        await create_pod(context, manifest, _pod(manifest, word), COMPONENT)
        return
    on_delete = (spec_of(manifest).get("updateStrategy") or {}).get("type") == "OnDelete"
    for outdated in [] if on_delete else [pod for pod in live if _hash(pod) != word]:
        await delete_pod(context, manifest, outdated, COMPONENT)


def _pod(manifest: Manifest, word: str) -> Manifest:
    pod = pod_from_template(spec_of(manifest)["template"], manifest)
    generation = annotations_of(manifest).get(_GENERATION) or str(manifest["metadata"].get("generation", 1))
    labels = pod["metadata"].get("labels") or {}
    pod["metadata"]["labels"] = {**labels, _HASH_LABEL: word, "pod-template-generation": generation}
    tolerations = [
        {
            "key": f"node.kubernetes.io/{taint}",
            "operator": "Exists",
            "effect": "NoExecute" if taint in ("not-ready", "unreachable") else "NoSchedule",
        }
        for taint in _TOLERATED
    ]
    pod["spec"]["tolerations"] = [*(pod["spec"].get("tolerations") or []), *tolerations]
    return pod


def _status(manifest: Manifest, nodes: list[str], pods: dict[str, list[Manifest]], word: str) -> Manifest:
    on_nodes = [[pod for pod in pods.get(node, ()) if not is_deleting(pod)] for node in nodes]
    minimum = spec_of(manifest).get("minReadySeconds", 0)
    available = sum(any(seconds_until_available(pod, minimum) == 0 for pod in each) for each in on_nodes)
    status: Manifest = {
        "currentNumberScheduled": sum(bool(each) for each in on_nodes),
        "desiredNumberScheduled": len(nodes),
        "numberMisscheduled": sum(bool(each) for node, each in pods.items() if node not in nodes),
        "numberReady": sum(any(is_ready(pod) for pod in each) for each in on_nodes),
        "observedGeneration": manifest["metadata"].get("generation", 0),
    }
    counts = {
        "numberAvailable": available,
        "numberUnavailable": len(nodes) - available,
        "updatedNumberScheduled": sum(any(_hash(pod) == word for pod in each) for each in on_nodes),
    }
    return status | {name: count for name, count in counts.items() if count}
