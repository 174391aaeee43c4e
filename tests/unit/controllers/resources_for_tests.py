"""Kustomizations as values."""

from __future__ import annotations

from typing import Any

import msgspec

from fairlead.api.kustomization import Kustomization

__all__ = ["condition", "kustomization"]


def condition(type: str, status: str, reason: str = "X", message: str = "") -> dict[str, Any]:
    moment = "2026-01-01T00:00:00Z"
    return {"type": type, "status": status, "reason": reason, "message": message, "lastTransitionTime": moment}


def kustomization(
    name: str, *, depends: tuple[str, ...] = (), status: dict[str, Any] | None = None, **spec: Any
) -> Kustomization:
    wanted = {"interval": "10m", "prune": True, "sourceRef": {"kind": "GitRepository", "name": "fleet"}, **spec}
    if depends:
        wanted["dependsOn"] = [{"name": dependency} for dependency in depends]
    metadata = {"name": name, "namespace": "ns", "generation": 1, "uid": name, "resourceVersion": "1"}
    manifest = {"metadata": metadata, "spec": wanted, "status": status or {}}
    return msgspec.convert(manifest, Kustomization)
