"""Puts objects where their kind lives: cluster-scoped kinds have no namespace, the others must have one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.errors import ApplyRejectedError
from fairlead.kube.errors import NoMatchError
from fairlead.objects.manifest import Manifest, is_crd, metadata_of, part
from fairlead.objects.ref import GroupKind, ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fairlead.kube.discovery import Discovery

__all__ = ["place"]


async def place(discovery: Discovery, manifests: Iterable[Manifest]) -> list[Manifest]:
    """The manifests with the namespace of cluster-scoped ones removed, as the API server would.

    Kinds that are not served yet are placed as their CRD among the manifests says, or else left as they are. Raises
    ``ApplyRejectedError`` that names every namespaced object without a namespace.
    """
    found = list(manifests)
    scopes: dict[GroupKind, bool | None] = dict(_scopes_of_definitions(found))
    placed, homeless = [], []
    for manifest in found:
        ref = ObjectRef.of(manifest)
        if ref.group_kind not in scopes:
            scopes[ref.group_kind] = await _served_scope(discovery, ref.group_kind)
        namespaced = scopes[ref.group_kind]
        if namespaced and not ref.namespace:
            homeless.append(str(ref))
        placed.append(_without_namespace(manifest) if namespaced is False and ref.namespace else manifest)
    if homeless:
        hint = "set metadata.namespace, or spec.targetNamespace of the Kustomization"
        raise ApplyRejectedError(f"{', '.join(homeless)} namespace not specified: {hint}")
    return placed


async def _served_scope(discovery: Discovery, kind: GroupKind) -> bool | None:
    try:
        return (await discovery.resource(kind)).namespaced
    except NoMatchError:
        return None


def _scopes_of_definitions(manifests: Iterable[Manifest]) -> Mapping[GroupKind, bool]:
    found = {}
    for manifest in manifests:
        if is_crd(manifest):
            spec = part(manifest, "spec")
            kind = GroupKind(str(spec.get("group") or ""), str(part(spec, "names").get("kind") or ""))
            found[kind] = spec.get("scope") == "Namespaced"
    return found


def _without_namespace(manifest: Manifest) -> Manifest:
    return {**manifest, "metadata": {key: value for key, value in metadata_of(manifest).items() if key != "namespace"}}
