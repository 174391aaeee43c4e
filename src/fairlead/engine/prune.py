"""Deletes what left the desired state, and nothing else: only objects of the inventory that still carry our labels.

What is protected (`prune: disabled`, `reconcile: disabled`, `ssa: Ignore`, another owner's labels) is left alone and
forgotten. What could not be deleted stays in the inventory, so that the next run tries again. An object that is gone
already counts as deleted: after a crash the rest is done without harm.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING

from fairlead.engine.failures import combined, group_of
from fairlead.engine.plan import Action, Change, ChangeSet, Owner, deletion_skip_reason, owner_of
from fairlead.engine.together import together
from fairlead.engine.write import wait_until_gone
from fairlead.errors import ConflictError, FairleadError, InvalidSpecError, NotReadyError
from fairlead.kube.client import PatchType
from fairlead.kube.errors import NoMatchError, NotFoundError
from fairlead.objects.inventory import Inventory
from fairlead.objects.manifest import metadata_of
from fairlead.objects.order import apply_groups, deletion_order

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.engine.watcher import ManagedWatcher
    from fairlead.kube.client import KubeClient
    from fairlead.objects.ref import ObjectRef

__all__ = ["PruneBudget", "PruneBudgetError", "PruneResult", "Pruner", "deletion_plan", "stale_entries"]

ATTEMPTS = 5


class PruneBudgetError(InvalidSpecError):
    """A change would delete suspiciously much; a person has to say that it is meant."""


@dataclass(frozen=True, slots=True)
class PruneBudget:
    """How much one run may delete: the larger of a number and a share of the inventory."""

    objects: int = 50
    share: float = 0.5

    def check(self, stale: int, inventory: int, *, how_to_allow: str) -> None:
        """Raise :class:`PruneBudgetError` when `stale` of `inventory` objects are too many to delete at once."""
        allowed = max(self.objects, int(inventory * self.share))
        if stale > allowed:
            raise PruneBudgetError(
                f"this revision would delete {stale} of {inventory} objects, more than the {allowed} that may go "
                f"at once; nothing was deleted. {how_to_allow}"
            )


@dataclass(slots=True)
class PruneResult:
    """What a prune has done."""

    changes: ChangeSet
    survivors: Inventory
    """What could not be deleted, or not yet; it stays in the inventory."""
    failures: list[FairleadError] = field(default_factory=list)
    left: set[ObjectRef] = field(default_factory=set)
    """The survivors that are wanted again, or by another, or that a late write may make again."""
    deleted_uids: dict[ObjectRef, str] = field(default_factory=dict)
    """The objects for whose end somebody may want to wait."""

    @property
    def error(self) -> FairleadError | None:
        return combined(self.failures)


def deletion_plan(policy: str, *, prune: bool, suspended: bool) -> tuple[bool, bool]:
    """What the deletion of a Kustomization does with its objects: (delete them, wait until they are gone)."""
    if suspended:
        return False, False
    match policy:
        case "Delete":
            return True, False
        case "WaitForTermination":
            return True, True
        case "Orphan":
            return False, False
        case _:
            return prune, False


class Pruner:
    """Deletes for one owner in one cluster."""

    def __init__(
        self,
        watcher: ManagedWatcher,
        owner: Owner,
        *,
        client: KubeClient | None = None,
        claimed: Callable[[ObjectRef], bool] = lambda _: False,
        concurrency: int = 8,
    ) -> None:
        """`claimed` says whether an object is wanted by somebody, who may not have applied it yet: it is not deleted.

        As long as it carries our labels it is ours to delete, should nobody want it in the end: its entry stays.
        """
        self._watcher = watcher
        self._state = watcher.state
        self._owner = owner
        self._client = client or watcher.client
        self._claimed = claimed
        self._concurrency = concurrency

    async def prune(self, stale: Inventory) -> PruneResult:
        """Delete these entries of the inventory, last applied first; objects of one rank go at the same time."""
        result = PruneResult(ChangeSet(), Inventory())
        survivors: dict[ObjectRef, str] = {}
        for group in reversed(apply_groups(list(stale), lambda ref: ref)):
            refs = deletion_order(group)
            outcomes = await together(refs, partial(self._delete, result=result), limit=self._concurrency)
            for ref, outcome in zip(refs, outcomes, strict=True):
                if isinstance(outcome, Change):
                    result.changes.add(outcome)
                else:
                    result.failures.append(outcome)
                if ref in result.left or not isinstance(outcome, Change):
                    survivors[ref] = stale.versions[ref]
        result.survivors = Inventory(survivors)
        return result

    async def wait_for_termination(self, result: PruneResult, timeout: float) -> None:
        """Until all that was deleted is gone; raises ``NotReadyError`` that names what is not."""

        async def wait(item: tuple[ObjectRef, str]) -> FairleadError | None:
            try:
                await wait_until_gone(self._watcher, self._client, *item, timeout)
            except FairleadError as error:
                return error
            return None

        uids = list(result.deleted_uids.items())
        stuck = await together(uids, wait, limit=max(len(uids), 1))  # they only wait, so all may do so at once
        if (error := combined([each for each in stuck if each is not None])) is not None:
            raise error

    async def pass_on(self, ref: ObjectRef, heir: Owner) -> None:
        """Let another delete the object from now on, if it still is ours; raises when it changes again and again.

        For an owner that ends before its heir has applied the object: the heir may lose it from Git before it ever
        does, and then nobody would delete what bears the labels of one that is gone.
        """
        for _ in range(ATTEMPTS):
            try:
                live = await self._client.get(ref)
                if owner_of(live) != self._owner:
                    return
                metadata = {"labels": heir.labels, "resourceVersion": metadata_of(live).get("resourceVersion")}
                manager = self._state.managers.own
                await self._client.patch(ref, {"metadata": metadata}, PatchType.MERGE, field_manager=manager)
            except ConflictError:
                continue
            except (NotFoundError, NoMatchError):
                return
            else:
                return
        raise NotReadyError(f"{ref} changes again and again, so it cannot be left to {heir}; it is tried again")

    async def _delete(self, ref: ObjectRef, result: PruneResult) -> Change | FairleadError:
        """One object; a failure is returned, for the others go on."""
        try:
            for attempt in range(ATTEMPTS):
                try:
                    return await self._delete_once(ref, result, look=attempt > 0)
                except ConflictError:
                    continue  # it changed or was replaced while we looked; look again before anything is deleted
            return NotReadyError(f"{ref} delete failed: it changes again and again; the next run tries again")
        except FairleadError as error:
            return _failure(ref, error)

    async def _delete_once(self, ref: ObjectRef, result: PruneResult, *, look: bool) -> Change:
        """Delete what is still ours; the watch's record will do for that, unless we are told to look."""
        # The version makes sure that it is still ours: a change of labels between reading and deleting is a conflict.
        uid, version = ("", "") if look else self._recorded(ref)
        if not version:
            try:
                live = await self._client.get(ref)
            except (NotFoundError, NoMatchError):
                self._release(ref)
                if self._state.may_come_late(ref):
                    result.left.add(ref)
                    return Change(ref, Action.SKIPPED, "a write that was given up may still create it")
                return Change(ref, Action.DELETED, "it was gone already")
            if reason := deletion_skip_reason(live, self._owner):
                self._release(ref)
                return Change(ref, Action.SKIPPED, reason)
            meta = metadata_of(live)
            uid, version = str(meta.get("uid") or ""), str(meta.get("resourceVersion") or "")
        if self._claimed(ref):
            result.left.add(ref)
            return Change(ref, Action.SKIPPED, "somebody else is about to have it")
        with self._state.writing(ref) as writing:
            try:
                await self._client.delete(ref, uid=uid, resource_version=version)
            except NotFoundError:
                uid = ""
            writing.deleted()
        if uid:
            result.deleted_uids[ref] = uid
        if self._state.may_come_late(ref):
            result.left.add(ref)
        return Change(ref, Action.DELETED)

    def _recorded(self, ref: ObjectRef) -> tuple[str, str]:
        """Uid and version of an object that the watch knows as ours to delete; otherwise empty."""
        record = self._state.record(ref) if self._watcher.follows(ref.group_kind) else None
        if record is None or record.owner != self._owner or record.kept:
            return "", ""
        return record.uid, record.resource_version

    def _release(self, ref: ObjectRef) -> None:
        applied = self._state.applied(ref)
        if applied is not None and applied.owner == self._owner:
            self._state.release(ref)


def _failure(ref: ObjectRef, error: FairleadError) -> FairleadError:
    """The same group of error, in Flux's words and with the object's name."""
    text = getattr(error, "message", None) or str(error)
    return group_of(error)(f"{ref} delete failed: {text}")


def stale_entries(old: Inventory, desired: Inventory) -> Inventory:
    """What a run that built successfully no longer wants. An empty desired state is no reason to delete anything."""
    return old - desired if len(desired) else Inventory()
