"""Owner references: dependents go when their last owner goes, before it (foreground) or not at all (orphan)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairlead.localcluster.server.deleting import FOREGROUND, ORPHAN, DeleteOptions, Deleter
from fairlead.localcluster.server.serving import to_manifest
from fairlead.localcluster.storage import decode_body

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from fairlead.localcluster.server.pipeline import Pipeline
    from fairlead.localcluster.server.registry import Registry, Resource
    from fairlead.localcluster.server.requests import WriteOptions
    from fairlead.localcluster.storage import Change, Collection, Stored

__all__ = ["Garbage"]

Manifest = dict[str, Any]
Place = tuple[str, str]
"""(collection, key) of an object."""


class Garbage:
    """Keeps who owns what by uid, from the store's changes; :meth:`sync` looks after one uid."""

    def __init__(self, pipeline: Pipeline, deleter: Deleter, registry: Registry, options: WriteOptions) -> None:
        self._pipeline = pipeline
        self._deleter = deleter
        self._registry = registry
        self._options = options
        self._places: dict[str, Place] = {}
        self._dependents: dict[str, dict[str, None]] = {}
        self._owners: dict[str, list[str]] = {}
        self.enqueue: Callable[[str], None] = lambda uid: None

    def load(self) -> None:
        """Learn the owners of everything that is in the store."""
        for collection in self._pipeline.store.collections():
            for stored in collection.scan():
                self._learn(collection.name, stored.key, decode_body(stored.body)["metadata"])

    def _learn(self, collection: str, key: str, metadata: Manifest) -> None:
        uid = metadata["uid"]
        self._places[uid] = (collection, key)
        owners = [owner["uid"] for owner in metadata.get("ownerReferences") or []]
        known = self._owners.get(uid, [])
        if owners == known:
            return
        for owner in known:
            self._dependents.get(owner, {}).pop(uid, None)
        for owner in owners:
            self._dependents.setdefault(owner, {})[uid] = None
        self._owners[uid] = owners
        if not owners:
            del self._owners[uid]

    def _unlearn(self, uid: str) -> None:
        self._places.pop(uid, None)
        for owner in self._owners.pop(uid, []):
            self._dependents.get(owner, {}).pop(uid, None)

    def noticed(self, collection: Collection, change: Change, obj: Manifest) -> None:
        metadata = obj["metadata"]
        uid = metadata["uid"]
        if change.current is None:
            owners = self._owners.get(uid, [])
            self._unlearn(uid)
            if self._dependents.get(uid):
                self.enqueue(uid)
            for owner in owners:
                self.enqueue(owner)
            return
        before = self._owners.get(uid, [])
        self._learn(collection.name, change.stored.key, metadata)
        after = self._owners.get(uid, [])
        if metadata.get("deletionTimestamp") and {FOREGROUND, ORPHAN} & set(metadata.get("finalizers") or ()):
            self.enqueue(uid)
        if after != before:
            self.enqueue(uid)
            for owner in {*before, *after}:
                self.enqueue(owner)
        elif metadata.get("deletionTimestamp"):
            for owner in after:
                self.enqueue(owner)

    def _find(self, uid: str) -> tuple[Resource, Stored, Manifest] | None:
        place = self._places.get(uid)
        if place is None:
            return None
        resource = self._registry.stored_in(place[0])
        stored = self._pipeline.store.collection(place[0]).objects.get(place[1])
        if resource is None or stored is None:
            return None
        return resource, stored, to_manifest(resource, stored.body)

    def sync(self, uid: str) -> None:
        """Bring the dependents of a uid, and the object itself, to where its life stands."""
        found = self._find(uid)
        if found is None:
            for dependent in list(self._dependents.get(uid, {})):
                self._attend(dependent)
            if not self._dependents.get(uid):
                self._dependents.pop(uid, None)
            return
        metadata = found[2]["metadata"]
        finalizers = metadata.get("finalizers") or []
        if metadata.get("deletionTimestamp"):
            if ORPHAN in finalizers:
                self._orphan(uid)
                self._release(uid, ORPHAN)
            elif FOREGROUND in finalizers:
                self._foreground(uid)
        self._attend(uid)

    def _attend(self, uid: str) -> None:
        """Delete an object none of whose owners is left; forget the absent ones among several."""
        found = self._find(uid)
        if found is None:
            return
        resource, stored, obj = found
        references = obj["metadata"].get("ownerReferences") or []
        if not references or obj["metadata"].get("deletionTimestamp"):
            return
        solid = [one for one in references if self._is_there(one, stored.namespace)]
        waiting = [one for one in solid if self._waits_for_dependents(one["uid"]) and one.get("blockOwnerDeletion")]
        if len(solid) > len(waiting):
            gone = [one["uid"] for one in references if one not in solid or one in waiting]
            if gone:
                self._drop_owners(uid, set(gone))
            return
        finalizers = obj["metadata"].get("finalizers") or []
        policy = "Background"
        if waiting and self._dependents.get(uid):
            policy = "Foreground"
        elif ORPHAN in finalizers:
            policy = "Orphan"
        elif FOREGROUND in finalizers:
            policy = "Foreground"
        self._deleter.delete(resource, stored, DeleteOptions(policy=policy), self._options)

    def _is_there(self, reference: Manifest, namespace: str) -> bool:
        """Whether an owner exists: the same uid, in the dependent's namespace or in none."""
        place = self._places.get(reference["uid"])
        if place is None:
            return False
        owner_namespace = place[1].rpartition("/")[0]
        return owner_namespace in ("", namespace)

    def _waits_for_dependents(self, uid: str) -> bool:
        found = self._find(uid)
        if found is None:
            return False
        metadata = found[2]["metadata"]
        return bool(metadata.get("deletionTimestamp")) and FOREGROUND in (metadata.get("finalizers") or ())

    def _blocking(self, uid: str) -> Iterator[str]:
        for dependent in list(self._dependents.get(uid, {})):
            found = self._find(dependent)
            if found is not None and any(
                one["uid"] == uid and one.get("blockOwnerDeletion")
                for one in found[2]["metadata"].get("ownerReferences") or []
            ):
                yield dependent

    def _foreground(self, uid: str) -> None:
        for dependent in list(self._dependents.get(uid, {})):
            self._attend(dependent)
        if not any(self._blocking(uid)):
            self._release(uid, FOREGROUND)

    def _orphan(self, uid: str) -> None:
        for dependent in list(self._dependents.get(uid, {})):
            self._drop_owners(dependent, {uid})

    def _drop_owners(self, uid: str, gone: set[str]) -> None:
        found = self._find(uid)
        if found is None:
            return
        resource, stored, obj = found
        kept = [one for one in obj["metadata"].get("ownerReferences") or [] if one["uid"] not in gone]
        obj["metadata"]["ownerReferences"] = kept
        if not kept:
            del obj["metadata"]["ownerReferences"]
        self._pipeline.write_system(resource, obj, stored, self._options, record=True)

    def _release(self, uid: str, finalizer: str) -> None:
        found = self._find(uid)
        if found is None:
            return
        resource, stored, obj = found
        left = [one for one in obj["metadata"].get("finalizers") or [] if one != finalizer]
        obj["metadata"]["finalizers"] = left
        if left:
            self._pipeline.write_system(resource, obj, stored, self._options, record=True)
        else:
            self._pipeline.remove(resource, stored, self._options)
