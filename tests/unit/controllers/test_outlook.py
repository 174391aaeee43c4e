"""What the files of a folder that cannot be built name."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from fairlead.build.tree import FolderTree
from fairlead.controllers.outlook import LARGEST_BYTES, names_in

if TYPE_CHECKING:
    from pathlib import Path


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("metadata: {name: web-1}", {"web-1"}),
        ("- name: 'web-1' # and db.main", {"web-1", "db.main"}),
        ("name: web-10", set()),
        ("{broken: [\n  name: db.main\n", {"db.main"}),
        ("name: w\xeb\xff", set()),
        ("web-1" + " " * LARGEST_BYTES, set()),
    ],
)
def test_words(tmp_path: Path, text: str, expected: set[str]) -> None:
    (tmp_path / "apps" / "deep").mkdir(parents=True)
    (tmp_path / "apps" / "deep" / "x.yaml").write_text(text)
    (tmp_path / "other.yaml").write_text("web-1")
    assert names_in(FolderTree(tmp_path), "apps", frozenset({"web-1", "db.main"})) == expected


def test_a_folder_that_is_not_there_names_nothing(tmp_path: Path) -> None:
    assert names_in(FolderTree(tmp_path), "apps", frozenset({"web"})) == set()
