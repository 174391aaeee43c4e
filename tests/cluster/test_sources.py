"""GitRepository: what it follows, what it says when it cannot, and that it recovers."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest

from tests.support.manifests import config_map

if TYPE_CHECKING:
    from tests.support.world import World


async def artifact(world: World, revision: str) -> dict[str, Any]:
    async def seen() -> Any:
        found = (await world.status("fleet", "GitRepository")).get("artifact") or {}
        return found if found.get("revision") == revision else None

    found: dict[str, Any] = await world.eventually(f"the artifact of {revision}", seen)
    return found


@pytest.mark.parametrize("kind", ["branch", "tag", "semver", "commit", "name"])
async def test_follows_what_the_reference_says(world: World, kind: str) -> None:
    commit = world.repo.commit("Begin", {"a.yaml": ""})
    world.repo.tag("v1.2.0", annotated=True)
    world.repo.commit("Later", {"b.yaml": ""}, branch="next")
    wanted = {
        "branch": ("main", f"main@sha1:{commit}"),
        "tag": ("v1.2.0", f"v1.2.0@sha1:{commit}"),
        "semver": (">=1.0.0 <2.0.0", f"v1.2.0@sha1:{commit}"),
        "commit": (commit, f"sha1:{commit}"),
        "name": ("refs/heads/main", f"refs/heads/main@sha1:{commit}"),
    }[kind]
    await world.git_repository(ref={kind: wanted[0]})
    await artifact(world, wanted[1])


async def test_a_missing_branch_is_named_and_awaited(world: World) -> None:
    world.repo.commit("Begin", {"a.yaml": ""})
    await world.git_repository(ref={"branch": "next"})
    failure = await world.failed("fleet", kind="GitRepository", reason="GitOperationFailed")
    assert "next" in failure["message"]
    status = await world.status("fleet", "GitRepository")
    conditions = [(each["type"], each["status"], each["reason"]) for each in status["conditions"]]
    assert conditions == [
        ("Reconciling", "True", "ProgressingWithRetry"),
        ("Ready", "False", "GitOperationFailed"),
        ("FetchFailed", "True", "GitOperationFailed"),
    ]
    assert status["observedGeneration"] == -1, "a failure is no observation"
    event = await world.event("fleet", "next", kind="GitRepository")
    assert (event["type"], event["reason"]) == ("Warning", "GitOperationFailed")
    commit = world.repo.commit("Now", {"b.yaml": ""}, branch="next")
    await artifact(world, f"next@sha1:{commit}")
    assert (await world.condition("fleet", "FetchFailed", kind="GitRepository"))["status"] == ""


async def test_a_forced_push_is_followed(world: World) -> None:
    first = world.repo.commit("Begin", {"a.yaml": ""})
    second = world.repo.commit("More", {"b.yaml": ""})
    await world.git_repository()
    await artifact(world, f"main@sha1:{second}")
    world.repo.force("main", first)
    await artifact(world, f"main@sha1:{first}")


async def test_what_was_delivered_stays_when_the_branch_is_gone(world: World) -> None:
    commit = world.repo.commit("Begin", {"apps/cm.yaml": config_map("settings", world.namespace, {})}, branch="next")
    await world.git_repository(ref={"branch": "next"})
    await artifact(world, f"next@sha1:{commit}")
    await world.kustomization("apps", path="apps")

    async def applied() -> Any:
        return await world.get("ConfigMap", "settings")

    await world.eventually("the object is applied", applied)
    world.repo.delete_branch("next")
    await world.failed("fleet", kind="GitRepository")
    assert (await world.condition("apps"))["status"] == "True"
    assert await applied() is not None


async def test_an_impossible_address_stalls(world: World) -> None:
    await world.git_repository(url="https://user@/x.git")
    failure = await world.failed("fleet", kind="GitRepository")
    assert failure["reason"] == "URLInvalid"
    status = await world.status("fleet", "GitRepository")
    conditions = [(each["type"], each["status"], each["reason"]) for each in status["conditions"]]
    assert conditions == [
        ("Stalled", "True", "URLInvalid"),
        ("Ready", "False", "URLInvalid"),
        ("FetchFailed", "True", "URLInvalid"),
    ]
    assert status["observedGeneration"] == 1


async def test_a_missing_secret_is_named_and_awaited(world: World) -> None:
    world.repo.commit("Begin", {"a.yaml": ""})
    await world.git_repository(secretRef={"name": "absent"})
    failure = await world.failed("fleet", kind="GitRepository", reason="AuthenticationFailed")
    assert f"{world.namespace}/absent" in failure["message"]
    label = {"reconcile.fluxcd.io/watch": "Enabled"}
    await world.apply("v1", "Secret", "absent", stringData={"username": "u", "password": "p"}, labels=label)
    await artifact(world, f"main@sha1:{world.repo.head}")


async def test_suspended_it_stays_where_it_is(world: World) -> None:
    first = world.repo.commit("Begin", {"a.yaml": ""})
    await world.git_repository()
    await artifact(world, f"main@sha1:{first}")
    await world.git_repository(suspend=True)
    second = world.repo.commit("More", {"b.yaml": ""})
    await world.request_reconcile("GitRepository", "fleet", "now")
    await world.git_repository("other")

    async def other() -> Any:
        return (await world.status("other", "GitRepository")).get("artifact")

    assert (await world.eventually("another one follows", other))["revision"] == f"main@sha1:{second}"
    found = (await world.status("fleet", "GitRepository"))["artifact"]["revision"]
    assert found == f"main@sha1:{first}"
    await world.git_repository(suspend=False)
    await artifact(world, f"main@sha1:{second}")


async def test_ignored_files_and_included_repositories(world: World) -> None:
    world.repo.commit("Begin", {"a.yaml": "", "secret.txt": "x"})
    await world.git_repository("base")
    await world.git_repository(ignore="*.txt", include=[{"repository": {"name": "base"}, "toPath": "base"}])
    await artifact(world, f"main@sha1:{world.repo.head}")
    status = await world.status("fleet", "GitRepository")
    assert status["observedIgnore"] == "*.txt"
    assert status["observedInclude"] == [{"repository": {"name": "base"}, "toPath": "base"}]
    assert status["includedArtifacts"][0]["revision"] == f"main@sha1:{world.repo.head}"


async def test_it_can_be_deleted(world: World) -> None:
    world.repo.commit("Begin", {"a.yaml": ""})
    await world.git_repository()
    await artifact(world, f"main@sha1:{world.repo.head}")
    found = await world.get("GitRepository", "fleet")
    assert found is not None
    assert found["metadata"]["finalizers"] == ["finalizers.fluxcd.io"]
    await world.delete("GitRepository", "fleet")

    async def gone() -> bool:
        return await world.get("GitRepository", "fleet") is None

    await world.eventually("it is gone", gone)
