"""Small manifests for cluster tests, as text."""

from __future__ import annotations

import json

__all__ = ["config_map", "deployment", "kustomization", "limit", "limit_definition", "limit_group"]


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


def limit_group(namespace: str) -> str:
    """An API group that no other test has."""
    return f"{namespace}.example.com"


def limit_definition(namespace: str) -> str:
    """The CustomResourceDefinition of :func:`limit`."""
    group = limit_group(namespace)
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
    }
    names = {"kind": "Limit", "plural": "limits", "singular": "limit", "listKind": "LimitList"}
    manifest = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"limits.{group}"},
        "spec": {"group": group, "scope": "Namespaced", "names": names, "versions": [version]},
    }
    return json.dumps(manifest) + "\n"


def limit(namespace: str) -> str:
    meta = {"name": "small", "namespace": namespace}
    return (
        json.dumps({"apiVersion": f"{limit_group(namespace)}/v1", "kind": "Limit", "metadata": meta, "spec": {}}) + "\n"
    )
