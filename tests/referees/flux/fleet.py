"""The fleet of the hand-over: what is in Git, and the Kustomizations that deliver it, all in one namespace."""

from __future__ import annotations

from typing import Any

__all__ = ["NAMESPACE", "files", "git_repository", "kustomizations"]

NAMESPACE = "handover-fleet"
"""Replaced by the namespace of a test when the recorded objects are used."""

CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.handover.example.org}
spec:
  group: handover.example.org
  names: {kind: Widget, listKind: WidgetList, plural: widgets, singular: widget}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    schema:
      openAPIV3Schema:
        type: object
        properties: {spec: {type: object, properties: {size: {type: integer}, colour: {type: string, default: red}}}}
"""
WIDGET = "apiVersion: handover.example.org/v1\nkind: Widget\nmetadata: {name: first}\nspec: {size: 3}\n"
WEB = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 1
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers:
      - {name: web, image: example.org/web, ports: [{containerPort: 8080}], env: [{name: ZONE, value: "${zone}"}]}
---
apiVersion: v1
kind: Service
metadata: {name: web}
spec: {selector: {app: web}, ports: [{port: 80, targetPort: 8080}]}
"""
MERGED = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: merged, annotations: {kustomize.toolkit.fluxcd.io/ssa: Merge}}
data: {ours: "1"}
---
apiVersion: v1
kind: ConfigMap
metadata: {name: once, annotations: {kustomize.toolkit.fluxcd.io/ssa: IfNotPresent}}
data: {first: "1"}
---
apiVersion: v1
kind: Secret
metadata: {name: words}
stringData: {word: open}
"""
PLAIN = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\ndata: {key: value}\n"


def files() -> dict[str, str]:
    """By path, with the namespace left to ``targetNamespace``."""
    return {
        "infra/crd.yaml": CRD,
        "infra/widget.yaml": WIDGET,
        "apps/web.yaml": WEB,
        "apps/configs.yaml": MERGED,
        "apps/extra.yaml": PLAIN.replace("NAME", "extra"),
        "paused/paused.yaml": PLAIN.replace("NAME", "paused"),
    }


def git_repository(url: str) -> dict[str, Any]:
    spec = {"interval": "10m", "url": url, "ref": {"branch": "main"}}
    return {"apiVersion": "source.toolkit.fluxcd.io/v1", "kind": "GitRepository"} | {
        "metadata": {"name": "fleet", "namespace": NAMESPACE},
        "spec": spec,
    }


def kustomizations() -> list[dict[str, Any]]:
    patch = {"target": {"kind": "Deployment"}, "patch": '[{"op":"add","path":"/spec/minReadySeconds","value":1}]'}
    apps = {
        "dependsOn": [{"name": "infra"}],
        "wait": True,
        "postBuild": {"substitute": {"zone": "north"}},
        "images": [{"name": "example.org/web", "newTag": "1.2"}],
        "patches": [patch],
        "commonMetadata": {"labels": {"team": "a"}},
    }
    checks = {"healthChecks": [{"apiVersion": "v1", "kind": "ConfigMap", "name": "paused", "namespace": NAMESPACE}]}
    return [
        _kustomization("infra"),
        _kustomization("apps", **apps),
        _kustomization("paused", **checks),
        _kustomization("broken"),
    ]


def _kustomization(name: str, **spec: Any) -> dict[str, Any]:
    common = {
        "interval": "10m",
        "retryInterval": "10m",
        "timeout": "1m",
        "prune": True,
        "path": f"./{name}",
        "targetNamespace": NAMESPACE,
        "sourceRef": {"kind": "GitRepository", "name": "fleet"},
    }
    return {"apiVersion": "kustomize.toolkit.fluxcd.io/v1", "kind": "Kustomization"} | {
        "metadata": {"name": name, "namespace": NAMESPACE},
        "spec": common | spec,
    }
