"""Small manifests for cluster tests, as text."""

from __future__ import annotations

import json

__all__ = ["config_map", "deployment", "kustomization"]


def config_map(name: str, namespace: str, data: dict[str, str], **metadata: object) -> str:
    """JSON is YAML, and quoting is no concern in it."""
    meta = {"name": name, "namespace": namespace, **metadata}
    return json.dumps({"apiVersion": "v1", "kind": "ConfigMap", "metadata": meta, "data": data}) + "\n"


def deployment(name: str, namespace: str, *, image: str = "example.com/web:1.0", replicas: int | None = 1) -> str:
    spec: dict[str, object] = {
        "selector": {"matchLabels": {"app": name}},
        "template": {
            "metadata": {"labels": {"app": name}},
            "spec": {"containers": [{"name": "web", "image": image}]},
        },
    }
    if replicas is not None:
        spec["replicas"] = replicas
    meta = {"name": name, "namespace": namespace}
    return json.dumps({"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}) + "\n"


def kustomization(**fields: object) -> str:
    return json.dumps(fields) + "\n"
