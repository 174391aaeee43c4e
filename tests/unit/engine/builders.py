"""Live objects as an API server would show them, for tests of the engine."""

from __future__ import annotations

from typing import Any

from fairlead.engine.plan import Owner

OWNER = Owner("flux-system", "apps")
OTHER = Owner("flux-system", "other")
US = "kustomize-controller"


def entry(
    manager: str, fields: dict[str, Any], operation: str = "Apply", *, subresource: str = "", version: str = "v1"
) -> dict[str, Any]:
    found = {
        "manager": manager,
        "operation": operation,
        "apiVersion": version,
        "fieldsType": "FieldsV1",
        "fieldsV1": fields,
    }
    return {**found, "subresource": subresource} if subresource else found


OURS: dict[str, Any] = {"f:data": {"f:a": {}}}


def config_map(
    *entries: dict[str, Any],
    name: str = "a",
    version: int = 1,
    uid: str = "u1",
    owner: Owner | None = OWNER,
    data: dict[str, str] | None = None,
    annotations: dict[str, str] | None = None,
) -> dict[str, Any]:
    """A live ConfigMap; without entries it is as we applied it."""
    meta: dict[str, Any] = {"name": name, "namespace": "shop", "uid": uid, "resourceVersion": str(version)}
    if owner is not None:
        meta["labels"] = owner.labels
    if annotations is not None:
        meta["annotations"] = annotations
    meta["managedFields"] = list(entries or (entry(US, OURS),))
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data or {"a": "1"}}
