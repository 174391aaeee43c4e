"""Tokens for other clusters end; deliveries do not notice."""

from __future__ import annotations

import time
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from fairlead.controllers.references import TOKEN_SECONDS
from fairlead.kube import credentials
from fairlead.localcluster.server import issuers
from tests.cluster.test_foreign_issuers import AUDIENCE, REFERENCE, allow, at, begin, other
from tests.support.manifests import config_map

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.localcluster import LocalCluster
    from tests.support.world import World

__all__ = ["other"]


class Gate:
    """Notes the tokens with which the other cluster is entered, and can end those that it has seen."""

    def __init__(self, in_time: Any) -> None:
        self._in_time = in_time
        self.seen: set[str] = set()
        self.refused: set[str] = set()
        self._over: set[str] = set()

    def __call__(self, claims: Mapping[str, Any]) -> bool:
        name = claims["jti"]
        self.seen.add(name)
        if name in self._over:
            self.refused.add(name)
        return bool(self._in_time(claims)) and name not in self._over

    def end_all(self) -> None:
        self._over |= self.seen


@pytest.fixture
def gate(monkeypatch: pytest.MonkeyPatch) -> Gate:
    gate = Gate(issuers._in_time)
    monkeypatch.setattr(issuers, "_in_time", gate)
    return gate


async def deliver_first(world: World, other: LocalCluster) -> None:
    await begin(world, other, audiences=AUDIENCE)
    await allow(other, world)
    await world.kustomization("apps", path="apps", kubeConfig=REFERENCE)
    await world.ready("apps")


async def deliver_again(world: World, other: LocalCluster, value: str) -> None:
    world.repo.commit("Change", {"apps/cm.yaml": config_map("settings", world.namespace, {"n": value})})
    await world.request_reconcile("GitRepository", "fleet", value)
    await world.ready("apps")
    assert ((await at(other, world)) or {})["data"] == {"n": value}
    failures = [event["message"] for event in await world.events("apps") if event["type"] == "Warning"]
    assert failures == []


async def test_a_token_near_its_end_is_renewed(
    world: World, other: LocalCluster, gate: Gate, monkeypatch: pytest.MonkeyPatch
) -> None:
    await deliver_first(world, other)
    await deliver_again(world, other, "2")
    assert len(gate.seen) == 1
    later = SimpleNamespace(monotonic=lambda: time.monotonic() + 0.9 * TOKEN_SECONDS)
    monkeypatch.setattr(credentials, "time", later)
    await deliver_again(world, other, "3")
    assert len(gate.seen) == 2
    assert gate.refused == set()


async def test_a_token_that_ended_early_is_renewed(world: World, other: LocalCluster, gate: Gate) -> None:
    """Keys are rotated, clocks differ: the other cluster decides when a token is over."""
    await deliver_first(world, other)
    gate.end_all()
    await deliver_again(world, other, "2")
    assert gate.refused
    assert len(gate.seen) == 2
