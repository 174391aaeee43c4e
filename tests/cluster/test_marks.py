"""Labels and annotations that change what is done: on objects in Git or in the cluster, and on a Kustomization."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

from tests.support.manifests import config_map, deployment

if TYPE_CHECKING:
    from tests.support.world import World

GROUP = "kustomize.toolkit.fluxcd.io"
SOPS: dict[str, Any] = json.loads((Path(__file__).parents[1] / "unit" / "build" / "sops" / "vectors.json").read_text())


async def data(world: World, name: str) -> dict[str, str] | None:
    found = await world.get("ConfigMap", name)
    return found and dict(found["data"])


async def handled(world: World, token: str) -> None:
    await world.request_reconcile("Kustomization", "apps", token)

    async def seen() -> bool:
        return (await world.status("apps")).get("lastHandledReconcileAt") == token

    await world.eventually("the request is handled", seen)


@pytest.mark.parametrize("where", ["labels", "annotations"])
async def test_what_is_not_to_be_reconciled(world: World, where: str) -> None:
    """In a file it keeps an object from being made; on a live object, hands off. The case of its value is no matter."""
    off = {where: {f"{GROUP}/reconcile": "Disabled"}}
    files = {
        "apps/never.yaml": config_map("never", world.namespace, {"k": "1"}, **off),
        "apps/held.yaml": config_map("held", world.namespace, {"k": "1"}),
    }
    world.repo.commit("Begin", files)
    await world.git_repository()
    await world.kustomization("apps", path="apps", wait=True)
    await world.ready("apps")
    assert await data(world, "never") is None
    assert f"{world.namespace}_never__ConfigMap" in await world.inventory("apps")
    await world.patch("ConfigMap", "held", {"metadata": off, "data": {"k": "theirs"}}, manager="somebody")
    world.repo.commit("Change", {"apps/held.yaml": config_map("held", world.namespace, {"k": "2"})})
    await world.ready("apps")
    assert await data(world, "held") == {"k": "theirs"}
    await world.patch("ConfigMap", "held", {"metadata": {where: {f"{GROUP}/reconcile": None}}}, manager="somebody")
    await handled(world, "go on")
    assert await data(world, "held") == {"k": "2"}


@pytest.mark.parametrize("where", ["labels", "annotations"])
async def test_one_object_may_be_made_anew(world: World, where: str) -> None:
    """As ``spec.force``, for the objects that have the mark."""
    world.repo.commit("Begin", {"apps/web.yaml": deployment("web", world.namespace)})
    await world.git_repository()
    await world.kustomization("apps", path="apps")
    await world.ready("apps")
    before = await world.get("Deployment", "web")
    other = json.loads(deployment("web", world.namespace))
    other["metadata"][where] = {f"{GROUP}/force": "Enabled"}
    other["spec"]["selector"]["matchLabels"]["more"] = other["spec"]["template"]["metadata"]["labels"]["more"] = "x"
    world.repo.commit("Change the selector", {"apps/web.yaml": json.dumps(other)})
    await world.ready("apps")
    after = await world.get("Deployment", "web")
    assert before is not None
    assert after is not None
    assert before["metadata"]["uid"] != after["metadata"]["uid"]
    assert after["spec"]["selector"]["matchLabels"]["more"] == "x"


@pytest.mark.parametrize("where", ["labels", "annotations"])
async def test_no_variables_in_one_object(world: World, where: str) -> None:
    off = {where: {f"{GROUP}/substitute": "disabled"}}
    files = {
        "apps/script.yaml": config_map("script", world.namespace, {"run": "${zone} ${arr[@]}"}, **off),
        "apps/cm.yaml": config_map("settings", world.namespace, {"zone": "${zone}"}),
    }
    world.repo.commit("Begin", files)
    await world.git_repository()
    await world.kustomization("apps", path="apps", postBuild={"substitute": {"zone": "a"}})
    await world.ready("apps")
    assert await data(world, "script") == {"run": "${zone} ${arr[@]}"}
    assert await data(world, "settings") == {"zone": "a"}


async def test_one_secret_stays_encrypted(world: World) -> None:
    vector = next(each for each in SOPS["vectors"] if each["name"] == "yaml")
    keys = {"a.agekey": base64.b64encode(SOPS["keys"]["age"].encode()).decode()}
    await world.apply("v1", "Secret", "keys", data=keys)
    off = {"annotations": {f"{GROUP}/decrypt": "disabled"}}
    for name, marks in (("open", {}), ("closed", off)):
        meta = {"name": name, "namespace": world.namespace, **marks}
        values = {"a.yaml": base64.b64encode(vector["encrypted"].encode()).decode()}
        secret = {"apiVersion": "v1", "kind": "Secret", "metadata": meta, "data": values}
        world.repo.commit(f"Add {name}", {f"apps/{name}.yaml": json.dumps(secret)})
    await world.git_repository()
    await world.kustomization("apps", path="apps", decryption={"provider": "sops", "secretRef": {"name": "keys"}})
    await world.ready("apps")
    for name, expected in (("open", vector["plain"]), ("closed", vector["encrypted"])):
        found = await world.get("Secret", name)
        assert found is not None
        assert base64.b64decode(found["data"]["a.yaml"]).decode() == expected


async def test_annotations_of_a_kustomization_go_with_its_events(world: World) -> None:
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("one", world.namespace, {})})
    await world.git_repository()
    told = {"event.toolkit.fluxcd.io/team": "platform", "other.example.com/team": "no"}
    await world.kustomization("apps", path="apps", annotations=told)
    for text in (f"ConfigMap/{world.namespace}/one created", "Reconciliation finished"):
        annotations = (await world.event("apps", text))["metadata"]["annotations"]
        assert annotations["event.toolkit.fluxcd.io/team"] == "platform"
        assert annotations[f"{GROUP}/revision"] == f"main@sha1:{world.repo.head}"
        assert "other.example.com/team" not in annotations


async def test_a_spec_that_nobody_can_read_stalls_and_harms_no_other(world: World) -> None:
    """Its form is right, so the API server takes it; Go's clients fail on the whole list then."""
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("one", world.namespace, {})})
    await world.git_repository()
    await world.kustomization("endless", path="apps", interval="9999999999h")
    await world.kustomization("apps", path="apps")
    await world.ready("apps")
    failure = await world.failed("endless", reason="InvalidSpec")
    assert "interval" in failure["message"]
    assert (await world.condition("endless", "Stalled"))["reason"] == "InvalidSpec"
    await world.kustomization("endless", path="apps", interval="1h")
    await world.ready("endless")
    assert (await world.condition("endless", "Stalled"))["status"] == ""
