"""Has somebody touched what we applied? Read off the object's managed fields, without comparing values.

With server-side apply whoever changes a field takes its ownership. So our entry in `metadata.managedFields` changes
exactly when somebody else changes, removes or takes one of our fields, and its hash, the *fingerprint*, tells it.
The exceptions, tried on a real server:

- Managers whose fields are taken over (kubectl's, see :class:`Managers`) may add fields without touching ours. An
  entry of theirs beside ours is drift, too: the next apply removes what they added. Objects with `ssa: Merge` are
  exempt.
- Who recreates the object or wipes its managed fields leaves no entry of ours: no fingerprint equals none.
- A Secret's `stringData` is owned apart from `data`; it never is applied, see :mod:`fairlead.objects.manifest`.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.api import names
from fairlead.objects.diff import FieldChange, diff_manifests
from fairlead.objects.fieldset import FieldSet, entries, union
from fairlead.objects.manifest import STALE_ANNOTATIONS, STALE_LABELS, annotations_of, has_mark, labels_of
from fairlead.objects.redact import mask_changes
from fairlead.objects.ref import split_api_version

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from fairlead.objects.ref import ObjectRef

__all__ = [
    "NO_FINGERPRINT",
    "Managers",
    "content_digest",
    "drift_message",
    "drifted_fields",
    "field_list",
    "fingerprint",
    "needs_takeover",
    "owned_fields",
]

NO_FINGERPRINT = ""
"""The fingerprint of an object in which our manager has no entry; equals no fingerprint of an applied object."""

_WORKLOAD_GROUPS = ("", "apps", "batch")


@dataclass(frozen=True, slots=True)
class Managers:
    """Who we are among the field managers, and whose fields we take over when we apply."""

    own: str = names.KUSTOMIZE_CONTROLLER
    overridden: tuple[str, ...] = ()
    """Further managers whose fields are taken over (Flux's `--override-manager`); prefixes, as all below."""

    def takes_over(self, entry: Mapping[str, Any]) -> bool:
        """Whether an entry's fields become ours at the next apply: kubectl in all its forms, and our own updates."""
        if entry.get("subresource"):
            return False
        manager, operation = str(entry.get("manager") or ""), entry.get("operation")
        if operation == "Apply":
            return manager.startswith(("kubectl", *self.overridden))
        if operation == "Update":
            return manager.startswith(("kubectl", "before-first-apply", self.own, *self.overridden))
        return False

    def is_own(self, entry: Mapping[str, Any]) -> bool:
        own = entry.get("manager") == self.own and entry.get("operation") == "Apply"
        return own and not entry.get("subresource")


def owned_fields(manifest: Mapping[str, Any], managers: Managers) -> FieldSet:
    """The fields that we own in an object as it was read; empty when we never applied it."""
    fields: FieldSet = {}
    for entry in entries(manifest):
        if managers.is_own(entry):
            fields = union(fields, entry.get("fieldsV1") or {}) if fields else entry.get("fieldsV1") or {}
    return fields


def fingerprint(manifest: Mapping[str, Any], managers: Managers) -> str:
    """A hash of the fields that we own; :data:`NO_FINGERPRINT` when there are none."""
    fields = owned_fields(manifest, managers)
    if split_api_version(str(manifest.get("apiVersion") or ""))[0] in _WORKLOAD_GROUPS:
        fields = _without_empty_structs(fields)
    return _hash(fields) if fields else NO_FINGERPRINT


def _without_empty_structs(fields: FieldSet) -> FieldSet:
    """Without ``strategy: {}`` and a container's ``resources: {}``, which Flux applies where Git has none.

    It sends workloads through Go's types, whose structs are never left out. To own such a map without a field in it
    protects nothing, so a cluster that comes from Flux needs no write for it.
    """
    kept: FieldSet = {}
    for key, below in fields.items():
        if key in ("f:strategy", "f:updateStrategy") and not below:
            continue
        if key in ("f:spec", "f:template", "f:jobTemplate"):
            kept[key] = _without_empty_structs(below)
        elif key in ("f:containers", "f:initContainers"):
            kept[key] = {item: _without_empty_resources(inner) for item, inner in below.items()}
        else:
            kept[key] = below
    return kept


def _without_empty_resources(container: FieldSet) -> FieldSet:
    return {key: below for key, below in container.items() if key != "f:resources" or below}


def needs_takeover(manifest: Mapping[str, Any], managers: Managers) -> bool:
    """Whether managers that we replace have left entries, or notes for themselves, in an object as it was read."""
    if has_mark(manifest, names.SSA, "Merge"):
        return False
    noted = not annotations_of(manifest).keys().isdisjoint(STALE_ANNOTATIONS)
    noted = noted or not labels_of(manifest).keys().isdisjoint(STALE_LABELS)
    return noted or any(managers.takes_over(entry) for entry in entries(manifest))


def content_digest(manifest: Mapping[str, Any]) -> str:
    """A hash of what an apply can change: labels, annotations and everything outside metadata and status.

    Equal digests of a live object and of a dry run's answer mean that the apply would change nothing.
    """
    content = {key: value for key, value in manifest.items() if key not in ("apiVersion", "kind", "metadata", "status")}
    return _hash([labels_of(manifest), annotations_of(manifest), content])


def drifted_fields(live: Mapping[str, Any], repaired: Mapping[str, Any]) -> tuple[FieldChange, ...]:
    """What a repair changed, as fields that may be shown: the values of a Secret are masked."""
    return mask_changes(repaired, diff_manifests(live, repaired))


def drift_message(ref: ObjectRef, fields: Iterable[FieldChange]) -> str:
    """The text of the event that tells of a repair: the object and its fields, never a value."""
    listed = field_list(fields)
    return f"{ref} had drifted and was repaired" + (f": {listed}" if listed else "")


def field_list(changes: Iterable[FieldChange], limit: int = 10) -> str:
    """Paths for an event or a message, cut after `limit`; never a value."""
    paths = [change.path for change in changes]
    more = f" and {len(paths) - limit} more" if len(paths) > limit else ""
    return ", ".join(paths[:limit]) + more


def _hash(value: Any) -> str:
    return hashlib.blake2b(msgspec.json.encode(value, order="deterministic"), digest_size=12).hexdigest()
