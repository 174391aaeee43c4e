"""GitRepository: what of a repository, and what of others, is in the artifact; and that it says so in its status."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any

import pygit2
import pytest

from fairlead.kube.errors import InvalidError
from tests.support.git_server import Failure, GitServer
from tests.support.manifests import config_map
from tests.support.repo import RepoBuilder, Submodule
from tests.support.signers import PgpSigner, Signer, SshSigner, gpg_folder, signed_commit, signed_tag

if TYPE_CHECKING:
    from pathlib import Path

    from tests.support.world import World

KIND = "GitRepository"


async def until(world: World, what: str, seen: Any, name: str = "fleet") -> dict[str, Any]:
    """The status as soon as ``seen`` is true of it and it is ready for the present spec."""

    async def look() -> Any:
        found = await world.get(KIND, name) or {}
        status = found.get("status") or {}
        current = status.get("observedGeneration") == found["metadata"]["generation"]
        return status if current and status.get("artifact") and seen(status) else None

    try:
        status: dict[str, Any] = await world.eventually(what, look)
    except AssertionError as error:
        raise AssertionError(f"{error}: {await world.condition(name, kind=KIND)}") from None
    return status


async def delivered(world: World, path: str, name: str) -> None:
    """A Kustomization of the path brings the ConfigMap: it is in the artifact."""
    await world.kustomization(name, path=path)

    async def there() -> Any:
        return await world.get("ConfigMap", name)

    try:
        await world.eventually(f"{name} is delivered from {path}", there)
    except AssertionError as error:
        raise AssertionError(f"{error}: {await world.condition(name)}") from None


async def absent(world: World, path: str, name: str) -> None:
    await world.kustomization(name, path=path)
    failure = await world.failed(name)
    assert failure["reason"] in ("ArtifactFailed", "BuildFailed", "InvalidPath"), failure


async def test_sparse_checkout(world: World) -> None:
    files = {f"{place}/cm.yaml": config_map(place, world.namespace, {}) for place in ("apps", "infra")}
    world.repo.commit("Begin", files)
    await world.git_repository(sparseCheckout=["./apps"])
    status = await until(world, "it arrives", lambda _: True)
    assert status["observedSparseCheckout"] == ["./apps"]
    await delivered(world, "apps", "apps")
    await absent(world, "infra", "infra")
    before = status["artifact"]["digest"]
    await world.git_repository(sparseCheckout=["apps", "infra"])
    await until(world, "more arrives", lambda status: status["artifact"]["digest"] != before)
    await world.git_repository(sparseCheckout=["nowhere"])
    failure = await world.failed("fleet", kind=KIND, reason="GitOperationFailed")
    assert "'nowhere' does not exist" in failure["message"]


async def test_submodules_with_the_same_credentials(world: World, tmp_path: Path) -> None:
    async with GitServer(tmp_path / "srv") as server:
        server.users["ada"] = "swordfish"
        inner = RepoBuilder(server.folder / "inner.git")
        innermost = inner.commit("Inner", {"cm.yaml": config_map("inner", world.namespace, {})})
        library = RepoBuilder(server.folder / "library.git")
        module = '[submodule "inner"]\n\tpath = deep/inner\n\turl = ../inner.git\n'
        pinned = library.commit("Lib", {".gitmodules": module, "deep/inner": Submodule(innermost)})
        fleet = RepoBuilder(server.folder / "fleet.git")
        text = '[submodule "lib"]\n\tpath = vendor/lib\n\turl = ../library.git\n'
        fleet.commit("Use it", {".gitmodules": text, "vendor/lib": Submodule(pinned)})
        await world.apply("v1", "Secret", "login", stringData={"username": "ada", "password": "swordfish"})
        spec: dict[str, Any] = {"url": server.url("fleet.git"), "secretRef": {"name": "login"}}
        await world.git_repository(**spec)
        status = await until(world, "it arrives", lambda _: True)
        assert "observedRecurseSubmodules" not in status
        await world.git_repository(**spec, recurseSubmodules=True)
        await until(world, "the submodules arrive", lambda status: status.get("observedRecurseSubmodules"))
        await delivered(world, "vendor/lib/deep/inner", "inner")


@pytest.mark.parametrize("mode", ["head", "HEAD", "Tag", "TagAndHEAD"])
@pytest.mark.parametrize("means", ["ssh", "openpgp"])
async def test_signatures(world: World, tmp_path: Path, means: str, mode: str) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    with gpg_folder() as home:
        signer: Signer = SshSigner(folder) if means == "ssh" else PgpSigner(home)
        commit = signed_commit(world.repo, signer)
        signed_tag(world.repo, signer, "v1.0.0")
    name, public = signer.public
    await world.apply("v1", "Secret", "trusted", stringData={name: public.decode()})
    ref = {"branch": "main"} if mode.upper() == "HEAD" else {"tag": "v1.0.0"}
    verify = {"mode": mode, "secretRef": {"name": "trusted"}}
    await world.git_repository(ref=ref, verify=verify)
    status = await until(world, "it is verified", lambda status: status.get("sourceVerificationMode"))
    assert status["sourceVerificationMode"] == mode
    verified = await world.condition("fleet", "SourceVerified", kind=KIND)
    assert (verified["status"], verified["reason"]) == ("True", "Succeeded")
    what = {"Tag": ["tag"], "TagAndHEAD": ["tag", "commit"]}.get(mode, ["commit"])
    names = {"tag": "tag 'v1.0.0' with key '", "commit": f"commit '{commit}' with key '"}
    assert [word for word, text in names.items() if text in verified["message"]] == what

    stranger = SshSigner(folder)
    await world.apply("v1", "Secret", "others", stringData={"key.sshpub": stranger.public[1].decode()})
    await world.git_repository("strange", ref=ref, verify=verify | {"secretRef": {"name": "others"}})
    failure = await world.failed("strange", kind=KIND)
    assert failure["reason"] == ("InvalidTagSignature" if mode.startswith("Tag") else "InvalidCommitSignature")
    refused = await world.condition("strange", "SourceVerified", kind=KIND)
    assert (refused["status"], refused["reason"]) == ("False", failure["reason"])
    assert "artifact" not in await world.status("strange", KIND)

    await world.git_repository(ref=ref)
    await until(world, "the mode is gone", lambda status: "sourceVerificationMode" not in status)
    assert (await world.condition("fleet", "SourceVerified", kind=KIND))["status"] == ""


async def test_what_is_not_signed_does_not_arrive(world: World, tmp_path: Path) -> None:
    folder = tmp_path / "keys"
    folder.mkdir()
    world.repo.commit("Begin", {"a.yaml": ""})
    await world.apply("v1", "Secret", "trusted", stringData={"a.sshpub": SshSigner(folder).public[1].decode()})
    await world.git_repository(verify={"secretRef": {"name": "trusted"}})
    failure = await world.failed("fleet", kind=KIND, reason="InvalidCommitSignature")
    event = await world.event("fleet", failure["message"], kind=KIND)
    assert (event["type"], event["reason"]) == ("Warning", "InvalidCommitSignature")


async def test_a_tag_cannot_be_verified_where_none_is_named(world: World, tmp_path: Path) -> None:
    world.repo.commit("Begin", {"a.yaml": ""})
    await world.apply("v1", "Secret", "trusted", stringData={"a.sshpub": SshSigner(tmp_path).public[1].decode()})
    await world.git_repository(verify={"mode": "Tag", "secretRef": {"name": "trusted"}})
    failure = await world.failed("fleet", kind=KIND, reason="InvalidVerificationMode")
    assert "names no tag" in failure["message"]
    assert (await world.condition("fleet", "Stalled", kind=KIND))["status"] == "True"
    verified = await world.condition("fleet", "SourceVerified", kind=KIND)
    assert (verified["status"], verified["reason"]) == ("False", "InvalidVerificationMode")


@pytest.mark.parametrize("annotated", [False, True])
async def test_a_tag_without_a_signature(world: World, tmp_path: Path, annotated: bool) -> None:
    world.repo.commit("Begin", {"a.yaml": ""})
    world.repo.tag("v1.0.0", annotated=annotated)
    await world.apply("v1", "Secret", "trusted", stringData={"a.sshpub": SshSigner(tmp_path).public[1].decode()})
    await world.git_repository(ref={"tag": "v1.0.0"}, verify={"mode": "Tag", "secretRef": {"name": "trusted"}})
    failure = await world.failed("fleet", kind=KIND, reason="InvalidGitObject")
    assert ("it is not signed" if annotated else "it is no annotated tag") in failure["message"]
    verified = await world.condition("fleet", "SourceVerified", kind=KIND)
    assert (verified["status"], verified["reason"]) == ("False", "InvalidGitObject")


async def test_keys_that_are_missing_are_named(world: World) -> None:
    world.repo.commit("Begin", {"a.yaml": ""})
    await world.git_repository(verify={"secretRef": {"name": "gone"}})
    failure = await world.failed("fleet", kind=KIND, reason="VerificationError")
    assert f"Secret '{world.namespace}/gone' not found" in failure["message"]
    verified = await world.condition("fleet", "SourceVerified", kind=KIND)
    assert (verified["status"], verified["reason"]) == ("False", "VerificationError")
    assert (await world.condition("fleet", "FetchFailed", kind=KIND))["status"] == ""


@pytest.mark.parametrize(
    ("paths", "reason"), [({"fromPath": "none"}, "CopyFailure"), ({"toPath": "../x"}, "IllegalPath")]
)
async def test_an_include_that_cannot_be_laid_over(
    world: World, tmp_path: Path, paths: dict[str, str], reason: str
) -> None:
    library = RepoBuilder(tmp_path / "library")
    library.commit("Begin", {"cm.yaml": config_map("lib", world.namespace, {})})
    world.repo.commit("Begin", {"a.yaml": ""})
    await world.git_repository("library", url=library.url)
    include = {"repository": {"name": "library"}}
    await world.git_repository(include=[include | paths])
    failure = await world.failed("fleet", kind=KIND, reason=reason)
    storage = await world.condition("fleet", "StorageOperationFailed", kind=KIND)
    assert (storage["status"], storage["reason"], storage["message"]) == ("True", reason, failure["message"])
    assert (await world.condition("fleet", "IncludeUnavailable", kind=KIND))["status"] == ""
    await world.git_repository(include=[include])
    await delivered(world, "library", "lib")
    assert (await world.condition("fleet", "StorageOperationFailed", kind=KIND))["status"] == ""


async def test_include_waits_copies_and_follows(world: World, tmp_path: Path) -> None:
    library = RepoBuilder(tmp_path / "library")
    library.commit("Begin", {"charts/cm.yaml": config_map("lib", world.namespace, {"k": "1"})})
    world.repo.commit("Begin", {"a.yaml": ""})
    include = [
        {"repository": {"name": "library"}, "fromPath": "charts", "toPath": "vendor/here"},
        {"repository": {"name": "library"}},
    ]
    await world.git_repository(include=include)
    failure = await world.failed("fleet", kind=KIND, reason="NotFound")
    assert "library" in failure["message"]
    unavailable = await world.condition("fleet", "IncludeUnavailable", kind=KIND)
    assert (unavailable["status"], unavailable["reason"]) == ("True", "NotFound")

    await world.git_repository("library", url=library.url)
    status = await until(world, "the included one woke it", lambda status: status.get("includedArtifacts"))
    assert status["observedInclude"] == include
    theirs = (await world.status("library", KIND))["artifact"]
    assert status["includedArtifacts"] == [theirs, theirs]
    assert (await world.condition("fleet", "IncludeUnavailable", kind=KIND))["status"] == ""
    await delivered(world, "vendor/here", "lib")
    await delivered(world, "library/charts", "lib")

    head = library.commit("More", {"charts/cm.yaml": config_map("lib", world.namespace, {"k": "2"})})
    newer = await until(
        world, "a change is followed", lambda status: status["includedArtifacts"][0]["revision"].endswith(head)
    )
    assert newer["artifact"]["revision"] == status["artifact"]["revision"]
    assert newer["artifact"]["digest"] != status["artifact"]["digest"]


async def test_an_included_one_without_an_artifact_is_awaited(world: World) -> None:
    world.repo.commit("Begin", {"a.yaml": ""})
    await world.git_repository("library", ref={"branch": "next"})
    await world.git_repository(include=[{"repository": {"name": "library"}}])
    failure = await world.failed("fleet", kind=KIND, reason="NoArtifact")
    assert failure["message"] == "no artifact available for include 'library'"
    unavailable = await world.condition("fleet", "IncludeUnavailable", kind=KIND)
    assert (unavailable["status"], unavailable["reason"]) == ("True", "NoArtifact")
    world.repo.commit("Now", {"b.yaml": ""}, branch="next")
    await until(world, "the artifact woke it", lambda status: status.get("includedArtifacts"))


async def test_ignore_rules_that_are_too_many(world: World) -> None:
    world.repo.commit("Begin", {"apps/.sourceignore": "#" * (1024 * 1024 + 1)})
    await world.git_repository()
    failure = await world.failed("fleet", kind=KIND, reason="SourceIgnoreError")
    assert "apps/.sourceignore is larger than 1 MiB" in failure["message"]
    world.repo.commit("Less", {"apps/.sourceignore": "*.md"})
    await until(world, "it arrives", lambda _: True)


async def test_ignore_files_and_patterns(world: World) -> None:
    made = {place: config_map(place, world.namespace, {}) for place in ("one", "two")}
    files = {f"{place}/cm.yaml": text for place, text in made.items()}
    world.repo.commit("Begin", files | {".sourceignore": "one/\ntwo/\n"})
    await world.git_repository(ignore="!two/\n")
    status = await until(world, "it arrives", lambda _: True)
    assert status["observedIgnore"] == "!two/\n"
    await absent(world, "one", "one")
    await delivered(world, "two", "two")


async def test_a_file_that_was_ignored_is_missed_with_the_rule(world: World) -> None:
    generator = "configMapGenerator:\n- name: logo\n  files:\n  - logo.png\n"
    files = {"app/kustomization.yaml": generator, "app/logo.png": "x", "empty/photo.jpg": "x"}
    world.repo.commit("Begin", files)
    await world.git_repository()
    rule = "left out by the ignore rule '*.png' of Flux's defaults"
    for name, reason, text in (
        ("app", "BuildFailed", f"(app/logo.png is in the repository, but {rule}"),
        ("empty", "ArtifactFailed", "(empty is in the repository, but ignore rules leave out all that is in it)"),
    ):
        await world.kustomization(name, path=name, targetNamespace=world.namespace)
        assert text in (await world.failed(name, reason=reason))["message"]
    await world.git_repository(ignore="*.jpg")
    await world.ready("app")


async def test_the_rule_is_named_after_a_restart_too(world: World) -> None:
    """Before the source is fetched again, or although it is not, as one that is suspended."""
    generator = "configMapGenerator:\n- name: logo\n  files:\n  - logo.png\n"
    world.repo.commit("Base", {"cm.yaml": config_map("base", world.namespace, {})})
    await world.git_repository("base")
    await until(world, "it arrives", lambda _: True, name="base")
    world.repo.commit("Begin", {"app/kustomization.yaml": generator, "app/logo.png": "x", "x/y.yaml": ""})
    rules: dict[str, Any] = {"ignore": "*.png", "sparseCheckout": ["app"]}
    included = [{"repository": {"name": "base"}, "toPath": "more"}]
    await world.git_repository(include=included, **rules)
    await until(world, "it arrives", lambda _: True)
    await world.git_repository(include=included, suspend=True, **rules)
    await world.restart()
    await world.kustomization("app", path="app", targetNamespace=world.namespace)
    text = "(app/logo.png is in the repository, but left out by the ignore rule '*.png' of spec.ignore)"
    assert text in (await world.failed("app", reason="BuildFailed"))["message"]


async def test_the_artifact_and_what_is_told_of_it(world: World) -> None:
    subject = "Begin with a subject that is longer than fifty characters are"
    commit = world.repo.commit(subject, {"a.yaml": "a: 1\n"})
    await world.git_repository()
    status = await until(world, "it arrives", lambda _: True)
    artifact = status["artifact"]
    assert artifact["revision"] == f"main@sha1:{commit}"
    assert artifact["path"] == f"gitrepository/{world.namespace}/fleet/{commit}.tar.gz"
    assert artifact["url"].startswith("http://")
    assert artifact["url"].endswith("/" + artifact["path"])
    archive = world.settings.storage.folder / "artifacts" / artifact["path"]
    assert artifact["digest"] == f"sha256:{hashlib.sha256(archive.read_bytes()).hexdigest()}"
    assert artifact["size"] == archive.stat().st_size
    assert artifact["lastUpdateTime"].endswith("Z")
    metadata = artifact["metadata"]
    assert metadata["fairlead.dev/subject"] == subject
    found = world.repo.repository[commit].peel(pygit2.Commit)
    author = found.author
    assert metadata["fairlead.dev/author"] == f"{author.name} <{author.email}>"
    assert str(found.tree_id) == metadata["fairlead.dev/tree"], "nothing was left out"
    conditions = {item["type"]: item for item in status["conditions"]}
    assert list(conditions) == ["Ready", "ArtifactInStorage"]
    for condition in conditions.values():
        assert (condition["status"], condition["reason"]) == ("True", "Succeeded")
        assert condition["message"] == f"stored artifact for revision 'main@sha1:{commit}'"
        assert condition["observedGeneration"] == status["observedGeneration"] == 1
        assert condition["lastTransitionTime"].endswith("Z")
    event = await world.event("fleet", f"stored artifact for commit '{subject[:50]}...'", kind=KIND)
    assert (event["type"], event["reason"]) == ("Normal", "NewArtifact")
    told = event["metadata"]["annotations"]
    group = "source.toolkit.fluxcd.io"
    assert (told[f"{group}/revision"], told[f"{group}/digest"]) == (artifact["revision"], artifact["digest"])

    await world.request_reconcile(KIND, "fleet", "token-1")
    again = await until(
        world, "the request is answered", lambda found: found.get("lastHandledReconcileAt") == "token-1"
    )
    assert again["artifact"] == artifact


async def test_a_revision_with_the_same_files_is_no_new_artifact(world: World) -> None:
    """As in Flux: its digest is the same, so nobody has to be told."""
    world.repo.commit("First", {"a.yaml": ""})
    await world.git_repository()
    first = (await until(world, "it arrives", lambda _: True))["artifact"]
    head = world.repo.commit("Ignored", {".github/a.yaml": ""})
    second = await until(world, "it is followed", lambda status: status["artifact"]["revision"].endswith(head))
    assert second["artifact"]["digest"] == first["digest"]
    world.repo.commit("Third", {"a.yaml": "a: 1"})
    await world.event("fleet", "stored artifact for commit 'Third'", kind=KIND)
    told = [(event["reason"], event["message"]) for event in await world.events("fleet", KIND)]
    texts = [("NewArtifact", f"stored artifact for commit '{subject}'") for subject in ("First", "Third")]
    assert sorted(told) == texts


async def test_an_interval_passes_and_a_silent_server_is_left(world: World, tmp_path: Path) -> None:
    async with GitServer(tmp_path / "srv") as server:
        repo = RepoBuilder(server.folder / "fleet.git")
        repo.commit("Begin", {"a.yaml": ""})
        await world.git_repository(url=server.url("fleet.git"), interval="500ms", timeout="1s")
        await until(world, "it arrives", lambda _: True)
        head = repo.commit("More", {"b.yaml": ""})
        await until(world, "it asks again", lambda status: status["artifact"]["revision"].endswith(head))
        server.failure = Failure.HANG
        progress = await world.eventually("it tells of its work", lambda: at_work(world))
        assert progress["message"] == "fetching the repository"
        failure = await world.failed("fleet", kind=KIND, reason="GitOperationFailed")
        assert "did not answer within 1s" in failure["message"]
        server.failure = None
        await until(world, "it recovers", lambda status: status["conditions"][0]["status"] == "True")
        event = await world.event("fleet", "stored artifact for commit 'More'", kind=KIND)
        assert event["type"] == "Normal"


async def at_work(world: World) -> dict[str, Any] | None:
    found = await world.condition("fleet", "Reconciling", kind=KIND)
    ready = await world.condition("fleet", kind=KIND)
    return found if (found["reason"], ready["status"]) == ("Progressing", "Unknown") else None


async def test_an_empty_repository(world: World, tmp_path: Path) -> None:
    async with GitServer(tmp_path / "srv") as server:
        repo = RepoBuilder(server.folder / "fleet.git")
        await world.git_repository(url=server.url("fleet.git"))
        failure = await world.failed("fleet", kind=KIND)
        assert failure["reason"] == "EmptyGitRepository"
        repo.commit("Begin", {"a.yaml": ""})
        await world.request_reconcile(KIND, "fleet", "now")
        await until(world, "it arrives", lambda _: True)


async def test_a_pull_request_and_what_wins(world: World) -> None:
    first = world.repo.commit("Begin", {"a.yaml": ""})
    world.repo.tag("v1.0.0")
    second = world.repo.commit("Later", {"b.yaml": ""})
    world.repo.reference("refs/pull/7/head", second)
    world.repo.tag("v2.0.0")
    everything = {
        "commit": first,
        "name": "refs/pull/7/head",
        "tag": "v1.0.0",
        "semver": "2.x",
        "branch": "main",
    }
    wanted = {
        "commit": f"main@sha1:{first}",
        "name": f"refs/pull/7/head@sha1:{second}",
        "tag": f"v1.0.0@sha1:{first}",
        "semver": f"v2.0.0@sha1:{second}",
        "branch": f"main@sha1:{second}",
    }
    for field, revision in wanted.items():
        await world.git_repository(ref=everything)
        await until(world, field, lambda status, revision=revision: status["artifact"]["revision"] == revision)
        del everything[field]


@pytest.mark.parametrize("provider", ["generic", "github"])
async def test_a_service_account_is_only_for_clouds(world: World, provider: str) -> None:
    """The API server refuses it; where rules of CRDs are not evaluated, the controller does."""
    world.repo.commit("Begin", {"a.yaml": ""})
    words = "serviceAccountName can only be set when provider is 'azure' or 'aws'"
    try:
        await world.git_repository(serviceAccountName="robot", provider=provider)
    except InvalidError as error:
        assert words in str(error)  # noqa: PT017 - which of the two answers depends on the server
        return
    failure = await world.failed("fleet", kind=KIND, reason="InvalidProviderConfiguration")
    assert words in failure["message"]
    assert (await world.condition("fleet", "Stalled", kind=KIND))["status"] == "True"
