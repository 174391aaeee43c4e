"""What Flux does around kustomize."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from fairlead.api.kustomization import KustomizationSpec
from fairlead.build.flux import PathNotFoundError, Variables, build
from fairlead.build.tree import FolderTree, OverlayTree
from fairlead.errors import BuildError

CONFIG = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: NAME}\ndata: {k: v}\n"
DEPLOYMENT = """apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec: {containers: [{name: web, image: "example.com/web:1.0", ports: [{containerPort: 80}]}]}
"""


def tree(tmp_path: Any, files: dict[str, str]) -> OverlayTree:
    return OverlayTree(FolderTree(tmp_path), {name: text.encode() for name, text in files.items()})


def spec(**fields: Any) -> KustomizationSpec:
    required = {"interval": "1m", "prune": True, "sourceRef": {"kind": "GitRepository", "name": "x"}}
    return msgspec.convert({**required, **fields}, KustomizationSpec)


def names(tmp_path: Any, files: dict[str, str], **fields: Any) -> list[str]:
    objects = build(tree(tmp_path, files), spec(**fields), Variables()).objects
    return [manifest["metadata"]["name"] for manifest in objects]


def config(name: str) -> str:
    return CONFIG.replace("NAME", name)


class TestGeneratedKustomization:
    def test_takes_all_yaml_files_in_the_order_of_a_walk(self, tmp_path: Any) -> None:
        files = {
            "b.yaml": config("b"),
            "a/z.yml": config("z"),
            "a/c.yaml": config("c"),
            "notes.txt": "x",
            "a.json": "{}",
        }
        assert names(tmp_path, files) == ["c", "z", "b"]

    def test_takes_a_folder_with_a_kustomization_as_one_resource(self, tmp_path: Any) -> None:
        files = {
            "a.yaml": config("a"),
            "sub/kustomization.yml": "namePrefix: p-\nresources: [in.yaml]\n",
            "sub/in.yaml": config("in"),
            "sub/out.yaml": config("out"),
        }
        assert names(tmp_path, files) == ["a", "p-in"]

    def test_builds_nothing_from_a_folder_without_manifests(self, tmp_path: Any) -> None:
        assert names(tmp_path, {"README.md": "hello"}) == []

    def test_builds_nothing_from_an_empty_kustomization(self, tmp_path: Any) -> None:
        assert names(tmp_path, {"kustomization.yaml": ""}) == []

    def test_names_the_file_that_is_no_manifest(self, tmp_path: Any) -> None:
        with pytest.raises(BuildError, match=r"values\.yaml"):
            names(tmp_path, {"a.yaml": config("a"), "values.yaml": "replicas: 2\n"})


class TestPath:
    @pytest.mark.parametrize("path", ["apps", "./apps", "apps/", "./apps//", "other/../apps", "/apps"])
    def test_is_normalised(self, tmp_path: Any, path: str) -> None:
        assert names(tmp_path, {"apps/a.yaml": config("a"), "b.yaml": config("b")}, path=path) == ["a"]

    @pytest.mark.parametrize("path", ["../apps", "apps/../../x", "gone", "b.yaml"])
    def test_must_be_a_folder_of_the_source(self, tmp_path: Any, path: str) -> None:
        with pytest.raises(PathNotFoundError, match="kustomization path"):
            names(tmp_path, {"apps/a.yaml": config("a"), "b.yaml": config("b")}, path=path)

    def test_files_of_the_whole_source_may_be_used(self, tmp_path: Any) -> None:
        files = {
            "apps/kustomization.yaml": "configMapGenerator: [{name: made, files: [../shared/x.conf]}]\n",
            "shared/x.conf": "x",
        }
        assert names(tmp_path, files, path="apps")[0].startswith("made-")


FILES = {
    "kustomization.yaml": "resources: [d.yaml]\nimages: [{name: example.com/web, newTag: '2'}]\n",
    "d.yaml": DEPLOYMENT,
}


class TestSpec:
    def only(self, tmp_path: Any, **fields: Any) -> dict[str, Any]:
        (manifest,) = build(tree(tmp_path, FILES), spec(**fields), Variables()).objects
        return manifest

    def image(self, tmp_path: Any, **fields: Any) -> str:
        image: str = self.only(tmp_path, **fields)["spec"]["template"]["spec"]["containers"][0]["image"]
        return image

    def test_names_and_namespace(self, tmp_path: Any) -> None:
        found = self.only(tmp_path, targetNamespace="shop", namePrefix="a-", nameSuffix="-z")["metadata"]
        assert (found["namespace"], found["name"]) == ("shop", "a-web-z")

    def test_images_are_merged_by_name(self, tmp_path: Any) -> None:
        assert self.image(tmp_path) == "example.com/web:2"
        renamed = [{"name": "example.com/web", "newName": "mirror/web"}]
        assert self.image(tmp_path, images=renamed) == "mirror/web:2"
        pinned = [{"name": "example.com/web", "digest": "sha256:" + "a" * 64}]
        assert self.image(tmp_path, images=pinned) == "example.com/web@sha256:" + "a" * 64

    def test_patches_come_last(self, tmp_path: Any) -> None:
        patch = "- {op: add, path: /spec/replicas, value: 3}"
        found = self.only(tmp_path, patches=[{"patch": patch, "target": {"kind": "Deployment", "labelSelector": ""}}])
        assert found["spec"]["replicas"] == 3

    def test_common_metadata_overrides(self, tmp_path: Any) -> None:
        found = self.only(tmp_path, commonMetadata={"labels": {"team": "a"}, "annotations": {"n": "1"}})
        assert found["metadata"]["labels"] == {"team": "a"}
        assert found["metadata"]["annotations"] == {"n": "1"}
        assert found["spec"]["template"]["metadata"] == {"labels": {"app": "web"}}

    def test_objects_are_normalised(self, tmp_path: Any) -> None:
        container = self.only(tmp_path)["spec"]["template"]["spec"]["containers"][0]
        assert container["ports"] == [{"containerPort": 80, "protocol": "TCP"}]

    def test_components_are_added(self, tmp_path: Any) -> None:
        component = (
            "apiVersion: kustomize.config.k8s.io/v1alpha1\nkind: Component\npatches:\n"
            "- target: {kind: Deployment}\n  patch: '- {op: add, path: /spec/replicas, value: 9}'\n"
        )
        files = {f"apps/{name}": text for name, text in FILES.items()} | {"comp/kustomization.yaml": component}
        wanted = spec(path="apps", components=["../comp", "../gone"], ignoreMissingComponents=True)
        (manifest,) = build(tree(tmp_path, files), wanted, Variables()).objects
        assert manifest["spec"]["replicas"] == 9

    @pytest.mark.parametrize("component", ["https://example.com/x", "github.com/a/b", "/abs"])
    def test_components_are_local(self, tmp_path: Any, component: str) -> None:
        with pytest.raises(BuildError, match="must be local and relative"):
            self.only(tmp_path, components=[component])


class TestSubstitution:
    def data(self, tmp_path: Any, text: str, variables: Variables, **metadata: str) -> Any:
        annotations = "".join(f"    {key}: '{value}'\n" for key, value in metadata.items())
        meta = f"metadata:\n  name: x\n{'  annotations:' if annotations else ''}\n{annotations}"
        files = {"a.yaml": f"apiVersion: v1\nkind: ConfigMap\n{meta}\ndata:\n  k: {text}\n"}
        return build(tree(tmp_path, files), spec(), variables).objects[0]["data"]["k"]

    def test_happens_on_the_printed_text(self, tmp_path: Any) -> None:
        assert self.data(tmp_path, "a-${n}", Variables({"n": "1"})) == "a-1"
        assert self.data(tmp_path, '"${n}"', Variables({"n": "1"})) == 1, "as in Flux: quotes do not survive the print"

    def test_needs_a_variable_or_the_strategy(self, tmp_path: Any) -> None:
        assert self.data(tmp_path, "${n:=a}", Variables()) == "${n:=a}"
        assert self.data(tmp_path, "${n:=a}", Variables(always=True)) == "a"

    def test_names_the_object_that_fails(self, tmp_path: Any) -> None:
        with pytest.raises(BuildError, match=r'post build failed for .ConfigMap/x.*not set.*"n"'):
            self.data(tmp_path, "${n}", Variables({"m": "1"}))

    def test_may_be_disabled_by_the_object(self, tmp_path: Any) -> None:
        mark = {"kustomize.toolkit.fluxcd.io/substitute": "disabled"}
        assert self.data(tmp_path, "${n}", Variables({"m": "1"}), **mark) == "${n}"


def test_refuses_encrypted_secrets(tmp_path: Any) -> None:
    secret = "apiVersion: v1\nkind: Secret\nmetadata: {name: x}\ndata: {}\nsops: {mac: 'ENC[x]'}\n"
    with pytest.raises(BuildError, match="is SOPS encrypted"):
        names(tmp_path, {"a.yaml": secret})


@pytest.mark.parametrize("url", ["https://example.com/org/repo//deploy?ref=v1", "https://example.com/cm.yaml"])
def test_refuses_remote_bases(tmp_path: Any, url: str) -> None:
    with pytest.raises(BuildError, match=r"^kustomization.yaml: remote base '.*' is refused: .*; copy it into"):
        names(tmp_path, {"kustomization.yaml": f"resources: ['{url}']\n"})


def test_the_read_set_holds_until_something_that_counts_changes(tmp_path: Any) -> None:
    files = {"apps/a.yaml": config("a"), "other/b.yaml": config("b")}
    built = build(tree(tmp_path, files), spec(path="apps"), Variables())
    assert built.read_set.holds(tree(tmp_path, files))
    assert built.read_set.holds(tree(tmp_path, {**files, "other/b.yaml": config("c")}))
    assert not built.read_set.holds(tree(tmp_path, {**files, "apps/a.yaml": config("c")}))
    assert not built.read_set.holds(tree(tmp_path, {**files, "apps/new.yaml": config("c")}))
    assert not built.read_set.holds(tree(tmp_path, {**files, "apps/kustomization.yaml": "resources: [a.yaml]"}))


def test_the_digest_is_that_of_the_printed_objects(tmp_path: Any) -> None:
    import hashlib

    printed = "apiVersion: v1\ndata:\n  k: v\nkind: ConfigMap\nmetadata:\n  name: a\n"
    digest = build(tree(tmp_path, {"a.yaml": config("a")}), spec(), Variables()).digest
    assert digest == "sha256:" + hashlib.sha256(printed.encode()).hexdigest()
