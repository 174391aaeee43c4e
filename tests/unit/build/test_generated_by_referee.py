"""The kustomization of a folder, compared with what Flux's own generator made of the same folder and spec."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from fairlead.api.kustomization import KustomizationSpec
from fairlead.build.flux import Variables, build
from fairlead.build.generated import KUSTOMIZATION_FILES, kustomization_overlay
from fairlead.build.tree import FolderTree, OverlayTree
from fairlead.errors import BuildError
from fairlead.objects.yaml import load

if TYPE_CHECKING:
    from fairlead.objects.tree import Tree

ANSWERS = Path(__file__).parents[2] / "referees" / "generator" / "answers.jsonl"
QUESTIONS = [json.loads(line) for line in ANSWERS.read_text().splitlines()]
KIND = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}


def spec_of(question: dict[str, Any]) -> KustomizationSpec:
    required = {"interval": "1m", "prune": True, "path": "apps", "sourceRef": {"kind": "GitRepository", "name": "x"}}
    return msgspec.convert({**required, **question["spec"]}, KustomizationSpec)


def said(value: Any) -> Any:
    """Without what is empty, which means the same as nothing."""
    if isinstance(value, dict):
        kept = {key: said(item) for key, item in value.items()}
        return {key: item for key, item in kept.items() if item not in (None, "", [], {})}
    return [said(item) for item in value] if isinstance(value, list) else value


def made(tree: Tree, question: dict[str, Any]) -> Any:
    overlay = kustomization_overlay(tree, "apps", spec_of(question))
    for name in KUSTOMIZATION_FILES:
        path = f"apps/{name}"
        if path in overlay or path in question["files"]:
            content = overlay.get(path) or question["files"][path].encode()
            return said({**KIND, **(load(content) or {})})
    return None


@pytest.mark.parametrize("question", QUESTIONS, ids=[str(number) for number in range(len(QUESTIONS))])
def test_agrees_with_flux(question: dict[str, Any], tmp_path: Path) -> None:
    files = {path: text.encode() for path, text in question["files"].items()}
    tree = OverlayTree(FolderTree(tmp_path), files)
    if "error" in question:
        with pytest.raises(BuildError):
            build(tree, spec_of(question), Variables())
    else:
        assert made(tree, question) == said(question["made"])


def test_the_questions_are_many() -> None:
    assert len(QUESTIONS) >= 180
    assert sum("error" in question for question in QUESTIONS) >= 50
