"""What would an apply do? Gathers what is live and what the server's dry run answers, and plans; writes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.engine.drift import Managers
from fairlead.engine.failures import combined, failure
from fairlead.engine.plan import ChangeSet, Owner, plan, skip_reason
from fairlead.engine.prune import stale_entries
from fairlead.engine.scope import place
from fairlead.engine.together import together
from fairlead.engine.versions import brought_up_to_date
from fairlead.errors import FairleadError, NotReadyError
from fairlead.kube.errors import NoMatchError, NotFoundError
from fairlead.objects.inventory import Inventory
from fairlead.objects.manifest import Manifest, is_crd, part, with_metadata
from fairlead.objects.redact import Redactor
from fairlead.objects.ref import ObjectRef, split_api_version

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairlead.kube.client import KubeClient

__all__ = ["preview"]

CONCURRENCY = 16


async def preview(
    client: KubeClient,
    desired: Iterable[Manifest],
    owner: Owner,
    *,
    inventory: Inventory | None = None,
    prune: bool = True,
    managers: Managers | None = None,
) -> ChangeSet:
    """The change set of an apply of `desired` by `owner`. Raises what the server refuses, for all objects together.

    An object whose namespace or CRD is itself about to be created cannot be tried by the server; it counts as created.
    """
    owned = (with_metadata(each, labels=owner.labels) for each in desired)
    current, _ = await brought_up_to_date(client.discovery, owned)
    manifests = await place(client.discovery, current)
    wanted, known = Inventory.of(manifests), inventory or Inventory()
    look = _Look(client, manifests, managers or Managers())
    failures = await together(manifests, look.attempt, limit=CONCURRENCY)
    if (error := combined([each for each in failures if each is not None])) is not None:
        raise error
    prune = prune and len(wanted) > 0
    if prune:
        await together(stale_entries(known, wanted), look.read, limit=CONCURRENCY)
    return plan(manifests, look.live, look.answers, known, owner=owner, prune=prune)


class _Look:
    """What a cluster has and would answer."""

    def __init__(self, client: KubeClient, manifests: list[Manifest], managers: Managers) -> None:
        self.live: dict[ObjectRef, Manifest] = {}
        self.answers: dict[ObjectRef, Manifest] = {}
        self._client = client
        self._managers = managers
        self._promised = _promised(manifests)
        self._redactor = Redactor.of(manifests)

    async def read(self, ref: ObjectRef, version: str | None = None) -> None:
        try:
            self.live[ref] = await self._client.get(ref, version=version)
        except (NotFoundError, NoMatchError):
            return

    async def attempt(self, manifest: Manifest) -> FairleadError | None:
        """Read and try one object; the server's refusal, if any."""
        ref = ObjectRef.of(manifest)
        try:
            await self.read(ref, split_api_version(manifest["apiVersion"])[1])
            if not skip_reason(manifest, self.live.get(ref)):
                answer = await self._client.apply(manifest, field_manager=self._managers.own, dry_run=True)
                self.answers[ref] = answer
        except FairleadError as error:
            refusal = failure("dry-run", manifest, error, self._redactor)
            early = isinstance(refusal, NotReadyError) and {ref.kind, ref.namespace} & self._promised
            return None if early else refusal
        return None


def _promised(manifests: Iterable[Manifest]) -> frozenset[str]:
    """Names of namespaces, and kinds, that the manifests themselves bring."""
    found = set()
    for manifest in manifests:
        ref = ObjectRef.of(manifest)
        if ref.kind == "Namespace" and not ref.group:
            found.add(ref.name)
        elif is_crd(manifest):
            found.add(str(part(manifest, "spec", "names").get("kind")))
    return frozenset(found)
