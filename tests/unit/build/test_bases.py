"""A build that fetches nothing says which remote bases it needs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fairlead.build.bases import Base, GivenBases, MissingBasesError
from fairlead.build.flux import Built, Variables, build
from fairlead.build.tree import FolderTree, OverlayTree
from fairlead.errors import BuildError
from tests.unit.controllers.resources_for_tests import kustomization

if TYPE_CHECKING:
    from fairlead.api.kustomization import KustomizationSpec

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\n"
FILE = "https://example.com/crds/cm.yaml"
REPOSITORY = "https://example.com/org/repo.git//deploy?ref=v1"
FILE_BASE = Base(FILE, is_file=True)
REPOSITORY_BASE = Base("https://example.com/org/repo.git", "v1")
COMMIT = "0123456789" * 4


@pytest.fixture
def empty(tmp_path_factory: pytest.TempPathFactory) -> FolderTree:
    return FolderTree(tmp_path_factory.mktemp("empty"))


def spec() -> KustomizationSpec:
    return kustomization("apps").spec


def built(empty: FolderTree, text: str, given: dict[Base, str]) -> Built:
    deploy: dict[str, bytes | None] = {
        "deploy/kustomization.yaml": b"resources: [cm.yaml]\n",
        "deploy/cm.yaml": CONFIG.replace("NAME", "from-git").encode(),
    }
    bases = GivenBases(
        given, lambda _: OverlayTree(empty, deploy), lambda _: CONFIG.replace("NAME", "from-http").encode()
    )
    return build(OverlayTree(empty, {"kustomization.yaml": text.encode()}), spec(), Variables(), bases=bases)


def test_all_that_is_missing_is_told_at_once(empty: FolderTree) -> None:
    with pytest.raises(MissingBasesError) as caught:
        built(empty, f"resources: ['{FILE}', '{REPOSITORY}']\n", {})
    assert set(caught.value.bases) == {FILE_BASE, REPOSITORY_BASE}


def test_what_is_missing_counts_more_than_what_fails_for_its_want(empty: FolderTree) -> None:
    patches = "patches: [{patch: '{}', target: {kind: ConfigMap}}, {path: nowhere.yaml}]\n"
    with pytest.raises(MissingBasesError):
        built(empty, f"resources: ['{FILE}']\n{patches}", {})


def test_what_is_given_is_used_and_noted(empty: FolderTree) -> None:
    given = {FILE_BASE: "1", REPOSITORY_BASE: "2", Base("https://example.com/other.git"): "3"}
    result = built(empty, f"resources: ['{FILE}', '{REPOSITORY}']\n", given)
    assert [each["metadata"]["name"] for each in result.objects] == ["from-http", "from-git"]
    assert result.bases == {FILE_BASE, REPOSITORY_BASE}


def test_what_is_no_file_is_tried_as_a_repository(empty: FolderTree) -> None:
    url = "https://example.com/org/repo/deploy"
    file = Base(url, is_file=True)
    with pytest.raises(MissingBasesError) as first:
        built(empty, f"resources: ['{url}']\n", {})
    assert first.value.bases == (file,)
    with pytest.raises(MissingBasesError) as second:
        built(empty, f"resources: ['{url}']\n", {file: ""})
    assert second.value.bases == (Base("https://example.com/org/repo"),)


@pytest.mark.parametrize(
    ("url", "bases"),
    [
        ("https://github.com/org/repo/deploy?ref=v1", [Base("https://github.com/org/repo", "v1")]),
        ("github.com/org/repo//deploy", [Base("https://github.com/org/repo")]),
        ("https://github.com/org/repo/releases/download/v1/install.yaml", [Base]),
        ("https://gitlab.com/api/v4/projects/1/repository/files/x/raw?ref=main", [Base]),
    ],
)
def test_what_a_url_means(empty: FolderTree, url: str, bases: list[Base | type[Base]]) -> None:
    with pytest.raises(MissingBasesError) as caught:
        built(empty, f"resources: ['{url}']\n", {})
    assert caught.value.bases == tuple(Base(url, is_file=True) if each is Base else each for each in bases)


def test_ssh_is_refused_and_passwords_do_not_show(empty: FolderTree) -> None:
    with pytest.raises(BuildError, match="a build has no ssh keys; name the repository by https"):
        built(empty, "resources: ['git@example.com:org/repo.git//deploy']\n", {})
    base = Base("https://ada:secret@example.com/x.git", "v1")
    assert "secret" not in f"{base!r} {base} {MissingBasesError([base])}"


def test_only_a_commit_is_pinned() -> None:
    assert Base("https://example.com/x.git", COMMIT).is_pinned
    assert not any(Base("https://example.com/x.git", ref).is_pinned for ref in ("", "v1", "main", COMMIT[:12]))
    assert not Base("https://example.com/x.yaml", is_file=True).is_pinned
