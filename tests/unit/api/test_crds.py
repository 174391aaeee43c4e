"""The CRDs that are generated from the types."""

from __future__ import annotations

from typing import Any

import pytest

from fairlead.api.definitions import DEFINITIONS, Definition, crd
from fairlead.api.generate import FOLDER, render

GIT_SPEC = [
    "url",
    "interval",
    "timeout",
    "provider",
    "serviceAccountName",
    "secretRef",
    "proxySecretRef",
    "ref",
    "verify",
    "ignore",
    "include",
    "recurseSubmodules",
    "sparseCheckout",
    "suspend",
]
GIT_STATUS = [
    "observedGeneration",
    "lastHandledReconcileAt",
    "conditions",
    "artifact",
    "includedArtifacts",
    "observedIgnore",
    "observedInclude",
    "observedRecurseSubmodules",
    "observedSparseCheckout",
    "sourceVerificationMode",
]
KUSTOMIZATION_SPEC = [
    "sourceRef",
    "path",
    "interval",
    "retryInterval",
    "timeout",
    "prune",
    "deletionPolicy",
    "wait",
    "healthChecks",
    "healthCheckExprs",
    "dependsOn",
    "force",
    "targetNamespace",
    "namePrefix",
    "nameSuffix",
    "commonMetadata",
    "patches",
    "images",
    "components",
    "ignoreMissingComponents",
    "buildMetadata",
    "postBuild",
    "decryption",
    "ignore",
    "kubeConfig",
    "serviceAccountName",
    "suspend",
]
KUSTOMIZATION_STATUS = [
    "observedGeneration",
    "conditions",
    "lastAppliedRevision",
    "lastAppliedOriginRevision",
    "lastAttemptedRevision",
    "lastHandledReconcileAt",
    "inventory",
    "history",
]


def schema(definition: Definition) -> dict[str, Any]:
    (version,) = crd(definition)["spec"]["versions"]
    found: dict[str, Any] = version["schema"]["openAPIV3Schema"]["properties"]
    return found


GIT, KUSTOMIZATION = DEFINITIONS


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda definition: definition.kind)
def test_the_files_are_up_to_date(definition: Definition) -> None:
    assert (FOLDER / f"{definition.name}.yaml").read_text() == render(definition)


@pytest.mark.parametrize(
    ("definition", "spec", "status"),
    [(GIT, GIT_SPEC, GIT_STATUS), (KUSTOMIZATION, KUSTOMIZATION_SPEC, KUSTOMIZATION_STATUS)],
    ids=["GitRepository", "Kustomization"],
)
def test_every_field_of_flux_is_there(definition: Definition, spec: list[str], status: list[str]) -> None:
    found = schema(definition)
    assert sorted(found["spec"]["properties"]) == sorted(spec)
    assert sorted(found["status"]["properties"]) == sorted(status)


@pytest.mark.parametrize("definition", DEFINITIONS, ids=lambda definition: definition.kind)
def test_every_field_is_explained(definition: Definition) -> None:
    unexplained = [path for path in _paths(schema(definition)["spec"], "spec") if not path.endswith("!")]
    assert unexplained == []


def _paths(node: dict[str, Any], path: str) -> list[str]:
    found = []
    for name, child in (node.get("properties") or {}).items():
        found.append(f"{path}.{name}{'!' if child.get('description') else ''}")
        found += _paths(child.get("items") or child, f"{path}.{name}")
    return found


def test_names_columns_and_marks_are_those_of_flux() -> None:
    found = crd(KUSTOMIZATION)
    assert found["metadata"]["annotations"] == {"kustomize.toolkit.fluxcd.io/substitute": "disabled"}
    names = found["spec"]["names"]
    assert (names["plural"], names["shortNames"]) == ("kustomizations", ["ks"])
    assert names["categories"] == ["all", "fluxcd", "fluxcd-appliers"]
    (version,) = found["spec"]["versions"]
    assert [column["name"] for column in version["additionalPrinterColumns"]] == ["Age", "Ready", "Status"]
    assert version["subresources"] == {"status": {}}
    assert schema(KUSTOMIZATION)["status"]["default"] == {"observedGeneration": -1}


def test_limits_defaults_and_rules() -> None:
    git, kustomization = schema(GIT)["spec"], schema(KUSTOMIZATION)["spec"]
    assert git["required"] == ["interval", "url"]
    assert git["properties"]["timeout"]["default"] == "60s"
    assert git["properties"]["timeout"]["pattern"] == r"^([0-9]+(\.[0-9]+)?(ms|s|m))+$"
    assert "serviceAccountName" in git["x-kubernetes-validations"][0]["rule"]
    assert kustomization["required"] == ["interval", "prune", "sourceRef"]
    assert kustomization["properties"]["force"]["default"] is False
    assert "WaitForTermination" in kustomization["properties"]["deletionPolicy"]["enum"]
    assert kustomization["properties"]["targetNamespace"] | {"description": ""} == {
        "type": "string",
        "minLength": 1,
        "maxLength": 63,
        "description": "",
    }
    assert "x-kubernetes-validations" in kustomization["properties"]["kubeConfig"]
