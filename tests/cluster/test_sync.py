"""What is in Git is in the cluster, and the status says so as Flux's would."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.support.world import World

SETTINGS = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings, namespace: NS}\ndata: {zone: 'ZONE'}\n"


def settings(world: World, zone: str) -> str:
    return SETTINGS.replace("NS", world.namespace).replace("ZONE", zone)


async def test_a_commit_arrives(world: World) -> None:
    first = world.repo.commit("Begin", {"apps/settings.yaml": settings(world, "a")})
    await world.git_repository()
    await world.kustomization("apps", path="./apps")
    await world.ready("apps")

    found = await world.get("ConfigMap", "settings")
    assert found is not None
    assert found["data"] == {"zone": "a"}
    assert found["metadata"]["labels"] == {
        "kustomize.toolkit.fluxcd.io/name": "apps",
        "kustomize.toolkit.fluxcd.io/namespace": world.namespace,
    }
    managers = [(entry["manager"], entry["operation"]) for entry in found["metadata"]["managedFields"]]
    assert managers == [("kustomize-controller", "Apply")]

    second = world.repo.commit("Move", {"apps/settings.yaml": settings(world, "b")})
    await world.ready("apps", commit=second)
    found = await world.get("ConfigMap", "settings")
    assert found is not None
    assert found["data"] == {"zone": "b"}
    assert first != second


async def test_the_source_says_what_it_has(world: World) -> None:
    commit = world.repo.commit("Begin\n\nwith a body", {"apps/settings.yaml": settings(world, "a")})
    await world.git_repository()

    async def artifact() -> dict[str, object] | None:
        return (await world.status("fleet", "GitRepository")).get("artifact")

    found = await world.eventually("an artifact", artifact)
    assert found["revision"] == f"main@sha1:{commit}"
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", found["digest"])
    assert found["path"] == f"gitrepository/{world.namespace}/fleet/{commit}.tar.gz"
    assert found["url"].endswith(found["path"])
    assert found["size"] == (world.settings.storage.folder / "artifacts" / found["path"]).stat().st_size
    ready = await world.condition("fleet", kind="GitRepository")
    assert (ready["status"], ready["reason"]) == ("True", "Succeeded")
    assert ready["message"] == f"stored artifact for revision 'main@sha1:{commit}'"
    stored = await world.condition("fleet", "ArtifactInStorage", kind="GitRepository")
    assert stored["status"] == "True"
    event = await world.event("fleet", "stored artifact for commit 'Begin'", kind="GitRepository")
    assert (event["type"], event["reason"], event["source"]["component"]) == (
        "Normal",
        "NewArtifact",
        "source-controller",
    )
    assert event["metadata"]["annotations"] == {
        "source.toolkit.fluxcd.io/digest": found["digest"],
        "source.toolkit.fluxcd.io/revision": found["revision"],
    }


async def test_the_kustomization_says_what_it_did(world: World) -> None:
    commit = world.repo.commit("Begin", {"apps/settings.yaml": settings(world, "a")})
    await world.git_repository()
    await world.kustomization("apps", path="./apps", wait=True, timeout="1m")
    await world.ready("apps")

    status = await world.status("apps")
    revision = f"main@sha1:{commit}"
    assert status["lastAppliedRevision"] == status["lastAttemptedRevision"] == revision
    assert status["inventory"] == {"entries": [{"id": f"{world.namespace}_settings__ConfigMap", "v": "v1"}]}
    texts = {item["type"]: (item["status"], item["reason"], item["message"]) for item in status["conditions"]}
    assert texts["Ready"] == ("True", "ReconciliationSucceeded", f"Applied revision: {revision}")
    assert texts["Healthy"][:2] == ("True", "Succeeded")
    assert texts["Healthy"][2].startswith("Health check passed in ")
    assert set(texts) == {"Ready", "Healthy"}
    (entry,) = status["history"]
    assert re.fullmatch(r"sha256:[0-9a-f]{64}", entry["digest"])
    assert entry["lastReconciledStatus"] == "ReconciliationSucceeded"
    assert entry["totalReconciliations"] == 1
    assert entry["metadata"]["revision"] == revision

    changes = await world.event("apps", f"ConfigMap/{world.namespace}/settings created")
    assert (changes["type"], changes["reason"]) == ("Normal", "Progressing")
    finished = await world.event("apps", "Reconciliation finished in ", ", next run in 10m0s")
    assert finished["reason"] == "ReconciliationSucceeded"
    assert finished["source"]["component"] == "kustomize-controller"
    annotations = finished["metadata"]["annotations"]
    assert annotations["kustomize.toolkit.fluxcd.io/commit_status"] == "update"
    assert annotations["kustomize.toolkit.fluxcd.io/revision"] == revision


async def test_a_request_is_handled_and_writes_no_object(world: World) -> None:
    world.repo.commit("Begin", {"apps/settings.yaml": settings(world, "a")})
    await world.git_repository()
    await world.kustomization("apps", path="./apps")
    await world.ready("apps")
    before = world.object_writes()
    await world.request_reconcile("Kustomization", "apps", "now")

    async def handled() -> bool:
        return (await world.status("apps")).get("lastHandledReconcileAt") == "now"

    await world.eventually("the request is handled", handled)
    assert world.object_writes() == before
    assert (await world.status("apps"))["history"][0]["totalReconciliations"] == 2


async def test_an_unaffected_kustomization_only_moves_its_revision(world: World) -> None:
    world.repo.commit("Begin", {"apps/settings.yaml": settings(world, "a"), "other/README.md": "hello"})
    await world.git_repository()
    await world.kustomization("apps", path="./apps")
    await world.ready("apps")
    before = await world.get("ConfigMap", "settings")
    writes = world.object_writes()
    world.repo.commit("Say more", {"other/README.md": "hello all"})
    await world.ready("apps")
    assert world.object_writes() == writes
    assert await world.get("ConfigMap", "settings") == before


async def test_a_whole_repository_of_plain_files(world: World) -> None:
    world.repo.commit(
        "Begin",
        {
            "one/settings.yaml": settings(world, "a"),
            "two/kustomization.yaml": "configMapGenerator: [{name: made, literals: [k=v]}]\n"
            f"namespace: {world.namespace}\n",
            "notes.txt": "not a manifest",
        },
    )
    await world.git_repository()
    await world.kustomization("all")
    await world.ready("all")
    found = await world.inventory("all")
    assert f"{world.namespace}_settings__ConfigMap" in found
    assert any(entry.startswith(f"{world.namespace}_made-") for entry in found)
