"""healthCheckExprs: health of kinds that nobody but their owner knows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairlead.kube.client import PatchType
from fairlead.objects.ref import ObjectRef
from fairlead.objects.yaml import dump

if TYPE_CHECKING:
    import pytest

    from tests.support.world import World


def group_of(world: World) -> str:
    """A group that no other test has: definitions belong to the whole cluster."""
    return f"{world.namespace}.example.com"


def rule(world: World, **expressions: str) -> dict[str, str]:
    expected = {"current": "status.phase == 'Up'", "failed": "status.phase == 'Down'"}
    return {"apiVersion": f"{group_of(world)}/v1", "kind": "Queue"} | expected | expressions


def definition(world: World) -> str:
    group = group_of(world)
    manifest: dict[str, Any] = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "metadata": {"name": f"queues.{group}"},
        "spec": {
            "group": group,
            "names": {"kind": "Queue", "listKind": "QueueList", "plural": "queues", "singular": "queue"},
            "scope": "Namespaced",
            "versions": [
                {
                    "name": "v1",
                    "served": True,
                    "storage": True,
                    "schema": {"openAPIV3Schema": {"type": "object", "x-kubernetes-preserve-unknown-fields": True}},
                }
            ],
        },
    }
    return dump(manifest)


def queue(world: World, **spec: Any) -> str:
    manifest = {
        "apiVersion": f"{group_of(world)}/v1",
        "kind": "Queue",
        "metadata": {"name": "mail", "namespace": world.namespace},
        "spec": spec,
    }
    return dump(manifest)


async def set_phase(world: World, phase: str) -> None:
    ref = ObjectRef(group_of(world), "Queue", world.namespace, "mail")
    await world.client.patch(ref, {"status": {"phase": phase}}, PatchType.MERGE, field_manager="queue-operator")


async def test_a_custom_kind_is_ready_when_its_expression_says_so(world: World) -> None:
    world.repo.commit("Begin", {"crds/q.yaml": definition(world), "apps/q.yaml": queue(world)})
    await world.git_repository()
    await world.kustomization("crds", path="crds")
    await world.kustomization("apps", path="apps", wait=True, timeout="30s", healthCheckExprs=[rule(world)])

    async def waits() -> bool:
        return "Running health checks" in (await world.condition("apps")).get("message", "")

    await world.eventually("the health check runs", waits)
    await set_phase(world, "Up")
    await world.ready("crds", "apps")
    await set_phase(world, "Down")
    bad = world.repo.commit("Break", {"apps/q.yaml": queue(world, size=1)})
    failure = await world.failed("apps", reason="HealthCheckFailed")
    assert "failed early due to stalled resources" in failure["message"]
    assert f"Queue/{world.namespace}/mail status: 'Failed'" in failure["message"]
    assert bad[:8] in failure["message"]
    await set_phase(world, "Up")
    world.repo.commit("Mend", {"apps/q.yaml": queue(world, size=2)})
    await world.ready("apps")


async def test_in_progress_comes_before_current_for_all_kinds_of_a_group(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fairlead.controllers.waits.AGAIN_SECONDS", 0.1)
    early = rule(world, current="has(status.phase)", inProgress="status.phase == 'New'")
    del early["kind"]
    world.repo.commit("Begin", {"crds/q.yaml": definition(world), "apps/q.yaml": queue(world)})
    await world.git_repository()
    await world.kustomization("crds", path="crds")
    await world.kustomization("apps", path="apps", wait=True, timeout="30s", healthCheckExprs=[early])

    async def waits(why: str = "") -> bool:
        message = (await world.condition("apps")).get("message", "")
        return "Running health checks" in message and why in message

    await world.eventually("the health check runs", waits)
    await set_phase(world, "New")
    await world.eventually("it is new", lambda: waits("expression 'status.phase == 'New'' holds"))
    await set_phase(world, "Up")
    await world.ready("crds", "apps")


async def test_two_rules_for_a_kind_stall(world: World) -> None:
    world.repo.commit("Begin", {"apps/q.yaml": queue(world)})
    await world.git_repository()
    await world.kustomization("apps", path="apps", wait=True, healthCheckExprs=[rule(world)] * 2)
    failure = await world.failed("apps", reason="InvalidCELExpression")
    assert f"there are two healthCheckExprs for Queue.{group_of(world)}" in failure["message"]
    await world.kustomization("apps", path="apps", wait=True, healthCheckExprs=[rule(world, current="status.")])

    async def says_so() -> bool:
        return f"healthCheckExprs for Queue.{group_of(world)}: CEL expression 'status.'" in (
            await world.condition("apps")
        ).get("message", "")

    await world.eventually("the expression is refused", says_so)
    assert (await world.condition("apps", "Stalled"))["reason"] == "InvalidCELExpression"


async def test_what_is_healthy_is_not_waited_for_again(world: World) -> None:
    """A later run reads what the watches do not know, and never calls it unknown meanwhile."""
    world.repo.commit("Begin", {"apps/q.yaml": definition(world)})
    await world.git_repository()
    established = {
        "apiVersion": "apiextensions.k8s.io/v1",
        "kind": "CustomResourceDefinition",
        "current": "status.conditions.exists(c, c.type == 'Established' && c.status == 'True')",
    }
    await world.kustomization("apps", path="apps", wait=True, healthCheckExprs=[established])
    await world.ready("apps")
    await world.patch("Kustomization", "apps", {"metadata": {"annotations": {"reconcile.fluxcd.io/requestedAt": "1"}}})
    seen: set[str] = set()

    async def handled() -> bool:
        # The message tells how long the check took, so its time of transition may move; its status must not.
        seen.add((await world.condition("apps", "Healthy"))["status"])
        return (await world.status("apps")).get("lastHandledReconcileAt") == "1"

    await world.eventually("the request is handled", handled)
    seen.add((await world.condition("apps", "Healthy"))["status"])
    assert seen == {"True"}
