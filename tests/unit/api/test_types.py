"""Reading and writing the typed resources."""

from __future__ import annotations

import msgspec
import pytest

from fairlead.api.kustomization import Kustomization

MANIFEST = {
    "apiVersion": "kustomize.toolkit.fluxcd.io/v1",
    "kind": "Kustomization",
    "metadata": {"name": "apps", "namespace": "flux-system", "generation": 2, "managedFields": [{"manager": "x"}]},
    "spec": {
        "interval": "10m",
        "prune": True,
        "sourceRef": {"kind": "GitRepository", "name": "fleet"},
        "dependsOn": [{"name": "infra", "readyExpr": "true"}],
        "aFieldOfTheFuture": 1,
    },
    "status": {"observedGeneration": -1},
}


def test_reads_the_wire_and_ignores_what_it_does_not_know() -> None:
    found = msgspec.convert(MANIFEST, Kustomization)
    assert found.metadata.generation == 2
    assert found.spec.depends_on is not None
    assert found.spec.depends_on[0].ready_expr == "true"
    assert found.status.observed_generation == -1


def test_writes_only_what_was_said() -> None:
    written = msgspec.to_builtins(msgspec.convert(MANIFEST, Kustomization).spec)
    assert written == {key: value for key, value in MANIFEST["spec"].items() if key != "aFieldOfTheFuture"}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("field", "value"), [("interval", "soon"), ("prune", "yes"), ("sourceRef", {"kind": "Folder", "name": "x"})]
)
def test_refuses_what_the_crd_refuses(field: str, value: object) -> None:
    spec = {**MANIFEST["spec"], field: value}  # type: ignore[dict-item]
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({**MANIFEST, "spec": spec}, Kustomization)
