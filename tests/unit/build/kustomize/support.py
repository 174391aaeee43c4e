"""Builds from files that a test writes as text: ``built({"kustomization.yaml": …})``."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import TYPE_CHECKING, Any

from fairlead.build.kustomize import KustomizeError, KustomizeOptions, KustomizeResult, build, render
from fairlead.build.tree import OverlayTree
from fairlead.objects.tree import EntryKind, TreeEntry

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

SHARED = Path(__file__).resolve().parents[5] / "shared"

DEPLOYMENT = """\
apiVersion: apps/v1
kind: Deployment
metadata:
  name: web
spec:
  replicas: 1
  template:
    spec:
      containers:
      - name: main
        image: nginx:1.25
        env:
        - {name: MODE, value: "1"}
      volumes:
      - name: settings
        configMap: {name: settings}
"""
CONFIG_MAP = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\ndata: {mode: a}\n"


class EmptyTree:
    """A tree without anything in it."""

    def entry(self, path: str) -> TreeEntry | None:
        return TreeEntry("", EntryKind.FOLDER, "") if path == "" else None

    def list(self, path: str) -> Sequence[TreeEntry]:
        if path:
            raise NotADirectoryError(path)
        return ()

    def read(self, path: str) -> bytes:
        raise FileNotFoundError(path)

    def size(self, path: str) -> int:
        raise FileNotFoundError(path)


def tree(files: Mapping[str, str | bytes]) -> OverlayTree:
    contents = {path: text if isinstance(text, bytes) else dedent(text).encode() for path, text in files.items()}
    return OverlayTree(EmptyTree(), contents)


def result(files: Mapping[str, str | bytes], folder: str = "", **options: Any) -> KustomizeResult:
    return build(tree(files), folder, KustomizeOptions(**options))


def built(files: Mapping[str, str | bytes], folder: str = "", **options: Any) -> list[dict[str, Any]]:
    return result(files, folder, **options).objects


def printed(files: Mapping[str, str | bytes], folder: str = "", **options: Any) -> str:
    return render(result(files, folder, **options))


def failure(files: Mapping[str, str | bytes], folder: str = "", **options: Any) -> str:
    """The message of a build that must fail."""
    try:
        built(files, folder, **options)
    except KustomizeError as error:
        return str(error)
    raise AssertionError("the build should have failed")
