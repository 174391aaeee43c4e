"""Decoding our resources: nothing that is in one of them hides the others."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fairlead.api.kustomization import Kustomization
from fairlead.controllers.resources import Malformed, decoder

SPEC = {"interval": "10m", "prune": True, "sourceRef": {"kind": "GitRepository", "name": "fleet"}}


def decode(spec: dict[str, Any], status: Any = None) -> Kustomization | Malformed:
    manifest = {"metadata": {"name": "a", "namespace": "ns", "generation": 3}, "spec": spec, "status": status or {}}
    return decoder(Kustomization)(msgspec.Raw(msgspec.json.encode(manifest)))


def test_a_good_one() -> None:
    assert isinstance(decode(SPEC), Kustomization)


def test_a_malformed_one_is_told_apart_with_the_field() -> None:
    found = decode({**SPEC, "prune": "maybe"})
    assert isinstance(found, Malformed)
    assert found.metadata.name == "a"
    assert "spec.prune" in found.problem


def test_a_status_in_an_unknown_form_keeps_the_inventory() -> None:
    entries = {"entries": [{"id": "ns_a__ConfigMap", "v": "v1"}]}
    found = decode(SPEC, {"conditions": [{"type": "Ready"}], "inventory": entries, "lastAppliedRevision": "r"})
    assert isinstance(found, Kustomization)
    assert found.status.inventory is not None
    assert found.status.inventory.entries[0].id == "ns_a__ConfigMap"
    assert found.status.last_applied_revision == "r"


@pytest.mark.parametrize("field", ["interval", "retryInterval", "timeout"])
def test_a_time_span_that_is_too_long_is_malformed(field: str) -> None:
    """Its form is right, so the API server takes it; every run of it ended as a fault of the program."""
    found = decode({**SPEC, field: "9999999999h"})
    assert isinstance(found, Malformed)
    assert found.problem == f"invalid duration '9999999999h' - at `$.spec.{field}`"
    assert isinstance(decode({**SPEC, field: "2562047h"}), Kustomization)
