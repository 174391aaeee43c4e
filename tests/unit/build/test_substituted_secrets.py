"""What a variable from a Secret does to YAML must not show the Secret in the error."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import pytest

from fairlead.api.kustomization import KustomizationSpec
from fairlead.build.flux import Variables, build
from fairlead.build.tree import FolderTree
from fairlead.errors import BuildError

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize("value", ["*s3cr3t-Zq", "{s3cr3t-Zq", "s3cr3t-Zq: [: x", "'s3cr3t-Zq"])
def test_broken_yaml_does_not_quote_the_value(tmp_path: Path, value: str) -> None:
    text = "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: a\ndata:\n  x: ${pw}\n"
    (tmp_path / "cm.yaml").write_text(text)
    source = {"kind": "GitRepository", "name": "fleet"}
    spec = msgspec.convert({"interval": "1m", "prune": True, "sourceRef": source}, KustomizationSpec)
    with pytest.raises(BuildError, match="post build failed for 'ConfigMap/a'") as caught:
        build(FolderTree(tmp_path), spec, Variables({"pw": value}))
    assert "s3cr3t" not in str(caught.value)
