"""Which files an object comes from, told from the tree alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from fairlead.api.kustomization import KustomizationSpec
from fairlead.build.flux import Variables
from fairlead.build.origin import origins_of
from fairlead.build.tree import FolderTree
from fairlead.objects.ref import ObjectRef

if TYPE_CHECKING:
    from pathlib import Path

NAMED = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: {name}\ndata:\n  a: b\n"


def _origins(root: Path, name: str, **spec: object) -> list[str]:
    source = {"kind": "GitRepository", "name": "fleet"}
    wanted = msgspec.convert(
        {"interval": "1m", "prune": True, "sourceRef": source, "path": "./apps"} | spec, KustomizationSpec
    )
    variables = Variables({"who": "ada"}, strict=False)
    return [str(o) for o in origins_of(FolderTree(root), wanted, variables, ObjectRef("", "ConfigMap", "team", name))]


def test_the_line_is_that_of_the_document(tmp_path: Path) -> None:
    (tmp_path / "apps").mkdir()
    (tmp_path / "apps/all.yaml").write_text(NAMED.format(name="one") + "---\n" + NAMED.format(name="two"))
    assert _origins(tmp_path, "one") == ["apps/all.yaml:1"]
    assert _origins(tmp_path, "two") == ["apps/all.yaml:8"]
    assert _origins(tmp_path, "three") == []


def test_a_name_with_a_variable_is_found(tmp_path: Path) -> None:
    (tmp_path / "apps").mkdir()
    (tmp_path / "apps/cm.yaml").write_text(NAMED.format(name="for-${who}"))
    assert _origins(tmp_path, "for-ada") == ["apps/cm.yaml:1"]


def test_what_the_spec_sets_has_no_line(tmp_path: Path) -> None:
    """The kustomization that the spec makes is in no repository."""
    (tmp_path / "apps").mkdir()
    (tmp_path / "apps/cm.yaml").write_text(NAMED.format(name="one"))
    first, *changed = _origins(tmp_path, "one", targetNamespace="team")
    assert first == "apps/cm.yaml:1"
    assert changed == ["apps/kustomization.yaml (namespace)"]
