"""Names of things: which kind, in which group and version, in which namespace.

Group, version and kind are spelled as in Kubernetes; an empty group is the core group, an empty namespace means a
cluster-scoped object (or, in a reference that a user wrote, "not said").
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

__all__ = ["GroupKind", "GroupVersionKind", "ObjectRef", "join_api_version", "split_api_version"]


def split_api_version(api_version: str) -> tuple[str, str]:
    """``apps/v1`` gives ``("apps", "v1")``; ``v1`` gives ``("", "v1")``."""
    group, separator, version = api_version.rpartition("/")
    return (group, version) if separator else ("", api_version)


def join_api_version(group: str, version: str) -> str:
    """The inverse of :func:`split_api_version`."""
    return f"{group}/{version}" if group else version


class GroupKind(NamedTuple):
    """A kind whatever its version; identity of a kind in inventories and rules."""

    group: str
    kind: str

    def __str__(self) -> str:
        return f"{self.kind}.{self.group}" if self.group else self.kind


class GroupVersionKind(NamedTuple):
    """A kind in one version of its API."""

    group: str
    version: str
    kind: str

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> GroupVersionKind:
        """The kind that a manifest names; missing parts are empty."""
        group, version = split_api_version(manifest.get("apiVersion") or "")
        return cls(group, version, manifest.get("kind") or "")

    @property
    def api_version(self) -> str:
        return join_api_version(self.group, self.version)

    @property
    def group_kind(self) -> GroupKind:
        return GroupKind(self.group, self.kind)


class ObjectRef(NamedTuple):
    """One object of a cluster, whatever the version it is read in."""

    group: str
    kind: str
    namespace: str
    name: str

    @classmethod
    def of(cls, manifest: Mapping[str, Any]) -> ObjectRef:
        """The reference to a manifest; missing parts are empty."""
        group, _ = split_api_version(manifest.get("apiVersion") or "")
        metadata = manifest.get("metadata") or {}
        return cls(group, manifest.get("kind") or "", metadata.get("namespace") or "", metadata.get("name") or "")

    @property
    def group_kind(self) -> GroupKind:
        return GroupKind(self.group, self.kind)

    def __str__(self) -> str:
        """``Deployment/apps/web`` or, without a namespace, ``Namespace/apps``: the form that Flux prints."""
        return "/".join(part for part in (self.kind, self.namespace, self.name) if part)
