"""A fleet that Flux's kustomize-controller left is taken over without a write, and is left as Flux accepts it.

``tests/referees/flux`` recorded a fleet on a real API server: as Flux left it (``flux``), after Fairlead
(``fairlead``), and after Flux again (``back``).
"""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from fairlead.kube.errors import ConflictApiError, NoMatchError
from fairlead.objects.ref import ObjectRef
from tests.referees.flux import fleet
from tests.support.progress import show_progress_after

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.world import World

RECORDED = Path(__file__).parents[1] / "referees" / "flux" / "handover.json"
OWN = ("GitRepository", "Kustomization")
Objects = dict[str, dict[str, Any]]


def recorded(round: str) -> Objects:
    """The objects of a round by kind and name."""
    items: list[dict[str, Any]] = json.loads(RECORDED.read_text())[round]
    return {named(item): item for item in items if item["kind"] != "Event"}


def named(item: dict[str, Any]) -> str:
    return f"{item['kind']}/{item['metadata']['name']}"


def managers(item: dict[str, Any]) -> set[tuple[str, ...]]:
    entries = item["metadata"]["managedFields"]
    return {(entry["manager"], entry["operation"], entry.get("subresource", "")) for entry in entries}


def managed(objects: Objects) -> Objects:
    return {name: item for name, item in objects.items() if item["kind"] not in OWN}


@pytest_asyncio.fixture
async def handed(world: World) -> AsyncIterator[Objects]:
    """What Flux left is in the cluster, and no controller runs."""
    await world.stop()
    files = {path: fleet.placed(text, world.namespace) for path, text in fleet.files().items()}
    commit = world.repo.commit("Begin", files)
    text = fleet.placed(json.dumps(recorded("flux")), world.namespace)
    items = json.loads(text.replace("COMMIT", commit).replace("URL", world.repo.url))
    for item in items.values():
        await put(world, item)
    yield {name: await world.client.get(ObjectRef.of(item)) for name, item in items.items()}
    await world.stop()
    await world.client.delete(fleet.definition(world.namespace))


async def put(world: World, item: dict[str, Any]) -> None:
    """Create an object with the status and the field managers that were recorded."""
    wanted = copy.deepcopy(item)
    meta = wanted["metadata"]
    for field in ("uid", "resourceVersion", "creationTimestamp", "generation"):
        meta.pop(field, None)
    for field in ("clusterIP", "clusterIPs"):
        (wanted.get("spec") or {}).pop(field, None)
    fields = meta.pop("managedFields")
    ref = ObjectRef.of(wanted)

    async def created() -> dict[str, Any] | None:
        try:
            return await world.client.create(wanted)
        except NoMatchError:
            return None  # its definition is not served yet

    await world.eventually(f"{ref} is created", created)

    async def as_recorded() -> bool:
        """Others write the status of a new definition or workload: then once more. Theirs is left to them."""
        live = await world.client.get(ref)
        try:
            if wanted.get("status") and wanted["kind"] in OWN:
                live = await world.client.replace({**live, "status": wanted["status"]}, subresource="status")
            await world.client.replace({**live, "metadata": {**live["metadata"], "managedFields": fields}})
        except ConflictApiError:
            return False
        return True

    await world.eventually(f"{ref} is as it was recorded", as_recorded)


async def take_over(world: World) -> None:
    await world.start()
    names = (*fleet.READY, fleet.FAILING)
    for name in names:
        await world.request_reconcile("Kustomization", name, "taken")

    async def handled() -> bool:
        return all([(await world.status(name)).get("lastHandledReconcileAt") == "taken" for name in names])

    await world.eventually("Fairlead has looked at all", handled)
    await world.ready(*fleet.READY)


def untouched(before: dict[str, Any], after: dict[str, Any]) -> dict[str, Any]:
    """What may not change while an engine only looks, in both; a helper may write the status of workloads."""
    own_status = ("Deployment", "CustomResourceDefinition")
    version = () if before["kind"] in own_status else ("resourceVersion",)
    fields = ("uid", "generation", "managedFields", *version)

    def seen(item: dict[str, Any]) -> dict[str, Any]:
        meta = {field: item["metadata"].get(field) for field in fields}
        meta["managedFields"] = [each for each in meta["managedFields"] if each.get("subresource") != "status"]
        return meta

    return {"before": seen(before), "after": seen(after)}


async def test_nothing_is_written_when_fairlead_takes_over(world: World, handed: Objects) -> None:
    await take_over(world)
    assert world.object_writes() == 0
    for name, before in managed(handed).items():
        seen = untouched(before, await world.client.get(ObjectRef.of(before)))
        assert seen["after"] == seen["before"], name


async def test_what_flux_knew_goes_on(world: World, handed: Objects) -> None:
    await take_over(world)
    for name in fleet.READY:
        before = handed[f"Kustomization/{name}"]
        after = await world.client.get(ObjectRef.of(before))
        assert after["metadata"]["finalizers"] == before["metadata"]["finalizers"]
        assert after["status"]["inventory"] == before["status"]["inventory"]
        assert after["status"]["lastAppliedRevision"] == before["status"]["lastAppliedRevision"]
        assert len(after["status"]["history"]) >= len(before["status"]["history"])
        assert transitions(after) == transitions(before), name
    assert (await world.condition("broken"))["reason"] == "ArtifactFailed"


async def test_a_revision_that_flux_stored_is_no_news(world: World, handed: Objects) -> None:
    await take_over(world)
    assert [event["reason"] for event in await world.events("fleet", "GitRepository")] == []
    world.repo.commit("More", {"paused/more.yaml": fleet.PLAIN.replace("NAME", "more")})
    await world.ready("paused")
    await world.event("fleet", "stored artifact for commit 'More'", kind="GitRepository")


async def test_what_is_suspended_is_left_as_it_is(world: World, handed: Objects) -> None:
    await take_over(world)
    after = await world.get("Kustomization", fleet.HELD)
    assert after is not None
    assert after["status"] == handed[f"Kustomization/{fleet.HELD}"]["status"]
    assert (await world.get("ConfigMap", "held") or {})["data"] == {"key": "by hand"}
    await world.patch("Kustomization", fleet.HELD, {"spec": {"suspend": False}})

    async def mended() -> bool:
        return bool((await world.get("ConfigMap", "held") or {})["data"] == {"key": "value"})

    await world.eventually("the drift ends with the suspension", mended)


async def test_what_flux_applied_is_pruned(world: World, handed: Objects) -> None:
    await take_over(world)
    world.repo.commit("Drop", {"apps/extra.yaml": None})
    await world.ready("apps")
    assert await world.get("ConfigMap", "extra") is None
    web = await world.get("Deployment", "web")
    assert web is not None
    assert web["metadata"]["uid"] == handed["Deployment/web"]["metadata"]["uid"]
    assert web["metadata"]["generation"] == handed["Deployment/web"]["metadata"]["generation"]


async def test_what_may_not_be_pruned_stays(world: World, handed: Objects) -> None:
    await take_over(world)
    world.repo.commit("Drop", {"rules/rules.yaml": fleet.PLAIN.replace("NAME", "new")})
    await world.ready("rules")
    assert [entry.split("_")[1] for entry in await world.inventory("rules")] == ["new"]
    assert await world.get("ConfigMap", "literal") is None
    for name in ("kept", "ignored"):
        found = await world.get("ConfigMap", name)
        assert found is not None, name
        assert found["metadata"]["uid"] == handed[f"ConfigMap/{name}"]["metadata"]["uid"]


async def test_drift_of_what_flux_applied_is_taken_back(world: World, handed: Objects) -> None:
    """Also of what was decrypted, substituted and patched; what others own is left to them."""
    await take_over(world)
    wrong = {"password": "d3Jvbmc="}
    await world.patch("Secret", "login", {"data": wrong})
    await world.patch("Deployment", "scaled", {"metadata": {"labels": {"by": "hand"}}, "spec": {"replicas": 4}})

    async def mended() -> bool:
        login = await world.get("Secret", "login") or {}
        return bool(login["data"] == handed["Secret/login"]["data"])

    await world.eventually("the secret is as in Git", mended)
    scaled = await world.get("Deployment", "scaled")
    assert scaled is not None
    assert scaled["metadata"]["annotations"]["example.org/owner"] == "someone"


async def test_a_slow_look_that_finds_no_news_ends_ready(
    world: World, handed: Objects, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A run that took half a second showed that it was at work, found all as Flux had left it, and said no more."""
    show_progress_after(0.0, monkeypatch)
    await world.start()

    async def looked() -> bool:
        found = [await world.get("Kustomization", name) for name in fleet.READY]
        before = [handed[f"Kustomization/{name}"] for name in fleet.READY]
        pairs = zip(found, before, strict=True)
        return all(
            new and new["metadata"]["resourceVersion"] != old["metadata"]["resourceVersion"] for new, old in pairs
        )

    await world.eventually("all were looked at", looked)
    await world.ready(*fleet.READY)


def transitions(kustomization: dict[str, Any]) -> dict[str, str]:
    return {each["type"]: each["lastTransitionTime"] for each in kustomization["status"]["conditions"]}


@pytest.mark.parametrize(("earlier", "later"), [("flux", "fairlead"), ("fairlead", "back")])
def test_no_object_was_touched_on_the_way(earlier: str, later: str) -> None:
    before, after = managed(recorded(earlier)), managed(recorded(later))
    assert before.keys() == after.keys()
    for name, item in before.items():
        for field in ("uid", "generation", "resourceVersion", "managedFields"):
            assert after[name]["metadata"].get(field) == item["metadata"].get(field), (name, field)


@pytest.mark.parametrize(("earlier", "later"), [("flux", "fairlead"), ("fairlead", "back")])
def test_both_built_and_remembered_the_same(earlier: str, later: str) -> None:
    """The digest in the history is that of all objects of the build: with secrets, variables and patches."""
    for name in fleet.READY:
        before, after = (recorded(each)[f"Kustomization/{name}"]["status"] for each in (earlier, later))
        assert after["inventory"] == before["inventory"], name
        assert after["lastAppliedRevision"] == before["lastAppliedRevision"], name
        assert [entry["digest"] for entry in after["history"]] == [entry["digest"] for entry in before["history"]]
        assert after["history"][0]["totalReconciliations"] == before["history"][0]["totalReconciliations"] + 1


def test_fairlead_said_nothing_new_of_an_old_revision() -> None:
    before, after = recorded("flux"), recorded("fairlead")
    told: list[list[str]] = [
        [item["reason"] for item in json.loads(RECORDED.read_text())[round] if item["kind"] == "Event"]
        for round in ("flux", "fairlead")
    ]
    assert "NewArtifact" not in told[1]
    for name in fleet.READY:
        assert transitions(after[f"Kustomization/{name}"]) == transitions(before[f"Kustomization/{name}"]), name


async def test_fairlead_still_leaves_what_flux_accepted(world: World, handed: Objects) -> None:
    await take_over(world)
    after_us = json.loads(fleet.placed(json.dumps(recorded("fairlead")), world.namespace))
    for name, then in after_us.items():
        now = await world.client.get(ObjectRef.of(handed[name]))
        others = {("kubectl-edit", "Update", ""), ("kube-controller-manager", "Update", "status")}
        assert managers(now) - others == managers(then) - others, name
        if then["kind"] == "Kustomization":
            assert now["status"].keys() == then["status"].keys(), name
