"""A build says exactly what it depended on."""

from __future__ import annotations

import random

import pytest

from fairlead.build.kustomize import KustomizeError, KustomizeOptions, build, render
from fairlead.build.tree import OverlayTree
from tests.unit.build.kustomize.support import CONFIG_MAP, DEPLOYMENT, EmptyTree, result, tree

FILES: dict[str, str | bytes] = {
    "base/kustomization.yaml": "resources: [d.yaml, ../lib]\nconfigMapGenerator: [{name: g, files: [data.txt]}]\n",
    "base/d.yaml": DEPLOYMENT,
    "base/data.txt": "hello\n",
    "base/unused.yaml": "a: b\n",
    "lib/kustomization.yml": "resources: [cm.yaml]\n",
    "lib/cm.yaml": CONFIG_MAP,
    "top/kustomization.yaml": "resources: [../base]\npatches: [{path: p.yaml}]\n",
    "top/p.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, labels: {a: b}}\n",
    "top/readme.md": "no\n",
    "other/kustomization.yaml": "resources: [x.yaml]\n",
}


def outcome(files: dict[str, str | bytes]) -> str:
    try:
        return render(result(files, "top"))
    except KustomizeError as error:
        return f"error: {error}"


def test_what_is_read_and_what_is_missed() -> None:
    read_set = result(FILES, "top").read_set
    read = set(FILES) - {"base/unused.yaml", "top/readme.md", "other/kustomization.yaml"}
    assert set(read_set.read) == read
    assert {"top/Kustomization", "lib/kustomization.yaml"} <= read_set.missed
    assert "other" not in read_set.folders


@pytest.mark.parametrize("path", sorted(FILES))
def test_a_change_inside_the_set_is_noticed_and_one_outside_changes_nothing(path: str) -> None:
    before = result(FILES, "top")
    changed = {**FILES, path: str(FILES[path]) + "\n# changed\n"}
    removed = {key: text for key, text in FILES.items() if key != path}
    inside = path in before.read_set.read
    for files in (changed, removed):
        assert before.read_set.holds(tree(files)) is not inside
        if not inside:
            assert outcome(files) == render(before)


def test_a_file_that_appears_where_one_was_looked_for_is_noticed() -> None:
    read_set = result(FILES, "top").read_set
    for path in read_set.missed:
        assert not read_set.holds(tree({**FILES, path: "x: y\n"}))


def test_while_the_set_holds_the_outcome_is_the_same() -> None:
    """Random changes: wherever the set still holds, the build gives the same bytes."""
    chance = random.Random(7)
    before = result(FILES, "top")
    expected = render(before)
    for _ in range(150):
        files: dict[str, bytes | None] = {path: str(text).encode() for path, text in FILES.items()}
        for path in chance.sample(sorted(FILES), 2):
            content = files[path]
            files[path] = (
                None if chance.random() < 0.3 or content is None else content + b"# x\n" * chance.randint(0, 1)
            )
        files[f"top/{chance.choice(['Kustomization', 'new.yaml', 'notes'])}"] = (
            b"a: b\n" if chance.random() < 0.5 else None
        )
        changed = OverlayTree(EmptyTree(), files)
        if before.read_set.holds(changed):
            assert render(build(changed, "top", KustomizeOptions())) == expected
