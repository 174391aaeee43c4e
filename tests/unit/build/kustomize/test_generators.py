from __future__ import annotations

import base64
from typing import Any

import pytest

from tests.unit.build.kustomize.support import DEPLOYMENT, built, failure


def generated(fields: str, **files: str | bytes) -> dict[str, Any]:
    kustomization = f"configMapGenerator:\n- name: c\n{fields}"
    return built(
        {"kustomization.yaml": kustomization, **{path.replace("_", "."): text for path, text in files.items()}}
    )[0]


@pytest.mark.parametrize(
    ("fields", "name"),
    [
        ("  literals: [a=1]\n", "c-h29d89cmmt"),
        ("", "c-6ct58987ht"),
        ("  options: {disableNameSuffixHash: true}\n", "c"),
    ],
)
def test_names_end_in_a_hash_of_the_content(fields: str, name: str) -> None:
    assert generated(fields)["metadata"]["name"] == name


def test_secrets_hash_differently() -> None:
    (secret,) = built({"kustomization.yaml": "secretGenerator: [{name: s, literals: [a=1]}]\n"})
    assert secret["metadata"]["name"] == "s-25khgmg44c"
    assert secret["data"] == {"a": base64.b64encode(b"1").decode()}
    assert secret["type"] == "Opaque"


def test_literals_lose_one_pair_of_quotes() -> None:
    fields = "  literals: ['a=\"x y\"', \"b='z'\", 'c=\"open', 'd=1=2']\n"
    assert generated(fields)["data"] == {"a": "x y", "b": "z", "c": '"open', "d": "1=2"}


def test_env_files() -> None:
    text = b"\xef\xbb\xbfA=1\r\n  B = 2 \n# no\n\nC\nD=x=y\n"
    assert generated("  envs: [e.env]\n", e_env=text)["data"] == {"A": "1", "B ": " 2 ", "C": "", "D": "x=y"}


def test_files_that_are_no_text_are_binary_data() -> None:
    item = generated("  files: [f.bin, other=t.txt]\n", f_bin=b"\xff" * 60, t_txt="hello\n")
    assert item["data"] == {"other": "hello\n"}
    assert item["binaryData"]["f.bin"].endswith("\n")
    assert max(map(len, item["binaryData"]["f.bin"].splitlines())) == 70


def test_an_overlay_merges_into_a_generated_map() -> None:
    files = {
        "base/kustomization.yaml": "resources: [d.yaml]\n"
        "configMapGenerator: [{name: settings, literals: [a=1, b=1]}]\n",
        "base/d.yaml": DEPLOYMENT,
        "top/kustomization.yaml": "resources: [../base]\nnamePrefix: p-\n"
        "configMapGenerator: [{name: settings, behavior: merge, literals: [b=2]}]\n",
    }
    deployment, config = built(files, "top")
    assert config["data"] == {"a": "1", "b": "2"}
    assert config["metadata"]["name"].startswith("p-settings-")
    assert deployment["spec"]["template"]["spec"]["volumes"][0]["configMap"]["name"] == config["metadata"]["name"]


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ("  literals: [a=1, a=2]\n", "configmap c illegally repeats the key `a`"),
        ("  literals: [=1]\n", "invalid literal source =1, expected key=value"),
        ("  files: [a=b=c]\n", "key name or file path contains '='"),
        ("  behavior: merge\n", "does not exist; cannot merge or replace"),
        ("  files: [nope.txt]\n", "no such file or directory"),
    ],
)
def test_what_cannot_be_generated(fields: str, message: str) -> None:
    assert message in failure({"kustomization.yaml": f"configMapGenerator:\n- name: c\n{fields}"})
