"""Taking an object over from managers that Git replaces: kubectl, and ourselves before we used server-side apply.

Their fields are moved into our Apply entry before we apply. Then the apply *removes* what they had set and Git does
not have; without the move those fields would stay for ever, owned by nobody who is still at work. kubectl's
annotation with the last applied configuration goes, too, and some marks of older Flux versions.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairlead.objects.fieldset import entries, union
from fairlead.objects.manifest import STALE_ANNOTATIONS, STALE_LABELS, annotations_of, labels_of, metadata_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.engine.drift import Managers

__all__ = ["takeover_patch"]


def takeover_patch(live: Mapping[str, Any], managers: Managers) -> list[dict[str, Any]]:
    """A JSON patch of the live object, safe against a change since it was read; empty when nothing is to be done."""
    operations = [
        *_removals("annotations", annotations_of(live), STALE_ANNOTATIONS),
        *_removals("labels", labels_of(live), STALE_LABELS),
    ]
    merged = merged_entries(entries(live), managers)
    if merged is not None:
        operations.append({"op": "replace", "path": "/metadata/managedFields", "value": merged})
    if not operations:
        return []
    version = metadata_of(live).get("resourceVersion")
    return [{"op": "test", "path": "/metadata/resourceVersion", "value": version}, *operations]


def merged_entries(found: list[dict[str, Any]], managers: Managers) -> list[dict[str, Any]] | None:
    """The entries with all that we take over merged into our Apply entry, which comes last; ``None``: nothing to do."""
    taken = [entry for entry in found if managers.takes_over(entry)]
    if not taken:
        return None
    own = next((entry for entry in found if managers.is_own(entry)), None)
    base = own if own is not None else {**taken[0], "manager": managers.own, "operation": "Apply"}
    fields = base.get("fieldsV1") or {}
    for entry in taken:
        fields = union(fields, entry["fieldsV1"]) if entry.get("fieldsV1") else fields
    others = [entry for entry in found if entry is not own and not managers.takes_over(entry)]
    return [*others, {**base, "fieldsV1": fields}]


def _removals(section: str, found: Mapping[str, Any], stale: tuple[str, ...]) -> list[dict[str, Any]]:
    escaped = [key.replace("~", "~0").replace("/", "~1") for key in stale if key in found]
    return [{"op": "remove", "path": f"/metadata/{section}/{key}"} for key in escaped]
