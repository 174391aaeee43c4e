"""Objects in old versions of Flux's own API, brought to the version that the server serves.

Repositories still hold such files, and Flux served them for years. A server that serves the written version gets it as
it is written.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.objects.manifest import Manifest, is_crd, part
from fairlead.objects.old_versions import in_todays_version
from fairlead.objects.ref import GroupKind, GroupVersionKind, ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fairlead.kube.discovery import Discovery

__all__ = ["brought_up_to_date"]


async def brought_up_to_date(
    discovery: Discovery, manifests: Iterable[Manifest]
) -> tuple[list[Manifest], dict[ObjectRef, str]]:
    """The manifests in versions that are served, and for each that was converted a line for its author."""
    found = list(manifests)
    result, notices = [], {}
    for manifest in found:
        converted = in_todays_version(manifest)
        if converted is not None and await _only_todays_is_served(discovery, found, GroupVersionKind.of(manifest)):
            ref, written, new = ObjectRef.of(manifest), manifest["apiVersion"], converted["apiVersion"]
            notices[ref] = f"{ref} is written as {written} and was applied as {new}: change the apiVersion in the file"
            manifest = converted
        result.append(manifest)
    return result, notices


async def _only_todays_is_served(discovery: Discovery, manifests: Sequence[Manifest], kind: GroupVersionKind) -> bool:
    """By the CRD among the manifests, or else by the server."""
    versions = _defined_versions(manifests, kind.group_kind) or await discovery.versions(kind.group_kind)
    return "v1" in versions and kind.version not in versions


def _defined_versions(manifests: Iterable[Manifest], kind: GroupKind) -> frozenset[str]:
    for manifest in manifests:
        spec = part(manifest, "spec") if is_crd(manifest) else {}
        if (spec.get("group"), part(spec, "names").get("kind")) == kind:
            return frozenset(str(each.get("name")) for each in spec.get("versions") or () if each.get("served"))
    return frozenset()
