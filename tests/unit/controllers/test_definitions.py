"""What is said of definitions that others installed."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from fairlead.controllers.definitions import OldDefinitionError, check_served, kept_note
from fairlead.controllers.install import crds


def ours() -> dict[str, Any]:
    return copy.deepcopy(next(crd for crd in crds() if crd["metadata"]["name"].startswith("kustomizations")))


def theirs(*dropped: str) -> dict[str, Any]:
    crd = ours()
    crd["metadata"]["labels"] = {"app.kubernetes.io/version": "v2.0.0"}
    for path in dropped:
        schema = crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"]
        *above, last = path.split(".")
        for name in above:
            schema = schema["properties"][name.removesuffix("[]")]
            schema = schema.get("items", schema)
        del schema["properties"][last]
    return crd


def test_a_definition_of_the_same_fields_lacks_nothing() -> None:
    assert kept_note(theirs(), ours()) == "installed by others, version v2.0.0"
    assert kept_note(theirs("status.observedGeneration"), ours()) == "installed by others, version v2.0.0"


def test_what_is_dropped_is_named() -> None:
    crd = theirs("spec.deletionPolicy", "spec.dependsOn[].readyExpr", "status.history")
    note = kept_note(crd, ours())
    assert note.endswith("; it drops spec.deletionPolicy, spec.dependsOn[].readyExpr, status.history")
    many = ("components", "decryption", "force", "healthChecks", "images", "patches", "postBuild", "prune")
    note = kept_note(theirs(*(f"spec.{name}" for name in many)), ours())
    assert note.endswith("spec.images, spec.patches and 2 more")


def test_what_keeps_all_fields_drops_none() -> None:
    crd = ours()
    crd["spec"]["versions"][0]["schema"]["openAPIV3Schema"] = {
        "type": "object",
        "x-kubernetes-preserve-unknown-fields": True,
    }
    assert kept_note(crd, ours()) == "installed by others"


def test_a_definition_without_todays_version_will_not_do() -> None:
    check_served(ours())
    crd = ours()
    crd["spec"]["versions"][0]["name"] = "v1beta2"
    with pytest.raises(OldDefinitionError, match=r"serves v1beta2 and not v1: it is of a Flux before 2\.0; upgrade"):
        check_served(crd)
    crd = ours()
    crd["spec"]["versions"][0]["served"] = False
    with pytest.raises(OldDefinitionError, match="serves nothing"):
        check_served(crd)
