"""`fairlead reconcile`, `suspend` and `resume`: ask, wait, tell the outcome; a failure is exit code 1 and a reason."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

from fairlead.api.suspension import BY, REASON, UNTIL
from tests.support.manifests import config_map

if TYPE_CHECKING:
    from tests.support.cli import Cli
    from tests.support.world import World


async def test_reconcile(cli: Cli, world: World) -> None:
    short = f"main@sha1:{world.repo.head[:8]}"
    source = await cli("reconcile", "source", "git", "fleet")
    assert (source.code, source.out) == (0, "")
    assert source.err.splitlines() == [
        f"► annotating GitRepository fleet in {world.namespace} namespace",
        "✔ GitRepository annotated",
        "◎ waiting for GitRepository reconciliation",
        f"✔ fetched revision {short}",
    ]
    both = await cli("reconcile", "ks", "apps", "--with-source")
    assert both.code == 0
    assert [line for line in both.err.splitlines() if "revision" in line] == [
        f"✔ fetched revision {short}",
        f"✔ applied revision {short}",
    ]


async def test_reconcile_of_what_fails_says_why(cli: Cli) -> None:
    outcome = await cli("reconcile", "ks", "broken")
    assert outcome.code == 1
    assert "✗ Kustomization broken reconciliation failed: kustomize build failed: broken/x.yaml:2" in outcome.err
    assert (await cli("reconcile", "ks", "nope")).err.startswith("✗ Kustomization object 'nope' not found in ")


async def test_suspended_is_not_reconciled(cli: Cli, world: World) -> None:
    assert (await cli("suspend", "ks", "apps")).code == 0
    refused = await cli("reconcile", "ks", "apps")
    assert refused.code == 1
    assert refused.err == f"✗ Kustomization/{world.namespace}/apps is suspended; resume it first\n"


async def test_nobody_at_work_is_said(cli: Cli, world: World) -> None:
    await world.stop()
    outcome = await cli("reconcile", "ks", "apps", "--timeout", "600ms")
    assert outcome.code == 1
    assert "no controller has taken up Kustomization apps yet; is 'fairlead run' at work?" in outcome.err
    assert "timed out waiting" in outcome.err.splitlines()[-1]


async def test_suspend_with_a_reason_and_an_end_is_shown(cli: Cli, world: World) -> None:
    outcome = await cli("suspend", "ks", "apps", "--reason", "database upgrade", "--for", "2h")
    assert outcome.code == 0
    found = await world.get("Kustomization", "apps")
    assert found is not None
    annotations = found["metadata"]["annotations"]
    assert annotations[REASON] == "database upgrade"
    ends = datetime.fromisoformat(annotations[UNTIL])
    assert abs(ends - datetime.now(UTC) - timedelta(hours=2)) < timedelta(minutes=1)

    await world.known("Kustomization", "apps")
    commit = world.repo.commit("Change", {"apps/settings.yaml": config_map("settings", world.namespace, {"zone": "b"})})
    await cli("reconcile", "source", "git", "fleet")
    (row,) = (await cli("get", "ks", "apps", "--no-header")).rows
    assert row[2:4] == ["True", "True"]
    assert row[4].startswith(f"suspended by {annotations[BY]} until {annotations[UNTIL]}: database upgrade; ")
    assert f"pending: main@sha1:{commit[:8]}" in row[4]

    assert (await cli("resume", "ks", "apps")).code == 0
    found = await world.get("Kustomization", "apps")
    assert found is not None
    assert not {REASON, BY, UNTIL} & set(found["metadata"].get("annotations") or {})
    await world.ready("apps")


async def test_a_suspension_ends_by_itself(cli: Cli, world: World) -> None:
    await cli("suspend", "ks", "apps", "--for", "1s", "--reason", "a moment")
    await cli("suspend", "source", "git", "fleet", "--for", "1s")
    world.repo.commit("Change", {"apps/settings.yaml": config_map("settings", world.namespace, {"zone": "b"})})
    await world.ready("apps")
    await world.event("apps", "a moment; its time is over")
    (row,) = (await cli("get", "ks", "apps", "--no-header")).rows
    assert row[2] == "False"


async def test_a_suspension_ends_after_a_restart(cli: Cli, world: World) -> None:
    await cli("suspend", "ks", "apps", "--for", "1s")
    world.repo.commit("Change", {"apps/settings.yaml": config_map("settings", world.namespace, {"zone": "b"})})
    await world.restart()
    await world.ready("apps")


async def test_several_and_all(cli: Cli) -> None:
    assert (await cli("suspend", "ks", "--all")).code == 0
    assert [row[2] for row in (await cli("get", "ks", "--no-header")).rows] == ["True", "True"]
    assert (await cli("suspend", "ks", "apps", "nope")).code == 1
    outcome = await cli("resume", "ks", "apps", "broken")
    assert outcome.code == 1, "one of them fails, and that does not hide the other"
    assert "✔ applied revision main@sha1:" in outcome.err
    assert "✗ Kustomization broken reconciliation failed: " in outcome.err
    assert (await cli("resume", "ks", "--all", "--no-wait")).code == 0
    assert (await cli("suspend", "ks", "apps", "--all")).code == 2
