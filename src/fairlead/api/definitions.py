"""What a CRD says beyond its schema: names, printer columns, CEL rules."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fairlead.api.gitrepository import GitRepository, GitRepositorySpec
from fairlead.api.kustomization import KubeConfigReference, Kustomization
from fairlead.api.names import DISABLED, KUSTOMIZE_GROUP, PART_OF, SOURCE_GROUP, SUBSTITUTE
from fairlead.api.schema import Schema, struct_schema

if TYPE_CHECKING:
    import msgspec

__all__ = ["DEFINITIONS", "Definition", "crd"]


@dataclass(frozen=True, slots=True)
class Column:
    """A column of ``kubectl get``."""

    name: str
    path: str
    type: str = "string"


AGE = Column("Age", ".metadata.creationTimestamp", "date")
READY = Column("Ready", '.status.conditions[?(@.type=="Ready")].status')
STATUS = Column("Status", '.status.conditions[?(@.type=="Ready")].message')


@dataclass(frozen=True, slots=True)
class Definition:
    """One kind as the API server knows it."""

    struct: type[msgspec.Struct]
    group: str
    plural: str
    short_names: tuple[str, ...]
    family: str
    """The kubectl category of kinds of this sort, beside ``all`` and ``fluxcd``."""
    columns: tuple[Column, ...]
    rules: dict[type, list[dict[str, str]]] = field(default_factory=dict)
    """CEL validations by struct."""

    @property
    def kind(self) -> str:
        return self.struct.__name__

    @property
    def name(self) -> str:
        return f"{self.plural}.{self.group}"


DEFINITIONS = (
    Definition(
        struct=GitRepository,
        group=SOURCE_GROUP,
        plural="gitrepositories",
        short_names=("gitrepo",),
        family="fluxcd-sources",
        columns=(Column("URL", ".spec.url"), AGE, READY, STATUS),
        rules={
            GitRepositorySpec: [
                {
                    "rule": "!has(self.serviceAccountName) || has(self.provider) && self.provider in ['azure', 'aws']",
                    "message": "serviceAccountName can only be set when provider is 'azure' or 'aws'",
                }
            ]
        },
    ),
    Definition(
        struct=Kustomization,
        group=KUSTOMIZE_GROUP,
        plural="kustomizations",
        short_names=("ks",),
        family="fluxcd-appliers",
        columns=(AGE, READY, STATUS),
        rules={
            KubeConfigReference: [
                {
                    "rule": "has(self.configMapRef) != has(self.secretRef)",
                    "message": "exactly one of spec.kubeConfig.configMapRef and spec.kubeConfig.secretRef must be set",
                }
            ]
        },
    ),
)


def crd(definition: Definition) -> Schema:
    """The CustomResourceDefinition of a kind."""
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {
            "name": definition.name,
            "annotations": {SUBSTITUTE: DISABLED},
            "labels": {PART_OF: "flux"},
        },
        "spec": {
            "group": definition.group,
            "names": {
                "categories": ["all", "fluxcd", definition.family],
                "kind": definition.kind,
                "listKind": f"{definition.kind}List",
                "plural": definition.plural,
                "shortNames": list(definition.short_names),
                "singular": definition.kind.lower(),
            },
            "scope": "Namespaced",
            "versions": [_version(definition)],
        },
    }


def _version(definition: Definition) -> Schema:
    return {
        "name": "v1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "additionalPrinterColumns": [
            {"name": column.name, "type": column.type, "jsonPath": column.path} for column in definition.columns
        ],
        "schema": {"openAPIV3Schema": _schema(definition)},
    }


def _schema(definition: Definition) -> Schema:
    whole = struct_schema(definition.struct, definition.rules)
    properties = whole["properties"]
    spec, status = properties["spec"], properties["status"]
    spec["description"] = f"What is asked for of the {definition.kind}."
    status["description"] = f"What was observed of the {definition.kind}."
    status["default"] = {"observedGeneration": -1}
    return {
        "type": "object",
        "description": (definition.struct.__doc__ or "").strip(),
        "properties": {
            "apiVersion": {"type": "string", "description": "The group and version of this representation."},
            "kind": {"type": "string", "description": "The kind of this object."},
            "metadata": {"type": "object"},
            "spec": spec,
            "status": status,
        },
    }
