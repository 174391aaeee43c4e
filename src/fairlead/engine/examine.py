"""Looks at one desired object and decides what has to be done: nothing, skip it, write it, or make it anew.

Nothing is written here. An object that is known to be as we applied it costs no request. The others are put to a
server dry run; the live object is read only where the watch's record does not answer the question (an object that
somebody else made, fields to take over, ignored fields, another API version).
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.api import names
from fairlead.engine.drift import content_digest, fingerprint
from fairlead.engine.failures import failure, is_unchangeable
from fairlead.engine.ignore import without_paths
from fairlead.engine.plan import Action, skip_reason
from fairlead.engine.state import record_of
from fairlead.errors import FairleadError, UserError
from fairlead.kube.errors import ApiError, InvalidError, NoMatchError, NotFoundError
from fairlead.objects.diff import same_content
from fairlead.objects.manifest import Manifest, digest, has_mark, is_crd, metadata_of
from fairlead.objects.ref import ObjectRef, split_api_version

if TYPE_CHECKING:
    from fairlead.engine.options import ApplyOptions
    from fairlead.engine.state import Record
    from fairlead.engine.watcher import ManagedWatcher
    from fairlead.kube.client import KubeClient
    from fairlead.objects.redact import Redactor

__all__ = ["Examiner", "Verdict"]

OWNERSHIP = "fields taken back"
DRIFT = "drift"
RECREATED = "recreated: a field cannot be changed"


@dataclass(frozen=True, slots=True)
class Verdict:
    """What is to be done with one object."""

    manifest: Manifest
    ref: ObjectRef
    digest: str
    action: Action | None
    """None: a write will tell whether it was `configured` or `unchanged`."""
    reason: str = ""
    write: bool = False
    recreate: bool = False
    live: Manifest | None = None
    """The live object, where it was read."""
    answer: Manifest | None = None
    """The dry run's answer, where there was one."""
    before: str = ""
    """The live object's resource version, as far as known."""


class Examiner:
    """Examines objects for one owner."""

    def __init__(self, watcher: ManagedWatcher, client: KubeClient, options: ApplyOptions, redactor: Redactor) -> None:
        self._watcher = watcher
        self._state = watcher.state
        self._client = client
        self._options = options
        self._redactor = redactor

    def settled(self, manifest: Manifest) -> Verdict | None:
        """The verdict on an object that needs no request; ``None`` for all others."""
        ref, hashed = ObjectRef.of(manifest), digest(manifest)
        if reason := skip_reason(manifest, None):
            return Verdict(manifest, ref, hashed, Action.SKIPPED, reason)
        record = self._record(ref)
        if record is None:
            return None
        if record.held:
            return Verdict(manifest, ref, hashed, Action.SKIPPED, "a mark on the live object")
        if has_mark(manifest, names.SSA, "IfNotPresent"):
            return Verdict(manifest, ref, hashed, Action.SKIPPED, f"{names.SSA}: IfNotPresent, and the object exists")
        if self._state.unchanged(ref, self._options.owner, hashed):
            return Verdict(manifest, ref, hashed, Action.UNCHANGED)
        return None

    async def examine(self, manifest: Manifest, *, alone: bool = False) -> Verdict:
        """The verdict on an object that is not settled; raises what the server refuses, as a failure of the dry run.

        With `alone` nothing else is written together with it. Then an object that is known to need a write needs no
        dry run: the write is refused as a whole or takes effect as a whole.
        """
        ref, hashed = ObjectRef.of(manifest), digest(manifest)
        record = self._record(ref)
        live = None
        if record is not None and self._needs_live(manifest, record):
            live = await self._read(manifest)
            record = record_of(live, self._state.managers) if live is not None else None
        if live is not None and (reason := skip_reason(manifest, live)):
            return Verdict(manifest, ref, hashed, Action.SKIPPED, reason)
        known = self._state.applied(ref) is not None  # if not, it may be as it should be: after a restart, say
        if alone and known and record is not None and not self._options.ignore.paths_for(manifest):
            reason = self._reason(ref, hashed)
            return Verdict(manifest, ref, hashed, None, reason, write=True, live=live, before=record.resource_version)
        return await self._by_dry_run(manifest, hashed, record, live)

    def _record(self, ref: ObjectRef) -> Record | None:
        return self._state.record(ref) if self._watcher.follows(ref.group_kind) else None

    def _needs_live(self, manifest: Manifest, record: Record) -> bool:
        """Whether the record is not enough: for a takeover, a report on drift, ignored fields, another version."""
        if record.foreign or record.api_version != manifest.get("apiVersion") or self._state.drifted(record.ref):
            return True
        return bool(self._options.ignore.paths_for(manifest))

    def _reason(self, ref: ObjectRef, hashed: str) -> str:
        """Drift, when the object was applied just like this before and somebody has changed or deleted it since."""
        applied = self._state.applied(ref)
        as_before = applied is not None and applied.digest == hashed and applied.owner == self._options.owner
        return DRIFT if as_before and (self._state.drifted(ref) or self._state.record(ref) is None) else ""

    async def _by_dry_run(
        self, manifest: Manifest, hashed: str, record: Record | None, live: Manifest | None
    ) -> Verdict:
        ref = ObjectRef.of(manifest)
        try:
            answer = await self._client.apply(manifest, field_manager=self._options.managers.own, dry_run=True)
        except FairleadError as error:
            return await self._refused(manifest, hashed, error)
        version = str(metadata_of(answer).get("resourceVersion") or "")
        if not version:
            reason = self._reason(ref, hashed)
            return Verdict(manifest, ref, hashed, Action.CREATED, reason, write=True, answer=answer)
        if live is None and (record is None or record.resource_version != version):
            live = await self._read(manifest)
            if live is None:
                return Verdict(manifest, ref, hashed, Action.CREATED, write=True)
            if reason := skip_reason(manifest, live):
                return Verdict(manifest, ref, hashed, Action.SKIPPED, reason)
            record = record_of(live, self._state.managers)
        if record is None:  # unreachable: a live object or a fitting record is there
            raise AssertionError(ref)
        return self._compared(manifest, hashed, record, live, answer)

    def _compared(
        self, manifest: Manifest, hashed: str, record: Record, live: Manifest | None, answer: Manifest
    ) -> Verdict:
        """The verdict on an object that exists, from what it is and what it would be."""
        ref, paths = record.ref, self._options.ignore.paths_for(manifest)
        if live is not None:
            changed = not same_content(without_paths(live, paths), without_paths(answer, paths))
        else:
            changed = content_digest(answer) != record.content
        takeover = record.foreign and not has_mark(manifest, names.SSA, "Merge")
        lost = not paths and fingerprint(answer, self._state.managers) != record.fingerprint
        if not (changed or takeover or lost):
            self._state.expect(record, self._options.owner, hashed)
            return Verdict(manifest, ref, hashed, Action.UNCHANGED)
        action = Action.CONFIGURED if changed or takeover else Action.UNCHANGED
        reason = self._reason(ref, hashed) or ("" if changed or takeover else OWNERSHIP)
        before = record.resource_version
        return Verdict(manifest, ref, hashed, action, reason, write=True, live=live, answer=answer, before=before)

    async def _read(self, manifest: Manifest) -> Manifest | None:
        """The live object in the manifest's version; ``None`` when it (or its kind) is not there."""
        ref = ObjectRef.of(manifest)
        try:
            return await self._client.get(ref, version=split_api_version(manifest["apiVersion"])[1])
        except (NotFoundError, NoMatchError):
            return None
        except FairleadError as error:
            raise failure("query", manifest, error, self._redactor) from error

    # -- what the server refuses

    async def _refused(self, manifest: Manifest, hashed: str, error: FairleadError) -> Verdict:
        ref = ObjectRef.of(manifest)
        if isinstance(error, UserError):
            live = await self._read(manifest)
            if live is not None and (reason := skip_reason(manifest, live)):
                return Verdict(manifest, ref, hashed, Action.SKIPPED, reason)
            if live is not None and self._may_force(manifest, live) and await self._only_unchangeable(manifest, error):
                return Verdict(manifest, ref, hashed, Action.CREATED, RECREATED, write=True, recreate=True, live=live)
        raise failure("dry-run", manifest, error, self._redactor) from error

    def _may_force(self, manifest: Manifest, live: Manifest) -> bool:
        marked = any(has_mark(each, names.FORCE, names.ENABLED) for each in (manifest, live))
        return marked or self._options.force

    async def _only_unchangeable(self, manifest: Manifest, error: FairleadError) -> bool:
        """Whether making the object anew would help: the refusal is about the change, not about the object.

        Flux deletes an object for any refusal with status Invalid. Here the server is asked first whether it would
        accept the object under another name; an object that is simply wrong is not deleted for it.
        """
        says_so = is_unchangeable(error)
        if not says_so and not isinstance(error, InvalidError):
            return False
        if is_crd(manifest):
            return says_so
        probe = {**manifest, "metadata": {**metadata_of(manifest), "name": _other_name(metadata_of(manifest)["name"])}}
        try:
            await self._client.create(probe, dry_run=True, field_manager=self._options.managers.own)
        except ApiError as refusal:
            return says_so and "already allocated" in refusal.message
        return True


def _other_name(name: str) -> str:
    return f"{name[:40].rstrip('-.')}-{secrets.token_hex(4)}"
