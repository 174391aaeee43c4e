"""A ``FluxInstance`` in Git is an object as any other; what flux-operator makes of it decides who works.

Nothing of flux-operator runs here: :class:`Operator` does what it does to the Deployments of Flux.
"""

from __future__ import annotations

import asyncio
import dataclasses
import json
import logging
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from fairlead.controllers.manager import run as run_controllers
from fairlead.controllers.neighbours import look_around
from fairlead.kube.client import PatchType
from fairlead.kube.errors import NoMatchError, NotFoundError
from fairlead.objects.ref import ObjectRef
from tests.support.manifests import config_map

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.world import World

pytestmark = pytest.mark.usefixtures("only_flux")

GROUP = "fluxcd.controlplane.io"
CONTROLLERS = ("source-controller", "kustomize-controller")
DISABLED = {f"{GROUP}/reconcile": "disabled"}
DEFINITION = ObjectRef("apiextensions.k8s.io", "CustomResourceDefinition", "", f"fluxinstances.{GROUP}")
NONE_OF_FLUX = [
    {"target": {"kind": "Deployment", "name": name}, "patch": "- {op: replace, path: /spec/replicas, value: 0}"}
    for name in CONTROLLERS
]


def definition() -> dict[str, Any]:
    anything = {"type": "object", "x-kubernetes-preserve-unknown-fields": True}
    schema = {"type": "object", "properties": {"spec": anything, "status": anything}}
    names = {"kind": "FluxInstance", "listKind": "FluxInstanceList", "plural": "fluxinstances"}
    version = {
        "name": "v1",
        "served": True,
        "storage": True,
        "subresources": {"status": {}},
        "schema": {"openAPIV3Schema": schema},
    }
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": DEFINITION.name},
        "spec": {
            "group": GROUP,
            "scope": "Namespaced",
            "names": names | {"singular": "fluxinstance"},
            "versions": [version],
        },
    }


def instance(
    world: World, *, annotations: dict[str, str] | None = None, patches: list[dict[str, Any]] | None = None
) -> dict[str, Any]:
    meta: dict[str, Any] = {"name": "flux", "namespace": world.namespace}
    if annotations:
        meta["annotations"] = annotations
    spec: dict[str, Any] = {
        "distribution": {"version": "2.x", "registry": "example.org/fluxcd"},
        "components": list(CONTROLLERS),
        "sync": {"kind": "GitRepository", "url": world.repo.url, "ref": "refs/heads/main", "path": "apps"},
    }
    if patches:
        spec["kustomize"] = {"patches": patches}
    return {"apiVersion": f"{GROUP}/v1", "kind": "FluxInstance", "metadata": meta, "spec": spec}


def ref_of_instance(world: World) -> ObjectRef:
    return ObjectRef(GROUP, "FluxInstance", world.namespace, "flux")


class Operator:
    """Keeps the Deployments of Flux as the FluxInstance says, unless that is disabled."""

    def __init__(self, world: World) -> None:
        self._world = world
        self.corrected = 0

    async def run(self) -> None:
        while True:
            await self._look()
            await asyncio.sleep(0.05)

    async def _look(self) -> None:
        try:
            found = await self._world.client.get(ref_of_instance(self._world))
        except (NotFoundError, NoMatchError):
            return
        if (found["metadata"].get("annotations") or {}).items() >= DISABLED.items():
            return
        wanted = 0 if (found["spec"].get("kustomize") or {}).get("patches") else 1
        for name in CONTROLLERS:
            live = await self._world.get("Deployment", name)
            if live is None or live["spec"]["replicas"] != wanted:
                await self._world.client.apply(self._deployment(name, wanted), field_manager="flux-operator")
                self.corrected += 1
        if "status" not in found:
            ready = {"type": "Ready", "status": "True", "reason": "ReconciliationSucceeded", "message": "done"}
            ready["lastTransitionTime"] = "2026-01-01T00:00:00Z"
            await self._world.client.patch(
                ref_of_instance(self._world),
                {"status": {"conditions": [ready]}},
                PatchType.MERGE,
                subresource="status",
                field_manager="flux-operator",
            )

    def _deployment(self, name: str, replicas: int) -> dict[str, Any]:
        namespace = self._world.namespace
        labels = {
            "app.kubernetes.io/part-of": "flux",
            "app.kubernetes.io/component": name,
            f"{GROUP}/name": "flux",
            f"{GROUP}/namespace": namespace,
        }
        container = {"name": "manager", "image": f"example.org/fluxcd/{name}:v1.9.5"}
        template = {"metadata": {"labels": {"app": name} | labels}, "spec": {"containers": [container]}}
        return {
            "apiVersion": "apps/v1",
            "kind": "Deployment",
            "metadata": {"name": name, "namespace": namespace, "labels": labels},
            "spec": {"replicas": replicas, "selector": {"matchLabels": {"app": name}}, "template": template},
        }


async def remove(world: World, ref: ObjectRef) -> None:
    try:
        await world.client.delete(ref)
    except (NotFoundError, NoMatchError):
        return


@pytest_asyncio.fixture
async def tidy(world: World) -> AsyncIterator[None]:
    yield
    await world.stop()
    for name in CONTROLLERS:
        await remove(world, world.ref("Deployment", name))
    await remove(world, DEFINITION)

    async def gone() -> bool:
        now = datetime.now(UTC) + timedelta(minutes=1)
        nobody = not (await look_around(world.client, world.namespace, now)).found
        try:
            await world.client.get(DEFINITION)
        except NotFoundError:
            return nobody
        return False

    await world.eventually("nothing of Flux is left for the next test", gone)


@asynccontextmanager
async def at_work(operator: Operator) -> AsyncIterator[None]:
    working = asyncio.create_task(operator.run())
    try:
        yield
    finally:
        working.cancel()
        await asyncio.wait((working,))


def begin(world: World, **said: Any) -> str:
    return world.repo.commit(
        "Begin",
        {
            "flux/instance.yaml": json.dumps(instance(world, **said)),
            "apps/cm.yaml": config_map("settings", world.namespace, {"k": "v"}),
        },
    )


@pytest.mark.usefixtures("tidy")
async def test_a_flux_instance_waits_for_its_definition_and_is_delivered(world: World) -> None:
    """Others of the repository do not wait. Its owner's status is health, and no drift."""
    begin(world, patches=NONE_OF_FLUX)
    await world.git_repository()
    await world.kustomization("apps", path="apps")
    await world.kustomization("flux", path="flux", wait=True, retryInterval="1s")
    failure = await world.failed("flux", reason="ReconciliationFailed")
    assert f'no matches for kind "FluxInstance" in group "{GROUP}"' in failure["message"]
    await world.ready("apps")
    operator = Operator(world)
    async with at_work(operator):
        await world.client.apply(definition(), field_manager="helm")
        await world.ready("flux")
        assert await world.inventory("flux") == [f"{world.namespace}_flux_{GROUP}_FluxInstance"]

        async def is_done() -> bool:
            return "status" in await world.client.get(ref_of_instance(world))

        await world.eventually("the operator has looked at it", is_done)
        writes = world.object_writes()
        await world.request_reconcile("Kustomization", "flux", "again")

        async def handled() -> bool:
            return (await world.status("flux")).get("lastHandledReconcileAt") == "again"

        await world.eventually("the request is handled", handled)
        assert world.object_writes() == writes
        for name in CONTROLLERS:
            found = await world.get("Deployment", name)
            assert found is not None, "the operator makes them"
            assert found["spec"]["replicas"] == 0
    by_hand = {"metadata": {"annotations": DISABLED}}
    await world.client.patch(ref_of_instance(world), by_hand, PatchType.MERGE, field_manager="kubectl-annotate")

    async def taken_back() -> bool:
        found = await world.client.get(ref_of_instance(world))
        return not found["metadata"].get("annotations")

    await world.eventually("what is not in Git is taken back from kubectl", taken_back)
    world.repo.commit("Without it", {"flux/instance.yaml": None, "flux/cm.yaml": config_map("x", world.namespace, {})})
    await world.ready("flux")
    with pytest.raises(NotFoundError):
        await world.client.get(ref_of_instance(world))


@pytest.mark.usefixtures("tidy")
@pytest.mark.parametrize("way", ["disabled", "patches"])
async def test_who_works_is_what_the_operator_lets_work(
    world: World, way: str, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Scaling by hand does not last under the operator: Fairlead stands back until it is told so where it looks."""
    monkeypatch.setattr("fairlead.controllers.neighbours.LOOK_AGAIN_SECONDS", 0.2)
    caplog.set_level(logging.INFO)
    await world.stop()
    commit = begin(world)
    await world.client.apply(definition(), field_manager="helm")
    await world.git_repository()
    await world.kustomization("apps", path="apps")
    operator = Operator(world)

    def said(text: str) -> int:
        return sum(text in record.getMessage() for record in caplog.records)

    async def corrected() -> bool:
        return operator.corrected >= 2 * len(CONTROLLERS)

    async def stands_back() -> bool:
        """It has seen that Flux works after the last time that it began to work itself."""
        return said("Flux is at work here") > said("started with")

    async with at_work(operator):
        await created(world)
        await world.eventually("the operator has made Flux", lambda: both_scaled(world, 1))
        settings = dataclasses.replace(world.settings, runtime_namespace=world.namespace, stand_back=True)
        working = asyncio.create_task(run_controllers(settings, world.client.config))
        await world.eventually("it stands back", stands_back)
        for name in CONTROLLERS:
            await world.patch("Deployment", name, {"spec": {"replicas": 0}}, manager="kubectl-edit")
        await world.eventually("the operator has scaled them up again", corrected)
        await world.eventually("it stands back", stands_back)

        await told(world, way)
        if way == "disabled":
            for name in CONTROLLERS:
                await world.patch("Deployment", name, {"spec": {"replicas": 0}}, manager="kubectl-edit")
        await world.eventually("Flux has ended", lambda: both_scaled(world, 0))
        await world.ready("apps", commit=commit)
        assert await both_scaled(world, 0)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def created(world: World) -> None:
    """The FluxInstance, as soon as its kind is served."""

    async def done() -> bool:
        try:
            await world.client.apply(instance(world), field_manager="kustomize-controller")
        except (NotFoundError, NoMatchError):
            return False
        return True

    await world.eventually("the FluxInstance is made", done)


async def told(world: World, way: str) -> None:
    """What Git says now, applied by the Flux that still works."""
    changed = instance(world, annotations=DISABLED) if way == "disabled" else instance(world, patches=NONE_OF_FLUX)
    await world.client.apply(changed, field_manager="kustomize-controller")


async def both_scaled(world: World, replicas: int) -> bool:
    found = [await world.get("Deployment", name) for name in CONTROLLERS]
    return all(each is not None and each["spec"]["replicas"] == replicas for each in found)
