"""Where things are on an API server: paths, queries and identity headers, ready for the wire."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import quote, urlencode

from fairlead.kube.errors import InvalidError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.kube.discovery import Resource
    from fairlead.objects.ref import GroupKind, ObjectRef

__all__ = [
    "collection_path",
    "identity_headers",
    "object_path",
    "query_text",
    "require_place",
    "subject_of",
    "write_query",
]

UNSAFE_NAMES = (".", "..")
"""A server may clean them out of the path and then mean the whole collection."""


def identity_headers(user: str, groups: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    """Impersonation headers; without groups the server gives a service account those that it has."""
    return (("Impersonate-User", user), *(("Impersonate-Group", group) for group in groups)) if user else ()


def require_place(resource: Resource, ref: ObjectRef, verb: str, method: str) -> None:
    """Refuse what would not address one object; raises :class:`InvalidError` before anything is sent."""
    if resource.namespaced and not ref.namespace:
        raise InvalidError(str(ref), verb, reason="Invalid", message="metadata.namespace: required for this kind")
    if ref.name in UNSAFE_NAMES or (not ref.name and method != "POST"):
        raise InvalidError(str(ref), verb, reason="Invalid", message="metadata.name: a name is required")


def collection_path(resource: Resource, namespace: str | None) -> str:
    if namespace and resource.namespaced:
        return f"{resource.prefix}/namespaces/{quote(namespace, safe='')}/{resource.plural}"
    return f"{resource.prefix}/{resource.plural}"


def object_path(resource: Resource, ref: ObjectRef, subresource: str = "") -> str:
    """The path of an object, or of its collection when it has no name (yet)."""
    parts = [collection_path(resource, ref.namespace or None), quote(ref.name, safe=":"), subresource]
    return "/".join(part for part in parts if part)


def query_text(parameters: Mapping[str, str]) -> str:
    used = {key: value for key, value in parameters.items() if value}
    return f"?{urlencode(used)}" if used else ""


def write_query(dry_run: bool, field_manager: str) -> dict[str, str]:
    return {"dryRun": "All" if dry_run else "", "fieldManager": field_manager}


def subject_of(kind: GroupKind, namespace: str | None) -> str:
    return f"{kind}/{namespace}" if namespace else str(kind)
