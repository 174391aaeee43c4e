"""What the controllers know of the cluster: the last seen version of each watched object, with an index by owner.

The store is fed by the watch and, so that a controller always sees its own writes, by the answers to its writes.
Objects in it are shared: whoever wants to change one makes a copy. An answer that arrives after the object's deletion
was seen is dropped.
"""

from __future__ import annotations

from collections import OrderedDict, defaultdict
from collections.abc import Callable
from typing import TYPE_CHECKING, TypeVar

from fairlead.localcluster.controllers.kinds import (
    CONFIG_MAP,
    POD,
    SECRET,
    kind_of,
    labels_of,
    name_of,
    namespace_of,
    uid_of,
)
from fairlead.localcluster.controllers.labelindex import LabelIndex

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.localcluster.controllers.kinds import Manifest
    from fairlead.objects.ref import GroupKind

K = TypeVar("K")
V = TypeVar("V")

Observer = Callable[["Manifest | None", "Manifest | None"], None]

# An answer overtakes the watch by milliseconds; remembering this many deletions is far more than enough.
_REMEMBERED_DELETIONS = 10_000


class Store:
    """Objects by kind, namespace and name; single-threaded.

    ``observer`` is told of each change once, as ``(old, new)`` with ``None`` for "not there", whether the watch or an
    answer brought it first.
    """

    def __init__(self) -> None:
        self.observer: Observer = _nobody
        self._objects: dict[GroupKind, dict[str, dict[str, Manifest]]] = defaultdict(dict)
        self._owned: dict[str, dict[tuple[GroupKind, str, str], None]] = {}
        self._orphans: dict[tuple[GroupKind, str], dict[str, None]] = {}
        self._pod_labels: LabelIndex[str] = LabelIndex()
        self._deleted: OrderedDict[str, None] = OrderedDict()

    def get(self, kind: GroupKind, namespace: str, name: str) -> Manifest | None:
        return self._objects[kind].get(namespace, {}).get(name)

    def all(self, kind: GroupKind, namespace: str | None = None) -> list[Manifest]:
        """Objects of a kind in the order they were first seen; of all namespaces when ``namespace`` is ``None``."""
        namespaces = self._objects[kind]
        if namespace is not None:
            return list(namespaces.get(namespace, {}).values())
        return [obj for objects in namespaces.values() for obj in objects.values()]

    def owned(self, owner: Manifest, kind: GroupKind) -> list[Manifest]:
        """Objects of ``kind`` whose controlling owner is ``owner``."""
        found = (self.get(*key) for key in list(self._owned.get(uid_of(owner), ())) if key[0] == kind)
        return [obj for obj in found if obj is not None]

    def orphans(self, kind: GroupKind, namespace: str) -> list[Manifest]:
        """Objects of ``kind`` that nothing controls."""
        found = (self.get(kind, namespace, name) for name in self._orphans.get((kind, namespace), ()))
        return [obj for obj in found if obj is not None]

    def pods_with(self, namespace: str, labels: Mapping[str, str]) -> list[Manifest]:
        """Pods that may carry all of ``labels``: a few too many; all pods of the namespace when none is given."""
        if not labels:
            return self.all(POD, namespace)
        found = (self.get(POD, namespace, name) for name in self._pod_labels.candidates(namespace, labels))
        return [obj for obj in found if obj is not None]

    def put(self, obj: Manifest) -> None:
        """Keep ``obj`` unless something newer is known."""
        uid, kind, namespace, name = uid_of(obj), kind_of(obj), namespace_of(obj), name_of(obj)
        if uid in self._deleted:
            return
        objects = self._objects[kind].setdefault(namespace, {})
        old = objects.get(name)
        if old is not None and _version(old) >= _version(obj):
            return
        if old is not None:
            self._unlink(old)
        obj = objects[name] = _slim(obj)
        owner = controller_uid(obj)
        if owner:
            self._owned.setdefault(owner, {})[kind, namespace, name] = None
        else:
            self._orphans.setdefault((kind, namespace), {})[name] = None
        if kind == POD:
            self._pod_labels.add(namespace, labels_of(obj), name)
        self.observer(old, obj)

    def remove(self, obj: Manifest) -> None:
        """Forget this incarnation of an object; a newer one of the same name stays."""
        self._deleted[uid_of(obj)] = None
        if len(self._deleted) > _REMEMBERED_DELETIONS:
            self._deleted.popitem(last=False)
        kind, namespace, name = kind_of(obj), namespace_of(obj), name_of(obj)
        old = self.get(kind, namespace, name)
        if old is None or uid_of(old) != uid_of(obj):
            return
        self._unlink(old)
        objects = self._objects[kind][namespace]
        del objects[name]
        if not objects:
            del self._objects[kind][namespace]
        self.observer(old, None)

    def _unlink(self, obj: Manifest) -> None:
        owner, kind, namespace, name = controller_uid(obj), kind_of(obj), namespace_of(obj), name_of(obj)
        if owner:
            _drop(self._owned, owner, (kind, namespace, name))
        else:
            _drop(self._orphans, (kind, namespace), name)
        if kind == POD:
            self._pod_labels.remove(namespace, labels_of(obj), name)


def controller_uid(obj: Manifest) -> str:
    """The uid of the owner that controls ``obj``; empty when there is none."""
    reference = controller_of(obj)
    uid: str = reference["uid"] if reference else ""
    return uid


def controller_of(obj: Manifest) -> Manifest | None:
    """The owner reference that controls ``obj``."""
    for reference in obj["metadata"].get("ownerReferences") or ():
        if reference.get("controller"):
            found: Manifest = reference
            return found
    return None


def _slim(obj: Manifest) -> Manifest:
    """Without what no controller reads: who set which field, and the values of ConfigMaps and Secrets.

    A write without ``managedFields`` leaves them as they are, so slim objects may be written back; ConfigMaps and
    Secrets never are.
    """
    if "managedFields" in obj["metadata"]:
        metadata = {key: value for key, value in obj["metadata"].items() if key != "managedFields"}
        obj = {**obj, "metadata": metadata}
    if kind_of(obj) in (CONFIG_MAP, SECRET):
        obj = {**obj, **{field: dict.fromkeys(obj[field], "") for field in ("data", "binaryData") if obj.get(field)}}
    return obj


def _drop(index: dict[K, dict[V, None]], key: K, value: V) -> None:
    values = index.get(key)
    if values is not None:
        values.pop(value, None)
        if not values:
            del index[key]


def _version(obj: Manifest) -> int:
    return int(obj["metadata"].get("resourceVersion") or 0)


def _nobody(old: Manifest | None, new: Manifest | None) -> None:
    """Observes nothing."""
