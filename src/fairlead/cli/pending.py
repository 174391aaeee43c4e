"""What MESSAGE says of a resource: why it is suspended and what waits for it, then the Ready condition's word."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairlead.api.suspension import Suspension
from fairlead.cli import fields
from fairlead.cli.kinds import GIT_REPOSITORY, KUSTOMIZATION
from fairlead.objects.ref import ObjectRef

if TYPE_CHECKING:
    from fairlead.kube.client import KubeClient

__all__ = ["message_of", "newest_revisions"]


def message_of(manifest: dict[str, Any], newest: dict[ObjectRef, str]) -> str:
    if not fields.suspended(manifest):
        return fields.message(manifest)
    parts = [str(Suspension.of(manifest["metadata"].get("annotations")))]
    pending = newest.get(_source_of(manifest), "") if manifest["kind"] == KUSTOMIZATION.name else ""
    if pending and pending != fields.full_revision(manifest, KUSTOMIZATION):
        parts.append(f"pending: {fields.short_revision(pending)}")
    return "; ".join([*filter(None, parts), fields.message(manifest)])


async def newest_revisions(client: KubeClient, manifests: list[dict[str, Any]]) -> dict[ObjectRef, str]:
    """The revisions of the sources that suspended Kustomizations have; asks only when there are some."""
    held = (found for found in manifests if found["kind"] == KUSTOMIZATION.name and fields.suspended(found))
    namespaces = {_source_of(manifest).namespace for manifest in held}
    found: dict[ObjectRef, str] = {}
    for namespace in sorted(namespaces):
        listing = await client.list(GIT_REPOSITORY.group_kind, namespace=namespace)
        for source in listing.items:
            found[ObjectRef.of(source)] = fields.full_revision(source, GIT_REPOSITORY)
    return found


def _source_of(manifest: dict[str, Any]) -> ObjectRef:
    reference = manifest["spec"]["sourceRef"]
    namespace = reference.get("namespace") or manifest["metadata"]["namespace"]
    return ObjectRef(GIT_REPOSITORY.group, reference["kind"], namespace, reference["name"])
