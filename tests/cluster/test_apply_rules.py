"""Rules of the apply that Flux's users count on: stages, who owns a field, namespaces on their way out, moves."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from fairlead.kube.client import PatchType
from tests.support.manifests import config_map

if TYPE_CHECKING:
    from tests.support.world import World

SSA = "kustomize.toolkit.fluxcd.io/ssa"
MARK = "fluxcd.io/sync-gc-mark"
LAST_APPLIED = "kubectl.kubernetes.io/last-applied-configuration"


async def restart_with_apply(world: World, **apply: Any) -> None:
    world.settings = replace(world.settings, apply=replace(world.settings.apply, **apply))
    await world.restart()


async def made_by(world: World, manager: str, name: str, **metadata: Any) -> None:
    """A ConfigMap that somebody else created, with a field more than ours will have."""
    made = json.loads(config_map(name, world.namespace, {"k": "theirs", "extra": "theirs"}, **metadata))
    await world.client.create(made, field_manager=manager)


async def data_of(world: World, name: str) -> dict[str, str]:
    found = await world.get("ConfigMap", name)
    assert found is not None
    data: dict[str, str] = found["data"]
    return data


async def handled(world: World, name: str, token: str) -> None:
    await world.request_reconcile("Kustomization", name, token)

    async def seen() -> bool:
        return (await world.status(name)).get("lastHandledReconcileAt") == token

    await world.eventually("the request is handled", seen)


async def test_a_custom_stage_is_written_before_the_rest_is_examined(world: World) -> None:
    await restart_with_apply(world, custom_stage_kinds=("/Secret",))
    secret = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "early", "namespace": world.namespace}}
    wrong = config_map("Wrong_Name", world.namespace, {})
    files = {
        "apps/a.yaml": json.dumps(secret),
        "apps/b.yaml": wrong,
        "apps/c.yaml": config_map("c", world.namespace, {}),
    }
    world.repo.commit("Begin", files)
    await world.git_repository()
    await world.kustomization("apps", path="apps")
    failure = await world.failed("apps", reason="ReconciliationFailed")
    assert "Wrong_Name" in failure["message"]
    assert await world.get("Secret", "early") is not None
    assert await world.get("ConfigMap", "c") is None


async def test_what_was_exported_from_a_cluster_is_no_fight_with_ourselves(world: World) -> None:
    """``kubectl get -o yaml`` shows kubectl's own annotation: it is not applied, and never corrected as drift."""
    notes = {LAST_APPLIED: '{"data": {"k": "old"}}\n'}
    exported = config_map("one", world.namespace, {"k": "v"}, annotations=notes, labels={MARK: "1"})
    world.repo.commit("Begin", {"apps/cm.yaml": exported})
    await world.git_repository()
    await world.kustomization("apps", path="apps")
    await world.ready("apps")
    writes = world.object_writes()
    for token in ("1", "2"):
        await handled(world, "apps", token)
    assert world.object_writes() == writes
    found = await world.get("ConfigMap", "one")
    assert found is not None
    assert not found["metadata"].get("annotations")
    assert MARK not in found["metadata"]["labels"]


async def test_marks_of_an_older_flux_go(world: World) -> None:
    notes = {"fluxcd.io/sync-checksum": "1", "kustomize.toolkit.fluxcd.io/checksum": "2"}
    await made_by(world, "fluxd", "one", labels={MARK: "sha256.1"}, annotations=notes)
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("one", world.namespace, {"k": "theirs"})})
    await world.git_repository()
    await world.kustomization("apps", path="apps")
    await world.ready("apps")
    found = await world.get("ConfigMap", "one")
    assert found is not None
    assert not found["metadata"].get("annotations")
    assert MARK not in found["metadata"]["labels"]


@pytest.mark.parametrize("manager", ["kubectl-client-side-apply", "kubectl-create", "before-first-apply"])
async def test_kubectls_fields_are_taken_over(world: World, manager: str) -> None:
    await made_by(world, manager, "one", annotations={LAST_APPLIED: "{}"})
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("one", world.namespace, {"k": "ours"})})
    await world.git_repository()
    await world.kustomization("apps", path="apps")
    await world.ready("apps")
    found = await world.get("ConfigMap", "one")
    assert found is not None
    assert found["data"] == {"k": "ours"}
    assert LAST_APPLIED not in found["metadata"].get("annotations", {})
    assert {entry["manager"] for entry in found["metadata"]["managedFields"]} == {"kustomize-controller"}


async def test_other_managers_keep_what_git_does_not_have_unless_overridden(world: World) -> None:
    await made_by(world, "robot", "one")
    world.repo.commit("Begin", {"apps/cm.yaml": config_map("one", world.namespace, {"k": "ours"})})
    await world.git_repository()
    await world.kustomization("apps", path="apps")
    await world.ready("apps")
    assert await data_of(world, "one") == {"k": "ours", "extra": "theirs"}
    await restart_with_apply(world, override_managers=("robot",))
    await handled(world, "apps", "1")
    assert await data_of(world, "one") == {"k": "ours"}


@pytest.mark.parametrize(
    ("mark", "expected"),
    [
        ("Override", {"k": "ours"}),
        ("Merge", {"k": "ours", "extra": "theirs"}),
        ("IfNotPresent", {"k": "theirs", "extra": "theirs"}),
        ("Ignore", {"k": "theirs", "extra": "theirs"}),
    ],
)
async def test_the_policy_of_an_object_that_kubectl_made(world: World, mark: str, expected: dict[str, str]) -> None:
    await made_by(world, "kubectl-client-side-apply", "one")
    manifest = config_map("one", world.namespace, {"k": "ours"}, annotations={SSA: mark})
    world.repo.commit("Begin", {"apps/cm.yaml": manifest})
    await world.git_repository()
    await world.kustomization("apps", path="apps")
    await world.ready("apps")
    assert await data_of(world, "one") == expected
    assert await world.inventory("apps") == [f"{world.namespace}_one__ConfigMap"]


async def test_a_namespace_that_is_being_deleted_is_waited_for(world: World) -> None:
    name = f"{world.namespace}-team"
    held = config_map("held", name, {}, finalizers=["example.com/hold"])
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name}}
    await world.client.create(space)
    await world.client.create(json.loads(held))
    await world.client.delete(world.ref("Namespace", name, ""))
    world.repo.commit("Begin", {"apps/ns.yaml": json.dumps(space), "apps/cm.yaml": config_map("one", name, {"k": "v"})})
    await world.git_repository()
    await world.kustomization("apps", path="apps")

    async def waited_for() -> bool:
        return world.controllers.sent["get", "namespaces"] > 0  # it is looked at only to see whether it has gone

    await world.eventually("the namespace is waited for", waited_for)
    await world.client.patch(world.ref("ConfigMap", "held", name), {"metadata": {"finalizers": None}}, PatchType.MERGE)
    await world.ready("apps")
    assert await world.get("ConfigMap", "held", name) is None


@pytest.mark.parametrize("first", ["old owner resumes", "old owner stays"])
async def test_an_object_moves_away_from_a_suspended_owner(world: World, first: str) -> None:
    moving = config_map("moving", world.namespace, {"k": "v"})
    keep = {f"{name}/keep.yaml": config_map(f"keep-{name}", world.namespace, {}) for name in "ab"}
    world.repo.commit("Begin", {**keep, "a/moving.yaml": moving})
    await world.git_repository()
    for name in "ab":
        await world.kustomization(name, path=name)
    await world.ready("a", "b")
    before = await world.get("ConfigMap", "moving")
    await world.kustomization("a", path="a", suspend=True)
    world.repo.commit("Move", {"a/moving.yaml": None, "b/moving.yaml": moving})
    await world.ready("b")
    if first == "old owner resumes":
        await world.kustomization("a", path="a", suspend=False)
        await world.ready("a")
    else:
        await world.delete("Kustomization", "a")

        async def gone() -> bool:
            return await world.get("Kustomization", "a") is None

        await world.eventually("the old owner is gone", gone)
    after = await world.get("ConfigMap", "moving")
    assert before is not None
    assert after is not None
    assert before["metadata"]["uid"] == after["metadata"]["uid"]
    assert after["metadata"]["labels"]["kustomize.toolkit.fluxcd.io/name"] == "b"
