"""Which controllers look at which objects when something changes.

A route is a level trigger: it names who should look again, never what happened. Fan-outs follow indices, so that a
pod's change costs the same among ten pods and among ten thousand.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.localcluster.controllers.kinds import (
    CONFIG_MAP,
    CRON_JOB,
    DAEMON_SET,
    DEPLOYMENT,
    ENDPOINT_SLICE,
    ENDPOINTS,
    JOB,
    NODE,
    PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM,
    POD,
    POD_DISRUPTION_BUDGET,
    REPLICA_SET,
    SECRET,
    SERVICE,
    STATEFUL_SET,
    STORAGE_CLASS,
    is_deleting,
    kind_of,
    labels_of,
    name_of,
    namespace_of,
    spec_of,
    status_of,
    uid_of,
)
from fairlead.localcluster.controllers.labelindex import LabelIndex
from fairlead.localcluster.controllers.pods import is_finished
from fairlead.localcluster.controllers.queue import Key
from fairlead.localcluster.controllers.references import claims_of, needed_names
from fairlead.localcluster.controllers.scheduler import wants_scheduling
from fairlead.localcluster.controllers.selectors import matches, matches_map
from fairlead.localcluster.controllers.store import controller_of
from fairlead.objects.ref import GroupKind, split_api_version

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.localcluster.controllers.kinds import Manifest
    from fairlead.localcluster.controllers.store import Store

# The controller of each kind that has one of its own; its name is the kind.
_OWN = {
    DEPLOYMENT,
    REPLICA_SET,
    STATEFUL_SET,
    DAEMON_SET,
    JOB,
    CRON_JOB,
    SERVICE,
    PERSISTENT_VOLUME,
    PERSISTENT_VOLUME_CLAIM,
    POD_DISRUPTION_BUDGET,
    NODE,
}
SCHEDULER_ROUTE = "Scheduler"


class Routes:
    """Turns a change of an object into the keys to work on."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._services: LabelIndex[str] = LabelIndex()
        self._waiting: dict[tuple[GroupKind, str, str], dict[Key, None]] = {}

    def seen(self, old: Manifest | None, new: Manifest | None) -> Iterator[Key]:
        """What to look at after ``old`` became ``new`` (``None``: was not there, is gone)."""
        obj = new or old
        if obj is None:
            return
        kind = kind_of(obj)
        if kind in _OWN:
            yield Key(kind.kind, namespace_of(obj), name_of(obj))
        yield from _owner(obj)
        if kind == POD:
            yield from self._pod(old, new)
        elif kind == SERVICE:
            self._index_service(old, new)
        elif kind in (CONFIG_MAP, SECRET):
            yield from self._waiting.get((kind, namespace_of(obj), name_of(obj)), ())
        elif kind == PERSISTENT_VOLUME_CLAIM:
            yield from self._claim(obj)
        elif kind == PERSISTENT_VOLUME:
            yield from self._volume(obj)
        elif kind == STORAGE_CLASS:
            yield from self._unbound_claims()
        elif kind == NODE:
            yield from self._node(obj)
        elif kind == ENDPOINTS:
            yield Key(SERVICE.kind, namespace_of(obj), name_of(obj))
        elif kind == ENDPOINT_SLICE and new is None:
            yield Key(SERVICE.kind, namespace_of(obj), labels_of(obj).get("kubernetes.io/service-name", ""))

    def _pod(self, old: Manifest | None, new: Manifest | None) -> Iterator[Key]:
        pod = new or old
        if pod is None:
            return
        namespace = namespace_of(pod)
        yield Key(POD.kind, namespace, name_of(pod))
        self._note_needs(old, new)
        if new is not None and wants_scheduling(new):
            yield Key(SCHEDULER_ROUTE, namespace, name_of(new))
        if not _same_for_services(old, new):
            for version in (old, new):
                if version is not None:
                    yield from self._selecting(version)
        if controller_of(pod) is None:
            for replica_set in self._store.all(REPLICA_SET, namespace):
                if matches(spec_of(replica_set).get("selector"), labels_of(pod)):
                    yield Key(REPLICA_SET.kind, namespace, name_of(replica_set))
        if new is None or is_finished(pod) or wants_scheduling(new):
            for claim in claims_of(pod):
                yield Key(PERSISTENT_VOLUME_CLAIM.kind, namespace, claim)

    def _note_needs(self, old: Manifest | None, new: Manifest | None) -> None:
        """Remember which ConfigMaps and Secrets would wake a pod that has not started."""
        pod = new or old
        if pod is None or (old is not None and new is not None and status_of(old) == status_of(new)):
            return
        key = Key(POD.kind, namespace_of(pod), name_of(pod))
        waits = new is not None and not is_finished(new) and status_of(new).get("phase") != "Running"
        for kind, name in needed_names(pod):
            place = (kind, namespace_of(pod), name)
            if waits:
                self._waiting.setdefault(place, {})[key] = None
            elif place in self._waiting:
                self._waiting[place].pop(key, None)
                if not self._waiting[place]:
                    del self._waiting[place]

    def _selecting(self, pod: Manifest) -> Iterator[Key]:
        namespace, labels = namespace_of(pod), labels_of(pod)
        for name in self._services.any_of(namespace, labels):
            service = self._store.get(SERVICE, namespace, name)
            if service is not None and matches_map(spec_of(service).get("selector"), labels):
                yield Key(SERVICE.kind, namespace, name)
        for budget in self._store.all(POD_DISRUPTION_BUDGET, namespace):
            if matches(spec_of(budget).get("selector"), labels):
                yield Key(POD_DISRUPTION_BUDGET.kind, namespace, name_of(budget))

    def _index_service(self, old: Manifest | None, new: Manifest | None) -> None:
        """Each service stands under one label of its selector: a pod that lacks that label is none of its."""
        if old is not None:
            self._services.remove(namespace_of(old), _first_label(old), name_of(old))
        if new is not None:
            self._services.add(namespace_of(new), _first_label(new), name_of(new))

    def _claim(self, claim: Manifest) -> Iterator[Key]:
        volume = spec_of(claim).get("volumeName")
        if volume:
            yield Key(PERSISTENT_VOLUME.kind, "", volume)
        for pod in self._store.all(POD, namespace_of(claim)):
            if wants_scheduling(pod) and name_of(claim) in claims_of(pod):
                yield Key(SCHEDULER_ROUTE, namespace_of(pod), name_of(pod))

    def _volume(self, volume: Manifest) -> Iterator[Key]:
        reference = spec_of(volume).get("claimRef")
        if reference:
            yield Key(PERSISTENT_VOLUME_CLAIM.kind, reference.get("namespace", ""), reference["name"])
        else:
            yield from self._unbound_claims()

    def _unbound_claims(self) -> Iterator[Key]:
        for claim in self._store.all(PERSISTENT_VOLUME_CLAIM):
            if status_of(claim).get("phase") != "Bound":
                yield Key(PERSISTENT_VOLUME_CLAIM.kind, namespace_of(claim), name_of(claim))

    def _node(self, node: Manifest) -> Iterator[Key]:
        for daemon_set in self._store.all(DAEMON_SET):
            yield Key(DAEMON_SET.kind, namespace_of(daemon_set), name_of(daemon_set))
        if not is_deleting(node):
            for pod in self._store.all(POD):
                if wants_scheduling(pod):
                    yield Key(SCHEDULER_ROUTE, namespace_of(pod), name_of(pod))


def _owner(obj: Manifest) -> Iterator[Key]:
    reference = controller_of(obj)
    if reference is not None:
        kind = GroupKind(split_api_version(reference["apiVersion"])[0], reference["kind"])
        if kind in _OWN:
            yield Key(kind.kind, namespace_of(obj), reference["name"])


def _same_for_services(old: Manifest | None, new: Manifest | None) -> bool:
    """Whether nothing changed that Services and budgets look at."""
    if old is None or new is None:
        return False
    if uid_of(old) != uid_of(new) or labels_of(old) != labels_of(new) or is_deleting(old) != is_deleting(new):
        return False
    before, after = status_of(old), status_of(new)
    return all(before.get(name) == after.get(name) for name in ("phase", "podIP", "conditions"))


def _first_label(service: Manifest) -> dict[str, str]:
    selector = spec_of(service).get("selector") or {}
    return dict(sorted(selector.items())[:1])
