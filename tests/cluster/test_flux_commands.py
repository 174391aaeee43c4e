"""The ``flux`` program shows a fleet of Fairlead as its own, and is heard by Fairlead.

``tests/referees/flux`` recorded what the program printed and wrote (``commands.json``); here the same fleet must give
the same answers to what the program asks, and the same requests must end as they ended then.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
import pytest_asyncio

from tests.referees.flux import fleet

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from tests.support.world import World

RECORDED: list[dict[str, Any]] = json.loads(
    (Path(__file__).parents[1] / "referees" / "flux" / "commands.json").read_text()
)
REFUSED = {
    "reconcile kustomization broken": "context deadline exceeded",  # as with Flux: it says Reconciling until it works
    "diff kustomization paused --path FOLDER/held": "identified at least one change",
}


@pytest_asyncio.fixture
async def delivered(world: World) -> AsyncIterator[World]:
    world.repo.commit("Begin", {path: fleet.placed(text, world.namespace) for path, text in fleet.files().items()})
    manifests = [fleet.git_repository(world.repo.url), *fleet.kustomizations()]
    before = [manifest for _, manifest in fleet.made_before()]
    for manifest in json.loads(fleet.placed(json.dumps([*before, *manifests]), world.namespace)):
        await world.client.apply(manifest, field_manager="flux-client")
    await world.ready(*fleet.READY, fleet.HELD)
    await world.failed(fleet.FAILING)
    yield world
    await world.stop()
    await world.client.delete(fleet.definition(world.namespace))


def recorded(command: str) -> dict[str, Any]:
    return next(answer for answer in RECORDED if answer["command"] == command)


def test_each_command_worked() -> None:
    for answer in RECORDED:
        expected = REFUSED.get(answer["command"], "")
        assert expected in answer["stderr"], answer["command"]
        assert answer["code"] == (1 if expected else 0), (answer["command"], answer["stderr"])


async def test_get_shows_the_same(delivered: World) -> None:
    rows = [shown(line) for line in recorded("get kustomizations")["stdout"].splitlines()[1:]]
    names = (*fleet.READY, fleet.FAILING, fleet.HELD)
    found = [row(delivered, await delivered.get("Kustomization", name)) for name in sorted(names)]
    assert found == rows
    source = shown(recorded("get sources git")["stdout"].splitlines()[1])
    assert row(delivered, await delivered.get("GitRepository", "fleet")) == source


def shown(line: str) -> list[str]:
    return [cell.strip() for cell in line.split("\t")][:5]


def row(world: World, item: dict[str, Any] | None) -> list[str]:
    """As the program makes it from an object."""
    assert item is not None
    ready = next(each for each in item["status"]["conditions"] if each["type"] == "Ready")
    revision = item["status"].get("lastAppliedRevision") or (item["status"].get("artifact") or {}).get("revision", "")
    cells = [item["metadata"]["name"], revision, str(item["spec"].get("suspend", False)), ready["status"]]
    return [cell.replace(world.repo.head, "COMMIT8") for cell in (*cells, ready["message"])]


async def test_tree_shows_the_same(delivered: World) -> None:
    lines = recorded("tree kustomization apps")["stdout"].replace(fleet.NAMESPACE, delivered.namespace).splitlines()
    wanted = [line.split("── ")[1] for line in lines if "── " in line]
    ids = [entry.split("_") for entry in await delivered.inventory("apps")]
    assert [f"{kind}/{namespace}/{name}" for namespace, name, _, kind in ids] == wanted


async def test_trace_finds_the_way(delivered: World) -> None:
    """From the owner labels to the Kustomization, and from there to the source and its revision."""
    text = recorded("trace deployment web")["stdout"]
    web = await delivered.get("Deployment", "web")
    assert web is not None
    labels = web["metadata"]["labels"]
    assert f"Kustomization:   {labels['kustomize.toolkit.fluxcd.io/name']}\n" in text
    owner = await delivered.get("Kustomization", labels["kustomize.toolkit.fluxcd.io/name"])
    assert owner is not None
    assert f"GitRepository:   {owner['spec']['sourceRef']['name']}\n" in text
    revision = owner["status"]["lastAppliedRevision"].replace(delivered.repo.head, "COMMIT")
    assert text.count(f"Revision:        {revision}\n") == 2


WRITING = [answer["command"] for answer in RECORDED if answer["left"]]


@pytest.mark.parametrize("command", WRITING)
async def test_a_request_of_the_program_is_heard(delivered: World, command: str) -> None:
    """The program writes these fields as ``flux``, and then waits for what is awaited here."""
    left = recorded(command)["left"]
    kind = "GitRepository" if "source" in command.split()[1] else "Kustomization"
    name = "fleet" if kind == "GitRepository" else command.split()[2]
    verb = command.split()[0]
    assert all("f:status" not in each["fieldsV1"] for each in left["fields"])
    if verb == "resume":
        await delivered.patch(kind, name, {"spec": {"suspend": True}}, manager="flux")
    token = f"2026-11-21T16:00:00.{abs(hash(command)) % 10**9}Z"
    body: dict[str, Any] = {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": token}}}
    if verb != "reconcile":
        body = {"spec": {"suspend": left["suspend"]}} | ({} if verb == "suspend" else body)
    await delivered.patch(kind, name, body, manager="flux")
    item = await delivered.get(kind, name)
    assert item is not None
    assert item["spec"].get("suspend") == left["suspend"]
    if verb == "suspend":
        return

    async def handled() -> bool:
        status = await delivered.status(name, kind)
        return bool(
            status.get("lastHandledReconcileAt") == token
            and (await delivered.condition(name, "Ready", kind))["status"] in ("True", "False")
        )

    await delivered.eventually(f"{name} has handled the request", handled)
    ready = await delivered.condition(name, "Ready", kind)
    assert ready["status"] == ("False" if command in REFUSED else "True")
