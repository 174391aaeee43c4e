"""JSON merge patch (RFC 7386)."""

from __future__ import annotations

from typing import Any

from fairlead.localcluster.merge.patch_error import PatchError, not_an_object

__all__ = ["merge_patch"]


def merge_patch(doc: dict[str, Any], patch: Any) -> dict[str, Any]:
    """``doc`` with the fields of ``patch``; null removes a field, anything but an object replaces the old value."""
    if not isinstance(patch, dict):
        raise PatchError(f"error decoding patch: {not_an_object(patch)}", 400)
    return _merge(doc, patch)


def _merge(doc: dict[str, Any], patch: dict[str, Any]) -> dict[str, Any]:
    result = dict(doc)
    for key, value in patch.items():
        if value is None:
            result.pop(key, None)
        elif isinstance(value, dict):
            old = result.get(key)
            result[key] = _merge(old if isinstance(old, dict) else {}, value)
        else:
            result[key] = value
    return result
