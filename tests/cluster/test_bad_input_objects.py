"""Objects that the server does not take fail their own Kustomization, which says which object, why, and what to do."""

from __future__ import annotations

import asyncio
import base64
import json
import logging
from typing import TYPE_CHECKING, Any

import pytest

from fairlead.objects.ref import GroupKind, ObjectRef
from tests.support.harm import begin, harmed, healed
from tests.support.manifests import config_map, deployment

if TYPE_CHECKING:
    from tests.support.world import World

PASSWORD = "correct-horse-battery"


def manifest(api_version: str, kind: str, name: str, namespace: str, **rest: Any) -> str:
    meta = {"name": name, "namespace": namespace}
    return json.dumps({"apiVersion": api_version, "kind": kind, "metadata": meta, **rest})


def definition(group: str) -> dict[str, Any]:
    """A CRD whose ``spec.size`` must be a positive number."""
    size = {"type": "integer", "minimum": 1}
    schema = {"type": "object", "properties": {"spec": {"type": "object", "properties": {"size": size}}}}
    return {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"widgets.{group}"},
        "spec": {
            "group": group,
            "scope": "Namespaced",
            "names": {"kind": "Widget", "plural": "widgets", "singular": "widget", "listKind": "WidgetList"},
            "versions": [{"name": "v1", "served": True, "storage": True, "schema": {"openAPIV3Schema": schema}}],
        },
    }


async def test_an_unknown_kind_is_waited_for(world: World) -> None:
    group = f"{world.namespace}.example.com"
    await begin(world)
    widget = manifest(f"{group}/v1", "Widget", "one", world.namespace, spec={"size": 1})
    message = await harmed(world, {"apps/widget.yaml": widget}, reason="ReconciliationFailed")
    assert f"Widget/{world.namespace}/one" in message
    assert group in message
    assert "CustomResourceDefinition" in message or "CRD" in message

    await world.client.apply(definition(group), field_manager="test")
    try:
        async with asyncio.timeout(10):  # the retry interval is ten minutes
            await world.ready("apps")
        assert await world.client.get(ObjectRef(group, "Widget", world.namespace, "one"))
        await world.delete("Kustomization", "apps")

        async def gone() -> bool:
            return await world.get("Kustomization", "apps") is None

        await world.eventually("the Kustomization is finalized", gone)
    finally:
        await world.client.delete(ObjectRef("apiextensions.k8s.io", "CustomResourceDefinition", "", f"widgets.{group}"))


async def test_a_value_that_the_schema_rejects(world: World) -> None:
    group = f"{world.namespace}.example.com"
    await world.client.apply(definition(group), field_manager="test")
    try:
        widget = manifest(f"{group}/v1", "Widget", "one", world.namespace, spec={"size": 1})
        await begin(world, {"apps/widget.yaml": widget})
        bad = manifest(f"{group}/v1", "Widget", "one", world.namespace, spec={"size": 0})
        message = await harmed(world, {"apps/widget.yaml": bad}, reason="ReconciliationFailed")
        assert f"Widget/{world.namespace}/one dry-run failed (Invalid)" in message
        assert "spec.size" in message
        found = await world.client.get(ObjectRef(group, "Widget", world.namespace, "one"))
        assert found["spec"] == {"size": 1}
        await healed(world)
    finally:
        await world.client.delete(ObjectRef("apiextensions.k8s.io", "CustomResourceDefinition", "", f"widgets.{group}"))


REJECTED = {
    "a wrong type": ("apps/v1", "Deployment", {"spec": {"replicas": "many"}}, ("replicas",)),
    "a field that does not exist": ("v1", "ConfigMap", {"daata": {"k": "v"}}, ("daata",)),
    "a value out of range": (
        "v1",
        "Service",
        {"spec": {"ports": [{"port": 99999}], "selector": {"app": "x"}}},
        ("spec.ports[0].port", "99999"),
    ),
    "a name that is none": ("v1", "ConfigMap", {"data": {"not a key!": "v"}}, ("not a key!",)),
}


@pytest.mark.parametrize(("api_version", "kind", "rest", "texts"), REJECTED.values(), ids=REJECTED)
async def test_a_rejected_field(
    world: World, api_version: str, kind: str, rest: dict[str, Any], texts: tuple[str, ...]
) -> None:
    """Nothing of the stage is written when one of its objects would be refused."""
    await begin(world)
    files = {
        "apps/bad.yaml": manifest(api_version, kind, "bad", world.namespace, **rest),
        "apps/beside.yaml": config_map("beside", world.namespace, {}),
    }
    message = await harmed(world, files, reason="ReconciliationFailed")
    assert f"{kind}/{world.namespace}/bad" in message
    for text in texts:
        assert text in message
    assert await world.get("ConfigMap", "beside") is None
    await healed(world)


async def test_several_faults_are_told_together(world: World) -> None:
    await begin(world)
    files = {
        f"apps/{name}.yaml": manifest("v1", "ConfigMap", name, world.namespace, data={"not a key!": "v"})
        for name in ("one", "two")
    }
    message = await harmed(world, files, reason="ReconciliationFailed")
    assert f"ConfigMap/{world.namespace}/one" in message
    assert f"ConfigMap/{world.namespace}/two" in message
    await healed(world)


async def test_a_namespace_that_is_not_there_is_waited_for(world: World) -> None:
    await begin(world)
    elsewhere = f"{world.namespace}-late"
    files = {"apps/far.yaml": config_map("far", elsewhere, {})}
    message = await harmed(world, files, reason="ReconciliationFailed")
    assert f"ConfigMap/{elsewhere}/far" in message
    assert f'namespaces "{elsewhere}" not found' in message
    await world.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": elsewhere}})
    await world.request_reconcile("Kustomization", "apps", "now")
    await world.ready("apps")
    await world.client.delete(ObjectRef("", "Namespace", "", elsewhere))


def changed_selector(name: str, namespace: str, app: str = "other") -> str:
    body = json.loads(deployment(name, namespace))
    body["spec"]["selector"]["matchLabels"] = {"app": app}
    body["spec"]["template"]["metadata"]["labels"] = {"app": app}
    return json.dumps(body)


async def test_an_immutable_field_says_what_to_do(world: World) -> None:
    await begin(world, {"apps/web.yaml": deployment("web", world.namespace)})
    before = await world.get("Deployment", "web")
    message = await harmed(
        world, {"apps/web.yaml": changed_selector("web", world.namespace)}, reason="ReconciliationFailed"
    )
    assert f"Deployment/{world.namespace}/web" in message
    assert "spec.selector" in message
    assert "immutable" in message
    assert "kustomize.toolkit.fluxcd.io/force" in message
    after = await world.get("Deployment", "web")
    assert before is not None
    assert after is not None
    assert after["metadata"]["uid"] == before["metadata"]["uid"]
    await healed(world)


async def test_an_immutable_field_with_force_makes_the_object_anew(world: World) -> None:
    """One that was refused, as soon as force is set; later ones at once."""
    await begin(world, {"apps/web.yaml": deployment("web", world.namespace)})
    uids = {await uid_of_web(world)}
    kept = await world.get("ConfigMap", "kept")
    world.repo.commit("Change it", {"apps/web.yaml": changed_selector("web", world.namespace)})
    await world.failed("apps", reason="ReconciliationFailed")
    await world.kustomization("apps", path="apps", force=True)
    await world.ready("apps")
    uids.add(await uid_of_web(world, app="other"))
    world.repo.commit("Again", {"apps/web.yaml": changed_selector("web", world.namespace, app="third")})
    await world.ready("apps")
    uids.add(await uid_of_web(world, app="third"))
    assert len(uids) == 3
    assert await world.get("ConfigMap", "kept") == kept
    assert f"{world.namespace}_web_apps_Deployment" in await world.inventory("apps")


async def uid_of_web(world: World, app: str = "web") -> str:
    found = await world.get("Deployment", "web")
    assert found is not None
    assert found["spec"]["selector"]["matchLabels"] == {"app": app}
    return str(found["metadata"]["uid"])


def secret(namespace: str, value: str, **rest: Any) -> str:
    encoded = base64.b64encode(value.encode()).decode()
    return manifest("v1", "Secret", "login", namespace, data={"password": encoded}, **rest)


async def test_values_of_secrets_are_never_told(world: World, caplog: pytest.LogCaptureFixture) -> None:
    """Through a failed apply, an immutable one, drift, a substitution and a prune: in no condition, event or log."""
    caplog.set_level(logging.DEBUG)
    values = [PASSWORD, f"{PASSWORD}-2", f"{PASSWORD}-3", f"{PASSWORD}-4"]
    await world.apply("v1", "Secret", "vars", stringData={"token": values[3]})
    substituted = config_map("sub", world.namespace, {"not a key!": "${token}"})
    await begin(
        world,
        {"apps/secret.yaml": secret(world.namespace, values[0], immutable=True)},
        postBuild={"substituteFrom": [{"kind": "Secret", "name": "vars"}]},
    )
    messages = [
        await harmed(
            world,
            {"apps/secret.yaml": secret(world.namespace, values[1], immutable=True)},
            reason="ReconciliationFailed",
        )
    ]
    await healed(world)
    messages.append(await _failing(world, {"apps/secret.yaml": secret(world.namespace, values[0], type=3)}))
    messages.append(await _failing(world, {"apps/sub.yaml": substituted}))
    plain = manifest("v1", "Secret", "plain", world.namespace, data={"password": values[2]})  # no base64
    messages.append(await _failing(world, {"apps/plain.yaml": plain}))
    world.repo.commit("Loosen", {"apps/soft.yaml": secret(world.namespace, values[2]).replace("login", "soft")})
    await world.ready("apps")
    drifted = base64.b64encode(values[1].encode()).decode()
    await world.patch("Secret", "soft", {"data": {"password": drifted}})
    await world.event("apps", f"Secret/{world.namespace}/soft configured: drift")

    listed = await world.client.list(GroupKind("", "Event"), namespace=world.namespace)
    told = [*messages, *(event["message"] for event in listed.items), caplog.text]
    told.append(json.dumps((await world.get("Kustomization", "apps") or {})["status"]))
    for value in (*values, *(base64.b64encode(value.encode()).decode() for value in values)):
        assert not any(value in text for text in told), [text for text in told if value in text]
    assert f"Secret/{world.namespace}/login" in messages[0]


async def _failing(world: World, files: dict[str, str]) -> str:
    """Commit, fail, revert; the message."""
    commit = world.repo.commit("Break it", files)

    async def failed() -> str:
        status = await world.status("apps")
        ready = await world.condition("apps")
        at_commit = status.get("lastAttemptedRevision") == f"main@sha1:{commit}"
        return ready["message"] if at_commit and ready["status"] == "False" else ""

    message: str = await world.eventually("it fails", failed)
    world.repo.revert()
    await world.ready("apps")
    return message
