"""What it costs to wait for Kustomizations of other shards, and how soon a cycle through them is told."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import pytest
from msgspec import to_builtins

from fairlead.controllers.dependencies import DependencyNotReadyError
from fairlead.controllers.shards import MOST_FOLLOWED, REMEMBERED_SECONDS, OtherShards, check_dependencies_with
from fairlead.kube.errors import NotFoundError
from fairlead.kube.reflector import Key
from fairlead.objects.ref import GroupKind, ObjectRef
from fairlead.settings import ReconcileSettings
from tests.support.clock import VirtualClock
from tests.unit.controllers.resources_for_tests import condition, kustomization

if TYPE_CHECKING:
    from fairlead.api.kustomization import Kustomization

INTERVAL = ReconcileSettings().dependency_interval.total_seconds()
AT = "main@sha1:1"


class Cluster:
    """The part of an access, its reflector and its client that is asked; ``theirs`` are of another shard."""

    def __init__(self, *own: Kustomization) -> None:
        self.reflector = self.client = self
        self.kind = GroupKind("kustomize.toolkit.fluxcd.io", "Kustomization")
        self.own = {Key("ns", each.metadata.name): each for each in own}
        self.theirs: dict[str, Kustomization] = {}
        self.asked: list[str] = []
        self.clock = VirtualClock()
        access: Any = self
        self.others = OtherShards(access, access, self.clock)

    def typed(self, key: Key) -> Kustomization | None:
        return self.own.get(key)

    def __getitem__(self, name: str) -> Kustomization:
        return self.own[Key("ns", name)]

    # -- what a reflector and a client have

    async def get_manifest(self, ref: ObjectRef) -> dict[str, Any]:
        self.asked.append(ref.name)
        await asyncio.sleep(0)
        if ref.name not in self.theirs:
            raise NotFoundError(str(ref), "get", status=404)
        found: dict[str, Any] = to_builtins(self.theirs[ref.name])
        return found

    def get(self, *key: Any, version: str = "") -> Any:
        """Of the reflector with a key; of the client with a version."""
        return self.get_manifest(key[0]) if version else self.own.get(Key(*key))

    # -- what happens

    def chain(self, *names: str, ready: bool = False) -> None:
        """Each of ``names`` is of another shard and depends on the next."""
        state = {"observedGeneration": 1, "conditions": [condition("Ready", "True")], "lastAppliedRevision": AT}
        for name, following in zip(names, (*names[1:], ""), strict=True):
            depends = (following,) if following else ()
            self.theirs[name] = kustomization(name, depends=depends, status=state if ready else None)

    async def run(self, name: str) -> str:
        """What a run of one of ours is told; nothing if it need not wait."""
        try:
            await check_dependencies_with(self.others, self[name], AT, self.typed, lambda _: False)
        except DependencyNotReadyError as error:
            return str(error)
        return ""

    async def minutes(self, count: int, *names: str) -> float:
        """The requests in a minute while these wait, each asking as often as one that waits does."""
        self.asked.clear()
        for _ in range(int(count * 60 / INTERVAL)):
            for message in await asyncio.gather(*map(self.run, names)):
                assert message.endswith("is not ready")
            self.clock.step(INTERVAL)
        return len(self.asked) / count


async def test_what_waiting_for_a_chain_of_five_costs() -> None:
    """It was 12 a minute: at each run one question about the first, and five about the chain."""
    cluster = Cluster(kustomization("app", depends=("one",)))
    cluster.chain("one", "two", "three", "four", "five")
    assert await cluster.minutes(10, "app") == 60 / INTERVAL + 4


async def test_who_waits_for_the_same_shares_the_questions() -> None:
    """It was 120 a minute."""
    names = [f"app-{number}" for number in range(10)]
    cluster = Cluster(*(kustomization(name, depends=("one",)) for name in names))
    cluster.chain("one", "two", "three", "four", "five")
    assert await cluster.minutes(10, *names) == 60 / INTERVAL + 4


async def test_who_is_ready_is_seen_at_once() -> None:
    cluster = Cluster(kustomization("app", depends=("one",)))
    cluster.chain("one", "two")
    assert await cluster.run("app") == "dependency 'ns/one' is not ready"
    cluster.chain("one", "two", ready=True)
    cluster.asked.clear()
    assert await cluster.run("app") == ""
    assert cluster.asked == ["one"], "who is ready is not asked for whom it waits"


async def test_a_cycle_through_the_one_that_it_waits_for_is_told_at_once() -> None:
    cluster = Cluster(kustomization("app", depends=("one",)))
    cluster.chain("one")
    assert await cluster.run("app") == "dependency 'ns/one' is not ready"
    cluster.chain("one", "app")
    assert "dependency cycle: ns/app → ns/one → ns/app;" in await cluster.run("app")


async def test_a_cycle_that_is_closed_by_one_that_comes_is_told_at_once() -> None:
    """As it is when all of them are installed: whoever comes last was missed by the others a moment before."""
    cluster = Cluster(kustomization("app", depends=("one",)))
    cluster.chain("one", "two")
    assert await cluster.run("app") == "dependency 'ns/one' is not ready"
    cluster.theirs["one"] = kustomization("one", depends=("two", "three"))
    assert await cluster.run("app") == "dependency 'ns/one' is not ready"
    cluster.chain("three", "app")
    assert "dependency cycle: ns/app → ns/one → ns/three → ns/app;" in await cluster.run("app")


@pytest.mark.parametrize("seconds", [1.0, INTERVAL, REMEMBERED_SECONDS])
async def test_a_cycle_that_others_close_is_told_soon(seconds: float) -> None:
    """Also through one of ours in between."""
    cluster = Cluster(kustomization("app", depends=("one",)), kustomization("ours", depends=("three",)))
    cluster.chain("one", "two", "ours")
    cluster.chain("three")
    assert await cluster.run("app") == "dependency 'ns/one' is not ready"
    cluster.chain("three", "app")
    waited = 0.0
    while "cycle" not in (message := await cluster.run("app")):
        cluster.clock.step(seconds)
        waited += seconds
    assert "dependency cycle: ns/app → ns/one → ns/two → ns/ours → ns/three → ns/app;" in message
    assert waited <= REMEMBERED_SECONDS
    cluster.chain("two")
    cluster.clock.step(REMEMBERED_SECONDS)
    assert await cluster.run("app") == "dependency 'ns/one' is not ready"


async def test_one_that_is_not_there_costs_as_much_as_others() -> None:
    cluster = Cluster(kustomization("app", depends=("one",)))
    cluster.theirs["one"] = kustomization("one", depends=tuple(f"gone-{number}" for number in range(2 * MOST_FOLLOWED)))
    assert await cluster.run("app") == "dependency 'ns/one' is not ready"
    assert cluster.asked == ["one", *(f"gone-{number}" for number in range(MOST_FOLLOWED - 1))]
