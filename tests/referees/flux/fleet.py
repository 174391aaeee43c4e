"""The fleet of the hand-over: what is in Git, and the Kustomizations that deliver it, all in one namespace.

Others have their hands in it as well: what they made before Flux came (:func:`made_before`), and what they changed
after it (:func:`changed_after`). Neither engine may touch that.
"""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

from fairlead.objects.ref import ObjectRef

__all__ = [
    "FAILING",
    "GROUP",
    "HELD",
    "NAMESPACE",
    "READY",
    "changed_after",
    "definition",
    "files",
    "git_repository",
    "kustomizations",
    "made_before",
    "placed",
]

NAMESPACE = "handover-fleet"
"""Replaced by the namespace of a test when the recorded objects are used."""

GROUP = "handover.example.org"
"""Replaced likewise: tests that run side by side on one server may not share a definition."""

CRD = """\
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: widgets.GROUP}
spec:
  group: GROUP
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
WIDGET = "apiVersion: GROUP/v1\nkind: Widget\nmetadata: {name: first}\nspec: {size: 3}\n"
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
_RULED = (
    ("merging", "ssa: Merge", 'ours: "1"'),
    ("overriding", "ssa: Override", 'ours: "1"'),
    ("starting", "ssa: IfNotPresent", 'first: "1"'),
    ("present", "ssa: IfNotPresent", 'first: "1"'),
    ("ignored", "ssa: Ignore", 'ours: "1"'),
    ("absent", "ssa: Ignore", 'ours: "1"'),
    ("kept", "prune: disabled", 'ours: "1"'),
    ("literal", "substitute: disabled", 'text: "${zone}"'),
)
RULES = "---\n".join(
    f"""\
apiVersion: v1
kind: ConfigMap
metadata: {{name: {name}, namespace: elsewhere, annotations: {{kustomize.toolkit.fluxcd.io/{rule}}}}}
data: {{{data}}}
"""
    for name, rule, data in _RULED
)
SCALED = """\
apiVersion: apps/v1
kind: Deployment
metadata: {name: scaled}
spec:
  selector: {matchLabels: {app: scaled}}
  template:
    metadata: {labels: {app: scaled}}
    spec:
      containers:
      - {name: scaled, image: "example.org/scaled:${release:=1}", env: [{name: ZONE, value: "${zone}"}]}
"""
LOGIN = """\
resources: [login.yaml]
generatorOptions: {disableNameSuffixHash: true}
secretGenerator:
- name: made
  envs: [made.env]
"""
VECTORS = Path(__file__).parents[2] / "unit" / "build" / "sops" / "vectors.json"
READY = ("infra", "apps", "paused", "secrets", "rules", "checked")
FAILING = "broken"
HELD = "held"
PLAIN = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\ndata: {key: value}\n"


def files() -> dict[str, str]:
    """By path, with the namespace left to ``targetNamespace``."""
    return {
        "infra/crd.yaml": CRD.replace("GROUP", GROUP),
        "infra/widget.yaml": WIDGET.replace("GROUP", GROUP),
        "apps/web.yaml": WEB,
        "apps/configs.yaml": MERGED,
        "apps/extra.yaml": PLAIN.replace("NAME", "extra"),
        "paused/paused.yaml": PLAIN.replace("NAME", "paused"),
        "held/held.yaml": PLAIN.replace("NAME", "held"),
        "rules/rules.yaml": RULES,
        "rules/kustomization.yaml": "namespace: overruled\nresources: [rules.yaml]\n",
        "checked/scaled.yaml": SCALED,
        "secrets/login.yaml": _encrypted("yaml-encrypted-regex"),
        "secrets/made.env": _encrypted("dotenv"),
        "secrets/kustomization.yaml": LOGIN,
    }


def placed(text: str, namespace: str) -> str:
    """What was recorded, or is to be delivered, with the namespace of a test and a group of its own."""
    return text.replace(NAMESPACE, namespace).replace(GROUP, f"{namespace}.example.org")


def definition(namespace: str) -> ObjectRef:
    """What is in no namespace, and so does not go with it."""
    return ObjectRef("apiextensions.k8s.io", "CustomResourceDefinition", "", placed(f"widgets.{GROUP}", namespace))


def _encrypted(name: str) -> str:
    vectors = json.loads(VECTORS.read_text())["vectors"]
    return next(str(vector["encrypted"]) for vector in vectors if vector["name"] == name)


def made_before() -> list[tuple[str, dict[str, Any]]]:
    """What is in the namespace before Flux comes, each with its field manager."""
    key = json.loads(VECTORS.read_text())["keys"]["age"]
    keys = _object("Secret", "keys") | {"data": {"a.agekey": base64.b64encode(key.encode()).decode()}}
    return [
        ("operator", keys),
        ("operator", _object("ConfigMap", "variables") | {"data": {"zone": "south"}}),
        *[
            (manager, _object("ConfigMap", name) | {"data": {"theirs": "1"}})
            for manager, name in (
                ("operator", "merging"),
                ("kubectl-create", "overriding"),
                ("operator", "present"),
                ("operator", "ignored"),
            )
        ],
    ]


def changed_after() -> list[tuple[str, dict[str, Any], dict[str, Any]]]:
    """What is changed while Flux's fleet is at rest: the field manager, the object and a merge patch."""
    deployment = _object("Deployment", "scaled") | {"apiVersion": "apps/v1"}
    suspend = {"spec": {"suspend": True}}
    return [
        ("flux-client", _kustomization(HELD), suspend),
        ("kubectl-edit", _object("ConfigMap", "held"), {"data": {"key": "by hand"}}),
        ("autoscaler", deployment, {"spec": {"replicas": 3}}),
        ("operator", deployment, {"metadata": {"annotations": {"example.org/owner": "someone"}}}),
        ("kubectl-edit", _object("ConfigMap", "merging"), {"data": {"theirs": "2", "more": "1"}}),
        ("kubectl-edit", _object("ConfigMap", "starting"), {"data": {"first": "2"}}),
    ]


def _object(kind: str, name: str) -> dict[str, Any]:
    return {"apiVersion": "v1", "kind": kind, "metadata": {"name": name, "namespace": NAMESPACE}}


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
        _kustomization(FAILING),
        _kustomization(HELD),
        _kustomization("secrets", decryption={"provider": "sops", "secretRef": {"name": "keys"}}),
        _kustomization("rules", postBuild={"substitute": {"zone": "west"}}, deletionPolicy="Orphan"),
        _kustomization("checked", **_checked()),
    ]


def _checked() -> dict[str, Any]:
    variables = [{"kind": "ConfigMap", "name": "variables"}, {"kind": "Secret", "name": "none", "optional": True}]
    health = {"apiVersion": "apps/v1", "kind": "Deployment", "name": "scaled", "namespace": NAMESPACE}
    return {
        "dependsOn": [{"name": "infra"}, {"name": "secrets"}],
        "healthChecks": [health],
        "postBuild": {"substituteFrom": variables},
        "force": True,
    }


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
