"""Apply and prune: makes a cluster have what a build says, for one Kustomization.

The inventory is on record, in the journal or in the status, before the first object that it did not know; an entry
leaves it only when its object is gone. So the process may be killed between any two requests, and the next run does
what is left.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import msgspec

from fairlead.api.names import OWNER_NAME, PRUNE_BUDGET
from fairlead.controllers.faults import EmptyBuildError
from fairlead.engine.apply import Applier
from fairlead.engine.drift import Managers
from fairlead.engine.ignore import IgnoreRule, IgnoreRules
from fairlead.engine.options import ApplyOptions
from fairlead.engine.plan import Action, Owner
from fairlead.engine.prune import PruneBudget, PruneBudgetError, Pruner, stale_entries
from fairlead.errors import InvalidSpecError
from fairlead.objects.duration import format_duration, format_seconds
from fairlead.objects.inventory import Inventory
from fairlead.objects.ref import GroupKind
from fairlead.objects.selector import Selector
from fairlead.runtime.places import stand_back

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from datetime import timedelta

    from fairlead.api.kustomization import Kustomization
    from fairlead.controllers.attempt import Attempt
    from fairlead.controllers.claims import Claims
    from fairlead.controllers.clusters import Target
    from fairlead.engine.apply import Span
    from fairlead.engine.plan import ChangeSet
    from fairlead.objects.manifest import Manifest
    from fairlead.objects.ref import ObjectRef
    from fairlead.runtime.clock import Clock
    from fairlead.settings import ApplySettings

__all__ = ["Delivered", "Delivery", "Records", "ignore_rules", "inventory_of", "owner_of"]

_LONGEST_LABEL = 63
_STAGE_SECONDS = 60.0
_STAGE_PART = 0.8
"""Of the run's timeout: who waits for an object can say which, while the end of the run cannot."""

MOST_PATIENCE_SECONDS = 30.0
"""How long a delivery that has applied lets others apply before it deletes and writes its status."""
PATIENT_PART = 0.25
"""The same, of the run's timeout."""


def owner_of(kustomization: Kustomization) -> Owner:
    return Owner(kustomization.metadata.namespace, kustomization.metadata.name)


def inventory_of(kustomization: Kustomization) -> Inventory:
    recorded = kustomization.status.inventory
    return Inventory.from_entries(msgspec.to_builtins(recorded.entries) if recorded else None)


class Records(Protocol):
    """What may exist because of whom; see :class:`fairlead.controllers.journal.Journal`."""

    def inventory_of(self, kustomization: Kustomization) -> Inventory: ...

    async def note(self, kustomization: Kustomization, inventory: Inventory) -> bool: ...


@dataclass(frozen=True, slots=True)
class Delivered:
    """What an apply has come to."""

    changed: bool
    """Whether anything was written or deleted."""
    written: tuple[ObjectRef, ...]
    """What was created or changed."""
    applied: tuple[ObjectRef, ...]
    """All objects but those that were skipped."""


class Delivery:
    """One Kustomization, one target."""

    def __init__(
        self,
        attempt: Attempt,
        target: Target,
        settings: ApplySettings,
        *,
        sensitive: frozenset[str],
        tell: Callable[[str], None],
        claims: Claims,
        records: Records,
        span: Span,
        clock: Clock,
        keeps: Iterable[IgnoreRule] = (),
        patient: bool = False,
    ) -> None:
        """``tell`` emits an Event about changes; ``claims`` knows what other Kustomizations have, or will have.

        ``keeps`` are fields that stay as they are in the cluster, beside those of the spec. One that is ``patient``
        lets others apply first: what makes a commit live goes before what tidies up and tells of it.
        """
        self._attempt = attempt
        self._target = target
        self._tell = tell
        self._claims = claims
        self._records = records
        self._span = span
        self._clock = clock
        self._patient = patient
        self._options = _options(attempt.kustomization, attempt.timeout, settings, sensitive, keeps)

    async def deliver(self, objects: list[Manifest]) -> Delivered:
        """Apply all, prune what is left over; raises what failed, after the attempt knows the inventory as it is.

        ``objects`` is emptied when they are applied: hundreds of deliveries may wait after that.
        """
        attempt = self._attempt
        before = self._records.inventory_of(attempt.kustomization)
        attempt.reason = "ReconciliationFailed"
        if objects:
            _check_name(attempt.kustomization)
        if before.versions and not objects and attempt.kustomization.spec.prune:
            raise EmptyBuildError(
                f"the build is empty, so nothing is pruned: {len(before)} objects would be deleted; "
                "restore the manifests, or delete the Kustomization to delete its objects"
            )
        result = await self._applier().apply(objects, before, record_inventory=self._record_inventory)
        attempt.inventory = result.inventory
        self._tell_changes(result.changes)
        for change in result.changes.written:
            if change.ref in result.notices:
                self._tell(result.notices[change.ref])
        result.raise_for_failures()
        objects.clear()
        if attempt.written:
            attempt.written["appliedIn"] = format_seconds(self._clock.monotonic() - attempt.started)
        if self._patient and result.changes.written:
            await stand_back(min(MOST_PATIENCE_SECONDS, PATIENT_PART * attempt.timeout.total_seconds()))
        pruned = await self._prune(before, result.desired)
        skipped = {change.ref for change in result.changes.of(Action.SKIPPED)}
        applied = tuple(ref for ref in result.desired if ref not in skipped)
        written = tuple(change.ref for change in result.changes.written)
        return Delivered(bool(written) or pruned, written, applied)

    async def repair(self, objects: Iterable[Manifest]) -> ChangeSet:
        """Apply these objects alone, which the inventory has already."""
        result = await self._applier().apply(objects, inventory_of(self._attempt.kustomization))
        result.raise_for_failures()
        return result.changes

    def _applier(self) -> Applier:
        return Applier(self._target.watcher, self._options, client=self._target.client, span=self._span)

    async def _record_inventory(self, inventory: Inventory) -> None:
        attempt = self._attempt
        attempt.inventory = inventory
        text = f"Detecting drift for revision {attempt.revision} with a timeout of {format_duration(attempt.timeout)}"
        with self._span("status"):
            is_noted = await self._records.note(attempt.kustomization, inventory)
        if is_noted:
            attempt.session.progress(attempt.progress(text))
        else:
            await attempt.session.write(attempt.progress(text))

    async def _prune(self, before: Inventory, desired: Inventory) -> bool:
        """Delete what is no longer wanted; whether anything was."""
        attempt = self._attempt
        stale = stale_entries(before, desired)
        if not stale.versions or not attempt.kustomization.spec.prune:
            attempt.inventory = desired
            return False
        attempt.reason = "PruneFailed"
        _check_budget(attempt.kustomization, stale, before)
        wanted = await self._claims.wanted(attempt.key, attempt.kustomization, stale)
        pruner = Pruner(self._target.watcher, self._options.owner, client=self._target.client, claimed=wanted)
        with self._span("prune"):
            result = await pruner.prune(stale)
        attempt.inventory = desired | result.survivors
        for ref in result.left & wanted.heirs.keys():
            if (heir := wanted.heirs[ref]) != attempt.key:
                self._target.watcher.state.hand_back(ref, Owner(heir.namespace, heir.name))
        self._tell_changes(result.changes)
        if result.error is not None:
            raise result.error
        return bool(result.changes.written)

    def _tell_changes(self, changes: ChangeSet) -> None:
        self._attempt.record(changes)
        if changes.written:
            self._tell(changes.lines())


def _check_name(kustomization: Kustomization) -> None:
    """The server would refuse each object for it, in words that do not tell where the text comes from."""
    length = len(kustomization.metadata.name)
    if length > _LONGEST_LABEL:
        raise InvalidSpecError(
            f"the name of the Kustomization has {length} characters: it becomes the label {OWNER_NAME} of its objects, "
            f"and may have {_LONGEST_LABEL}; make one with a shorter name instead"
        )


def _check_budget(kustomization: Kustomization, stale: Inventory, before: Inventory) -> None:
    said = kustomization.metadata.annotations.get(PRUNE_BUDGET, "")
    if said == "unlimited":
        return
    if said and not said.isdigit():
        raise PruneBudgetError(f"annotation {PRUNE_BUDGET} must be a number or 'unlimited', not {said!r}")
    budget = PruneBudget(int(said), 0.0) if said else PruneBudget()
    hint = f"Annotate the Kustomization with {PRUNE_BUDGET}={len(stale)} when this is meant"
    budget.check(len(stale), len(before), how_to_allow=hint)


def ignore_rules(kustomization: Kustomization) -> Iterator[IgnoreRule]:
    """Those of ``spec.ignore``."""
    for rule in kustomization.spec.ignore or ():
        yield IgnoreRule(tuple(rule.paths), _selector(rule.target) if rule.target else None)


def _options(
    kustomization: Kustomization,
    timeout: timedelta,
    settings: ApplySettings,
    sensitive: frozenset[str],
    keeps: Iterable[IgnoreRule],
) -> ApplyOptions:
    kinds = (kind.rpartition("/") for kind in settings.custom_stage_kinds)
    return ApplyOptions(
        owner=owner_of(kustomization),
        managers=Managers(overridden=settings.override_managers),
        force=bool(kustomization.spec.force),
        custom_stage_kinds=frozenset(GroupKind(group, kind) for group, _, kind in kinds),
        ignore=IgnoreRules((*ignore_rules(kustomization), *keeps)),
        concurrency=settings.concurrency,
        sensitive=sensitive,
        stage_timeout=min(_STAGE_SECONDS, _STAGE_PART * timeout.total_seconds()),
    )


def _selector(target: msgspec.Struct) -> Selector:
    named = {field: getattr(target, field) or "" for field in target.__struct_fields__}
    return Selector(**named)
