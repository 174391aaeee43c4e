"""In which order objects are applied: stages, and kinds inside a stage. Deletion goes the other way round.

The order is Flux's, so that a repository behaves the same: definitions that others need first, workloads after what
they mount, admission webhooks last (a webhook that is there before its server would refuse everything after it).
"""

from __future__ import annotations

from enum import IntEnum
from typing import TYPE_CHECKING, Any, TypeVar

from fairlead.objects.ref import GroupKind, ObjectRef

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence

__all__ = ["Stage", "apply_groups", "deletion_order", "rank", "sort_key", "sorted_manifests", "stage_of", "stages"]

T = TypeVar("T")

_FIRST = (
    "CustomResourceDefinition",
    "Namespace",
    "ClusterRole",
    "ClusterClass",
    "RuntimeClass",
    "PriorityClass",
    "StorageClass",
    "VolumeSnapshotClass",
    "IngressClass",
    "GatewayClass",
    "ClusterRoleBinding",
    "ResourceQuota",
    "ServiceAccount",
    "Role",
    "RoleBinding",
    "ConfigMap",
    "Secret",
    "Service",
    "LimitRange",
    "Deployment",
    "StatefulSet",
    "CronJob",
    "PodDisruptionBudget",
)
_LAST = ("MutatingWebhookConfiguration", "ValidatingWebhookConfiguration")
_RANKS = {kind: index - len(_FIRST) for index, kind in enumerate(_FIRST)} | {
    kind: index + 1 for index, kind in enumerate(_LAST)
}

_DEFINITIONS = frozenset(
    {
        GroupKind("apiextensions.k8s.io", "CustomResourceDefinition"),
        GroupKind("", "Namespace"),
        GroupKind("rbac.authorization.k8s.io", "ClusterRole"),
    }
)


class Stage(IntEnum):
    """Each stage is validated as a whole, then written; after the first two the engine waits until all is ready."""

    DEFINITIONS = 1
    CLASSES = 2
    CUSTOM = 3
    REST = 4

    @property
    def waits(self) -> bool:
        return self in (Stage.DEFINITIONS, Stage.CLASSES)


def rank(kind: str) -> int:
    """Where a kind stands among the others; kinds that nobody named are 0."""
    return _RANKS.get(kind, 0)


def sort_key(ref: ObjectRef) -> tuple[int, str, str, str, str]:
    return rank(ref.kind), ref.group, ref.kind, ref.namespace, ref.name


def sorted_manifests(manifests: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(manifests, key=lambda manifest: sort_key(ObjectRef.of(manifest)))


def deletion_order(refs: Iterable[ObjectRef]) -> list[ObjectRef]:
    return sorted(refs, key=sort_key, reverse=True)


def stage_of(kind: GroupKind, custom: Collection[GroupKind] = ()) -> Stage:
    """The stage of a kind; `custom` are the kinds that the operator's flag put into a stage of their own."""
    if kind in _DEFINITIONS:
        return Stage.DEFINITIONS
    if kind.kind.endswith("Class"):
        return Stage.CLASSES
    return Stage.CUSTOM if kind in custom else Stage.REST


def stages(
    manifests: Iterable[dict[str, Any]], custom: Collection[GroupKind] = ()
) -> list[tuple[Stage, list[dict[str, Any]]]]:
    """The manifests by stage, each stage in apply order; stages with nothing in them are left out."""
    found: dict[Stage, list[dict[str, Any]]] = {}
    for manifest in sorted_manifests(manifests):
        found.setdefault(stage_of(ObjectRef.of(manifest).group_kind, custom), []).append(manifest)
    return sorted(found.items())


def apply_groups(items: Sequence[T], ref_of: Callable[[T], ObjectRef]) -> list[list[T]]:
    """Sorted items cut where the rank changes: what is inside one group may be written at the same time."""
    groups: dict[int, list[T]] = {}
    for item in sorted(items, key=lambda item: sort_key(ref_of(item))):
        groups.setdefault(rank(ref_of(item).kind), []).append(item)
    return [groups[key] for key in sorted(groups)]
