"""A read set that the changes do not touch still holds: nothing that a commit changes is ever overlooked."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairlead.build.changes import ReaderIndex, changes_between
from fairlead.build.tree import FolderTree, OverlayTree, RecordingTree

if TYPE_CHECKING:
    from pathlib import Path

    from fairlead.build.tree import ReadSet
    from fairlead.objects.tree import Tree

NAMES = ("a", "b", "c")
PATHS = ["/".join(parts) for parts in ((x,) for x in NAMES)]
PATHS += [f"{x}/{y}" for x in NAMES for y in NAMES] + [f"{x}/{y}/{z}" for x in NAMES[:2] for y in NAMES for z in NAMES]
FILES = st.dictionaries(st.sampled_from(PATHS), st.sampled_from([b"1", b"2"]), max_size=8)
QUESTIONS = st.lists(st.tuples(st.sampled_from(["entry", "list"]), st.sampled_from(["", *PATHS])), max_size=8)


def tree_of(files: dict[str, bytes], empty: Path) -> OverlayTree:
    """Without files that lie below another file."""
    good = {
        path: content for path, content in files.items() if not any(path.startswith(f"{other}/") for other in files)
    }
    return OverlayTree(FolderTree(empty), dict(good))


def seen_by(questions: list[tuple[str, str]], tree: Tree) -> ReadSet:
    recording = RecordingTree(tree)
    for what, path in questions:
        if what == "entry":
            recording.entry(path)
        else:
            try:
                recording.list(path)
            except NotADirectoryError:
                continue
    return recording.read_set()


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(before=FILES, after=FILES, questions=QUESTIONS)
def test_untouched_means_unchanged(
    tmp_path: Path, before: dict[str, bytes], after: dict[str, bytes], questions: list[tuple[str, str]]
) -> None:
    old, new = tree_of(before, tmp_path), tree_of(after, tmp_path)
    seen = seen_by(questions, old)
    if not changes_between(old, new).may_touch(seen):
        assert seen.holds(new)


READERS = st.dictionaries(st.sampled_from(range(6)), QUESTIONS)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=300, deadline=None)
@given(before=FILES, after=FILES, earlier=READERS, readers=READERS, gone=st.sets(st.sampled_from(range(6))))
def test_the_index_names_those_whom_asking_everybody_would_find(
    tmp_path: Path,
    before: dict[str, bytes],
    after: dict[str, bytes],
    earlier: dict[int, list[tuple[str, str]]],
    readers: dict[int, list[tuple[str, str]]],
    gone: set[int],
) -> None:
    old, new = tree_of(before, tmp_path), tree_of(after, tmp_path)
    index: ReaderIndex[int] = ReaderIndex()
    seen: dict[int, ReadSet] = {}
    for reader, questions in (*earlier.items(), *readers.items()):
        seen[reader] = seen_by(questions, old)
        index.put(reader, seen[reader])
    for reader in gone:
        seen.pop(reader, None)
        index.put(reader, None)
    changes = changes_between(old, new)
    assert index.touched(changes) == {reader for reader, each in seen.items() if changes.may_touch(each)}


def test_an_index_of_nobody_is_empty(tmp_path: Path) -> None:
    index: ReaderIndex[int] = ReaderIndex()
    seen = seen_by([("list", ""), ("entry", "a"), ("entry", "b")], tree_of({"a": b"1"}, tmp_path))
    for reader in range(3):
        index.put(reader, seen)
    for reader in range(3):
        index.put(reader, None)
    assert not index._readers


@pytest.mark.parametrize(
    ("after", "touched"),
    [
        ({"apps/a/k.yaml": b"2", "apps/b/k.yaml": b"1"}, True),
        ({"apps/a/k.yaml": b"1", "apps/b/k.yaml": b"2"}, False),
        ({"apps/a/k.yaml": b"1", "apps/b/k.yaml": b"1", "apps/c/k.yaml": b"1"}, False),
        ({"apps/a/k.yaml": b"1", "apps/a/Kustomization": b"", "apps/b/k.yaml": b"1"}, True),
        ({"apps/a": b"", "apps/b/k.yaml": b"1"}, True),
    ],
)
def test_only_those_who_looked_are_touched(tmp_path: Path, after: dict[str, bytes], touched: bool) -> None:
    old = OverlayTree(FolderTree(tmp_path), {"apps/a/k.yaml": b"1", "apps/b/k.yaml": b"1"})
    recording = RecordingTree(old)
    for path in ("apps", "apps/a", "apps/a/k.yaml", "apps/a/Kustomization"):
        recording.entry(path)
    changes = changes_between(old, OverlayTree(FolderTree(tmp_path), dict(after)))
    assert changes.may_touch(recording.read_set()) is touched
