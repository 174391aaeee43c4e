"""What is deleted under an apply's hands is there in the end, and the run that met the gap says so or needs not."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from fairlead.kube.errors import NoMatchError, NotFoundError
from fairlead.objects.ref import ObjectRef
from tests.support.manifests import config_map, limit, limit_definition, limit_group

if TYPE_CHECKING:
    from tests.support.fault_proxy import FaultProxy
    from tests.support.world import World


async def begin(world: World, files: dict[str, str]) -> None:
    world.repo.commit("Begin", {f"apps/{name}": text for name, text in files.items()})
    await world.git_repository()
    await world.kustomization("apps", path="apps", retryInterval="1s")


async def assert_quiet(world: World) -> None:
    """One more run writes nothing."""
    await world.quiet()  # a repair may consist of two writes, of which the first is seen
    before = world.object_writes()
    await world.request_reconcile("Kustomization", "apps", "quiet")

    async def handled() -> bool:
        return (await world.status("apps")).get("lastHandledReconcileAt") == "quiet"

    await world.eventually("the request is handled", handled)
    assert world.object_writes() == before


async def test_an_object_between_its_dry_run_and_its_apply(world: World, proxy: FaultProxy) -> None:
    names = ("one", "two")
    await begin(world, {f"{name}.yaml": config_map(name, world.namespace, {"k": "1"}) for name in names})
    await world.ready("apps")
    before = await world.get("ConfigMap", "one")
    hold = proxy.hold("PATCH", "/configmaps/one")
    world.repo.commit("Change", {f"apps/{n}.yaml": config_map(n, world.namespace, {"k": "2"}) for n in names})
    await hold.reached.wait()
    await world.delete("ConfigMap", "one")
    hold.release.set()
    await world.ready("apps")
    after = await world.get("ConfigMap", "one")
    assert before is not None
    assert after is not None
    assert (after["data"], after["metadata"]["uid"] != before["metadata"]["uid"]) == ({"k": "2"}, True)
    assert len(await world.inventory("apps")) == 2
    await assert_quiet(world)


async def test_an_object_that_somebody_made_anew_in_between(world: World, proxy: FaultProxy) -> None:
    """The apply takes it, and the repair removes what it does not have."""
    names = ("one", "two")
    await begin(world, {f"{name}.yaml": config_map(name, world.namespace, {"k": "1"}) for name in names})
    await world.ready("apps")
    hold = proxy.hold("PATCH", "/configmaps/one")
    world.repo.commit("Change", {f"apps/{n}.yaml": config_map(n, world.namespace, {"k": "2"}) for n in names})
    await hold.reached.wait()
    await world.delete("ConfigMap", "one")
    theirs = json.loads(config_map("one", world.namespace, {"k": "theirs", "more": "theirs"}))
    await world.client.create(theirs, field_manager="kubectl-create")
    hold.release.set()

    async def taken() -> bool:
        found = await world.get("ConfigMap", "one")
        return found is not None and found["data"] == {"k": "2"}

    await world.eventually("it is as Git says", taken)
    await world.ready("apps")
    await assert_quiet(world)


async def test_a_namespace_in_the_middle(world: World, proxy: FaultProxy) -> None:
    team = f"{world.namespace}-team"
    space = {"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": team}}
    hold = proxy.hold("PATCH", "/configmaps/one")
    await begin(world, {"ns.yaml": json.dumps(space), "one.yaml": config_map("one", team, {"k": "v"})})
    await hold.reached.wait()
    first = await world.get("Namespace", team, "")
    await world.client.delete(world.ref("Namespace", team, ""))
    hold.release.set()
    await world.ready("apps")

    async def whole() -> bool:
        space = await world.get("Namespace", team, "")
        return (
            space is not None
            and space["metadata"]["uid"] != uid_of(first)
            and bool(await world.get("ConfigMap", "one", team))
        )

    await world.eventually("namespace and object are there again", whole)
    await world.ready("apps")
    await world.delete("Kustomization", "apps")


async def test_a_definition_in_the_middle(world: World, proxy: FaultProxy) -> None:
    hold = proxy.hold("PATCH", "/limits/small")
    await begin(world, {"crd.yaml": limit_definition(world.namespace), "limit.yaml": limit(world.namespace)})
    await hold.reached.wait()
    group = limit_group(world.namespace)
    definition = ObjectRef("apiextensions.k8s.io", "CustomResourceDefinition", "", f"limits.{group}")
    first = await world.client.get(definition)
    await world.client.delete(definition)

    async def gone() -> bool:
        try:
            found = await world.client.get(definition)
        except NotFoundError:
            return True
        return uid_of(found) != uid_of(first)

    await world.eventually("the definition is gone", gone)
    hold.release.set()

    async def whole() -> bool:
        try:
            return bool(await world.client.get(ObjectRef(group, "Limit", world.namespace, "small")))
        except (NoMatchError, NotFoundError):
            return False

    await world.eventually("definition and object are there again", whole)
    await world.ready("apps")
    await world.delete("Kustomization", "apps")


def uid_of(manifest: dict[str, Any] | None) -> str:
    assert manifest is not None
    uid: str = manifest["metadata"]["uid"]
    return uid
