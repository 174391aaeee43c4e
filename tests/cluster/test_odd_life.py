"""Legal and unusual: what people do to a Kustomization in the middle of its life."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest

from fairlead.runtime.controller import Controller
from tests.support.manifests import config_map

if TYPE_CHECKING:
    from tests.support.world import World


def unbound_claim(namespace: str) -> str:
    """A PersistentVolumeClaim of a class that nobody serves: never healthy."""
    spec = {
        "storageClassName": "nobody",
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": "1Gi"}},
    }
    meta = {"name": "claim", "namespace": namespace}
    return json.dumps({"apiVersion": "v1", "kind": "PersistentVolumeClaim", "metadata": meta, "spec": spec}) + "\n"


async def test_suspended_while_health_is_awaited_it_makes_no_progress(world: World) -> None:
    world.repo.commit("Begin", {"apps/claim.yaml": unbound_claim(world.namespace)})
    await world.git_repository()
    await world.kustomization("apps", path="apps", wait=True)

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
    await world.patch("Kustomization", "apps", {"spec": {"suspend": False, "wait": False}})
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
