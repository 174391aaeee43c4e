"""kubectl's annotation of client-side apply, which its server-side apply takes over and keeps up to date."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from fairlead.localcluster.merge import fieldset, typed

if TYPE_CHECKING:
    from fairlead.localcluster.merge.fieldset import FieldSet
    from fairlead.localcluster.schema.types import Schema

__all__ = ["LAST_APPLIED", "fields_to_take_over", "refresh"]

LAST_APPLIED: Final = "kubectl.kubernetes.io/last-applied-configuration"
_LAST_APPLIED_LIMIT_BYTES: Final = 256 * 1024


def _last_applied(live: dict[str, Any] | None) -> str:
    annotations = ((live or {}).get("metadata") or {}).get("annotations") or {}
    text = annotations.get(LAST_APPLIED)
    return text if isinstance(text, str) else ""


def fields_to_take_over(live: dict[str, Any], schema: Schema) -> FieldSet:
    """The fields that client-side apply set and nobody changed since: kubectl may take them without force."""
    text = _last_applied(live)
    if not text:
        return {}
    try:
        last = json.loads(text)
    except ValueError:
        return {}
    if not isinstance(last, dict) or last.get("apiVersion") != live.get("apiVersion"):
        return {}
    fields = typed.field_set(last, schema) or {}
    for changed in typed.compare(last, live, schema):
        fields = fieldset.difference(fields, changed or {})
    return fields


def refresh(result: dict[str, Any], applied: dict[str, Any]) -> dict[str, Any]:
    """Where kubectl's annotation exists, kubectl's server-side apply keeps it up to date."""
    if not _last_applied(result):
        return result
    metadata = dict(applied.get("metadata") or {})
    if "annotations" in metadata:
        metadata["annotations"] = {k: v for k, v in (metadata["annotations"] or {}).items() if k != LAST_APPLIED}
        if not metadata["annotations"]:
            del metadata["annotations"]
    config = {**applied, "metadata": metadata}
    text = json.dumps(config, separators=(",", ":"), sort_keys=True, ensure_ascii=False) + "\n"
    if text == _last_applied(result):
        return result
    annotations = {**result["metadata"]["annotations"], LAST_APPLIED: text}
    if sum(len(key) + len(value) for key, value in annotations.items()) > _LAST_APPLIED_LIMIT_BYTES:
        del annotations[LAST_APPLIED]
    return {**result, "metadata": {**result["metadata"], "annotations": annotations}}
