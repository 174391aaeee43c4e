"""What the command line reads out of a Flux object: conditions, revision, suspension."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fairlead.cli.kinds import Kind

__all__ = ["condition", "full_revision", "message", "path", "ready", "settled", "short_revision", "suspended"]

_HASH = re.compile(r"(sha1:|sha256:)([0-9a-f]{8})[0-9a-f]+")


def path(manifest: dict[str, Any], *keys: str) -> Any:
    """The value below ``keys``; ``None`` when something on the way is missing."""
    value: Any = manifest
    for key in keys:
        if not isinstance(value, dict):
            return None
        value = value.get(key)
    return value


def condition(manifest: dict[str, Any], kind: str) -> dict[str, Any] | None:
    """The condition of that type, if there is one."""
    for row in path(manifest, "status", "conditions") or []:
        if row.get("type") == kind:
            found: dict[str, Any] = row
            return found
    return None


def ready(manifest: dict[str, Any]) -> str:
    """``True``, ``False`` or ``Unknown``, as the Ready condition says."""
    return str((condition(manifest, "Ready") or {}).get("status", "Unknown"))


def message(manifest: dict[str, Any]) -> str:
    """What the Ready condition says, with hashes shortened."""
    return short_revision((condition(manifest, "Ready") or {}).get("message", "waiting to be reconciled"))


def suspended(manifest: dict[str, Any]) -> bool:
    return path(manifest, "spec", "suspend") is True


def full_revision(manifest: dict[str, Any], kind: Kind) -> str:
    """The revision that the kind's status holds; empty when there is none yet."""
    return str(path(manifest, *kind.revision_path) or "")


def short_revision(text: str) -> str:
    """``main@sha1:0b1481aa``: every long hash in the text cut to eight characters, as Flux prints them."""
    return _HASH.sub(r"\1\2", text)


def settled(manifest: dict[str, Any]) -> bool:
    """Whether the controller has said its word on this generation: Ready or not, and no longer at work.

    A failed attempt that will be retried keeps ``Reconciling`` with reason ``ProgressingWithRetry``; it counts as
    settled, because nothing new will be said until the retry.
    """
    if ready(manifest) == "Unknown":
        return False
    reconciling = condition(manifest, "Reconciling")
    return (
        reconciling is None
        or reconciling.get("status") != "True"
        or reconciling.get("reason") == "ProgressingWithRetry"
    )
