"""Encrypted files in a build: what is decrypted when, and in whose name errors come."""

from __future__ import annotations

import base64
import json
from pathlib import Path
from typing import Any

import pytest

from fairlead.api.kustomization import CrossNamespaceSourceReference, KustomizationSpec
from fairlead.build.flux import Built, Variables, build
from fairlead.build.sops import Keys
from fairlead.build.sops.errors import MacError, NoKeyError, SopsError
from fairlead.build.sops.references import plain_files
from fairlead.build.tree import FolderTree
from fairlead.errors import BuildError
from fairlead.objects.yaml import dump

DATA: dict[str, Any] = json.loads(Path(__file__).with_name("vectors.json").read_text())
VECTORS: dict[str, dict[str, str]] = {vector["name"]: vector for vector in DATA["vectors"]}
KEYS = Keys.from_secret({"a.agekey": DATA["keys"]["age"].encode()})
SECRET = VECTORS["yaml-encrypted-regex"]["encrypted"]
SPEC = KustomizationSpec(
    interval="1m", prune=True, path="app", source_ref=CrossNamespaceSourceReference(kind="GitRepository", name="fleet")
)


def built(folder: Path, files: dict[str, str], keys: Keys | None = KEYS, **variables: str) -> Built:
    for path, text in files.items():
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)
    return build(FolderTree(folder), SPEC, Variables(variables), keys)


def decoded(manifest: dict[str, Any]) -> dict[str, str]:
    return {key: base64.b64decode(value).decode() for key, value in manifest["data"].items()}


def test_a_secret_that_the_build_changes_is_decrypted(tmp_path: Path) -> None:
    """Prefix and labels come in between; the MAC is that of the file."""
    kustomization = "namePrefix: my-\ncommonLabels: {team: shop}\nresources: [login.yaml]\n"
    found = built(tmp_path, {"app/login.yaml": SECRET, "app/kustomization.yaml": kustomization})
    (secret,) = found.objects
    assert secret["metadata"]["name"] == "my-login"
    assert decoded(secret) == {"user": "admin", "password": "correct horse: battery"}
    assert "app/login.yaml" in found.read_set.read


def test_variables_are_replaced_after_decryption(tmp_path: Path) -> None:
    (secret,) = built(tmp_path, {"app/login.yaml": SECRET}, admin="x").objects
    assert decoded(secret)["user"] == "admin"


def test_a_changed_manifest_is_refused_with_its_path(tmp_path: Path) -> None:
    changed = {"app/login.yaml": SECRET.replace("name: login", "name: other")}
    with pytest.raises(MacError, match=r"app/login\.yaml cannot be decrypted: its MAC does not fit"):
        built(tmp_path, changed)
    lenient = Keys(KEYS.age, verify_mac=False)
    assert built(tmp_path, changed, lenient).objects[0]["metadata"]["name"] == "other"


def test_two_documents_in_a_file(tmp_path: Path) -> None:
    found = built(tmp_path, {"app/all.yaml": VECTORS["yaml-two-documents"]["encrypted"]})
    assert [manifest["kind"] for manifest in found.objects] == ["ConfigMap", "Secret"]
    assert found.objects[0]["data"] == {"a": "b"}
    assert "sops" not in found.objects[0]


def test_a_manifest_may_quote_an_encrypted_file(tmp_path: Path) -> None:
    """The whole build failed for it: ``it has no sops metadata``."""
    quoted = {"a.yaml": SECRET, "a.json": VECTORS["json"]["encrypted"]}
    meta = {"name": "theirs", "namespace": "shop"}
    files: dict[str, str] = {}
    for name, quote in quoted.items():
        manifest = {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {**meta, "name": name},
            "data": {"file": quote},
        }
        files |= {f"app/{name}-block.yaml": dump(manifest), f"app/{name}-json.yaml": json.dumps(manifest)}
    for path, text in files.items():
        (found,) = built(tmp_path / path.replace("/", "-"), {path: text}).objects
        assert found["data"] == {"file": quoted[found["metadata"]["name"]]}


def test_encrypted_and_plain_documents_that_were_put_together(tmp_path: Path) -> None:
    other = VECTORS["yaml-mac-only-encrypted"]["encrypted"].replace("name: login", "name: other", 1)
    plain = dump({"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "plain", "namespace": "shop"}})
    text = "---\n".join((plain, SECRET, other))
    found = {each["metadata"]["name"]: each for each in built(tmp_path, {"app/all.yaml": text}).objects}
    assert decoded(found["login"])["password"] == decoded(found["other"])["password"] == "correct horse: battery"
    assert "data" not in found["plain"]
    with pytest.raises(MacError, match=r"app/all\.yaml cannot be decrypted: its MAC does not fit"):
        built(tmp_path, {"app/all.yaml": text.replace("name: login", "name: moved", 1)})


def test_a_document_of_an_encrypted_file_cannot_be_left_out(tmp_path: Path) -> None:
    text = VECTORS["yaml-two-documents"]["encrypted"]
    documents = text.split("\n---\n")
    assert len(documents) == 2
    for changed in (documents[1], "\n---\n".join(reversed(documents))):
        with pytest.raises(MacError, match="its MAC does not fit"):
            built(tmp_path, {"app/all.yaml": changed})


def test_generators_and_patches_read_plain_files_also_below(tmp_path: Path) -> None:
    files = {
        "base/a.env": VECTORS["dotenv"]["encrypted"],
        "base/key.bin": VECTORS["binary"]["encrypted"],
        "base/kustomization.yaml": (
            "generatorOptions: {disableNameSuffixHash: true}\n"
            "secretGenerator:\n- name: made\n  envs: [a.env]\n  files: [key.bin]\n"
        ),
        "app/patch.yaml": SECRET,
        "app/plain.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: login, namespace: shop}\n",
        "app/kustomization.yaml": "resources: [../base, plain.yaml]\npatches:\n- path: patch.yaml\n",
    }
    found = {manifest["metadata"]["name"]: manifest for manifest in built(tmp_path, files).objects}
    assert decoded(found["made"])["key.bin"] == VECTORS["binary"]["plain"]
    assert decoded(found["made"])["USER"] == "admin"
    assert decoded(found["login"])["password"] == "correct horse: battery"


def test_an_encrypted_file_as_a_value_of_a_secret(tmp_path: Path) -> None:
    value = base64.b64encode(VECTORS["json"]["encrypted"].encode()).decode()
    manifest = {"apiVersion": "v1", "kind": "Secret", "metadata": {"name": "s"}, "data": {"a.json": value, "b": "Yg=="}}
    (secret,) = built(tmp_path, {"app/s.yaml": dump(manifest)}).objects
    assert decoded(secret) == {"a.json": VECTORS["json"]["plain"], "b": "b"}


def test_who_opts_out_stays_encrypted(tmp_path: Path) -> None:
    text = VECTORS["yaml-mac-only-encrypted"]["encrypted"].replace(
        "    namespace: shop\n",
        "    namespace: shop\n    annotations: {kustomize.toolkit.fluxcd.io/decrypt: disabled}\n",
    )
    for keys in (KEYS, None):
        (secret,) = built(tmp_path, {"app/login.yaml": text}, keys).objects
        assert "sops" in secret


def test_without_a_key_the_object_is_named(tmp_path: Path) -> None:
    with pytest.raises(NoKeyError, match=r"Secret/shop/login cannot be decrypted: .* gives no age or OpenPGP key"):
        built(tmp_path, {"app/login.yaml": SECRET}, Keys())
    with pytest.raises(BuildError, match="is SOPS encrypted, configuring decryption is required"):
        built(tmp_path, {"app/login.yaml": SECRET}, None)


def test_a_config_map_may_carry_an_encrypted_file_of_others(tmp_path: Path) -> None:
    kustomization = "configMapGenerator:\n- name: theirs\n  files: [a.yaml]\n"
    files = {"app/a.yaml": SECRET, "app/kustomization.yaml": kustomization}
    (found,) = built(tmp_path, files, Keys()).objects
    assert found["data"]["a.yaml"] == SECRET


def test_huge_files_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fairlead.build.sops.opener.MAX_BYTES", 1000)
    with pytest.raises(SopsError, match=r"app/login\.yaml cannot be decrypted: it has .* bytes"):
        built(tmp_path, {"app/login.yaml": SECRET})


def test_references_out_of_the_tree_are_left_to_the_build(tmp_path: Path) -> None:
    files = {
        "app/kustomization.yaml": (
            "resources: [../../out, https://example.com/x, ../app]\n"
            "secretGenerator:\n- {name: a, files: [/etc/passwd, ../../x, none.txt]}\n- 1\npatches: x\n"
        )
    }
    (tmp_path / "app").mkdir()
    (tmp_path / "app/kustomization.yaml").write_text(files["app/kustomization.yaml"])
    assert plain_files(FolderTree(tmp_path), "app") == {}


def test_values_show_in_no_error(tmp_path: Path) -> None:
    """Builds quote what they cannot use."""
    kustomization = "resources: [plain.yaml]\npatches:\n- path: patch.yaml\n"
    files = {
        "app/patch.yaml": VECTORS["yaml"]["encrypted"],
        "app/plain.yaml": "apiVersion: v1\nkind: Secret\nmetadata: {name: login}\n",
        "app/kustomization.yaml": kustomization,
    }
    with pytest.raises(BuildError) as caught:
        built(tmp_path, files)
    for value in ("hello", "ünïcode", "one\ntwo"):
        assert value not in str(caught.value)
        assert value not in "".join(map(str, (caught.value.__cause__, caught.value.__suppress_context__)))


def test_values_of_other_kinds_are_known_as_sensitive(tmp_path: Path) -> None:
    found = built(tmp_path, {"app/all.yaml": VECTORS["yaml-two-documents"]["encrypted"]})
    assert found.sensitive == {"b"}
    assert "sensitive" not in repr(found)


def test_without_keys_values_can_be_masked(tmp_path: Path) -> None:
    """For those who look at a build: nothing is decrypted, and what would fail does not."""
    kustomization = (
        "generatorOptions: {disableNameSuffixHash: true}\nresources: [login.yaml]\n"
        "secretGenerator:\n- name: made\n  files: [a.json, b.txt]\n"
    )
    files = {
        "app/login.yaml": SECRET,
        "app/a.json": VECTORS["json"]["encrypted"],
        "app/b.txt": "plain",
        "app/kustomization.yaml": kustomization,
    }
    built(tmp_path, files)
    found = build(FolderTree(tmp_path), SPEC, Variables(), mask_encrypted=True).objects
    login, made = found
    assert "sops" not in login
    assert decoded(login) == {"user": "**SOPS**", "password": "**SOPS**"}
    assert decoded(made) == {"a.json": "**SOPS**", "b.txt": "plain"}
