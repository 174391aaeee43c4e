"""Sets of fields as the API server writes them in `metadata.managedFields[].fieldsV1`.

``f:name`` is a field, ``k:{...}`` a list item by its merge keys, ``v:...`` an item of a set, ``i:n`` one by index, and
``.`` says that the node itself is a member. An empty node is a member without children. Everything here is pure
and keeps the decoded JSON as it is: sets are compared and merged, hardly ever looked into.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, TypeAlias

from fairlead.objects.manifest import metadata_of

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

__all__ = ["FieldSet", "contains", "entries", "member_paths", "minus", "union"]

FieldSet: TypeAlias = dict[str, Any]


def entries(manifest: Mapping[str, Any]) -> list[dict[str, Any]]:
    """The managed-fields entries of an object as it was read; an empty list when it has none."""
    found = metadata_of(manifest).get("managedFields")
    return [entry for entry in found if isinstance(entry, dict)] if isinstance(found, list) else []


def union(one: FieldSet, other: FieldSet) -> FieldSet:
    """The fields of both sets; neither argument is changed."""
    merged: FieldSet = {key: child for key, child in one.items() if key != "."}
    for key, child in other.items():
        if key != ".":
            merged[key] = union(merged[key], child) if key in merged else child
    if merged and (_is_member(one) or _is_member(other)):
        merged["."] = {}
    return merged


def minus(one: FieldSet, other: FieldSet) -> FieldSet:
    """The fields of `one` that are not in `other`; nodes that become empty vanish."""
    return _minus(one, other) or {}


def _minus(one: FieldSet, other: FieldSet) -> FieldSet | None:
    """The difference; ``None`` when nothing is left (an empty mapping would mean: the node itself is left)."""
    children: FieldSet = {}
    for key, child in one.items():
        if key == ".":
            continue
        left = _minus(child, other[key]) if key in other else child
        if left is not None:
            children[key] = left
    stays = _is_member(one) and not _is_member(other)
    if not children:
        return {} if stays else None
    return {**children, ".": {}} if stays else children


def _is_member(node: FieldSet) -> bool:
    return not node or "." in node


def contains(fields: FieldSet, path: Sequence[str]) -> bool:
    """Whether a path of encoded steps (``f:spec``, ``f:replicas``) leads to a node of the set."""
    node: Any = fields
    for step in path:
        node = node.get(step) if isinstance(node, dict) else None
        if node is None:
            return False
    return True


def member_paths(fields: FieldSet) -> list[str]:
    """The set's members for a person: ``spec.template.spec.containers[name=web].image``, sorted."""
    return sorted(_paths(fields, ""))


def _paths(node: FieldSet, prefix: str) -> Iterator[str]:
    children = [(key, child) for key, child in node.items() if key != "."]
    if prefix and (not children or "." in node):
        yield prefix
    for key, child in children:
        yield from _paths(child, prefix + _step_text(key, first=not prefix))


def _step_text(step: str, *, first: bool) -> str:
    sort, _, rest = step.partition(":")
    if sort == "f":
        if "." in rest or "/" in rest:
            return f"[{rest}]"
        return rest if first else f".{rest}"
    if sort == "k":
        try:
            keys = json.loads(rest)
        except json.JSONDecodeError:
            return f"[{rest}]"
        return "[" + ",".join(f"{key}={value}" for key, value in keys.items()) + "]"
    if sort == "v":
        # A set's item is a value: mostly a name such as a finalizer, but who knows what a custom resource keeps.
        return "[=" + hashlib.sha256(rest.encode()).hexdigest()[:8] + "]"
    return f"[{rest}]"
