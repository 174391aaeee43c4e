from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

import pytest

from fairlead.build.kustomize import KustomizeError, build
from fairlead.build.tree import FolderTree, OverlayTree, RecordingTree
from fairlead.objects.tree import EntryKind

if TYPE_CHECKING:
    from pathlib import Path


def folder(root: Path) -> FolderTree:
    (root / "a").mkdir()
    (root / "a" / "x.yaml").write_text("x: 1\n")
    (root / "b.yaml").write_text("b: 1\n")
    (root / "link").symlink_to("a/x.yaml")
    return FolderTree(root)


def test_a_folder_on_disk(tmp_path: Path) -> None:
    tree = folder(tmp_path)
    assert [(entry.name, entry.kind) for entry in tree.list("")] == [
        ("a", EntryKind.FOLDER),
        ("b.yaml", EntryKind.FILE),
        ("link", EntryKind.SYMLINK),
    ]
    assert tree.read("link") == b"a/x.yaml"
    assert tree.size("a/x.yaml") == 5
    assert tree.entry("a/../b.yaml") is None
    assert tree.entry("b.yaml/x") is None
    with pytest.raises(IsADirectoryError):
        tree.read("a")
    with pytest.raises(FileNotFoundError):
        tree.read("nope")
    with pytest.raises(NotADirectoryError):
        tree.list("b.yaml")


def test_identities_are_those_of_git_and_folders_cover_what_is_below(tmp_path: Path) -> None:
    tree = folder(tmp_path)
    entry = tree.entry("b.yaml")
    assert entry is not None
    assert entry.identity == hashlib.sha1(b"blob 5\0b: 1\n", usedforsecurity=False).hexdigest()
    before = tree.entry("a")
    (tmp_path / "a" / "x.yaml").write_text("x: 2\n")
    after = FolderTree(tmp_path).entry("a")
    assert before is not None
    assert after is not None
    old = OverlayTree(FolderTree(tmp_path), {"a/x.yaml": b"x: 1\n"}).entry("a")
    assert old is not None
    assert after.identity != old.identity


def test_links_are_followed_inside_the_root_only(tmp_path: Path) -> None:
    outside = tmp_path / "outside.yaml"
    outside.write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: secret}\n")
    root = tmp_path / "root"
    root.mkdir()
    (root / "real.yaml").write_text("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: fine}\n")
    (root / "kustomization.yaml").write_text("resources: [link.yaml]\n")
    link = root / "link.yaml"
    link.symlink_to("real.yaml")
    assert build(FolderTree(root), "").objects[0]["metadata"]["name"] == "fine"
    for target in (outside, "../outside.yaml", "link.yaml", "/etc/hostname"):
        link.unlink()
        link.symlink_to(target)
        with pytest.raises(KustomizeError):
            build(FolderTree(root), "")


def test_an_overlay_adds_replaces_and_removes(tmp_path: Path) -> None:
    tree = OverlayTree(folder(tmp_path), {"b.yaml": b"new", "c/d/e.yaml": b"e", "a": None})
    assert tree.read("b.yaml") == b"new"
    assert tree.size("c/d/e.yaml") == 1
    assert [entry.name for entry in tree.list("")] == ["b.yaml", "c", "link"]
    assert [entry.name for entry in tree.list("c")] == ["d"]
    assert tree.entry("a/x.yaml") is None
    with pytest.raises(FileNotFoundError):
        tree.read("a/x.yaml")


def test_a_recording_tells_what_was_asked_for(tmp_path: Path) -> None:
    tree = RecordingTree(folder(tmp_path))
    tree.read("b.yaml")
    tree.entry("a")
    tree.entry("none")
    tree.list("a")
    read_set = tree.read_set()
    assert (set(read_set.read), set(read_set.listed)) == ({"b.yaml"}, {"a"})
    assert read_set.folders == frozenset({"a"})
    assert read_set.missed == frozenset({"none"})
    base = FolderTree(tmp_path)
    assert read_set.holds(base)
    for change in ({"b.yaml": b"x"}, {"none": b""}, {"a/new": b""}, {"a": None}):
        assert not read_set.holds(OverlayTree(base, change))
    assert read_set.holds(OverlayTree(base, {"other": b""}))


def test_a_link_that_becomes_a_file_with_the_same_bytes_is_noticed(tmp_path: Path) -> None:
    """Git gives both the same identity."""
    (tmp_path / "link").symlink_to("target.yaml")
    base = FolderTree(tmp_path)
    tree = RecordingTree(base)
    tree.read("link")
    assert tree.read_set().holds(base)
    assert not tree.read_set().holds(OverlayTree(base, {"link": b"target.yaml"}))


def test_a_file_in_a_folders_place_hides_what_was_in_it(tmp_path: Path) -> None:
    tree = OverlayTree(folder(tmp_path), {"a": b"now a file"})
    assert tree.entry("a/x.yaml") is None
    for ask in (tree.read, tree.size):
        with pytest.raises(FileNotFoundError):
            ask("a/x.yaml")


def test_a_removed_folder_may_get_new_files(tmp_path: Path) -> None:
    base = folder(tmp_path)
    tree = OverlayTree(base, {"a": None, "a/new.yaml": b"new"})
    assert tree.entry("a") != OverlayTree(base, {"a/new.yaml": b"new"}).entry("a")
    assert [entry.name for entry in tree.list("a")] == ["new.yaml"]
    assert tree.entry("a/x.yaml") is None
    with pytest.raises(IsADirectoryError):
        tree.size("a")
