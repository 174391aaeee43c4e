"""Events reach a receiver in the place of Flux's notification-controller."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from tests.support.event_receiver import EventReceiver
from tests.support.manifests import config_map

if TYPE_CHECKING:
    from tests.support.world import World


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
