"""What bad input may do: fail the one Kustomization it is in, with one clear condition and one event, and nothing else.

::

    await begin(world)
    failure = await harmed(world, {"apps/broken.yaml": "a: [b"}, reason="BuildFailed")
    assert "apps/broken.yaml:1" in failure
    await healed(world)
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.support.manifests import config_map

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.support.world import World

__all__ = ["begin", "harmed", "healed"]


async def begin(world: World, files: Mapping[str, str] | None = None, **spec: Any) -> None:
    """Two Kustomizations, ``apps`` and ``other``, with a ConfigMap each; ``files`` and ``spec`` are for ``apps``."""
    start = {
        "apps/kept.yaml": config_map("kept", world.namespace, {"k": "1"}),
        "other/cm.yaml": config_map("other", world.namespace, {"k": "1"}),
    }
    world.repo.commit("Begin", start | dict(files or {}))
    await world.git_repository()
    await world.kustomization("apps", path="apps", **spec)
    await world.kustomization("other", path="other")
    await world.ready("apps", "other")


async def harmed(world: World, files: Mapping[str, str | bytes | None], *, reason: str) -> str:
    """Commit bad ``files``; the message of the condition, after all else was seen to be as it should."""
    inventory = await world.inventory("apps")
    revision = (await world.status("apps"))["lastAppliedRevision"]
    other = {"other/cm.yaml": config_map("other", world.namespace, {"k": "2"})}
    commit = world.repo.commit("Break it", dict(files) | other)
    failure = await world.failed("apps", reason=reason)
    await world.ready("other")

    status = await world.status("apps")
    attempted = status["lastAttemptedRevision"] == f"main@sha1:{commit}"
    assert attempted == (reason != "ArtifactFailed"), "as in Flux, not before the folder is known to be there"
    assert status["lastAppliedRevision"] == revision
    assert set(inventory) <= set(await world.inventory("apps")), "an entry of the inventory was lost"
    assert await world.get("ConfigMap", "kept") is not None
    found = await world.get("ConfigMap", "other")
    assert found is not None
    assert found["data"] == {"k": "2"}

    message: str = failure["message"]
    event = await world.event("apps", message.splitlines()[0][:500])
    assert (event["type"], event["reason"]) == ("Warning", reason)
    warnings = [each for each in await world.events("apps") if each["type"] == "Warning"]
    assert len(warnings) == 1, [each["message"] for each in warnings]
    assert len(message) < 1500, "a condition is read by people"
    return message


async def healed(world: World) -> None:
    """``git revert`` is all that it takes."""
    world.repo.revert()
    await world.ready("apps", "other")
