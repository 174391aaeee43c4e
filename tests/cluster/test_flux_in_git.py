"""A repository made by ``flux bootstrap`` holds Flux itself: delivering it must not start Flux beside Fairlead.

Before, a user who handed over had to change Git first, or Fairlead repaired ``replicas`` to 1 and then stood back.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from fairlead.controllers.manager import run as run_controllers
from fairlead.controllers.neighbours import look_around
from fairlead.kube.client import PatchType
from fairlead.objects.ref import GroupKind
from tests.support.cli import Cli, kubeconfig_text

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.world import World

pytestmark = pytest.mark.usefixtures("only_flux")

CONTROLLERS = ("source-controller", "kustomize-controller")


def controller(
    namespace: str, name: str, *arguments: str, replicas: int | None = 1, version: str = "v1.9.5"
) -> dict[str, Any]:
    """A Deployment as ``gotk-components.yaml`` has it."""
    labels = {"app.kubernetes.io/part-of": "flux", "app.kubernetes.io/component": name}
    container = {"name": "manager", "image": f"example.org/{name}:{version}", "args": list(arguments)}
    spec: dict[str, Any] = {
        "selector": {"matchLabels": {"app": name}},
        "template": {"metadata": {"labels": {"app": name} | labels}, "spec": {"containers": [container]}},
    }
    if replicas is not None:
        spec["replicas"] = replicas
    meta = {"name": name, "namespace": namespace, "labels": labels}
    return {"apiVersion": "apps/v1", "kind": "Deployment", "metadata": meta, "spec": spec}


class FluxInGit:
    """The folder flux-system of a repository, and what has become of it in the cluster."""

    def __init__(self, world: World) -> None:
        self._world = world

    def commit(self, message: str, *deployments: dict[str, Any], **said: Any) -> str:
        """Source- and kustomize-controller unless told otherwise."""
        found = deployments or [controller(self._world.namespace, name, **said) for name in CONTROLLERS]
        text = "\n---\n".join(json.dumps(each) for each in found)
        return self._world.repo.commit(message, {"flux-system/gotk-components.yaml": text + "\n"})

    async def deliver(self, **spec: Any) -> None:
        await self._world.git_repository()
        await self._world.kustomization("flux-system", path="flux-system", **spec)
        await self._world.ready("flux-system")

    async def left_by_flux(self) -> None:
        """As Flux's kustomize-controller has applied it before."""
        labels = {
            "kustomize.toolkit.fluxcd.io/name": "flux-system",
            "kustomize.toolkit.fluxcd.io/namespace": self._world.namespace,
        }
        for name in CONTROLLERS:
            manifest = controller(self._world.namespace, name)
            manifest["metadata"]["labels"] |= labels
            await self._world.client.apply(manifest, field_manager="kustomize-controller")

    async def scale(self, replicas: int, name: str) -> None:
        """As ``kubectl scale`` does it."""
        await self._world.client.patch(
            self._world.ref("Deployment", name),
            {"spec": {"replicas": replicas}},
            PatchType.MERGE,
            subresource="scale",
            field_manager="kubectl",
        )

    async def edit(self, replicas: int, name: str) -> None:
        """As ``kubectl edit`` and ``kubectl patch`` do it: Fairlead takes over the fields of these."""
        await self._world.patch("Deployment", name, {"spec": {"replicas": replicas}})

    async def spec(self, name: str = "source-controller") -> dict[str, Any]:
        found: dict[str, Any] = ((await self._world.get("Deployment", name)) or {}).get("spec") or {}
        return found

    async def replicas(self) -> list[int]:
        return [(await self.spec(name))["replicas"] for name in CONTROLLERS]

    async def image(self, name: str = "source-controller") -> str:
        return str((await self.spec(name))["template"]["spec"]["containers"][0]["image"])

    async def warnings(self) -> list[str]:
        return [event["message"] for event in await self._world.events("flux-system") if event["reason"] == "FluxHeld"]

    async def again(self, token: str) -> None:
        """A whole run of its own."""
        await self._world.request_reconcile("Kustomization", "flux-system", token)

        async def handled() -> bool:
            return (await self._world.status("flux-system")).get("lastHandledReconcileAt") == token

        await self._world.eventually("the request is handled", handled)


@pytest_asyncio.fixture
async def flux(world: World) -> AsyncIterator[FluxInGit]:
    yield FluxInGit(world)
    await world.stop()
    kind = GroupKind("apps", "Deployment")
    for item in (await world.client.list(kind, namespace=world.namespace)).items:
        await world.delete("Deployment", item["metadata"]["name"])

    async def gone() -> bool:
        now = datetime.now(UTC) + timedelta(minutes=1)
        return not (await look_around(world.client, world.namespace, now)).found

    await world.eventually("nothing of Flux is left for the next test", gone)


@pytest.mark.parametrize("by", ["scale", "edit"])
async def test_what_was_scaled_down_stays_down(world: World, flux: FluxInGit, by: str) -> None:
    await flux.left_by_flux()
    for name in CONTROLLERS:
        await (flux.scale if by == "scale" else flux.edit)(0, name)
    flux.commit("Begin")
    await flux.deliver(wait=True)
    assert await flux.replicas() == [0, 0]
    first = world.object_writes()
    assert by == "edit" or first == 0, "nothing is taken over from kubectl scale, so nothing is to be written"
    name = f"Deployment/{world.namespace}"
    expected = [
        f"{name}/source-controller keeps the replicas that it has; Git says 1",
        f"{name}/kustomize-controller keeps the replicas that it has; Git says 1",
    ]
    warning = await world.event("flux-system", "the same work as Fairlead")
    assert warning["type"] == "Warning"
    assert sorted(warning["message"].splitlines()[:2]) == sorted(expected)

    await flux.again("second")
    await world.restart()
    await flux.again("third")
    assert await flux.replicas() == [0, 0]
    assert world.object_writes() == 0, "counted anew since the restart"


async def test_what_is_not_there_is_made_with_none_and_follows_git_otherwise(world: World, flux: FluxInGit) -> None:
    """A cluster that is built again from its repository."""
    flux.commit("Begin", replicas=None)
    await flux.deliver(wait=True)
    assert await flux.replicas() == [0, 0]
    flux.commit("Upgrade Flux", version="v1.9.6")
    await world.ready("flux-system")
    assert await flux.image() == "example.org/source-controller:v1.9.6"
    assert await flux.replicas() == [0, 0]
    await world.eventually("it is told", flux.warnings)

    container = {"name": "manager", "image": "example.org/else:1"}
    template = {"spec": {"template": {"spec": {"containers": [container]}}}}
    await world.patch("Deployment", "source-controller", template, manager="somebody")

    async def repaired() -> bool:
        return await flux.image() == "example.org/source-controller:v1.9.6"

    await world.eventually("drift of other fields is repaired", repaired)
    assert await flux.replicas() == [0, 0]
    await world.delete("Deployment", "source-controller")
    await world.eventually("it is made anew", lambda: world.get("Deployment", "source-controller"))
    assert await flux.replicas() == [0, 0]


@pytest.mark.parametrize("by", ["scale", "edit"])
async def test_the_way_back_is_to_scale_it_up(world: World, flux: FluxInGit, by: str) -> None:
    """Fairlead stands back then (here it was told not to); what it still does must not scale them down again."""
    flux.commit("Begin")
    await flux.deliver()
    for name in CONTROLLERS:
        await (flux.scale if by == "scale" else flux.edit)(1, name)
    await flux.again("after")
    assert await flux.replicas() == [1, 1]
    flux.commit("Upgrade Flux", version="v1.9.6")
    await world.ready("flux-system")
    assert await flux.image() == "example.org/source-controller:v1.9.6"
    assert await flux.replicas() == [1, 1]
    writes = world.object_writes()
    await flux.again("and again")
    assert world.object_writes() == writes
    messages = [event["message"] for event in await world.events("flux-system")]
    assert not any("replicas corrected" in message for message in messages), messages


async def test_a_hand_over_and_back_without_a_change_in_git(
    world: World, flux: FluxInGit, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    await world.stop()
    await flux.left_by_flux()
    commit = flux.commit("Begin")
    await world.git_repository()
    await world.kustomization("flux-system", path="flux-system")
    settings = dataclasses.replace(world.settings, runtime_namespace=world.namespace, stand_back=True)
    working = asyncio.create_task(run_controllers(settings, world.client.config))

    async def said(text: str) -> bool:
        return any(text in record.getMessage() for record in caplog.records)

    await world.eventually("it stands back", lambda: said("Flux is at work here"))
    for name in CONTROLLERS:
        await flux.scale(0, name)
    await world.ready("flux-system", commit=commit)
    assert await flux.replicas() == [0, 0]
    assert not await said("Flux has begun to work here")
    for name in CONTROLLERS:
        await flux.scale(1, name)
    await world.eventually("it stands back again", lambda: said("Flux has begun to work here"))
    assert await flux.replicas() == [1, 1]
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def test_others_are_delivered_as_they_are_written(world: World, flux: FluxInGit) -> None:
    """Other controllers of Flux, what Git has at 0, and a shard whose work is not ours."""
    theirs, ours = "sharding.fluxcd.io/key notin (fairlead)", "sharding.fluxcd.io/key in (fairlead)"
    scope = dataclasses.replace(world.settings.scope, label_selector=ours)
    world.settings = dataclasses.replace(world.settings, scope=scope)
    await world.restart()
    flux.commit(
        "Begin",
        controller(world.namespace, "helm-controller"),
        controller(world.namespace, "source-controller", replicas=0),
        controller(world.namespace, "kustomize-controller", f"--watch-label-selector={theirs}"),
    )
    await world.git_repository()
    await world.kustomization("flux-system", path="flux-system")
    for kind, name in (("GitRepository", "fleet"), ("Kustomization", "flux-system")):
        await world.patch(kind, name, {"metadata": {"labels": {"sharding.fluxcd.io/key": "fairlead"}}})
    await world.ready("flux-system")
    assert await flux.replicas() == [0, 1]
    assert (await flux.spec("helm-controller"))["replicas"] == 1
    assert await flux.warnings() == []


async def test_a_flag_applies_them_as_written(world: World, flux: FluxInGit) -> None:
    flux.commit("Begin")
    await flux.deliver()
    assert await flux.replicas() == [0, 0]
    apply = dataclasses.replace(world.settings.apply, leave_flux_scale=False)
    world.settings = dataclasses.replace(world.settings, apply=apply)
    await world.restart()

    async def scaled() -> bool:
        return await flux.replicas() == [1, 1]

    await world.eventually("a restart with the flag delivers what Git says", scaled)


async def test_those_of_another_cluster_are_not_ours(world: World, flux: FluxInGit) -> None:
    """A cluster may deliver Flux to others, and looks after none of their resources."""
    await world.apply("v1", "Secret", "other", stringData={"value": kubeconfig_text(world.client.config)})
    flux.commit("Begin")
    await flux.deliver(kubeConfig={"secretRef": {"name": "other"}})
    assert await flux.replicas() == [1, 1]
    assert await flux.warnings() == []


async def test_diff_tells_the_same(world: World, flux: FluxInGit, tmp_path: Path) -> None:
    await flux.left_by_flux()
    for name in CONTROLLERS:
        await flux.scale(0, name)
    flux.commit("Begin")
    await flux.deliver()
    cli = Cli(world.client.config, world.namespace, tmp_path)
    folder = tmp_path / "work"
    folder.mkdir()
    text = world.repo.files()["flux-system/gotk-components.yaml"].decode()
    (folder / "gotk.yaml").write_text(text)
    assert await cli("diff", "ks", "flux-system", "--path", str(folder)) == (0, "", "")
    (folder / "gotk.yaml").write_text(text.replace("source-controller:v1.9.5", "source-controller:v1.9.6"))
    outcome = await cli("diff", "ks", "flux-system", "--path", str(folder))
    assert outcome.code == 1
    assert "v1.9.6" in outcome.out
    assert "replicas" not in outcome.out
