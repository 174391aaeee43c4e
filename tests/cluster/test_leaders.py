"""Two processes, one Lease: exactly one works, and the other takes over when the first ends, dies or freezes."""

from __future__ import annotations

import contextlib
import hashlib
import signal
from typing import TYPE_CHECKING

import aiohttp
import pytest
import pytest_asyncio

from fairlead.controllers.manager import lease_name
from fairlead.objects.ref import GroupKind, ObjectRef
from tests.support.controllers import Controllers
from tests.support.manifests import config_map
from tests.support.ports import free_port

if TYPE_CHECKING:
    from collections.abc import AsyncIterator
    from pathlib import Path

    from tests.support.world import World


class Candidates:
    """Two processes that want the same Lease, which no other test uses: its name comes from the selector."""

    def __init__(self, world: World, folder: Path, kubeconfig: str, *more: str) -> None:
        self.world = world
        selector = f"!{world.namespace}"
        times = ("lease-duration=8", "renew-deadline=6", "retry-period=0.2")
        flags = [*more, "--leader-elect", f"--watch-label-selector={selector}"]
        flags += [f"--leader-election-{time}" for time in times]
        self.lease = ObjectRef("coordination.k8s.io", "Lease", "flux-system", lease_name(selector))
        self.all: list[Controllers] = []
        for name in ("first", "second"):
            (folder / name).mkdir()
            (folder / name / "kubeconfig").write_text(kubeconfig)
            self.all.append(Controllers(world.namespace, folder / name, *flags))

    async def leads(self, candidate: Controllers, times: int = 1) -> None:
        async def seen() -> bool:
            return candidate.log.read_text().count("started with") == times

        await self.world.eventually("it leads", seen)

    async def holder(self) -> str:
        return str((await self.world.client.get(self.lease))["spec"].get("holderIdentity") or "")

    async def delivers(self) -> None:
        """One more commit arrives, by one of them only: two would each say what they did."""
        world = self.world
        name = f"at-{world.repo.head[:8]}"
        commit = world.repo.commit("More", {f"apps/{name}.yaml": config_map(name, world.namespace, {})})
        await world.request_reconcile("GitRepository", "fleet", commit)
        await world.ready("apps")
        await world.event("apps", name, "created")
        told = [event["count"] for event in await world.events("apps") if name in event["message"]]
        assert told == [1]


@pytest_asyncio.fixture
async def candidates(
    request: pytest.FixtureRequest, world: World, kubeconfig: str, tmp_path: Path
) -> AsyncIterator[Candidates]:
    """With more flags by an indirect parameter."""
    await world.stop()  # those in this process
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("settings", world.namespace, {})})
    await world.git_repository()
    await world.kustomization("apps", path="apps")
    both = Candidates(world, tmp_path, kubeconfig, *getattr(request, "param", ()))
    yield both
    for each in both.all:
        await each.end()


async def test_one_works_and_the_other_takes_over(candidates: Candidates) -> None:
    first, second = candidates.all
    await first.start()
    await candidates.leads(first)
    await candidates.world.ready("apps")
    held = await candidates.holder()
    await second.start()
    await candidates.delivers()
    assert await candidates.holder() == held
    assert "started with" not in second.log.read_text()

    await first.end(signal.SIGKILL)
    await candidates.leads(second)
    assert await candidates.holder() != held
    await candidates.delivers()

    await first.start()
    second.send(signal.SIGSTOP)
    await candidates.leads(first, times=2)
    await candidates.delivers()
    second.send(signal.SIGCONT)
    assert await second.ended() != 0, "it has noticed that it leads no more"
    assert "could not be renewed" in second.log.read_text() or "was taken by another" in second.log.read_text()
    assert "Traceback" not in second.log.read_text()
    await candidates.delivers()

    await second.start()
    assert await first.end(signal.SIGTERM) == 0
    await candidates.leads(second, times=2)


async def test_sigterm_while_applying_gives_the_lease_back(candidates: Candidates) -> None:
    world, (first, second) = candidates.world, candidates.all
    await first.start()
    await candidates.leads(first)
    await world.ready("apps")
    names = [f"many-{number}" for number in range(400)]
    commit = world.repo.commit("Many", {f"apps/{name}.yaml": config_map(name, world.namespace, {}) for name in names})

    async def begun() -> bool:
        return await world.get("ConfigMap", names[0]) is not None

    await world.eventually("it applies", begun)
    assert await first.end(signal.SIGTERM) == 0
    assert await candidates.holder() == ""
    status = await world.status("apps")
    listed = await world.client.list(GroupKind("", "ConfigMap"), namespace=world.namespace)
    live = {item["metadata"]["name"] for item in listed.items if item["metadata"]["name"].startswith("many-")}
    recorded = {entry.split("_")[1] for entry in await world.inventory("apps")}
    assert live <= recorded, "no object is an orphan"
    if len(live) < len(names):
        assert status["lastAppliedRevision"] != f"main@sha1:{commit}"
    await second.start()
    await world.ready("apps")


@pytest.mark.parametrize("candidates", [[f"--storage-addr=127.0.0.1:{free_port()}"]], indirect=True, ids=["served"])
async def test_who_leads_serves_the_archives(candidates: Candidates) -> None:
    """At one address, so the one that waits must not listen; what it then serves is what the other one served."""
    first, second = candidates.all
    world = candidates.world
    await first.start()
    await candidates.leads(first)
    await world.ready("apps")
    await second.start()
    artifact = (await world.status("fleet", "GitRepository"))["artifact"]
    served = await _download(artifact["url"])
    assert artifact["digest"] == f"sha256:{hashlib.sha256(served).hexdigest()}"

    await first.end(signal.SIGKILL)
    await candidates.leads(second)

    async def again() -> bool:
        with contextlib.suppress(aiohttp.ClientError):
            return await _download(artifact["url"]) == served
        return False

    await world.eventually("it is served again", again)
    assert (await world.status("fleet", "GitRepository"))["artifact"] == artifact
    assert "cannot listen" not in second.log.read_text()


async def _download(url: str) -> bytes:
    async with aiohttp.ClientSession(auto_decompress=False) as session, session.get(url) as response:
        return await response.read()
