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

from fairlead.kube.errors import ConflictApiError, NoMatchError, NotFoundError
from fairlead.objects.ref import ObjectRef
from tests.referees.flux import fleet

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
    commit = world.repo.commit("Begin", fleet.files())
    text = json.dumps(list(recorded("flux").values()))
    for old, new in ((fleet.NAMESPACE, world.namespace), ("COMMIT", commit), ("URL", world.repo.url)):
        text = text.replace(old, new)
    items = json.loads(text)
    for item in items:
        await put(world, item)
    yield {named(item): await world.client.get(ObjectRef.of(item)) for item in items}
    await world.stop()
    definition = ObjectRef.of(items[0])
    await world.client.delete(definition)

    async def gone() -> bool:
        try:
            await world.client.get(definition)
        except NotFoundError:
            return True
        return False

    await world.eventually("the definition is gone", gone)


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
    for name in ("infra", "apps", "paused", "broken"):
        await world.request_reconcile("Kustomization", name, "taken")

    async def handled() -> bool:
        names = ("infra", "apps", "paused", "broken")
        return all([(await world.status(name)).get("lastHandledReconcileAt") == "taken" for name in names])

    await world.eventually("Fairlead has looked at all", handled)
    await world.ready("infra", "apps", "paused")


async def test_nothing_is_written_when_fairlead_takes_over(world: World, handed: Objects) -> None:
    await take_over(world)
    assert world.object_writes() == 0
    for name, before in managed(handed).items():
        after = await world.client.get(ObjectRef.of(before))
        for field in ("uid", "generation"):
            assert after["metadata"].get(field) == before["metadata"].get(field), (name, field)


async def test_what_flux_knew_goes_on(world: World, handed: Objects) -> None:
    await take_over(world)
    for name in ("infra", "apps", "paused"):
        before = handed[f"Kustomization/{name}"]
        after = await world.client.get(ObjectRef.of(before))
        assert after["metadata"]["finalizers"] == before["metadata"]["finalizers"]
        assert after["status"]["inventory"] == before["status"]["inventory"]
        assert after["status"]["lastAppliedRevision"] == before["status"]["lastAppliedRevision"]
        assert len(after["status"]["history"]) >= len(before["status"]["history"])
    assert (await world.condition("broken"))["reason"] == "ArtifactFailed"


async def test_what_flux_applied_is_pruned(world: World, handed: Objects) -> None:
    await take_over(world)
    world.repo.commit("Drop", {"apps/extra.yaml": None})
    await world.ready("apps")
    assert await world.get("ConfigMap", "extra") is None
    web = await world.get("Deployment", "web")
    assert web is not None
    assert web["metadata"]["uid"] == handed["Deployment/web"]["metadata"]["uid"]
    assert web["metadata"]["generation"] == handed["Deployment/web"]["metadata"]["generation"]


@pytest.mark.parametrize(("earlier", "later"), [("flux", "fairlead"), ("fairlead", "back")])
def test_no_object_was_touched_on_the_way(earlier: str, later: str) -> None:
    before, after = managed(recorded(earlier)), managed(recorded(later))
    assert before.keys() == after.keys()
    for name, item in before.items():
        for field in ("uid", "generation", "resourceVersion", "managedFields"):
            assert after[name]["metadata"].get(field) == item["metadata"].get(field), (name, field)


async def test_fairlead_still_leaves_what_flux_accepted(world: World, handed: Objects) -> None:
    await take_over(world)
    for name, then in recorded("fairlead").items():
        now = await world.client.get(ObjectRef.of(handed[name]))
        others = {("kubectl-edit", "Update", ""), ("kube-controller-manager", "Update", "status")}
        assert managers(now) - others == managers(then) - others, name
        if then["kind"] == "Kustomization":
            assert now["status"].keys() == then["status"].keys(), name
