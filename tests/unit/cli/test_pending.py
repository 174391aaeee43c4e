"""What MESSAGE says of what is suspended."""

from __future__ import annotations

from typing import Any

from fairlead.api.suspension import Suspension
from fairlead.cli.pending import message_of
from fairlead.objects.ref import ObjectRef

SOURCE = ObjectRef("source.toolkit.fluxcd.io", "GitRepository", "apps", "fleet")
OLD, NEW = (f"main@sha1:{letter * 40}" for letter in "ab")


def kustomization(*, suspend: bool, **recorded: str) -> dict[str, Any]:
    return {
        "kind": "Kustomization",
        "metadata": {"name": "web", "namespace": "apps", "annotations": Suspension(**recorded).annotations()},
        "spec": {"suspend": suspend, "sourceRef": {"kind": "GitRepository", "name": "fleet"}},
        "status": {
            "lastAppliedRevision": OLD,
            "conditions": [{"type": "Ready", "status": "True", "message": "fine"}],
        },
    }


def test_reason_and_what_waits() -> None:
    held = kustomization(suspend=True, reason="upgrade", by="ada", until="2026-01-02T03:04:05Z")
    assert message_of(held, {SOURCE: NEW}) == (
        "suspended by ada until 2026-01-02T03:04:05Z: upgrade; pending: main@sha1:bbbbbbbb; fine"
    )
    assert message_of(held, {SOURCE: OLD}) == "suspended by ada until 2026-01-02T03:04:05Z: upgrade; fine"


def test_a_plain_suspension_says_no_more_than_before() -> None:
    assert message_of(kustomization(suspend=True, by="ada"), {}) == "fine"
    assert message_of(kustomization(suspend=False, reason="left over"), {SOURCE: NEW}) == "fine"
