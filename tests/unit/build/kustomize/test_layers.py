"""Bases, components, load rules, remote bases, build metadata."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fairlead.build.kustomize import BuildCache, KustomizeOptions, Repository, build, render
from tests.unit.build.kustomize.support import CONFIG_MAP, DEPLOYMENT, built, failure, printed, result, tree

if TYPE_CHECKING:
    from fairlead.objects.tree import Tree

COMPONENT = "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\n"


def test_a_component_works_on_what_its_parent_gathered() -> None:
    files = {
        "kustomization.yaml": "resources: [r.yaml]\ncomponents: [c]\nnamePrefix: p-\n",
        "r.yaml": DEPLOYMENT,
        "c/kustomization.yaml": COMPONENT + "replicas: [{name: web, count: 9}]\n",
    }
    (item,) = built(files)
    assert (item["metadata"]["name"], item["spec"]["replicas"]) == ("p-web", 9)
    assert "expected kind != 'Component'" in failure({**files, "kustomization.yaml": "resources: [c]\n"})


@pytest.mark.parametrize(
    ("files", "message"),
    [
        ({"kustomization.yaml": "resources: [b]\n", "b/kustomization.yaml": "resources: [..]\n"}, "cycle detected"),
        ({"kustomization.yaml": "resources: [a.yaml]\n"}, "no such file or directory"),
        ({"x.yaml": ""}, "unable to find one of 'kustomization.yaml', 'kustomization.yml' or 'Kustomization'"),
        ({"kustomization.yaml": "", "Kustomization": ""}, "Found multiple kustomization files"),
        ({"kustomization.yaml": "resourcez: []\n"}, 'invalid Kustomization: json: unknown field "resourcez"'),
        (
            {"kustomization.yaml": "namespace: n\n"},
            "cannot unmarshal bool into Go struct field Kustomization.namespace",
        ),
        ({"kustomization.yaml": "kind: Kustomization\n"}, "kustomization.yaml is empty"),
        ({"kustomization.yaml": "a: [\n"}, "invalid Kustomization: yaml: line "),
        ({"kustomization.yaml": "resources: ['']\n"}, "new root cannot be empty"),
        ({"kustomization.yaml": "resources: [r]\n", "r": "a: b\n\tc: d\n"}, "in File: r"),
        ({"kustomization.yaml": "resources: [r]\n", "r": CONFIG_MAP + "---\n" + CONFIG_MAP}, "already registered id"),
        ({"kustomization.yaml": "helmCharts: [{name: x}]\n"}, "helm"),
    ],
)
def test_errors_say_what_is_wrong(files: dict[str, str], message: str) -> None:
    assert message in failure(files)


def test_files_outside_of_the_folder_need_leave() -> None:
    files = {"a/kustomization.yaml": "resources: [../r.yaml]\n", "r.yaml": CONFIG_MAP}
    assert "security; file '/r.yaml' is not in or below '/a'" in failure(files, "a")
    assert built(files, "a", root_only=False)[0]["kind"] == "ConfigMap"
    assert "security; file '../../etc' is not in or below" in failure(
        {"a/kustomization.yaml": "resources: [../../etc]\n"}, "a", root_only=False
    )


class Remote:
    """Hands out one tree and one file, and remembers what it was asked for."""

    def __init__(self) -> None:
        self.asked: list[Repository | str] = []

    def file(self, url: str) -> bytes:
        self.asked.append(url)
        return CONFIG_MAP.encode()

    def repository(self, repository: Repository) -> Tree:
        self.asked.append(repository)
        return tree({"deploy/kustomization.yaml": "resources: [r.yaml]\n", "deploy/r.yaml": DEPLOYMENT})


def test_remote_bases_go_through_the_fetcher() -> None:
    remote = Remote()
    url = "https://example.com/org/repo//deploy?ref=v1"
    files = {"kustomization.yaml": f"resources: ['{url}', 'https://example.com/x/y/cm.yaml']\n"}
    assert "works offline" in failure(files)

    class FilesOnly(Remote):
        def file(self, url: str) -> bytes:
            if "cm.yaml" not in url:
                raise_not_found()
            return super().file(url)

    def raise_not_found() -> None:
        from fairlead.errors import BuildError

        raise BuildError("status code 404")

    remote = FilesOnly()
    objects = built(files, fetcher=remote)
    assert [item["kind"] for item in objects] == ["Deployment", "ConfigMap"]
    repository = remote.asked[0]
    assert isinstance(repository, Repository)
    assert (repository.url, repository.path, repository.ref) == ("https://example.com/org/repo", "deploy", "v1")


def test_build_metadata() -> None:
    files = {
        "kustomization.yaml": "resources: [r.yaml]\n"
        "namePrefix: p-\nbuildMetadata: [originAnnotations, managedByLabel]\n",
        "r.yaml": CONFIG_MAP,
    }
    metadata = built(files)[0]["metadata"]
    assert metadata["annotations"] == {"config.kubernetes.io/origin": "path: r.yaml\n"}
    assert metadata["labels"]["app.kubernetes.io/managed-by"].startswith("kustomize-v5")


def test_deprecated_fields_are_warned_about() -> None:
    found = result(
        {"kustomization.yaml": "bases: [b]\n", "b/kustomization.yaml": "resources: [r.yaml]\n", "b/r.yaml": CONFIG_MAP}
    )
    assert found.warnings[0].startswith("# Warning: 'bases' is deprecated. Please use 'resources' instead.")


def test_shared_bases_give_the_same_bytes_and_follow_changes() -> None:
    files: dict[str, str | bytes] = {
        "base/kustomization.yaml": "resources: [r.yaml]\nconfigMapGenerator: [{name: g, literals: [a=1]}]\n",
        "base/r.yaml": DEPLOYMENT,
        "one/kustomization.yaml": "resources: [../base]\nnamePrefix: one-\n",
        "two/kustomization.yaml": "resources: [../base]\nnamespace: two\n",
    }
    cache = BuildCache()
    options = KustomizeOptions(cache=cache)
    for _ in range(2):
        for folder in ("one", "two"):
            shared = build(tree(files), folder, options)
            alone = build(tree(files), folder)
            assert render(shared, cache) == printed(files, folder)
            assert shared.read_set == alone.read_set
    assert cache.hits > 0
    files["base/r.yaml"] = DEPLOYMENT.replace("replicas: 1", "replicas: 2")
    assert build(tree(files), "one", options).objects[0]["spec"]["replicas"] == 2


def test_objects_are_what_the_printed_text_reads_as() -> None:
    from fairlead.objects.yaml import load_all

    text = "apiVersion: x/v1\nkind: T\nmetadata: {name: a}\nv: [1e3, 0755, 1.10, yes, 2020-01-02, ~, '5', 1e20, -0.0]\n"
    files = {"kustomization.yaml": "resources: [r.yaml]\n", "r.yaml": text}
    assert built(files) == load_all(printed(files))
    assert built(files)[0]["v"] == [1000, 493, 1.1, "yes", "2020-01-02T00:00:00Z", None, "5", 1e20, 0]
