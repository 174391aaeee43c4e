"""Flux's own controllers, at work in the same cluster: two engines on the same resources would fight.

They are told by what they leave in the cluster: the Leases that they renew, and the Deployments and pods with Flux's
labels, for leader election can be off. Who writes a status is no sign: Fairlead's field managers are Flux's. As long as
there is a sign, Fairlead says so and stands back; it begins when the last of them has gone, so a cluster changes hands
by scaling Flux's deployments down. When they come back, it stops and stands back again.

The two are one unit. Flux's kustomize-controller cannot read an artifact of Fairlead, nor Fairlead one of Flux, so one
controller of Flux at work is enough. Shards of another label selector are apart.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import msgspec

from fairlead.api.names import COMPONENT, KUSTOMIZE_CONTROLLER, PART_OF, SOURCE_CONTROLLER
from fairlead.errors import FairleadError, NotReadyError
from fairlead.kube.errors import ForbiddenApiError, NoMatchError, NotFoundError
from fairlead.kube.listing import ListResult, Selection
from fairlead.kube.reflector import Reflector, manifest_decoder
from fairlead.objects.manifest import labels_of, metadata_of, part
from fairlead.objects.ref import GroupKind, ObjectRef

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine, Iterator
    from typing import Any

    from fairlead.kube.client import KubeClient
    from fairlead.objects.manifest import Manifest
    from fairlead.runtime.clock import Clock

__all__ = ["FluxAtWorkError", "Look", "Neighbours", "is_neighbour", "look_around", "shard_suffix"]

log = logging.getLogger(__name__)

LOOK_AGAIN_SECONDS = 5.0
DEFAULT_LEASE_SECONDS = 35
CONTROLLERS = (SOURCE_CONTROLLER, KUSTOMIZE_CONTROLLER)
ADVICE = "standing back until it ends; scale it down, or use --alongside-flux"
_LABELS = f"{PART_OF}=flux,{COMPONENT} in ({','.join(CONTROLLERS)})"
_DEPLOYMENT = GroupKind("apps", "Deployment")
_POD = GroupKind("", "Pod")
_LEASE = GroupKind("coordination.k8s.io", "Lease")
_SELECTOR_FLAG = "--watch-label-selector="
_ENDED = ("Succeeded", "Failed")


class FluxAtWorkError(NotReadyError):
    """Controllers of Flux came while Fairlead worked; it has to begin anew, which is to wait until they end."""


@dataclass(frozen=True, slots=True)
class Look:
    """What was seen, and up to which resource versions; a version is empty where nothing could be read."""

    found: list[str] = field(default_factory=list)
    """The controllers of Flux that are at work, each as ``name (signs)``."""
    deployments: str = ""
    leases: str = ""


@dataclass(frozen=True, slots=True)
class Neighbours:
    """Whom to look for: Flux's controllers whose Leases are in ``namespace`` or that share resources with our shard."""

    client: KubeClient
    namespace: str
    clock: Clock
    label_selector: str = ""

    async def wait_until_they_end(self) -> Look:
        """Returns when none of Flux's controllers that do our work is left."""
        told: list[str] = []
        while (look := await self.look()).found:
            if look.found != told:
                log.warning("Flux is at work here (%s): %s", ", ".join(look.found), ADVICE)
                told = look.found
            await self.clock.sleep(LOOK_AGAIN_SECONDS)
        return look

    async def work_until_they_come(self, work: Coroutine[Any, Any, None], since: Look | None = None) -> None:
        """Run ``work``; raises :class:`FluxAtWorkError` after it was cancelled because Flux has begun.

        Costs two watches that are quiet as long as Flux is not there; ``since`` spares their lists.
        """
        signs = asyncio.Event()
        reflectors = self._watched(signs.set, since or Look())
        working = asyncio.create_task(work, name="work beside no other engine")
        coming = asyncio.create_task(self._come(signs), name="look out for Flux")
        watching = [asyncio.create_task(each.run(), name=f"look out for Flux: {each.kind}") for each in reflectors]
        try:
            await asyncio.wait((working, coming), return_when=asyncio.FIRST_COMPLETED)
        finally:
            for task in (working, coming, *watching):
                task.cancel()
            await asyncio.wait((working, coming, *watching))
        if not coming.cancelled():
            coming.result()
        if not working.cancelled():
            working.result()

    async def look(self) -> Look:
        """As :func:`look_around`; asks again until the server answers, for no answer is not "nobody"."""
        while True:
            try:
                return await look_around(self.client, self.namespace, self.clock.now(), self.label_selector)
            except FairleadError as error:
                log.warning("cannot see yet whether Flux is at work: %s", error)
                await self.clock.sleep(LOOK_AGAIN_SECONDS)

    async def _come(self, signs: asyncio.Event) -> None:
        while True:
            await signs.wait()
            signs.clear()
            if found := (await self.look()).found:
                raise FluxAtWorkError(f"Flux has begun to work here ({', '.join(found)}): {ADVICE}")

    def _watched(self, tell: Callable[[], None], since: Look) -> tuple[Reflector[Manifest], Reflector[str]]:
        deployments = Reflector(
            self.client,
            _DEPLOYMENT,
            decode=manifest_decoder,
            selection=Selection(label_selector=_LABELS),
            since=since.deployments,
        )
        leases = Reflector(
            self.client,
            _LEASE,
            decode=_lease_name,
            selection=Selection(namespace=self.namespace),
            since=since.leases,
        )
        deployments.subscribe(lambda _, __, new: tell() if new and _is_wanted(new) else None)
        leases.subscribe(lambda _, __, new: tell() if new and self._holds_for(new) else None)
        return deployments, leases

    def _holds_for(self, name: str) -> bool:
        return any(_shares(name, controller, self.label_selector) for controller in CONTROLLERS)


@dataclass(slots=True)
class _Signs:
    """What shows that a controller is at work."""

    workloads: list[str] = field(default_factory=list)
    holders: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        return ", ".join(self.workloads + self.holders)


async def look_around(client: KubeClient, namespace: str, now: datetime, label_selector: str = "") -> Look:
    """Who of Flux's controllers is at work, and the versions from which watches can go on.

    What we may not read counts as none.
    """
    signs = {controller: _Signs() for controller in CONTROLLERS}
    deployments = await _read(client, _DEPLOYMENT, label_selector=_LABELS)
    pods = await _read(client, _POD, label_selector=_LABELS)
    namespaces = set()
    for workload in (*filter(_is_wanted, deployments.items), *filter(_is_living, pods.items)):
        if not _is_apart(_selector_of(workload), label_selector):
            ref = ObjectRef.of(workload)
            known = signs[labels_of(workload)[COMPONENT]]
            namespaces.add(ref.namespace)
            if ref.kind == "Deployment" or not known.workloads:
                known.workloads.append(f"{ref.kind}/{ref.namespace}/{ref.name}")
    leases = await _read(client, _LEASE, namespace=namespace)
    others = [await _read(client, _LEASE, namespace=each) for each in sorted(namespaces - {namespace})]
    for lease in (lease for each in (leases, *others) for lease in each.items):
        name = str(metadata_of(lease).get("name"))
        for controller in CONTROLLERS:
            if _shares(name, controller, label_selector) and _is_held(lease, now):
                signs[controller].holders.append(str(part(lease, "spec")["holderIdentity"]))
    found = [f"{controller} ({seen})" for controller, seen in signs.items() if str(seen)]
    return Look(found, deployments.resource_version, leases.resource_version)


async def _read(
    client: KubeClient, kind: GroupKind, *, namespace: str | None = None, label_selector: str = ""
) -> ListResult:
    try:
        return await client.list(kind, namespace=namespace, label_selector=label_selector)
    except (ForbiddenApiError, NotFoundError, NoMatchError):
        return ListResult([], "")


def is_neighbour(manifest: Manifest, label_selector: str = "") -> bool:
    """Whether this is a Deployment that would do our work if it had replicas, in Git or in the cluster."""
    if ObjectRef.of(manifest).group_kind != _DEPLOYMENT:
        return False
    labels = labels_of(manifest)
    is_theirs = labels.get(PART_OF) == "flux" and labels.get(COMPONENT) in CONTROLLERS
    return is_theirs and not _is_apart(_selector_of(manifest), label_selector)


def shard_suffix(label_selector: str) -> str:
    """What Flux adds to the name of a Lease for a shard; empty for all resources."""
    return f"-{hashlib.sha256(label_selector.encode()).hexdigest()[:8]}" if label_selector else ""


def _shares(lease: str, controller: str, label_selector: str) -> bool:
    """Whether this is a Lease of the controller, for resources that are ours as well as far as its name tells."""
    base = f"{controller}-leader-election"
    return lease in (base, base + shard_suffix(label_selector)) or (not label_selector and lease.startswith(f"{base}-"))


def _is_apart(theirs: str, ours: str) -> bool:
    """Two shards of different selectors are meant to be apart; who has none works on everything."""
    return bool(theirs and ours and theirs != ours)


def _selector_of(workload: Manifest) -> str:
    spec = part(workload, "spec")
    pod = spec if workload["kind"] == "Pod" else part(part(spec, "template"), "spec")
    arguments = (text for text in _arguments(pod) if text.startswith(_SELECTOR_FLAG))
    return next(arguments, "").removeprefix(_SELECTOR_FLAG)


def _arguments(pod: Manifest) -> Iterator[str]:
    for container in pod.get("containers") or ():
        yield from map(str, container.get("args") or ())


def _is_wanted(deployment: Manifest) -> bool:
    return bool(part(deployment, "spec").get("replicas", 1) or part(deployment, "status").get("replicas"))


def _is_living(pod: Manifest) -> bool:
    """A pod that is being deleted still works on what it has begun."""
    return part(pod, "status").get("phase") not in _ENDED


class _Named(msgspec.Struct, gc=False):
    name: str


class _Lease(msgspec.Struct, gc=False):
    metadata: _Named


def _lease_name(raw: msgspec.Raw) -> str:
    return msgspec.json.decode(raw, type=_Lease).metadata.name


def _is_held(lease: Manifest, now: datetime) -> bool:
    spec = part(lease, "spec")
    if not spec.get("holderIdentity"):
        return False
    try:
        renewed = datetime.fromisoformat(str(spec.get("renewTime")))
    except ValueError:
        return False
    lasts = timedelta(seconds=int(spec.get("leaseDurationSeconds") or DEFAULT_LEASE_SECONDS))
    return renewed.replace(tzinfo=renewed.tzinfo or UTC) + lasts >= now
