"""dependsOn: in order, at once, and never in a circle."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.support.manifests import config_map
from tests.support.patience import PATIENCE

if TYPE_CHECKING:
    import pytest

    from tests.support.world import World


async def test_a_chain_rolls_out_in_order_and_at_once(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairlead.controllers.outcomes.PATIENCE_SECONDS", PATIENCE)  # a busy machine has long moments
    names = ["a", "b", "c", "d"]
    world.repo.commit("Begin", {f"{name}/cm.yaml": config_map(name, world.namespace, {"n": "1"}) for name in names})
    await world.git_repository()
    for before, name in zip([None, *names], names, strict=False):
        await world.kustomization(name, path=name, dependsOn=[{"name": before}] if before else [])
    await world.ready(*names)
    world.repo.commit("Again", {f"{name}/cm.yaml": config_map(name, world.namespace, {"n": "2"}) for name in names})
    await world.ready(*names)
    versions = [int((await world.get("ConfigMap", name))["metadata"]["resourceVersion"]) for name in names]  # type: ignore[index]
    assert versions == sorted(versions)
    for name in names:
        messages = [event["message"] for event in await world.events(name)]
        assert not any("Dependencies" in message for message in messages), "a moment's wait is no news"


async def test_a_dependency_that_fails_holds_its_dependants(world: World) -> None:
    world.repo.commit("Begin", {"a/cm.yaml": "kind: [\n", "b/cm.yaml": config_map("b", world.namespace, {})})
    await world.git_repository()
    await world.kustomization("a", path="a")
    await world.kustomization("b", path="b", dependsOn=[{"name": "a"}])
    failure = await world.failed("b", reason="DependencyNotReady")
    assert failure["message"] == f"dependency '{world.namespace}/a' is not ready"
    await world.event("b", "Dependencies do not meet ready condition")
    assert await world.get("ConfigMap", "b") is None
    world.repo.commit("Fix", {"a/cm.yaml": config_map("a", world.namespace, {})})
    await world.ready("a", "b")


async def test_a_missing_dependency_is_named(world: World) -> None:
    world.repo.commit("Begin", {"b/cm.yaml": config_map("b", world.namespace, {})})
    await world.git_repository()
    await world.kustomization("b", path="b", dependsOn=[{"name": "a"}])
    failure = await world.failed("b", reason="DependencyNotReady")
    assert failure["message"] == f"dependency '{world.namespace}/a' not found"
    world.repo.commit("More", {"a/cm.yaml": config_map("a", world.namespace, {})})
    await world.kustomization("a", path="a")
    await world.ready("a", "b")


async def test_a_cycle_is_told_with_its_path(world: World) -> None:
    world.repo.commit("Begin", {f"{name}/cm.yaml": config_map(name, world.namespace, {}) for name in "abc"})
    await world.git_repository()
    for name, before in (("a", "c"), ("b", "a"), ("c", "b")):
        await world.kustomization(name, path=name, dependsOn=[{"name": before}])
    ns = world.namespace  # while the others are not there yet, it says that
    path = f"{ns}/a → {ns}/c → {ns}/b → {ns}/a"
    await world.failed("a", reason="DependencyNotReady", text=f"dependency cycle: {path}")
    await world.kustomization("a", path="a")
    await world.ready("a", "b", "c")


async def test_an_expression_says_when_a_dependency_is_ready(world: World) -> None:
    """It decides alone, whatever the dependency's conditions say, and is asked again when the dependency changes."""
    world.repo.commit("Begin", {"a/cm.yaml": "kind: [\n", "b/cm.yaml": config_map("b", world.namespace, {})})
    await world.git_repository()
    await world.kustomization("a", path="a")
    expression = "dep.metadata.?annotations['example.com/gate'].orValue('') == self.spec.path"
    await world.kustomization("b", path="b", dependsOn=[{"name": "a", "readyExpr": expression}])
    failure = await world.failed("b", reason="DependencyNotReady")
    text = f"dependency '{world.namespace}/a' is not ready according to readyExpr '{expression}'"
    assert failure["message"] == text
    await world.patch("Kustomization", "a", {"metadata": {"annotations": {"example.com/gate": "b"}}})
    await world.ready("b")


async def test_an_expression_that_meets_no_such_field_is_asked_again(world: World) -> None:
    world.repo.commit("Begin", {f"{name}/cm.yaml": config_map(name, world.namespace, {}) for name in "ab"})
    await world.git_repository()
    await world.kustomization("a", path="a")
    expression = "dep.metadata.annotations['example.com/gate'] == 'open'"
    await world.kustomization("b", path="b", dependsOn=[{"name": "a", "readyExpr": expression}])
    failure = await world.failed("b", reason="DependencyNotReady")
    assert "cannot be evaluated: Key not found in map" in failure["message"]
    await world.patch("Kustomization", "a", {"metadata": {"annotations": {"example.com/gate": "open"}}})
    await world.ready("a", "b")


async def test_an_expression_that_cannot_be_read_stalls(world: World) -> None:
    world.repo.commit("Begin", {f"{name}/cm.yaml": config_map(name, world.namespace, {}) for name in "ab"})
    await world.git_repository()
    await world.kustomization("a", path="a")
    await world.kustomization("b", path="b", dependsOn=[{"name": "a", "readyExpr": "dep.status.ready =="}])
    failure = await world.failed("b", reason="InvalidCELExpression")
    assert "CEL expression 'dep.status.ready ==' cannot be read: Syntax error" in failure["message"]
    assert (await world.condition("b", "Stalled"))["reason"] == "InvalidCELExpression"
    await world.kustomization("b", path="b", dependsOn=[{"name": "a", "readyExpr": "dep.spec.prune == true"}])
    await world.ready("b")
    assert (await world.condition("b", "Stalled"))["status"] == ""
