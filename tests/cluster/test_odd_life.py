"""Legal and unusual: what people do to a Kustomization in the middle of its life."""

from __future__ import annotations

import asyncio
import contextlib
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

import pytest

from fairlead.kube.client import PatchType
from fairlead.kube.errors import NoMatchError, NotFoundError
from fairlead.objects.ref import ObjectRef
from fairlead.runtime.controller import Controller
from tests.support.manifests import config_map, deployment, limit, limit_definition, limit_group

if TYPE_CHECKING:
    from tests.support.world import World


async def test_suspended_while_health_is_awaited_it_makes_no_progress(world: World) -> None:
    absent = {"apiVersion": "v1", "kind": "ConfigMap", "name": "absent", "namespace": world.namespace}
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("one", world.namespace, {})})
    await world.git_repository()
    await world.kustomization("apps", path="apps", healthChecks=[absent])

    async def waits() -> bool:
        return bool((await world.condition("apps", "Healthy"))["reason"] == "Progressing")

    await world.eventually("it waits", waits)
    await world.patch("Kustomization", "apps", {"spec": {"suspend": True}})

    async def ended() -> bool:
        return bool((await world.condition("apps"))["reason"] == "Suspended")

    await world.eventually("its progress ends", ended)
    ready, healthy = await world.condition("apps"), await world.condition("apps", "Healthy")
    assert (ready["status"], healthy["status"], healthy["reason"]) == ("Unknown", "Unknown", "Suspended")
    assert not (await world.condition("apps", "Reconciling"))["reason"], "nobody is at work"
    await world.patch("Kustomization", "apps", {"spec": {"suspend": False, "healthChecks": None}})
    await world.ready("apps")


@pytest.mark.parametrize(
    "spec",
    [{"interval": "0s"}, {"interval": "1ms"}, {"retryInterval": "0s", "path": "no"}, {"interval": "0s", "path": "no"}],
    ids=str,
)
async def test_an_interval_of_nothing_keeps_nobody_busy(
    world: World, spec: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in Flux 0 is never; there 1 ms is a run after the other."""
    runs: list[object] = []
    run_one = Controller._run_one

    async def counted(controller: Controller[object], key: object) -> None:
        runs.append(key)
        await run_one(controller, key)

    monkeypatch.setattr(Controller, "_run_one", counted)
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("one", world.namespace, {})})
    await world.git_repository(interval=spec.get("interval", "10m"))
    await world.kustomization("apps", **{"path": "apps"} | spec)
    await (world.failed("apps") if "path" in spec else world.ready("apps"))
    runs.clear()
    await asyncio.sleep(1)
    assert len(runs) <= (24 if spec.get("interval") == "1ms" else 2)


async def test_a_name_that_is_no_label_is_told(world: World) -> None:
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("one", world.namespace, {})})
    await world.git_repository()
    await world.kustomization("a" * 64, path="apps")
    failure = await world.failed("a" * 64, reason="ReconciliationFailed")
    assert "the name of the Kustomization has 64 characters" in failure["message"]
    assert "may have 63" in failure["message"]
    assert await world.get("ConfigMap", "one") is None


async def test_force_that_is_held_up_names_the_finalizer(world: World) -> None:
    """The object that is to be made anew does not go: the run ends with a word on what holds it."""
    await world.restart_with(shortest_timeout=timedelta(seconds=2))
    held = {"finalizers": ["example.com/held"]}

    def web(app: str) -> str:
        body = json.loads(deployment("web", world.namespace))
        body["metadata"] |= held
        body["spec"]["selector"]["matchLabels"] = body["spec"]["template"]["metadata"]["labels"] = {"app": app}
        return json.dumps(body)

    world.repo.commit("Begin", {"apps/web.yaml": web("one")})
    await world.git_repository()
    await world.kustomization("apps", path="apps", force=True, timeout="2s", retryInterval="1s")
    await world.ready("apps")
    world.repo.commit("Change what cannot be changed", {"apps/web.yaml": web("two")})
    timeout = f"Deployment/{world.namespace}/web termination timeout"
    failure = await world.failed("apps", reason="ReconciliationFailed", text=timeout)
    assert "it is held by the finalizers example.com/held" in failure["message"]
    await world.client.patch(world.ref("Deployment", "web"), {"metadata": {"finalizers": None}}, PatchType.MERGE)
    await world.ready("apps")
    await world.client.patch(world.ref("Deployment", "web"), {"metadata": {"finalizers": None}}, PatchType.MERGE)


async def test_a_health_check_of_a_kind_that_comes_later(world: World) -> None:
    """What is waited for is told at once, and seen at once when it is there."""
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("one", world.namespace, {})})
    await world.git_repository()
    group = limit_group(world.namespace)
    check = {"apiVersion": f"{group}/v1", "kind": "Limit", "name": "small", "namespace": world.namespace}
    await world.kustomization("apps", path="apps", healthChecks=[check])

    async def told() -> bool:
        return "is its CRD installed?" in (await world.condition("apps", "Healthy")).get("message", "")

    await world.eventually("what it waits for is told", told, seconds=4)
    definition = json.loads(limit_definition(world.namespace))
    await world.client.apply(definition, field_manager="test")
    try:

        async def made() -> bool:
            with contextlib.suppress(NoMatchError, NotFoundError):
                return bool(await world.client.apply(json.loads(limit(world.namespace)), field_manager="test"))
            return False

        await world.eventually("the kind is served", made)
        await world.ready("apps")
    finally:
        await world.client.delete(ObjectRef.of(definition))


async def test_an_object_that_is_too_large_is_told(world: World) -> None:
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("large", world.namespace, {"k": "x" * 1_100_000})})
    await world.git_repository()
    await world.kustomization("apps", path="apps")
    failure = await world.failed("apps", reason="ReconciliationFailed")
    assert f"ConfigMap/{world.namespace}/large" in failure["message"]
    assert "1048576 bytes" in failure["message"]


async def test_an_account_that_is_no_name_is_told(world: World) -> None:
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("one", world.namespace, {})})
    await world.git_repository()
    await world.kustomization("apps", path="apps", serviceAccountName="a\nb")
    failure = await world.failed("apps", reason="ReconciliationFailed")
    assert "is no name of a service account" in failure["message"]


@pytest.mark.parametrize(
    ("place", "kind", "name", "reason"),
    [
        ("fairlead.controllers.kustomization.health_rules", "Kustomization", "apps", "ArtifactFailed"),
        ("fairlead.controllers.gitrepository.git_spec", "GitRepository", "fleet", "GitOperationFailed"),
    ],
)
async def test_a_fault_of_ours_is_told(
    world: World, monkeypatch: pytest.MonkeyPatch, place: str, kind: str, name: str, reason: str
) -> None:
    """Not only in the log; but what it says may be anything, so only the log has that."""

    def fails(*_: object) -> None:
        raise KeyError("anything")

    monkeypatch.setattr(place, fails)
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("one", world.namespace, {})})
    await world.git_repository()
    await world.kustomization("apps", path="apps")
    failure = await world.failed(name, kind=kind, reason=reason)
    assert "stopped by a fault of this program (KeyError): its log says more" in failure["message"]
    assert "anything" not in failure["message"]
    monkeypatch.undo()
    await world.ready("apps")
