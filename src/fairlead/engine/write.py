"""Carries out a verdict: takes fields over, deletes what has to be made anew, and applies.

Every write happens inside :meth:`ClusterState.writing`, so that the watch does not take it for drift. Whatever is
done can be repeated after a crash: a takeover that was not followed by its apply is found again by its effect, a
deleted object is absent and so is created.
"""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

from fairlead.api import names
from fairlead.engine.drift import drifted_fields
from fairlead.engine.failures import failure
from fairlead.engine.ignore import payload
from fairlead.engine.plan import Action, Change
from fairlead.engine.state import HealthChanged, ManagedEvent
from fairlead.engine.takeover import takeover_patch
from fairlead.errors import ConflictError, FairleadError, NotReadyError
from fairlead.kube.client import PatchType
from fairlead.kube.errors import InvalidError, NoMatchError, NotFoundError, ServerUnavailableError
from fairlead.objects.manifest import Manifest, has_mark, metadata_of
from fairlead.objects.ref import ObjectRef, split_api_version

if TYPE_CHECKING:
    from fairlead.engine.examine import Verdict
    from fairlead.engine.options import ApplyOptions
    from fairlead.engine.watcher import ManagedWatcher
    from fairlead.kube.client import KubeClient
    from fairlead.objects.redact import Redactor

__all__ = ["Writer", "wait_until_gone"]

TAKEOVER_ATTEMPTS = 5
RECHECK_SECONDS = 2.0


class Writer:
    """Writes objects for one owner."""

    def __init__(self, watcher: ManagedWatcher, client: KubeClient, options: ApplyOptions, redactor: Redactor) -> None:
        self._watcher = watcher
        self._client = client
        self._options = options
        self._redactor = redactor

    async def write(self, verdict: Verdict) -> Change:
        """Apply one object; raises the server's refusal as a failure that names it."""
        manifest, live = verdict.manifest, verdict.live
        try:
            with self._watcher.state.writing(verdict.ref) as writing:
                if verdict.recreate and live is not None:
                    await self._remove(verdict.ref, live)
                elif live is not None:
                    await self._take_over(manifest, live)
                answer = await self._apply(verdict)
                writing.applied(answer, self._options.owner, verdict.digest)
        except FairleadError as error:
            # A lone write was not validated before: what is wrong with the object is said in the words of a dry run.
            phase = "dry-run" if verdict.action is None and isinstance(error, InvalidError) else "apply"
            raise failure(phase, manifest, error, self._redactor) from error
        return self._change(verdict, answer)

    async def _apply(self, verdict: Verdict) -> Manifest:
        try:
            return await self._client.apply(self._payload(verdict), field_manager=self._options.managers.own)
        except asyncio.CancelledError:
            self._watcher.state.leave_unanswered(verdict.ref)
            raise
        except ServerUnavailableError as error:
            if error.unanswered:
                self._watcher.state.leave_unanswered(verdict.ref)
            raise

    def _payload(self, verdict: Verdict) -> Manifest:
        paths = self._options.ignore.paths_for(verdict.manifest)
        if not paths or verdict.live is None or verdict.answer is None:
            return verdict.manifest
        return payload(verdict.manifest, verdict.live, verdict.answer, paths, self._options.managers)

    def _change(self, verdict: Verdict, answer: Manifest) -> Change:
        action = verdict.action
        if action is None:
            same = metadata_of(answer).get("resourceVersion") == verdict.before
            action = Action.UNCHANGED if same else Action.CONFIGURED
        fields = drifted_fields(verdict.live, answer) if verdict.live is not None else ()
        return Change(verdict.ref, action, verdict.reason, fields)

    async def _take_over(self, manifest: Manifest, live: Manifest) -> None:
        """Move other managers' fields into our entry, so that the apply removes those that Git does not have."""
        if any(has_mark(each, names.SSA, "Merge") for each in (manifest, live)):
            return
        ref, version = ObjectRef.of(manifest), split_api_version(manifest["apiVersion"])[1]
        for _ in range(TAKEOVER_ATTEMPTS):
            patch = takeover_patch(live, self._options.managers)
            if not patch:
                return
            try:
                await self._client.patch(
                    ref, patch, PatchType.JSON, version=version, field_manager=self._options.managers.own
                )
            except (ConflictError, InvalidError):
                # The patch tests the resource version: somebody was quicker. Look again.
                live = await self._client.get(ref, version=version)
            else:
                return
        raise NotReadyError(f"{ref} keeps changing while its fields are taken over; the next run tries again")

    async def _remove(self, ref: ObjectRef, live: Manifest) -> None:
        uid = str(metadata_of(live).get("uid") or "")
        try:
            await self._client.delete(ref, uid=uid)
        except NotFoundError:
            return
        await wait_until_gone(self._watcher, self._client, ref, uid, self._options.stage_timeout)


async def wait_until_gone(
    watcher: ManagedWatcher, client: KubeClient, ref: ObjectRef, uid: str, timeout: float
) -> None:
    """Until this very object (by uid) is no more; raises ``NotReadyError`` when that takes longer than `timeout`.

    The watch wakes it up; a look every few seconds covers objects that are not watched.
    """
    changed = asyncio.Event()

    def take(event: ManagedEvent) -> None:
        if isinstance(event, HealthChanged) and event.ref == ref:
            changed.set()

    deadline = time.monotonic() + timeout
    unsubscribe = watcher.state.subscribe(take)
    try:
        pause = 0.02
        while True:
            changed.clear()
            try:
                live = await client.get(ref)
            except (NotFoundError, NoMatchError):
                return
            if metadata_of(live).get("uid") != uid:
                return
            left = deadline - time.monotonic()
            if left <= 0:
                raise NotReadyError(_stuck(ref, live, timeout))
            pause = min(pause * 2, RECHECK_SECONDS, left)
            try:
                async with asyncio.timeout(pause):
                    await changed.wait()
            except TimeoutError:
                continue
    finally:
        unsubscribe()


def _stuck(ref: ObjectRef, live: Manifest, timeout: float) -> str:
    finalizers = metadata_of(live).get("finalizers")
    held = f"; it is held by the finalizers {', '.join(map(str, finalizers))}" if finalizers else ""
    return f"{ref} termination timeout: still there after {timeout:g}s{held}"
