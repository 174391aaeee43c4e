"""Real repositories, byte for byte. Every twentieth folder here; ``python -m bench.kustomize`` takes all of them."""

from __future__ import annotations

import json
import lzma
import tarfile
from typing import TYPE_CHECKING, Any

import pytest

from fairlead.build.kustomize import KustomizeError, KustomizeOptions, build, render
from fairlead.build.tree import FolderTree
from tests.unit.build.kustomize.support import SHARED

if TYPE_CHECKING:
    from pathlib import Path

CORPORA = SHARED / "corpora"
NAMES = [
    "GoogleCloudPlatform-microservices-demo",
    "fluxcd-flux2-kustomize-helm-example",
    "kubeflow-manifests",
    "kubernetes-ingress-nginx",
    "onedr0p-home-ops",
    "redhat-cop-gitops-catalog",
]
STEP = 20

pytestmark = pytest.mark.skipif(not CORPORA.is_dir(), reason="../shared/corpora is not here")


@pytest.mark.parametrize("name", NAMES)
def test_folders_build_to_what_the_real_tool_printed(name: str, tmp_path: Path) -> None:
    with tarfile.open(CORPORA / f"{name}.tar.xz") as archive:
        archive.extractall(tmp_path, filter="data")
    with lzma.open(CORPORA / f"{name}.expected.jsonl.xz", "rt") as lines:
        entries = [json.loads(line) for line in lines][::STEP]
    (root,) = tmp_path.iterdir()
    tree = FolderTree(root)
    different = [entry["dir"] for entry in entries if not _is_as_expected(tree, entry)]
    assert different == []


def _is_as_expected(tree: FolderTree, entry: dict[str, Any]) -> bool:
    options = KustomizeOptions(root_only=entry["load_restrictor"] == "root", legacy_order=True, lenient=False)
    try:
        text = render(build(tree, entry["dir"], options))
    except KustomizeError as error:
        # The archives hold configuration only: some folders ask for pictures and key stores that are not in them.
        return bool(entry.get("error")) or "no such file or directory" in str(error)
    return text == entry.get("output")
