"""What an apply does, as values: one change per object, and the set of them. Planning is pure; carrying out is
elsewhere.

`plan` says what would happen from what is live and what a server dry run answered. The preview on the command line,
the web view and the tests use it; the controllers' applier makes the same decisions object by object as answers come
in.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Any

from fairlead.api import names
from fairlead.objects.diff import FieldChange, diff_manifests
from fairlead.objects.inventory import Inventory
from fairlead.objects.manifest import Manifest, has_mark, labels_of
from fairlead.objects.order import deletion_order, sorted_manifests
from fairlead.objects.redact import mask_changes
from fairlead.objects.ref import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

__all__ = ["Action", "Change", "ChangeSet", "Owner", "deletion_skip_reason", "owner_of", "plan", "skip_reason"]


class Action(StrEnum):
    """kubectl's words, plus one."""

    CREATED = "created"
    CONFIGURED = "configured"
    UNCHANGED = "unchanged"
    DELETED = "deleted"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True, order=True)
class Owner:
    """The Kustomization that an object belongs to, as its owner labels say."""

    namespace: str
    name: str

    @property
    def labels(self) -> dict[str, str]:
        return {names.OWNER_NAME: self.name, names.OWNER_NAMESPACE: self.namespace}

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}"


def owner_of(manifest: Mapping[str, Any]) -> Owner | None:
    """The owner by the labels of an object as it was read; ``None`` when it has none."""
    found = labels_of(manifest)
    name = found.get(names.OWNER_NAME)
    return Owner(found.get(names.OWNER_NAMESPACE, ""), name) if name else None


@dataclass(frozen=True, slots=True)
class Change:
    """What happened (or would happen) to one object."""

    ref: ObjectRef
    action: Action
    reason: str = ""
    """Why an object was skipped, or why one that Git did not change was written (`drift`)."""
    fields: tuple[FieldChange, ...] = ()
    """Which fields changed, with a Secret's values masked; known only where the live object was read."""

    def __str__(self) -> str:
        return f"{self.ref} {self.action}"


class ChangeSet:
    """The changes of one run, in the order in which they were made."""

    __slots__ = ("_changes",)

    def __init__(self, changes: Iterable[Change] = ()) -> None:
        self._changes = list(changes)

    def add(self, change: Change) -> None:
        self._changes.append(change)

    def extend(self, changes: Iterable[Change]) -> None:
        self._changes.extend(changes)

    def __iter__(self) -> Iterator[Change]:
        return iter(self._changes)

    def __len__(self) -> int:
        return len(self._changes)

    def of(self, *actions: Action) -> list[Change]:
        return [change for change in self._changes if change.action in actions]

    @property
    def written(self) -> list[Change]:
        """What was created, configured or deleted."""
        return self.of(Action.CREATED, Action.CONFIGURED, Action.DELETED)

    def counts(self) -> Counter[Action]:
        return Counter(change.action for change in self._changes)

    def lines(self) -> str:
        """The text of Flux's event: one line per written object, ``Deployment/apps/web configured``."""
        return "\n".join(str(change) for change in self.written)

    def __repr__(self) -> str:
        return f"ChangeSet({self._changes!r})"


def skip_reason(desired: Mapping[str, Any], live: Mapping[str, Any] | None) -> str:
    """Why an object must not be applied; empty when it may be."""
    for manifest in (desired, live or {}):
        if has_mark(manifest, names.RECONCILE, names.DISABLED):
            return f"{names.RECONCILE}: disabled"
        if has_mark(manifest, names.SSA, "Ignore"):
            return f"{names.SSA}: Ignore"
    if live is not None and has_mark(desired, names.SSA, "IfNotPresent"):
        return f"{names.SSA}: IfNotPresent, and the object exists"
    return ""


def deletion_skip_reason(live: Mapping[str, Any], owner: Owner) -> str:
    """Why a live object must not be deleted on behalf of an owner; empty when it may be."""
    if owner_of(live) != owner:
        return f"it belongs to {owner_of(live) or 'nobody'} now"
    for key, value in ((names.PRUNE, names.DISABLED), (names.RECONCILE, names.DISABLED), (names.SSA, "Ignore")):
        if has_mark(live, key, value):
            return f"{key}: {value}"
    return ""


def plan(
    desired: Iterable[Manifest],
    live: Mapping[ObjectRef, Manifest],
    dry_run: Mapping[ObjectRef, Manifest],
    inventory: Inventory | None = None,
    *,
    owner: Owner,
    prune: bool = True,
) -> ChangeSet:
    """The changes that an apply of `desired` would make; pure.

    `live` holds the objects that exist (desired ones, and those of the inventory), `dry_run` the server's answers. An
    object without an answer (its namespace or its CRD is only about to be created) counts as what its absence or
    presence says.
    """
    desired = sorted_manifests(desired)
    changes = ChangeSet(_planned(manifest, live.get(ObjectRef.of(manifest)), dry_run) for manifest in desired)
    stale = (inventory or Inventory()) - Inventory.of(desired)
    if prune:
        changes.extend(planned_deletions(stale, live, owner))
    return changes


def _planned(manifest: Manifest, live: Manifest | None, dry_run: Mapping[ObjectRef, Manifest]) -> Change:
    ref = ObjectRef.of(manifest)
    if reason := skip_reason(manifest, live):
        return Change(ref, Action.SKIPPED, reason)
    if live is None:
        return Change(ref, Action.CREATED)
    answer = dry_run.get(ref)
    fields = diff_manifests(live, answer) if answer is not None else ()
    return Change(ref, Action.CONFIGURED if fields else Action.UNCHANGED, fields=mask_changes(manifest, fields))


def planned_deletions(stale: Iterable[ObjectRef], live: Mapping[ObjectRef, Manifest], owner: Owner) -> Sequence[Change]:
    """What pruning would do to the entries of an inventory that are no longer desired, in deletion order."""
    changes = []
    for ref in deletion_order(stale):
        reason = deletion_skip_reason(live[ref], owner) if ref in live else ""
        changes.append(Change(ref, Action.SKIPPED, reason) if reason else Change(ref, Action.DELETED))
    return changes
