"""What is about to be added to inventories is on record before it exists, and each status is written once."""

from __future__ import annotations

from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

import pytest

from fairlead.controllers.journal import MOST_OBJECTS
from fairlead.kube.errors import NotFoundError
from fairlead.objects.ref import ObjectRef
from tests.support.fault_proxy import FaultProxy, Reset
from tests.support.manifests import config_map
from tests.support.moving_fleet import journalled
from tests.support.progress import show_progress_after

if TYPE_CHECKING:
    from tests.support.world import World

STATUS = r"/kustomizations/apps/status"
JOURNAL = r"/configmaps/fairlead-journal-\d+"
STATUSES = ("patch", "kustomizations")


@pytest.fixture
def no_progress(monkeypatch: pytest.MonkeyPatch) -> None:
    """A run that takes half a second on a busy machine would write one status more."""
    show_progress_after(3600, monkeypatch)


async def begin(world: World, *names: str) -> None:
    files = {f"apps/{name}.yaml": config_map(name, world.namespace, {"k": "v"}) for name in names}
    world.repo.commit("Begin", files)
    await world.git_repository()
    await world.kustomization("apps", path="apps", retryInterval="1s")


async def exists(world: World, name: str) -> bool:
    return await world.get("ConfigMap", name) is not None


async def is_tidy(world: World) -> bool:
    return not await journalled(world)


async def interrupted(world: World, proxy: FaultProxy) -> None:
    """Both objects are written, no status tells of them, and the process has ended."""
    proxy.fail(503, "PATCH", STATUS, times=1000)
    await begin(world, "stays", "goes")
    for name in ("stays", "goes"):
        await world.eventually(f"{name} is written", partial(exists, world, name))
    await world.stop()
    assert await world.inventory("apps") == []
    assert await journalled(world) == {"apps": {"stays__ConfigMap", "goes__ConfigMap"}}
    proxy.open()
    world.controllers_config = world.client.config


@pytest.mark.usefixtures("no_progress")
async def test_the_status_is_written_once(world: World) -> None:
    await begin(world, "first")
    await world.ready("apps")
    assert world.controllers.sent[STATUSES] == 2, "the finalizer and the status"
    world.repo.commit("More", {"apps/second.yaml": config_map("second", world.namespace, {})})
    await world.ready("apps")
    assert world.controllers.sent[STATUSES] == 3
    await world.eventually("nothing is left in the journal", partial(is_tidy, world))


async def test_what_was_begun_is_deleted_when_git_lets_go_of_it(world: World, proxy: FaultProxy) -> None:
    await interrupted(world, proxy)
    world.repo.commit("Drop", {"apps/goes.yaml": None})
    await world.start()
    await world.ready("apps")
    assert not await exists(world, "goes")
    assert await world.inventory("apps") == [f"{world.namespace}_stays__ConfigMap"]
    await world.eventually("nothing is left in the journal", partial(is_tidy, world))


async def test_what_was_begun_is_deleted_with_its_kustomization(world: World, proxy: FaultProxy) -> None:
    await interrupted(world, proxy)
    await world.client.delete(ObjectRef("kustomize.toolkit.fluxcd.io", "Kustomization", world.namespace, "apps"))
    await world.start()

    async def all_gone() -> bool:
        return await world.get("Kustomization", "apps") is None

    await world.eventually("the Kustomization is gone", all_gone)
    assert not await exists(world, "stays")
    assert not await exists(world, "goes")
    await world.eventually("nothing is left in the journal", partial(is_tidy, world))


async def test_what_was_begun_and_is_back_in_git_before_it_is_deleted_stays(world: World, proxy: FaultProxy) -> None:
    """The run for a commit without it finds that the newest one has it again, although no status lists it."""
    await interrupted(world, proxy)
    before = await world.get("ConfigMap", "goes")
    assert before is not None
    changed, text = config_map("stays", world.namespace, {"k": "w"}), config_map("goes", world.namespace, {"k": "v"})
    world.repo.commit("Away", {"apps/goes.yaml": None, "apps/stays.yaml": changed})
    hold = proxy.hold("PATCH", "/configmaps/stays")
    world.controllers_config = proxy.config
    await world.start()
    await hold.reached.wait()
    world.repo.commit("Back", {"apps/goes.yaml": text})

    async def is_fetched() -> bool:
        artifact = (await world.status("fleet", "GitRepository")).get("artifact") or {}
        return str(artifact.get("revision")).endswith(world.repo.head)

    await world.eventually("the newest revision is there", is_fetched)
    hold.release.set()
    proxy.allow()
    await world.ready("apps")
    after = await world.get("ConfigMap", "goes")
    assert after is not None
    assert after["metadata"]["uid"] == before["metadata"]["uid"]


@pytest.mark.parametrize("selector", ["", "shard=two"])
async def test_what_is_left_of_one_that_vanished_while_nobody_worked(
    world: World, proxy: FaultProxy, selector: str
) -> None:
    """By controllers of one namespace, and by a shard; another shard's entry stays."""
    await interrupted(world, proxy)
    ref = ObjectRef("kustomize.toolkit.fluxcd.io", "Kustomization", world.namespace, "apps")
    scope = replace(world.settings.scope, namespace=world.namespace, label_selector=selector)
    world.settings = replace(world.settings, scope=scope)
    if selector:
        await world.start()
        await world.kustomization("base", path="apps", suspend=True)
        assert await journalled(world) == {"apps": {"stays__ConfigMap", "goes__ConfigMap"}}
        await world.stop()
    await world.patch("Kustomization", "apps", {"metadata": {"finalizers": []}})
    await world.client.delete(ref)
    await world.start()
    await world.eventually("nothing is left in the journal", partial(is_tidy, world))


async def test_what_was_begun_goes_on(world: World, proxy: FaultProxy) -> None:
    await interrupted(world, proxy)
    await world.start()
    await world.ready("apps")
    assert len(await world.inventory("apps")) == 2
    assert world.object_writes() == 0
    await world.eventually("nothing is left in the journal", partial(is_tidy, world))


async def test_who_comes_after_us_finds_it_in_the_status(world: World, proxy: FaultProxy) -> None:
    """Flux reads no journal: what is under way is written down when we are told to end."""
    await begin(world, "first")
    await world.ready("apps")
    hold = proxy.hold("PATCH", "/configmaps/second")
    world.repo.commit("More", {"apps/second.yaml": config_map("second", world.namespace, {})})
    await hold.reached.wait()
    assert len(await world.inventory("apps")) == 1
    await world.stop()
    assert len(await world.inventory("apps")) == 2


@pytest.mark.parametrize("what", [409, 429, 500, Reset.BEFORE, Reset.AFTER], ids=str)
async def test_a_journal_that_fails(world: World, proxy: FaultProxy, what: int | Reset) -> None:
    """Then the inventory is in the status before the object is written."""
    await begin(world, "first")
    await world.ready("apps")
    proxy.fail(what, "PATCH", JOURNAL, times=20)
    hold = proxy.hold("PATCH", "/configmaps/second")
    world.repo.commit("More", {"apps/second.yaml": config_map("second", world.namespace, {})})
    await hold.reached.wait()
    recorded = {entry.split("_")[1] for entry in await world.inventory("apps")}
    recorded |= {entry.split("__")[0] for entries in (await journalled(world)).values() for entry in entries}
    assert recorded >= {"first", "second"}
    hold.release.set()
    await world.ready("apps")
    assert await exists(world, "second")


@pytest.mark.usefixtures("no_progress")
async def test_where_there_is_no_place_for_a_journal(world: World) -> None:
    await world.stop()
    world.settings = replace(world.settings, runtime_namespace=f"{world.namespace}-none")
    await world.start()
    await begin(world, "first")
    await world.ready("apps")
    assert world.controllers.sent[STATUSES] == 3, "the finalizer, the inventory and the end"
    with pytest.raises(NotFoundError):
        await world.client.get(ObjectRef("", "Namespace", "", world.settings.runtime_namespace))


@pytest.mark.usefixtures("no_progress")
async def test_a_large_inventory_goes_into_the_status(world: World) -> None:
    await begin(world, *(f"n{number}" for number in range(MOST_OBJECTS + 1)))
    await world.ready("apps")
    assert world.controllers.sent[STATUSES] == 3, "the finalizer, the inventory and the end"
