"""Fields of a Kustomization that decide where from, when and how it runs, and what it tells."""

from __future__ import annotations

import asyncio
import dataclasses
import json
import re
from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

from fairlead.objects.ref import ObjectRef
from tests.support.manifests import config_map, deployment

if TYPE_CHECKING:
    from tests.support.world import World


async def test_the_source_is_named_in_full(world: World) -> None:
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("one", world.namespace, {})})
    await world.git_repository("other")
    ref = {
        "apiVersion": "source.toolkit.fluxcd.io/v1",
        "kind": "GitRepository",
        "name": "other",
        "namespace": world.namespace,
    }
    await world.kustomization("apps", path="apps", sourceRef=ref)
    await world.ready("apps")
    await world.kustomization("lost", path="apps", sourceRef=ref | {"namespace": "elsewhere"})
    failure = await world.failed("lost", reason="ArtifactFailed")
    assert failure["message"] == "Source 'GitRepository/elsewhere/other' not found"
    await world.kustomization("bucket", path="apps", sourceRef=ref | {"kind": "Bucket"})
    failure = await world.failed("bucket", reason="ArtifactFailed")
    assert failure["message"] == "sources of kind Bucket are not supported yet; use a GitRepository"


async def test_a_source_and_a_dependency_of_another_namespace(world: World) -> None:
    """Among all namespaces; a label keeps the controllers of this test to its own resources."""
    other, labels = f"{world.namespace}-other", {"test": world.namespace}
    scope = dataclasses.replace(world.settings.scope, namespace=None, label_selector=f"test={world.namespace}")
    world.settings = dataclasses.replace(world.settings, scope=scope)
    await world.restart()
    world.repo.commit("Begin", {f"{name}/cm.yaml": config_map(name, world.namespace, {}) for name in ("base", "apps")})
    await world.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}})

    async def make(kind: str, name: str, namespace: str, **spec: object) -> None:
        group = "source" if kind == "GitRepository" else "kustomize"
        meta = {"name": name, "namespace": namespace, "labels": labels}
        manifest = {"apiVersion": f"{group}.toolkit.fluxcd.io/v1", "kind": kind, "metadata": meta}
        await world.client.apply(manifest | {"spec": {"interval": "10m", **spec}}, field_manager="test")

    await make("GitRepository", "fleet", other, url=world.repo.url, ref={"branch": "main"})
    source = {"kind": "GitRepository", "name": "fleet", "namespace": other}
    depends = [{"name": "base", "namespace": other}]
    await make("Kustomization", "apps", world.namespace, path="apps", prune=True, sourceRef=source, dependsOn=depends)
    failure = await world.failed("apps", reason="DependencyNotReady")
    assert failure["message"] == f"dependency '{other}/base' not found"
    await make(
        "Kustomization", "base", other, path="base", prune=True, sourceRef={"kind": source["kind"], "name": "fleet"}
    )
    await world.ready("apps")
    assert await world.get("ConfigMap", "apps") is not None
    assert await world.get("ConfigMap", "base") is not None
    for kind, name in (("Kustomization", "base"), ("GitRepository", "fleet")):
        await world.client.delete(world.ref(kind, name, other))

        async def gone(kind: str = kind, name: str = name) -> bool:
            return await world.get(kind, name, other) is None

        await world.eventually(f"{kind} {name} is gone", gone)
    await world.client.delete(ObjectRef("", "Namespace", "", other))


async def test_the_interval_finds_what_no_event_told(world: World) -> None:
    """A ConfigMap without the label that asks for a watch; a run that finds nothing writes nothing, unlike Flux."""
    await world.apply("v1", "ConfigMap", "cluster", data={"zone": "a"})
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("one", world.namespace, {"zone": "${zone}"})})
    await world.git_repository()
    variables = {"substituteFrom": [{"kind": "ConfigMap", "name": "cluster"}]}
    await world.kustomization("apps", path="apps", interval="300ms", postBuild=variables)
    await world.ready("apps")
    await world.apply("v1", "ConfigMap", "cluster", data={"zone": "b"})

    async def arrived() -> bool:
        found = await world.get("ConfigMap", "one")
        return found is not None and found["data"] == {"zone": "b"}

    await world.eventually("the new value arrives", arrived)


async def test_the_retry_interval_follows_a_failure(world: World) -> None:
    world.repo.commit("Begin", {"apps/cm.yaml": "kind: [\n"})
    await world.git_repository()
    await world.kustomization("apps", path="apps", retryInterval="200ms", postBuild={"substitute": {"a": "b"}})
    await world.failed("apps", reason="BuildFailed")
    reconciling = await world.condition("apps", "Reconciling")
    assert (reconciling["status"], reconciling["reason"]) == ("True", "ProgressingWithRetry")
    events = [event for event in await world.events("apps") if event["reason"] == "BuildFailed"]

    async def repeated() -> bool:
        found = [event for event in await world.events("apps") if event["reason"] == "BuildFailed"]
        return sum(event.get("count") or 1 for event in found) > sum(event.get("count") or 1 for event in events) + 1

    await world.eventually("it is tried again", repeated)
    assert (await world.status("apps")).get("observedGeneration", -1) < 1, "a failure is no observation"


async def test_the_timeout_ends_the_wait(world: World) -> None:
    await world.restart_with(shortest_timeout=timedelta(milliseconds=100))
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("one", world.namespace, {})})
    await world.git_repository()
    checks = [{"apiVersion": "v1", "kind": "ConfigMap", "name": "never", "namespace": world.namespace}]
    await world.kustomization("apps", path="apps", healthChecks=checks, timeout="1s")
    failure = await world.failed("apps", reason="HealthCheckFailed")
    assert "timeout waiting for" in failure["message"]


async def test_a_health_check_is_about_apps_by_default(world: World) -> None:
    world.repo.commit("Begin", {"apps/web.yaml": deployment("web", world.namespace)})
    await world.git_repository()
    check = {"kind": "Deployment", "name": "web", "namespace": world.namespace}
    await world.kustomization("apps", path="apps", healthChecks=[check])
    await world.ready("apps")
    assert (await world.condition("apps", "Healthy"))["status"] == "True"


async def test_a_health_check_of_another_namespace(world: World) -> None:
    other = f"{world.namespace}-other"
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("one", world.namespace, {})})
    await world.git_repository()
    check = {"apiVersion": "v1", "kind": "ConfigMap", "name": "one", "namespace": other}
    await world.kustomization("apps", path="apps", healthChecks=[check], timeout="30s")

    async def waits() -> bool:
        message = str((await world.condition("apps", "Reconciling")).get("message"))
        return message.endswith(f"waiting for ConfigMap/{other}/one (NotFound)")

    await world.eventually("the one over there is waited for", waits)
    for type, status in (("Healthy", "Unknown"), ("Ready", "Unknown"), ("Reconciling", "True")):
        condition = await world.condition("apps", type)
        assert (condition["status"], condition["reason"]) == (status, "Progressing")
    await world.client.create({"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": other}})
    found = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "one", "namespace": other}}
    await world.client.create(found)
    await world.ready("apps")
    await world.client.delete(ObjectRef("", "Namespace", "", other))


async def test_wait_takes_the_place_of_health_checks(world: World) -> None:
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("one", world.namespace, {})})
    await world.git_repository()
    never = {"apiVersion": "v1", "kind": "ConfigMap", "name": "never", "namespace": world.namespace}
    await world.kustomization("apps", path="apps", wait=True, healthChecks=[never])
    await world.ready("apps")
    assert (await world.condition("apps", "Healthy"))["status"] == "True"


async def test_a_dependency_in_a_named_namespace(world: World) -> None:
    world.repo.commit("Begin", {f"{name}/cm.yaml": config_map(name, world.namespace, {}) for name in "ab"})
    await world.git_repository()
    await world.kustomization("a", path="a")
    await world.kustomization("b", path="b", dependsOn=[{"name": "a", "namespace": "elsewhere"}])
    failure = await world.failed("b", reason="DependencyNotReady")
    assert failure["message"] == "dependency 'elsewhere/a' not found"
    await world.kustomization("b", path="b", dependsOn=[{"name": "a", "namespace": world.namespace}])
    await world.ready("b")


TARGETS = {
    "group": ({"group": "apps"}, "app"),
    "version": ({"version": "v1", "kind": "Deployment"}, "v1beta1"),
    "kind": ({"kind": "Deployment"}, "Deploy"),
    "name": ({"name": "web"}, "we"),
    "namespace": ({"namespace": "{namespace}", "kind": "Deployment"}, "elsewhere"),
    "labelSelector": ({"labelSelector": "team=blue"}, "team!=blue"),
    "annotationSelector": ({"annotationSelector": "note=yes"}, "note notin (yes)"),
}
"""For each field a target that finds the Deployment, and a value with which it finds it no more."""


@pytest.mark.parametrize("field", TARGETS)
async def test_each_selector_of_an_ignore_rule(world: World, field: str) -> None:
    right, wrong = TARGETS[field]
    target = {key: text.format(namespace=world.namespace) for key, text in right.items()}
    web = json.loads(deployment("web", world.namespace))
    web["metadata"] |= {"labels": {"team": "blue"}, "annotations": {"note": "yes"}}
    files = {
        "apps/web.yaml": json.dumps(web | {"spec": web["spec"] | {"paused": True}}),
        "apps/settings.yaml": config_map("settings", world.namespace, {"zone": "a"}),
    }
    world.repo.commit("Begin", files)
    await world.git_repository()
    rules = [
        {"paths": ["/spec/replicas", "/data/zone"], "target": target},
        {"paths": ["/spec/paused"], "target": target | {field: wrong}},
    ]
    await world.kustomization("apps", path="apps", ignore=rules)
    await world.ready("apps")
    await world.patch("Deployment", "web", {"spec": {"replicas": 3, "paused": False}}, manager="autoscaler")
    await world.patch("ConfigMap", "settings", {"data": {"zone": "b"}}, manager="autoscaler")

    async def repaired() -> bool:
        settings, found = await world.get("ConfigMap", "settings"), await world.get("Deployment", "web")
        assert settings is not None
        assert found is not None
        return settings["data"] == {"zone": "a"} and found["spec"].get("paused") is True

    await world.eventually("what the rule is not about is repaired", repaired)
    found = await world.get("Deployment", "web")
    assert found is not None
    assert found["spec"]["replicas"] == 3


async def test_mirror_prune_leaves_what_prune_leaves(world: World) -> None:
    world.repo.commit("Begin", {f"{name}/cm.yaml": config_map(name, world.namespace, {}) for name in ("kept", "gone")})
    await world.git_repository()
    for name in ("kept", "gone"):
        await world.kustomization(name, path=name, prune=name == "gone", deletionPolicy="MirrorPrune")
    await world.ready("kept", "gone")
    for name in ("kept", "gone"):
        await world.delete("Kustomization", name)

    async def ended() -> bool:
        return not any([await world.get("Kustomization", name) for name in ("kept", "gone")])

    await world.eventually("both are gone", ended)
    assert await world.get("ConfigMap", "kept") is not None
    assert await world.get("ConfigMap", "gone") is None


async def test_what_is_attempted_and_what_is_applied(world: World) -> None:
    good = world.repo.commit("Begin", {"apps/cm.yaml": config_map("one", world.namespace, {})})
    await world.git_repository()
    await world.kustomization("apps", path="apps")
    await world.ready("apps")
    bad = world.repo.commit("Break", {"apps/cm.yaml": "kind: [\n"})
    await world.failed("apps", reason="BuildFailed")
    status = await world.status("apps")
    assert status["lastAppliedRevision"] == f"main@sha1:{good}"
    assert status["lastAttemptedRevision"] == f"main@sha1:{bad}"
    ready = await world.condition("apps")
    assert ready["observedGeneration"] == 1
    assert [item["type"] for item in status["conditions"]] == ["Reconciling", "Ready"]
    world.repo.commit("Move", {"apps/cm.yaml": None, "other/cm.yaml": config_map("one", world.namespace, {})})
    await world.failed("apps", reason="ArtifactFailed")
    assert (await world.status("apps"))["lastAttemptedRevision"] == f"main@sha1:{bad}", "it has no such folder"

    await world.kustomization("apps", path="apps", interval="11m")

    async def observed() -> bool:
        found = await world.condition("apps")
        return bool((found["status"], found["reason"], found["observedGeneration"]) == ("False", "ArtifactFailed", 2))

    await world.eventually("the condition is about the new generation", observed)
    moment = (await world.condition("apps"))["lastTransitionTime"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", moment)
    assert (await world.status("apps"))["observedGeneration"] == 1, "a failure is no observation"


async def test_a_history_of_five_newest_first(world: World) -> None:
    await world.git_repository()
    for number in range(7):
        world.repo.commit(f"No {number}", {"apps/cm.yaml": config_map("one", world.namespace, {"n": str(number)})})
        if number == 0:
            await world.kustomization("apps", path="apps")
        await world.ready("apps")
    history = (await world.status("apps"))["history"]
    assert len(history) == 5
    assert history[0]["metadata"]["revision"] == f"main@sha1:{world.repo.head}"
    assert len({entry["digest"] for entry in history}) == 5
    assert all(entry["lastReconciledDuration"] for entry in history)
    newest = history[0]
    assert newest["firstReconciled"] == newest["lastReconciled"]
    assert newest["firstReconciled"] >= history[-1]["firstReconciled"]
    await asyncio.sleep(1.1)  # times are in seconds
    await world.request_reconcile("Kustomization", "apps", "again")

    async def counted() -> bool:
        return bool((await world.status("apps"))["history"][0]["totalReconciliations"] == 2)

    await world.eventually("the same result once more", counted)
    again = (await world.status("apps"))["history"][0]
    assert (again["digest"], again["firstReconciled"]) == (newest["digest"], newest["firstReconciled"])
    assert again["lastReconciled"] > newest["lastReconciled"]
