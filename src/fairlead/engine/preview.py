"""What would an apply do? Gathers what is live and what the server's dry run answers, and plans; writes nothing."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from fairlead.engine.drift import Managers
from fairlead.engine.failures import combined, failure
from fairlead.engine.plan import ChangeSet, Owner, plan, skip_reason
from fairlead.engine.prune import stale_entries
from fairlead.engine.scope import place
from fairlead.errors import FairleadError, NotReadyError
from fairlead.kube.errors import NoMatchError, NotFoundError
from fairlead.objects.inventory import Inventory
from fairlead.objects.manifest import Manifest, is_crd, with_metadata
from fairlead.objects.redact import Redactor
from fairlead.objects.ref import ObjectRef, split_api_version

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairlead.kube.client import KubeClient

__all__ = ["preview"]


async def preview(
    client: KubeClient,
    desired: Iterable[Manifest],
    owner: Owner,
    *,
    inventory: Inventory | None = None,
    prune: bool = True,
    managers: Managers | None = None,
    concurrency: int = 16,
) -> ChangeSet:
    """The change set of an apply of `desired` by `owner`. Raises what the server refuses, for all objects together.

    An object whose namespace or CRD is itself about to be created cannot be tried by the server; it counts as created.
    """
    managers = managers or Managers()
    inventory = inventory or Inventory()
    manifests = await place(client.discovery, (with_metadata(each, labels=owner.labels) for each in desired))
    wanted = Inventory.of(manifests)
    promised = _promised(manifests)
    redactor, limit = Redactor.of(manifests), asyncio.Semaphore(concurrency)
    live: dict[ObjectRef, Manifest] = {}
    answers: dict[ObjectRef, Manifest] = {}
    failures: list[FairleadError] = []

    async def look(ref: ObjectRef, version: str | None) -> None:
        try:
            live[ref] = await client.get(ref, version=version)
        except (NotFoundError, NoMatchError):
            return

    async def attempt(manifest: Manifest) -> None:
        ref = ObjectRef.of(manifest)
        async with limit:
            try:
                await look(ref, split_api_version(manifest["apiVersion"])[1])
                if not skip_reason(manifest, live.get(ref)):
                    answers[ref] = await client.apply(manifest, field_manager=managers.own, dry_run=True)
            except FairleadError as error:
                refusal = failure("dry-run", manifest, error, redactor)
                if not (isinstance(refusal, NotReadyError) and (ref.kind in promised or ref.namespace in promised)):
                    failures.append(refusal)

    async def look_at_stale(ref: ObjectRef) -> None:
        async with limit:
            await look(ref, None)

    await asyncio.gather(*(attempt(manifest) for manifest in manifests))
    if (error := combined(failures)) is not None:
        raise error
    if prune:
        await asyncio.gather(*(look_at_stale(ref) for ref in stale_entries(inventory, wanted)))
    return plan(manifests, live, answers, inventory, owner=owner, prune=prune and len(wanted) > 0)


def _promised(manifests: Iterable[Manifest]) -> frozenset[str]:
    """Names of namespaces, and kinds, that the manifests themselves bring."""
    found = set()
    for manifest in manifests:
        ref = ObjectRef.of(manifest)
        if ref.kind == "Namespace" and not ref.group:
            found.add(ref.name)
        elif is_crd(manifest):
            found.add(str(((manifest.get("spec") or {}).get("names") or {}).get("kind")))
    return frozenset(found)
