"""Paths in trees."""

from __future__ import annotations

import pytest

from fairlead.objects.tree import joined


@pytest.mark.parametrize(
    ("folder", "path", "found"),
    [
        ("", "", ""),
        ("", ".", ""),
        ("", "./apps//web/", "apps/web"),
        ("apps", "", "apps"),
        ("apps", "web.yaml", "apps/web.yaml"),
        ("apps/web", "../db/./x.yaml", "apps/db/x.yaml"),
        ("apps/web", "../..", ""),
        ("apps/web", "../../..", None),
        ("apps", "../../apps/web", None),
        ("apps", "web/../../db", "db"),
        ("", "..", None),
        ("apps", "/base", "base"),
        ("apps", "/", ""),
        ("apps", "/../base", None),
        ("apps", "...", "apps/..."),
        ("a b", "ü/ ", "a b/ü/ "),
    ],
)
def test_joined(folder: str, path: str, found: str | None) -> None:
    assert joined(folder, path) == found
