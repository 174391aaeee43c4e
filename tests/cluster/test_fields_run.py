"""Fields of a Kustomization that decide where from, when and how it runs, and what it tells."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest

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
    "group": {"group": "apps"},
    "version": {"version": "v1", "kind": "Deployment"},
    "kind": {"kind": "Deployment"},
    "name": {"name": "web"},
    "namespace": {"namespace": "{namespace}", "kind": "Deployment"},
    "labelSelector": {"labelSelector": "team=blue"},
    "annotationSelector": {"annotationSelector": "note=yes"},
}


@pytest.mark.parametrize("field", TARGETS)
async def test_each_selector_of_an_ignore_rule(world: World, field: str) -> None:
    target = {key: text.format(namespace=world.namespace) for key, text in TARGETS[field].items()}
    marks = {"labels": {"team": "blue"}, "annotations": {"note": "yes"}}
    files = {
        "apps/web.yaml": deployment("web", world.namespace),
        "apps/settings.yaml": config_map("settings", world.namespace, {"zone": "a"}),
    }
    world.repo.commit("Begin", files)
    await world.git_repository()
    rules = [{"paths": ["/spec/replicas", "/data/zone"], "target": target}]
    patch = {
        "patch": f'[{{"op": "add", "path": "/metadata/labels", "value": {{"team": "{marks["labels"]["team"]}"}}}},'
    }
    patch["patch"] += ' {"op": "add", "path": "/metadata/annotations", "value": {"note": "yes"}}]'
    await world.kustomization("apps", path="apps", ignore=rules, patches=[patch | {"target": {"kind": "Deployment"}}])
    await world.ready("apps")
    await world.patch("Deployment", "web", {"spec": {"replicas": 3}}, manager="autoscaler")
    await world.patch("ConfigMap", "settings", {"data": {"zone": "b"}}, manager="autoscaler")

    async def repaired() -> bool:
        found = await world.get("ConfigMap", "settings")
        return found is not None and found["data"] == {"zone": "a"}

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
    assert ready["lastTransitionTime"].endswith("Z")
    assert [item["type"] for item in status["conditions"]] == ["Reconciling", "Ready"]


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
