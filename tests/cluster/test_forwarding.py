"""Events reach a receiver in the place of Flux's notification-controller."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from tests.support.event_receiver import EventReceiver
from tests.support.manifests import config_map

if TYPE_CHECKING:
    from tests.support.world import World

GROUP = "kustomize.toolkit.fluxcd.io"


async def test_events_are_forwarded(world: World) -> None:
    async with EventReceiver([503]) as receiver:
        world.settings = replace(world.settings, events_address=receiver.url)
        await world.restart()
        world.repo.commit("Begin", {"apps/cm.yaml": config_map("settings", world.namespace, {"a": "b"})})
        await world.git_repository()
        await world.kustomization("apps", path="apps")
        await world.ready("apps")

        async def seen() -> bool:
            return any("created" in event["message"] for event in receiver.taken)

        await world.eventually("the event is forwarded", seen)
        await world.stop()
    event = next(event for event in receiver.taken if "created" in event["message"])
    about = event["involvedObject"]
    assert (about["kind"], about["namespace"], about["name"]) == ("Kustomization", world.namespace, "apps")
    assert event["severity"] == "info"
    assert event["reportingController"] == "kustomize-controller"
    assert event["metadata"]["kustomize.toolkit.fluxcd.io/revision"] == f"main@sha1:{world.repo.head}"


async def test_a_commit_that_changes_nothing_gets_its_mark(world: World) -> None:
    """Who waits for a green commit status gets it from every Kustomization; the cluster gets no Event for it."""
    async with EventReceiver() as receiver:
        world.settings = replace(world.settings, events_address=receiver.url)
        await world.restart()
        world.repo.commit("Begin", {"apps/cm.yaml": config_map("settings", world.namespace, {"a": "b"})})
        await world.git_repository()
        await world.kustomization("apps", path="apps")
        await world.ready("apps")
        world.repo.commit("Say more", {"README.md": "hello"})
        await world.ready("apps")
        revision = f"main@sha1:{world.repo.head}"

        def marks() -> list[dict[str, Any]]:
            about = [event for event in receiver.taken if event["involvedObject"]["kind"] == "Kustomization"]
            return [event for event in about if event["metadata"][f"{GROUP}/revision"] == revision]

        async def seen() -> bool:
            return bool(marks())

        await world.eventually("the mark is forwarded", seen)
    (mark,) = marks()
    assert mark["metadata"][f"{GROUP}/commit_status"] == "update"
    assert (mark["severity"], mark["reason"]) == ("info", "ReconciliationSucceeded")
    assert mark["message"].startswith("Reconciliation finished in ")
    await world.event("apps", "Reconciliation finished")  # of the first revision; Events give way to deliveries
    told = [event for event in await world.events("apps") if "finished" in event["message"]]
    assert len(told) == 1
