"""The record of deliveries."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING

from fairlead.engine.ledger import Delivery, Ledger, Outcome
from fairlead.engine.plan import Action, Change, ChangeSet
from fairlead.objects.ref import ObjectRef

if TYPE_CHECKING:
    from pathlib import Path

START = datetime(2026, 1, 1, tzinfo=UTC)
WEB = ObjectRef("apps", "Deployment", "shop", "web")


def delivery(revision: str = "main@sha1:1", cluster: str = "") -> Delivery:
    return Delivery(
        cluster=cluster,
        kind="Kustomization",
        namespace="flux-system",
        name="apps",
        revision=revision,
        author="Ann <ann@example.com>",
        subject="Use nginx 2",
        started=START,
    )


def test_a_delivery_survives_the_process(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    changes = ChangeSet([Change(WEB, Action.CONFIGURED), Change(WEB._replace(name="old"), Action.DELETED)])
    with Ledger(path) as ledger:
        number = ledger.open(delivery())
        ledger.update(number, delivery().with_changes(changes).ended(Outcome.HEALTHY, "all\nwell"))
    with Ledger(path) as ledger:
        assert ledger.close_interrupted() == 0
        (found,) = ledger.history("Kustomization", "flux-system", "apps")
    assert found.outcome is Outcome.HEALTHY
    assert found.message == "all well"
    assert found.configured == ("Deployment/shop/web",)
    assert found.deleted == ("Deployment/shop/old",)
    assert found.author == "Ann <ann@example.com>"
    assert found.started == START


def test_a_delivery_that_a_crash_left_open_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "ledger.db"
    with Ledger(path) as ledger:
        ledger.open(delivery())
    with Ledger(path) as ledger:
        assert ledger.close_interrupted() == 1
        assert ledger.close_interrupted() == 0
        assert [found.outcome for found in ledger.history("Kustomization", "flux-system", "apps")] == [
            Outcome.INTERRUPTED
        ]


def test_history_is_newest_first_and_by_cluster() -> None:
    with Ledger(None) as ledger:
        for number in range(5):
            ledger.open(delivery(f"r{number}", cluster="a" if number % 2 else "b"))
        revisions = [found.revision for found in ledger.history("Kustomization", "flux-system", "apps", limit=3)]
        assert revisions == ["r4", "r3", "r2"]
        only = [found.revision for found in ledger.history("Kustomization", "flux-system", "apps", cluster="a")]
        assert only == ["r3", "r1"]
        ledger.trim(2)
        assert len(list(ledger.history("Kustomization", "flux-system", "apps"))) == 2


def test_changes_add_up() -> None:
    once = delivery().with_changes(ChangeSet([Change(WEB, Action.CREATED)]))
    assert once.with_changes(ChangeSet([Change(WEB, Action.CREATED)])).created == ("Deployment/shop/web",)
