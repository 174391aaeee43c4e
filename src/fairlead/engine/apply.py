"""Applies the objects of one owner: stage by stage, validated before written, and only what needs it.

For each stage: what is known to be as we applied it is left alone; the rest is examined by server dry runs, several
at a time; only when the whole stage is found good, its first object is written. Writes go in apply order: objects of
the same rank (all ConfigMaps, all Deployments) at the same time, one rank after another. After definitions (CRDs,
namespaces, classes) the engine waits until they are ready.

Crash safety: before the first object that the inventory does not know is written, `record_inventory` is awaited with
the inventory that includes it. So whatever exists because of us is in the inventory, whenever the process dies.
Running it again does what is left to do; a run after a complete one writes nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, TypeVar

from fairlead.engine.examine import Examiner, Verdict
from fairlead.engine.failures import combined
from fairlead.engine.health import Status
from fairlead.engine.plan import Action, Change, ChangeSet
from fairlead.engine.scope import place
from fairlead.engine.together import together
from fairlead.engine.versions import brought_up_to_date
from fairlead.engine.wait import HealthTracker, WaitOptions
from fairlead.engine.write import Writer, wait_until_gone
from fairlead.errors import ApplyRejectedError, FairleadError, NotReadyError
from fairlead.objects.inventory import Inventory
from fairlead.objects.manifest import Manifest, is_crd, metadata_of, part, with_metadata
from fairlead.objects.order import Stage, apply_groups, stages
from fairlead.objects.redact import Redactor
from fairlead.objects.ref import GroupKind, ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fairlead.engine.options import ApplyOptions
    from fairlead.engine.watcher import ManagedWatcher
    from fairlead.kube.client import KubeClient

__all__ = ["Applier", "ApplyResult", "RecordInventory", "Span"]

T = TypeVar("T")
U = TypeVar("U")
RecordInventory = Callable[[Inventory], Awaitable[None]]
Span = Callable[[str], AbstractContextManager[None]]

NEW_KIND_ATTEMPTS = 8
"""How often a kind is looked for after its CRD has become established: 50 ms doubling, about 6 s in all."""


@dataclass(slots=True)
class ApplyResult:
    """What an apply has done, also when it failed on the way."""

    changes: ChangeSet
    desired: Inventory
    """The objects that were asked for, as they are named in the cluster."""
    inventory: Inventory
    """All that may exist because of us: what was recorded before, and what was written now."""
    notices: dict[ObjectRef, str] = field(default_factory=dict)
    """What authors should know about objects that were not applied as they are written."""
    failures: list[FairleadError] = field(default_factory=list)

    @property
    def error(self) -> FairleadError | None:
        """All failures as one error; ``None`` when everything was applied."""
        return combined(self.failures)

    def raise_for_failures(self) -> None:
        if (error := self.error) is not None:
            raise error


class _StageFailedError(Exception):
    """Ends the run; carries what went wrong in the stage."""

    def __init__(self, failures: Sequence[FairleadError]) -> None:
        self.failures = list(failures)
        super().__init__(f"{len(self.failures)} objects failed")


class Applier:
    """Applies for one owner in one cluster; cheap to make for each run.

    `client` acts with the owner's rights; by default it is the one that watches.
    """

    def __init__(
        self,
        watcher: ManagedWatcher,
        options: ApplyOptions,
        *,
        client: KubeClient | None = None,
        span: Span = lambda _: contextlib.nullcontext(),
    ) -> None:
        """``span`` measures what happens inside it, as one of the phases ``plan`` (examine) and ``apply`` (write)."""
        self.span = span
        self._watcher = watcher
        self._options = options
        self._client = client or watcher.client

    async def apply(
        self,
        desired: Iterable[Manifest],
        inventory: Inventory | None = None,
        *,
        record_inventory: RecordInventory | None = None,
    ) -> ApplyResult:
        """Make the cluster have these objects. Nothing is deleted here; what left the desired state is pruned later.

        The result tells all that was done even when something failed; a failure ends the run after its stage's phase.
        """
        owned = [self._owned(manifest) for manifest in desired]
        before = inventory or Inventory()
        try:
            current, notices = await brought_up_to_date(self._client.discovery, owned)
            manifests = await place(self._client.discovery, current)
        except FairleadError as error:
            return ApplyResult(ChangeSet(), Inventory.of(owned), before, failures=[error])
        run = _Run(self, manifests, before, record_inventory)
        run.result.notices = notices
        try:
            for stage, members in stages(manifests, self._options.custom_stage_kinds):
                await run.stage(stage, members)
        except _StageFailedError as stopped:
            run.result.failures.extend(stopped.failures)
        except FairleadError as error:
            run.result.failures.append(error)
        return run.result

    def _owned(self, manifest: Manifest) -> Manifest:
        return with_metadata(manifest, labels=self._options.owner.labels)


class _Run:
    """One call of :meth:`Applier.apply`."""

    def __init__(
        self, applier: Applier, manifests: Sequence[Manifest], inventory: Inventory, record: RecordInventory | None
    ) -> None:
        self._watcher = applier._watcher
        self._client = applier._client
        self._options = applier._options
        self._record = record
        self._span = applier.span
        redactor = Redactor.of(manifests, self._options.sensitive)
        self._examiner = Examiner(self._watcher, self._client, self._options, redactor)
        self._writer = Writer(self._watcher, self._client, self._options, redactor)
        self._new_kinds = frozenset(_kinds_of_definitions(manifests))
        self.result = ApplyResult(ChangeSet(), Inventory.of(manifests), inventory)

    async def stage(self, stage: Stage, manifests: Sequence[Manifest]) -> None:
        """Examine, record, write, wait; raises :class:`_StageFailedError`."""
        await self._watcher.ensure(ObjectRef.of(manifest).group_kind for manifest in manifests)
        if stage.waits:
            await self._all(manifests, self._outlive)
        with self._span("plan"):
            verdicts = await self._examine(manifests)
        if stage.waits:
            verdicts = await self._all(verdicts, self._made_anew)
        pending = [verdict for verdict in verdicts if verdict.write]
        # A kind whose CRD is new may not have been served when the stage began.
        await self._watcher.ensure({verdict.ref.group_kind for verdict in pending} - self._watcher.kinds)
        self.result.changes.extend(
            Change(verdict.ref, verdict.action, verdict.reason)
            for verdict in verdicts
            if not verdict.write and verdict.action is not None
        )
        await self._record_inventory(manifests, write_follows=bool(pending))
        await self._write_all(pending)
        if any(is_crd(verdict.manifest) for verdict in pending):
            self._client.discovery.invalidate()
        if stage.waits:
            await self._wait(verdicts)

    async def _write_all(self, pending: Sequence[Verdict]) -> None:
        for group in apply_groups(pending, lambda verdict: verdict.ref):
            with self._span("apply"):
                done = await self._all(group, self._write)
            self.result.changes.extend(done)

    async def _examine(self, manifests: Sequence[Manifest]) -> list[Verdict]:
        settled = [self._examiner.settled(manifest) for manifest in manifests]
        open_ones = [manifest for manifest, verdict in zip(manifests, settled, strict=True) if verdict is None]
        alone = len(open_ones) == 1

        async def examine(manifest: Manifest) -> Verdict:
            return await self._patiently(manifest, alone=alone)

        return [verdict for verdict in settled if verdict is not None] + await self._all(open_ones, examine)

    async def _outlive(self, manifest: Manifest) -> None:
        """A definition that is on its way out can only be waited for; then it is created anew."""
        ref = ObjectRef.of(manifest)
        record = self._watcher.state.record(ref)
        if record is not None and record.status.status is Status.TERMINATING and not record.held:
            await wait_until_gone(self._watcher, self._client, ref, record.uid, self._options.stage_timeout)

    async def _made_anew(self, verdict: Verdict) -> Verdict:
        """The same for one that is not ours yet: the watch does not know it, but the server's answer tells."""
        meta = metadata_of(verdict.answer or {})
        if not verdict.write or not meta.get("deletionTimestamp"):
            return verdict
        uid = str(meta.get("uid") or "")
        await wait_until_gone(self._watcher, self._client, verdict.ref, uid, self._options.stage_timeout)
        return await self._examiner.examine(verdict.manifest)

    async def _patiently(self, manifest: Manifest, *, alone: bool) -> Verdict:
        """Examine an object; one whose CRD came with an earlier stage may need a moment until its kind is served.

        An established CRD is served a little later, and nothing announces that, so it is tried again a few times.
        """
        pause = 0.05
        for _ in range(NEW_KIND_ATTEMPTS if ObjectRef.of(manifest).group_kind in self._new_kinds else 0):
            try:
                return await self._examiner.examine(manifest, alone=alone)
            except NotReadyError:
                self._client.discovery.invalidate()
                await asyncio.sleep(pause)
                pause *= 2
        return await self._examiner.examine(manifest, alone=alone)

    async def _write(self, verdict: Verdict) -> Change:
        """Carry a verdict out; a lone write that the server refuses is examined, for `force` may allow what helps."""
        try:
            return await self._writer.write(verdict)
        except ApplyRejectedError:
            if verdict.action is not None:
                raise
        examined = await self._examiner.examine(verdict.manifest)
        if examined.write or examined.action is None:
            return await self._writer.write(examined)
        return Change(examined.ref, examined.action, examined.reason)

    async def _record_inventory(self, manifests: Sequence[Manifest], *, write_follows: bool) -> None:
        """Tell the inventory about objects before they may come to exist."""
        known = self.result.inventory
        self.result.inventory = known | Inventory.of(manifests)
        if self._record is not None and write_follows and len(self.result.inventory) > len(known):
            await self._record(self.result.inventory)

    async def _wait(self, verdicts: Sequence[Verdict]) -> None:
        refs = [verdict.ref for verdict in verdicts if verdict.action is not Action.SKIPPED]
        await HealthTracker(self._watcher, client=self._client).wait(
            refs, WaitOptions(timeout=self._options.stage_timeout)
        )

    async def _all(self, items: Sequence[T], work: Callable[[T], Awaitable[U]]) -> list[U]:
        """Work on all items, several at a time; all get their chance, then the failures of all are raised together."""

        async def one(item: T) -> U | FairleadError:
            try:
                return await work(item)
            except FairleadError as error:
                return error

        outcomes = await together(items, one, limit=self._options.concurrency)
        failures = [outcome for outcome in outcomes if isinstance(outcome, FairleadError)]
        done = [outcome for outcome in outcomes if not isinstance(outcome, FairleadError)]
        if failures:
            self.result.changes.extend(change for change in done if isinstance(change, Change))
            raise _StageFailedError(failures)
        return done


def _kinds_of_definitions(manifests: Iterable[Manifest]) -> Iterable[GroupKind]:
    """The kinds that CRDs among the manifests define."""
    for manifest in manifests:
        if is_crd(manifest):
            spec = part(manifest, "spec")
            yield GroupKind(str(spec.get("group") or ""), str(part(spec, "names").get("kind") or ""))
