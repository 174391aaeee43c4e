"""Create and update: the way of an object from a request to the store.

Every step is synchronous, so a request's read-modify-write is atomic and needs no retries. Refusals are
:class:`StatusError` with the real server's texts.
"""

from __future__ import annotations

import datetime
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairlead.localcluster.server import strategy
from fairlead.localcluster.server.admission import Admission
from fairlead.localcluster.server.convert import to_storage
from fairlead.localcluster.server.escalation import EscalationCheck
from fairlead.localcluster.server.serving import to_manifest
from fairlead.localcluster.status import StatusError, already_exists, bad_request, conflict, invalid, not_found
from fairlead.localcluster.storage import Store, Stored, encode_body, object_key

if TYPE_CHECKING:
    from fairlead.localcluster.server.authz import Authorizer
    from fairlead.localcluster.server.registry import Registry, Resource
    from fairlead.localcluster.server.requests import WriteOptions
    from fairlead.localcluster.server.rules import Rules

__all__ = ["Pipeline", "Written", "timestamp"]

Manifest = dict[str, Any]

STALE = "the object has been modified; please apply your changes to the latest version and try again"


def timestamp() -> str:
    """Now, as Kubernetes writes times."""
    return datetime.datetime.now(datetime.UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


@dataclass(frozen=True, slots=True)
class Written:
    """The outcome of a write; ``stored`` of a dry run is not in the store."""

    stored: Stored
    created: bool = False
    deleted: bool = False


class Pipeline:
    """All writes of objects, whoever asks for them."""

    def __init__(self, store: Store, registry: Registry, rules: Rules, authorizer: Authorizer) -> None:
        self.store = store
        self.registry = registry
        self.rules = rules
        self.admission = Admission(store, EscalationCheck(authorizer))

    def live(self, resource: Resource, namespace: str, name: str) -> Stored:
        """The stored object; 404 when there is none."""
        stored = self.store.collection(resource.collection).get(namespace, name)
        if stored is None:
            raise not_found(resource.group, resource.plural, name)
        return stored

    def create(self, resource: Resource, namespace: str, obj: Manifest, options: WriteOptions) -> Written:
        check_namespace(resource, obj, namespace)
        if (obj.get("metadata") or {}).get("resourceVersion"):
            raise StatusError(500, "", "resourceVersion should not be set on objects to be created")
        obj = self.rules.decode(resource, obj, options)
        return self.insert(resource, namespace, obj, options, owned=False)

    def insert(
        self, resource: Resource, namespace: str, obj: Manifest, options: WriteOptions, *, owned: bool
    ) -> Written:
        """Store a decoded new object; ``owned`` as in :meth:`replace`."""
        now = timestamp()
        obj = self.rules.default(resource, obj, applied=owned)
        if not owned:
            obj = self.rules.record(resource, None, obj, options, now, "")
        strategy.identify(obj, namespace, now)
        self.rules.prepare_create(resource, obj)
        self.admission.create(resource, namespace, obj, options.user)
        self.rules.validate(resource, obj, None)
        name = obj["metadata"]["name"]  # validation has seen it
        if object_key(namespace, name) in self.store.collection(resource.collection).objects:
            raise already_exists(resource.group, resource.plural, name)
        self.admission.allocate(resource, obj)
        return Written(self._put(resource, obj, None, options), created=True)

    def update(
        self,
        resource: Resource,
        namespace: str,
        name: str,
        obj: Manifest,
        options: WriteOptions,
        *,
        subresource: str = "",
    ) -> Written:
        """Replace an object (PUT)."""
        check_namespace(resource, obj, namespace)
        strategy.check_name_in_url(obj, name)
        stored = self.live(resource, namespace, name)
        self._check_locks(resource, stored, obj)
        obj = self.rules.decode(resource, obj, options)
        if resource.needs_version and not (obj.get("metadata") or {}).get("resourceVersion"):
            text = "Invalid value: 0: must be specified for an update"
            causes = [("FieldValueInvalid", text, "metadata.resourceVersion")]
            raise invalid(resource.group, resource.plural, name, causes)
        return self.replace(resource, stored, obj, options, subresource=subresource)

    def _check_locks(self, resource: Resource, stored: Stored, obj: Manifest) -> None:
        """The optimistic locks of an update: its uid and its resource version, where it names them."""
        metadata = obj.get("metadata") or {}
        live_uid = to_manifest(resource, stored.body)["metadata"]["uid"]
        if metadata.get("uid") and metadata["uid"] != live_uid:
            key = "/".join(part for part in ("/registry", resource.group, resource.plural, stored.key) if part)
            text = (
                f"StorageError: invalid object, Code: 4, Key: {key}, ResourceVersion: 0, AdditionalErrorMsg: "
                f"Precondition failed: UID in precondition: {metadata['uid']}, UID in object meta: {live_uid}"
            )
            raise conflict(resource.group, resource.plural, stored.name, text)
        self.check_version(resource, stored, metadata)

    @staticmethod
    def check_version(resource: Resource, stored: Stored, metadata: Manifest) -> None:
        """409 when the metadata name another resource version than the stored one."""
        version = metadata.get("resourceVersion")
        if version and version not in ("0", str(stored.version)):
            raise conflict(resource.group, resource.plural, stored.name, STALE)

    def replace(
        self,
        resource: Resource,
        stored: Stored,
        new: Manifest,
        options: WriteOptions,
        *,
        subresource: str = "",
        owned: bool = False,
    ) -> Written:
        """Store a decoded new state of an object; nothing is written when nothing changed.

        ``owned`` says that the new state has its managed fields already.
        """
        live = to_manifest(resource, stored.body)
        new = self.rules.default(resource, new, applied=owned)
        if not owned:
            now = "" if subresource == "scale" else timestamp()  # entries of scales have no time
            new = self.rules.record(resource, live, new, options, now, subresource)
        self.admission.update(resource, live, new, options.user)
        strategy.keep_identity(live, new)
        self.rules.prepare_update(resource, live, new, subresource)
        new["metadata"] = strategy.ordered_metadata(new["metadata"])
        self.rules.validate(resource, new, live)
        new["metadata"]["resourceVersion"] = live["metadata"]["resourceVersion"]
        if self.rules.settle(live, new) is live:
            return Written(stored)
        if may_vanish(new):
            self._remove(resource, stored, live, options)
            last = Stored(stored.namespace, stored.name, stored.version, encode_body(to_storage(resource, new)))
            return Written(last, deleted=True)
        return Written(self._put(resource, new, stored, options))

    def _put(self, resource: Resource, obj: Manifest, live: Stored | None, options: WriteOptions) -> Stored:
        obj["metadata"] = strategy.ordered_metadata(obj["metadata"])
        obj = to_storage(resource, obj)
        if options.dry_run:
            if live is None:
                obj["metadata"].pop("resourceVersion", None)
            version = live.version if live else 0
            return Stored(obj["metadata"].get("namespace") or "", obj["metadata"]["name"], version, encode_body(obj))
        return self.store.put(resource.collection, obj)

    def _remove(self, resource: Resource, stored: Stored, live: Manifest, options: WriteOptions) -> Stored:
        if options.dry_run:
            return stored
        return self.store.remove(resource.collection, stored.key, to_storage(resource, live))

    def write_system(
        self,
        resource: Resource,
        obj: Manifest,
        stored: Stored,
        options: WriteOptions,
        *,
        record: bool = False,
        subresource: str = "",
    ) -> Stored:
        """Store without the rules for clients: the server's own housekeeping (deletion marks, conditions).

        ``record`` says that the writer comes to own what it changes.
        """
        if record:
            live = to_manifest(resource, stored.body)
            obj = self.rules.record(resource, live, obj, options, timestamp(), subresource)
        return self._put(resource, obj, stored, options)

    def remove(self, resource: Resource, stored: Stored, options: WriteOptions) -> Stored:
        return self._remove(resource, stored, to_manifest(resource, stored.body), options)


def may_vanish(obj: Manifest) -> bool:
    """An object that is being deleted and that nobody holds back any more."""
    metadata = obj["metadata"]
    if not metadata.get("deletionTimestamp") or metadata.get("finalizers"):
        return False
    if obj["kind"] == "Namespace" and (obj.get("spec") or {}).get("finalizers"):
        return False
    return not metadata.get("deletionGracePeriodSeconds")


def check_namespace(resource: Resource, obj: Manifest, namespace: str) -> None:
    """The namespace in the object must be that of the path, or absent."""
    given = (obj.get("metadata") or {}).get("namespace") or ""
    if given and given != namespace:
        if resource.namespaced:
            raise bad_request("the namespace of the provided object does not match the namespace sent on the request")
        obj["metadata"].pop("namespace")
