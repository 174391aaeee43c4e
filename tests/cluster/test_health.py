"""Ready means healthy; what is not healthy is told with its cause, and holds up nothing else."""

from __future__ import annotations

import asyncio
import json
from datetime import timedelta
from typing import TYPE_CHECKING

from tests.support.manifests import config_map, deployment
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    import pytest

    from tests.support.world import World


async def test_waits_until_everything_is_healthy(world: World) -> None:
    world.repo.commit("Begin", {"apps/web.yaml": deployment("web", world.namespace, replicas=2)})
    await world.git_repository()
    await world.kustomization("apps", path="apps", wait=True)
    await world.ready("apps")
    found = await world.get("Deployment", "web")
    assert found is not None
    assert found["status"]["availableReplicas"] == 2
    await world.event("apps", "Health check passed in ")


async def test_good_health_is_told_when_it_is_news(world: World) -> None:
    """The first time, and with each revision that changes something; not for a run that finds all as it was."""

    async def told() -> int:
        events = [event for event in await world.events("apps") if "Health check passed in " in event["message"]]
        assert {(event["type"], event["reason"]) for event in events} <= {("Normal", "Progressing")}
        return sum(event["count"] for event in events)

    world.repo.commit("Begin", {"apps/cm.yaml": config_map("one", world.namespace, {"a": "1"})})
    await world.git_repository()
    await world.kustomization("apps", path="apps", wait=True)
    await world.ready("apps")
    for token in ("first", "second"):
        await world.request_reconcile("Kustomization", "apps", token)

        async def handled(token: str = token) -> bool:
            return (await world.status("apps")).get("lastHandledReconcileAt") == token

        await world.eventually("the request is handled", handled)
    world.repo.commit("Change", {"apps/cm.yaml": config_map("one", world.namespace, {"a": "2"})})
    await world.ready("apps")

    async def twice() -> bool:
        return await told() >= 2

    await world.eventually("it is told again", twice)
    await world.event("apps", "Reconciliation finished")
    assert await told() == 2


async def test_a_bad_commit_fails_and_the_revert_heals(world: World) -> None:
    await world.restart_with(shortest_timeout=timedelta(seconds=1))
    world.repo.commit("Begin", {"apps/web.yaml": deployment("web", world.namespace)})
    await world.git_repository()
    checks = [{"apiVersion": "apps/v1", "kind": "Deployment", "name": "web", "namespace": world.namespace}]
    await world.kustomization("apps", path="apps", healthChecks=checks, timeout="3s")
    await world.ready("apps")
    bad = world.repo.commit(
        "Use the broken image", {"apps/web.yaml": deployment("web", world.namespace, image="example.com/web:broken")}
    )

    async def failed() -> dict[str, object] | None:
        found = await world.condition("apps")
        return found if found["status"] == "False" else None

    failure = await world.eventually("the health check fails", failed)
    assert failure["reason"] == "HealthCheckFailed"
    for text in ("health check failed after", f"Deployment/{world.namespace}/web", bad[:8], "Use the broken image"):
        assert text in failure["message"]
    assert (await world.condition("apps", "Healthy"))["status"] == "False"
    event = await world.event("apps", "health check failed after")
    assert (event["type"], event["reason"]) == ("Warning", "HealthCheckFailed")
    world.repo.revert()
    await world.ready("apps")


async def test_a_newer_revision_ends_an_old_wait_and_others_go_on(world: World) -> None:
    broken = json.loads(deployment("web", world.namespace, image="example.com/web:broken"))
    broken["spec"]["progressDeadlineSeconds"] = 3600  # so it is waited for, whatever gives up early
    files = {"apps/web.yaml": json.dumps(broken), "other/cm.yaml": config_map("other", world.namespace, {})}
    world.repo.commit("Begin", files)
    await world.git_repository()
    await world.kustomization("apps", path="apps", wait=True, timeout="5m")

    async def waits() -> bool:
        return "Running health checks" in (await world.condition("apps")).get("message", "")

    await world.eventually("the health check runs", waits)
    await world.kustomization("other", path="other")
    await world.ready("other")
    world.repo.commit("Fix", {"apps/web.yaml": deployment("web", world.namespace)})
    async with asyncio.timeout(PATIENCE):
        await world.ready("apps")


async def test_a_failed_check_recovers_by_itself(world: World) -> None:
    """Flux would look again after the retry interval."""
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("one", world.namespace, {})})
    await world.git_repository()
    checks = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "late", "namespace": world.namespace}]
    await world.kustomization("apps", path="apps", healthChecks=checks, timeout="30s")

    async def waits() -> bool:
        return "Running health checks" in (await world.condition("apps")).get("message", "")

    await world.eventually("the health check runs", waits)
    said = (await world.condition("apps", "Reconciling"))["message"]
    revision = f"main@sha1:{world.repo.head}"
    assert said == (
        f"Running health checks for revision {revision} with a timeout of 30s; "
        f"waiting for ConfigMap/{world.namespace}/late (NotFound)"
    )
    await world.apply("v1", "ConfigMap", "late", data={})
    await world.ready("apps")
    await world.event("apps", "Health check passed in ")


async def test_progress_follows_what_is_waited_for(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairlead.controllers.waits.AGAIN_SECONDS", 0.1)
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("one", world.namespace, {})})
    await world.git_repository()
    checks = [
        {"apiVersion": "v1", "kind": "ConfigMap", "name": name, "namespace": world.namespace}
        for name in ("late", "later")
    ]
    await world.kustomization("apps", path="apps", healthChecks=checks, timeout="30s")

    async def tells(names: str) -> bool:
        return str((await world.condition("apps")).get("message")).endswith(f"; waiting for {names}")

    late, later = (f"ConfigMap/{world.namespace}/{name} (NotFound)" for name in ("late", "later"))
    await world.eventually("both are named", lambda: tells(f"{late}, {later}"))
    await world.apply("v1", "ConfigMap", "late", data={})
    await world.eventually("the other is named", lambda: tells(later))
    await world.apply("v1", "ConfigMap", "later", data={})
    await world.ready("apps")
