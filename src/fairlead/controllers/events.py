"""What wakes a run: changes of our resources, of what they refer to, and of the objects that they manage.

Everything is level-triggered: an event says "look again" and the run reads the state as it is then.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fairlead.api import names
from fairlead.api.meta import ObjectMeta  # noqa: TC001 - msgspec reads the annotation
from fairlead.api.suspension import UNTIL
from fairlead.controllers.artifacts import content_of
from fairlead.controllers.dependencies import dependencies_of, in_order, key_of, source_of
from fairlead.controllers.resources import Malformed
from fairlead.controllers.wakes import UserIndex
from fairlead.engine.pacing import RepairPacer
from fairlead.engine.state import Deleted, Drifted, HealthChanged
from fairlead.kube.reflector import Key
from fairlead.objects.ref import GroupKind, ObjectRef
from fairlead.runtime.conditions import READY, is_true

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from fairlead.api.gitrepository import GitRepository
    from fairlead.api.kustomization import Kustomization
    from fairlead.controllers.access import Access
    from fairlead.controllers.following import SourceAccess
    from fairlead.controllers.kustomization import Kustomizations
    from fairlead.controllers.wakes import Wakes
    from fairlead.engine.state import ManagedEvent
    from fairlead.kube.reflector import ChangeType
    from fairlead.runtime.queue import WorkQueue

__all__ = ["Configuration", "Definition", "Triggers"]

_NAMESPACE = GroupKind("", "Namespace")
_WAKING = (names.REQUESTED_AT, UNTIL, names.SOPS_MAC, names.PRUNE_BUDGET)
"""Annotations of our resources whose change brings a run."""


class Configuration(msgspec.Struct):
    """What is kept of a labelled ConfigMap or Secret: that it changed, never what it holds."""

    metadata: ObjectMeta


class _Names(msgspec.Struct):
    kind: str


class _DefinitionSpec(msgspec.Struct):
    group: str
    names: _Names


class _Condition(msgspec.Struct):
    type: str
    status: str


class _DefinitionStatus(msgspec.Struct):
    conditions: list[_Condition] | None = None


class Definition(msgspec.Struct):
    """What is kept of a CRD."""

    spec: _DefinitionSpec
    status: _DefinitionStatus = msgspec.field(default_factory=_DefinitionStatus)

    @property
    def kind(self) -> GroupKind:
        return GroupKind(self.spec.group, self.spec.names.kind)

    @property
    def established(self) -> bool:
        return any(
            condition.type == "Established" and condition.status == "True" for condition in self.status.conditions or ()
        )


class Triggers:
    """Turns events into keys of the two queues."""

    def __init__(
        self,
        sources: SourceAccess,
        access: Access[Kustomization],
        source_queue: WorkQueue[Key],
        queue: WorkQueue[Key],
        kustomizations: Kustomizations,
        wakes: Wakes,
        quiet_seconds: float,
        *,
        age_secret: ObjectRef | None = None,
    ) -> None:
        """``age_secret`` holds keys of all who decrypt."""
        self._age_secret = age_secret
        self._sources = sources
        self._access = access
        self._source_queue = source_queue
        self._queue = queue
        self._kustomizations = kustomizations
        self._wakes = wakes
        self._quiet_seconds = quiet_seconds
        self._pacer: RepairPacer[tuple[Key, ObjectRef]] = RepairPacer()
        self._by_source: UserIndex[ObjectRef] = UserIndex()
        self._by_dependency: UserIndex[Key] = UserIndex()
        self._by_ready_expr: UserIndex[Key] = UserIndex()
        """The part of them that judges by an expression, which may ask for anything."""
        self._by_configuration: UserIndex[ObjectRef] = UserIndex()
        self._sources_by_configuration: UserIndex[ObjectRef] = UserIndex()
        self._by_include: UserIndex[Key] = UserIndex()

    def wake(self, keys: Iterable[Key], *, ahead: bool = False) -> None:
        """These Kustomizations look at everything again, before all others if they go ``ahead``."""
        for key in keys:
            self._wakes.of(key).full = True
            self._queue.add(key, ahead=ahead)

    def take_note(self, key: Key) -> None:
        """The Kustomization only has to write down the newest revision."""
        self._wakes.of(key).noted = True
        self._queue.add(key)

    def health_ended(self, key: Key) -> None:
        self._wakes.of(key).health = True
        self._queue.add(key, ahead=self.has_dependants(key))

    def has_dependants(self, key: Key) -> bool:
        """Whether others wait until the Kustomization is ready."""
        return bool(self._by_dependency.all_users(key))

    # -- our resources ---------------------------------------------------------------------------------------------

    def on_source(
        self, change: ChangeType, old: GitRepository | Malformed | None, new: GitRepository | Malformed | None
    ) -> None:
        found = new if new is not None else old
        if found is None:
            return
        key = Key(found.metadata.namespace, found.metadata.name)
        ours = self._sources.is_ours(found)
        published = _artifact(old) != _artifact(new) or change == "ADDED"
        moved = old is not None and self._sources.is_ours(old) != ours
        if change == "DELETED" or _asks_for_a_run(old, new) or moved or (published and not ours):
            self._source_queue.add(key)
        self._sources_by_configuration.set(key, _secrets_of_source(new))
        self._by_include.set(key, _includes_of(new))
        if published and (ours or change == "DELETED"):
            self.on_artifact(key)

    def on_artifact(self, key: Key) -> None:
        """A source has an artifact that it did not have, or none any more."""
        ref = ObjectRef(names.SOURCE_GROUP, "GitRepository", key.namespace, key.name)
        changed = self._kustomizations.sort_out(key, self._by_source.all_users(ref))
        self.wake(in_order(changed, self._access.typed))
        for user in self._by_include.users(key):
            self._source_queue.add(user)

    def is_read(self, key: Key) -> bool:
        """Whether something of this shard is made from a source, be it by way of others that include it."""
        seen, pending = set[Key](), [key]
        while pending:
            each = pending.pop()
            if each in seen:
                continue
            seen.add(each)
            if self._by_source.all_users(ObjectRef(names.SOURCE_GROUP, "GitRepository", each.namespace, each.name)):
                return True
            users = [(user, self._sources.typed(user)) for user in self._by_include.users(each)]
            if any(source is not None and self._sources.is_ours(source) for _, source in users):
                return True
            pending += [user for user, _ in users]
        return False

    def on_restored(self, key: Key) -> None:
        """A source's artifact was lost and is here again, the same as before: who could not read it goes on."""
        ref = ObjectRef(names.SOURCE_GROUP, "GitRepository", key.namespace, key.name)
        self.wake(in_order(self._by_source.users(ref), self._access.typed))

    def on_kustomization(
        self, change: ChangeType, old: Kustomization | Malformed | None, new: Kustomization | Malformed | None
    ) -> None:
        found = new if new is not None else old
        if found is None:
            return
        key = Key(found.metadata.namespace, found.metadata.name)
        if change == "DELETED" or _asks_for_a_run(old, new):
            self.wake([key])
        self._index(key, new)
        if change != "MODIFIED" or _source_key(old) != _source_key(new):
            self._follow_as_needed(old, new)
        self._kustomizations.decision.look_again(key)
        if change != "MODIFIED":
            self.wake(self._by_dependency.users(key))
        else:
            same = _readiness(old) == _readiness(new)
            users = self._by_ready_expr.users(key) if same else self._by_dependency.users(key)
            # They have been in line once, and a chain is as late as the last of its links.
            self.wake(filter(self._kustomizations.waits_for_dependency, users), ahead=True)

    def _follow_as_needed(self, *kustomizations: Kustomization | Malformed | None) -> None:
        """The sources of other shards that these were or are made from begin to be read, or are not any more."""
        for key in {_source_key(each) for each in kustomizations} - {None}:
            source = self._sources.typed(key) if key else None
            if key and source is not None and not self._sources.is_ours(source):
                self._source_queue.add(key)

    def _index(self, key: Key, kustomization: Kustomization | Malformed | None) -> None:
        known = None if isinstance(kustomization, Malformed) else kustomization
        self._by_source.set(key, [source_of(known)] if known else ())
        self._by_dependency.set(key, dependencies_of(known) if known else ())
        self._by_ready_expr.set(key, dependencies_of(known, with_expression=True) if known else ())
        self._by_configuration.set(key, self._configuration_of(known) if known else ())

    def _configuration_of(self, kustomization: Kustomization) -> Iterator[ObjectRef]:
        yield from _configuration_of(kustomization)
        if kustomization.spec.decryption is not None and self._age_secret is not None:
            yield self._age_secret

    # -- what they refer to ----------------------------------------------------------------------------------------

    def on_configuration(self, kind: str, old: Configuration | None, new: Configuration | None) -> None:
        found = new if new is not None else old
        if found is None:
            return
        ref = ObjectRef("", kind, found.metadata.namespace, found.metadata.name)
        self.wake(self._by_configuration.users(ref))
        for key in self._sources_by_configuration.users(ref):
            self._source_queue.add(key)

    def on_new_kind(self) -> None:
        """A kind begins to be served: whoever waits for it may go on."""
        self.wake(self._kustomizations.unblocked())

    # -- what they manage ------------------------------------------------------------------------------------------

    def on_managed(self, event: ManagedEvent) -> None:
        match event:
            case Drifted() | Deleted():
                key = Key(event.owner.namespace, event.owner.name)
                drifted = self._wakes.of(key).drifted
                if event.ref in drifted:
                    return  # its repair is on the way, however often it changes until then
                drifted.add(event.ref)
                self._queue.add_after(key, max(self._quiet_seconds, self._pacer.delay((key, event.ref))))
            case HealthChanged():
                self._on_health(event)

    def _on_health(self, event: HealthChanged) -> None:
        if not event.status.ready:
            return
        if event.ref.group_kind == _NAMESPACE:
            self.wake(self._kustomizations.unblocked())
        if event.owner is not None:
            key = Key(event.owner.namespace, event.owner.name)
            if self._kustomizations.is_unhealthy(key):
                self.wake([key])


def _asks_for_a_run(
    old: GitRepository | Kustomization | Malformed | None, new: GitRepository | Kustomization | Malformed | None
) -> bool:
    """Create, delete, a new generation, or a new value of an annotation that asks for a run or changes its outcome."""
    if old is None or new is None:
        return True
    before, after = old.metadata, new.metadata
    asked = any(before.annotations.get(key) != after.annotations.get(key) for key in _WAKING)
    return asked or before.generation != after.generation or before.deletion_timestamp != after.deletion_timestamp


def _artifact(source: GitRepository | Malformed | None) -> tuple[str, str] | None:
    return None if source is None or isinstance(source, Malformed) else content_of(source.status.artifact)


def _source_key(kustomization: Kustomization | Malformed | None) -> Key | None:
    if kustomization is None or isinstance(kustomization, Malformed):
        return None
    ref = source_of(kustomization)
    return Key(ref.namespace, ref.name)


def _readiness(kustomization: Kustomization | Malformed | None) -> tuple[object, ...]:
    """What a dependant looks at."""
    if kustomization is None or isinstance(kustomization, Malformed):
        return ()
    status = kustomization.status
    ready = is_true(status.conditions or (), READY)
    return ready, status.last_applied_revision, status.observed_generation, kustomization.metadata.generation


def _secrets_of_source(source: GitRepository | Malformed | None) -> Iterator[ObjectRef]:
    if source is None or isinstance(source, Malformed):
        return
    spec, namespace = source.spec, source.metadata.namespace
    for reference in (spec.secret_ref, spec.proxy_secret_ref, spec.verify.secret_ref if spec.verify else None):
        if reference is not None:
            yield ObjectRef("", "Secret", namespace, reference.name)


def _includes_of(source: GitRepository | Malformed | None) -> Iterator[Key]:
    if source is None or isinstance(source, Malformed):
        return
    for include in source.spec.include or ():
        yield Key(source.metadata.namespace, include.repository.name)


def _configuration_of(kustomization: Kustomization) -> Iterator[ObjectRef]:
    spec, namespace = kustomization.spec, key_of(kustomization).namespace
    for reference in (spec.post_build.substitute_from if spec.post_build else None) or ():
        yield ObjectRef("", reference.kind, namespace, reference.name)
    if spec.kube_config and spec.kube_config.secret_ref:
        yield ObjectRef("", "Secret", namespace, spec.kube_config.secret_ref.name)
    if spec.kube_config and spec.kube_config.config_map_ref:
        yield ObjectRef("", "ConfigMap", namespace, spec.kube_config.config_map_ref.name)
    if spec.decryption and spec.decryption.secret_ref:
        yield ObjectRef("", "Secret", namespace, spec.decryption.secret_ref.name)
