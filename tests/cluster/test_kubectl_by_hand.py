"""What people do with kubectl to objects that are in Git: it is taken back, unless the field is not in Git."""

from __future__ import annotations

import asyncio
import os
import shutil
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.support.cli import kubeconfig_text
from tests.support.manifests import config_map, deployment

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World

pytestmark = pytest.mark.skipif(shutil.which("kubectl") is None, reason="needs kubectl on PATH")

LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"
RESTARTED = "kubectl.kubernetes.io/restartedAt"


class Kubectl:
    """The program, in the namespace of a world."""

    def __init__(self, world: World, folder: Path) -> None:
        self._kubeconfig = folder / "kubectl.json"
        self._kubeconfig.write_text(kubeconfig_text(world.client.config))
        self._cache = folder / "cache"
        self._namespace = world.namespace

    async def __call__(self, *words: str, stdin: str = "", editor: str = "") -> None:
        where = [f"--kubeconfig={self._kubeconfig}", f"--cache-dir={self._cache}", "-n", self._namespace]
        process = await asyncio.create_subprocess_exec(
            "kubectl",
            *where,
            *words,
            env={**os.environ, "KUBE_EDITOR": editor},
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.STDOUT,
        )
        out, _ = await process.communicate(stdin.encode())
        assert process.returncode == 0, out.decode()


@pytest_asyncio.fixture
async def kubectl(world: World, tmp_path: Path) -> Kubectl:
    """Beside a ConfigMap, a Deployment whose replicas are in Git, and one whose are not."""
    files = {
        "apps/settings.yaml": config_map("settings", world.namespace, {"zone": "a"}),
        "apps/web.yaml": deployment("web", world.namespace, replicas=2),
        "apps/scaled.yaml": deployment("scaled", world.namespace, replicas=None),
    }
    world.repo.commit("Begin", files)
    await world.git_repository()
    await world.kustomization("apps", path="apps")
    await world.ready("apps")
    return Kubectl(world, tmp_path)


async def taken_back(world: World, kind: str, name: str, before: dict[str, Any]) -> None:
    """The object is as it was, and ours alone."""

    async def as_before() -> bool:
        found = await world.get(kind, name)
        assert found is not None
        managers = {entry["manager"] for entry in found["metadata"]["managedFields"] if "subresource" not in entry}
        return bare(found) == bare(before) and not any(manager.startswith("kubectl") for manager in managers)

    await world.eventually(f"{kind} {name} is as it was", as_before)


def bare(manifest: dict[str, Any]) -> dict[str, Any]:
    """What people write."""
    metadata = {key: manifest["metadata"].get(key) for key in ("labels", "annotations", "uid")}
    return {key: value for key, value in manifest.items() if key not in ("metadata", "status")} | {"metadata": metadata}


async def live(world: World, kind: str, name: str) -> dict[str, Any]:
    found = await world.get(kind, name)
    assert found is not None
    return found


async def run_again(world: World) -> None:
    await world.request_reconcile("Kustomization", "apps", "now")

    async def handled() -> bool:
        return (await world.status("apps")).get("lastHandledReconcileAt") == "now"

    await world.eventually("the request is handled", handled)


async def test_an_edit_is_taken_back(world: World, kubectl: Kubectl) -> None:
    before = await live(world, "ConfigMap", "settings")
    await kubectl("edit", "configmap", "settings", editor="sed -i 's/zone: a/zone: b\\n  more: x/'")
    event = await world.event("apps", f"ConfigMap/{world.namespace}/settings configured", "data.zone")
    assert event["reason"] == "DriftCorrected"
    await taken_back(world, "ConfigMap", "settings", before)


@pytest.mark.parametrize("flags", [(), ("--server-side", "--force-conflicts")], ids=["client side", "server side"])
async def test_an_apply_is_taken_back(world: World, kubectl: Kubectl, flags: tuple[str, ...]) -> None:
    before = await live(world, "ConfigMap", "settings")
    other = config_map("settings", world.namespace, {"zone": "b", "more": "x"}, labels={"by": "hand"})
    await kubectl("apply", *flags, "-f", "-", stdin=other)
    await taken_back(world, "ConfigMap", "settings", before)
    assert LAST_APPLIED not in (await live(world, "ConfigMap", "settings"))["metadata"].get("annotations", {})


async def test_an_apply_of_what_is_in_git_changes_nothing_for_long(world: World, kubectl: Kubectl) -> None:
    before = await live(world, "ConfigMap", "settings")
    same = config_map("settings", world.namespace, {"zone": "a"})
    await kubectl("apply", "--server-side", "--force-conflicts", "-f", "-", stdin=same)
    await taken_back(world, "ConfigMap", "settings", before)


async def test_labels_and_annotations_are_taken_back(world: World, kubectl: Kubectl) -> None:
    before = await live(world, "ConfigMap", "settings")
    await kubectl("label", "configmap", "settings", "by=hand")
    await kubectl("annotate", "configmap", "settings", "by=hand")
    await taken_back(world, "ConfigMap", "settings", before)


async def test_a_scale_is_taken_back_where_git_has_replicas(world: World, kubectl: Kubectl) -> None:
    before = await live(world, "Deployment", "web")
    await kubectl("scale", "deployment", "web", "--replicas=5")
    await world.event("apps", f"Deployment/{world.namespace}/web configured", "spec.replicas")
    await taken_back(world, "Deployment", "web", before)


async def test_a_scale_stays_where_git_has_none(world: World, kubectl: Kubectl) -> None:
    await kubectl("scale", "deployment", "scaled", "--replicas=5")
    await run_again(world)
    assert (await live(world, "Deployment", "scaled"))["spec"]["replicas"] == 5


async def test_a_restart_stays_under_the_name_that_flux_leaves_alone(world: World, kubectl: Kubectl) -> None:
    """Under kubectl's own it is taken back, as in Flux, which rolls the pods a second time."""
    await kubectl("rollout", "restart", "deployment", "web", "--field-manager=flux-client-side-apply")
    await run_again(world)
    template = (await live(world, "Deployment", "web"))["spec"]["template"]
    assert RESTARTED in template["metadata"]["annotations"]
