"""Why is an object not ready? Looks once, when a wait has failed: at the pods that belong to it, then at its events.

Reads only, bounded in requests, time and length; whatever goes wrong here must not hide the failure that is
explained, so an API error means: no cause known. Nothing of a Secret is read.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fairlead.engine.health import NOT_FOUND
from fairlead.errors import FairleadError
from fairlead.objects.manifest import metadata_of, part
from fairlead.objects.ref import GroupKind, ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from fairlead.engine.health import HealthStatus
    from fairlead.kube.client import KubeClient

__all__ = ["brief", "cause_of", "causes_of", "describe", "pod_cause"]

MAX_LENGTH = 300
TIMEOUT_SECONDS = 5.0
PODS, EVENTS = GroupKind("", "Pod"), GroupKind("", "Event")

_WITH_PODS = frozenset(
    {
        GroupKind("apps", "DaemonSet"),
        GroupKind("apps", "Deployment"),
        GroupKind("apps", "ReplicaSet"),
        GroupKind("apps", "StatefulSet"),
        GroupKind("batch", "Job"),
    }
)
_UNINTERESTING = frozenset({"", "ContainerCreating", "PodInitializing", "Completed"})


async def cause_of(client: KubeClient, ref: ObjectRef) -> str:
    """One line on why an object is not ready: ``pod web-1: container web: ImagePullBackOff: ...``; empty: not known."""
    try:
        async with asyncio.timeout(TIMEOUT_SECONDS):
            text = await _from_pods(client, ref) or await _from_events(client, ref)
    except (FairleadError, TimeoutError):
        return ""
    return _cut(" ".join(text.split()), MAX_LENGTH)


async def _from_pods(client: KubeClient, ref: ObjectRef) -> str:
    if ref.group_kind == PODS:
        return pod_cause(await client.get(ref))
    if ref.group_kind not in _WITH_PODS:
        return ""
    owner = await client.get(ref)
    wanted = part(owner, "spec", "selector", "matchLabels")
    if not wanted:
        return ""
    selector = ",".join(f"{key}={value}" for key, value in sorted(wanted.items()))
    pods = (await client.list(PODS, namespace=ref.namespace, label_selector=selector)).items
    for pod in sorted(pods, key=_created, reverse=True):
        if cause := pod_cause(pod):
            return f"pod {metadata_of(pod).get('name')}: {cause}"
    for pod in sorted(pods, key=_created, reverse=True)[:1]:
        if cause := await _from_events(client, ObjectRef.of({"apiVersion": "v1", "kind": "Pod", **pod})):
            return f"pod {metadata_of(pod).get('name')}: {cause}"
    return _condition_cause(owner)


def pod_cause(pod: Mapping[str, Any]) -> str:
    """Why a pod does not run: a container waits or has died, or nobody schedules it; empty when all is well."""
    status = part(pod, "status")
    for field in ("initContainerStatuses", "containerStatuses"):
        for container in status.get(field) or ():
            if cause := _container_cause(container):
                return f"container {container.get('name')}: {cause}"
    for condition in status.get("conditions") or ():
        if condition.get("type") == "PodScheduled" and condition.get("status") == "False":
            return _joined(condition.get("reason"), condition.get("message"))
    return ""


def _container_cause(container: Mapping[str, Any]) -> str:
    waiting = part(container, "state", "waiting")
    last = part(container, "lastState", "terminated") or part(container, "state", "terminated")
    death = ""
    if last and last.get("exitCode"):
        death = f"exit code {last.get('exitCode')}" + (f" ({last['reason']})" if last.get("reason") else "")
    if str(waiting.get("reason") or "") not in _UNINTERESTING:
        return _joined(waiting.get("reason"), waiting.get("message") or death)
    return death


def _condition_cause(owner: Mapping[str, Any]) -> str:
    """A controller's own word, when it cannot even create pods (a quota, a webhook)."""
    for condition in part(owner, "status").get("conditions") or ():
        if condition.get("type") in ("ReplicaFailure", "Failed") and condition.get("status") == "True":
            return _joined(condition.get("reason"), condition.get("message"))
    return ""


async def _from_events(client: KubeClient, ref: ObjectRef) -> str:
    """The last warning that somebody has written about the object."""
    selector = f"involvedObject.kind={ref.kind},involvedObject.name={ref.name},type=Warning"
    found = (await client.list(EVENTS, namespace=ref.namespace or None, field_selector=selector)).items
    newest = max(found, key=_seen, default=None)
    return _joined(newest.get("reason"), newest.get("message")) if newest is not None else ""


def _created(manifest: Mapping[str, Any]) -> str:
    return str(metadata_of(manifest).get("creationTimestamp") or "")


def _seen(event: Mapping[str, Any]) -> str:
    return str(event.get("lastTimestamp") or event.get("eventTime") or _created(event))


def _joined(*words: object) -> str:
    return ": ".join(str(word) for word in words if word)


async def causes_of(client: KubeClient, refs: Sequence[ObjectRef], limit: int = 5) -> dict[ObjectRef, str]:
    """Causes for the first few objects; the others count as not known."""
    looked = refs[:limit]
    return dict(zip(looked, await asyncio.gather(*(cause_of(client, ref) for ref in looked)), strict=True))


def describe(statuses: Mapping[ObjectRef, str], causes: Mapping[ObjectRef, str]) -> Iterator[str]:
    """``Deployment/apps/web status: 'InProgress': pod web-1: ...``, as Flux words it, for each object."""
    for ref, status in statuses.items():
        cause = f": {causes[ref]}" if causes.get(ref) else ""
        yield f"{ref} status: '{status}'{cause}"


def brief(unready: Mapping[ObjectRef, HealthStatus], limit: int = 5, length: int = 100) -> str:
    """``Deployment/apps/web (Replicas: 0/1), Secret/apps/key (NotFound) and 3 more``, for a message on progress."""
    named = list(unready.items())[:limit]
    listed = ", ".join(f"{ref} ({_cut(_why(status), length)})" for ref, status in named)
    more = len(unready) - len(named)
    return f"{listed} and {more} more" if more else listed


def _why(status: HealthStatus) -> str:
    return status.status if status is NOT_FOUND or not status.message else " ".join(status.message.split())


def _cut(text: str, length: int) -> str:
    return text if len(text) <= length else text[: length - 1] + "…"
