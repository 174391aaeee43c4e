"""Read sets of builds of real repositories: what is outside never counts, what is inside is always noticed.

``READ_SET_SAMPLE`` sets how many folders are tried; more than there are means all of them. Each is built by kustomize
without and with a shared cache, and by Flux, also from its parent, where Flux often lists what it finds.
"""

from __future__ import annotations

import json
import lzma
import os
import random
import tarfile
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import pytest

from fairlead.api.kustomization import KustomizationSpec
from fairlead.build import flux
from fairlead.build.kustomize import BuildCache, KustomizeOptions, build, render
from fairlead.build.tree import FolderTree, OverlayTree, ReadSet
from fairlead.errors import BuildError
from fairlead.objects.tree import EntryKind

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from fairlead.objects.tree import Tree

    Changes = dict[str, bytes | None]

CORPORA = Path(__file__).resolve().parents[4] / "shared" / "corpora"
SAMPLE = int(os.environ.get("READ_SET_SAMPLE", "14"))
ROUNDS = 3
LARGEST = 2_000_000
"""Longer outputs take too long to build dozens of times."""

pytestmark = [
    pytest.mark.skipif(not CORPORA.is_dir(), reason="../shared/corpora is not here"),
    pytest.mark.timeout(120 + 6 * SAMPLE),
]


class Folder(NamedTuple):
    root: Path
    path: str
    root_only: bool


class Outcome(NamedTuple):
    text: str
    read_set: ReadSet | None
    """``None`` for a build that failed."""


class Subject(NamedTuple):
    """One way to build one folder."""

    name: str
    tree: FolderTree
    cold: Callable[[Tree], Outcome]
    warm: Callable[[Tree], Outcome]
    """The same with what earlier builds left in a cache."""
    chance: random.Random


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> list[Folder]:
    """Folders that the real tool builds, from all repositories, the same ones each time."""
    place = tmp_path_factory.mktemp("corpora")
    folders = []
    for listing in sorted(CORPORA.glob("*.expected.jsonl.xz")):
        name = listing.name.removesuffix(".expected.jsonl.xz")
        with lzma.open(listing, "rt") as lines:
            entries = [json.loads(line) for line in lines]
        folders += [
            Folder(place / name, entry["dir"], entry["load_restrictor"] == "root")
            for entry in entries
            if "output" in entry and len(entry["output"]) < LARGEST
        ]
    chosen = random.Random(4).sample(folders, min(SAMPLE, len(folders)))
    for root in {folder.root for folder in chosen}:
        with tarfile.open(CORPORA / f"{root.name}.tar.xz") as archive:
            archive.extractall(place, filter="data")
    return chosen


def subjects(sample: Sequence[Folder]) -> Iterator[tuple[Subject, Outcome, ReadSet]]:
    """Every way to build every folder that succeeds, with its result."""
    trees = {folder.root: FolderTree(folder.root) for folder in sample}
    seen = set()
    for folder in sample:
        tree, parent = trees[folder.root], folder.path.rpartition("/")[0]
        name = f"{folder.root.name}/{folder.path}"
        cache = BuildCache()
        ways = [
            ("kustomize", folder.path, by_kustomize(folder, None), by_kustomize(folder, cache)),
            *(("flux", path, by_flux(path), by_flux(path)) for path in (folder.path, parent)),
        ]
        for way, path, cold, warm in ways:
            if (way, folder.root, path) in seen:
                continue
            seen.add((way, folder.root, path))
            outcome = cold(tree)
            if outcome.read_set is not None and len(outcome.text) < LARGEST:
                subject = Subject(f"{way} {name} at '{path}'", tree, cold, warm, random.Random(name + way + path))
                yield subject, outcome, outcome.read_set


def by_kustomize(folder: Folder, cache: BuildCache | None) -> Callable[[Tree], Outcome]:
    options = KustomizeOptions(root_only=folder.root_only, legacy_order=True, lenient=False, cache=cache)

    def run(tree: Tree) -> Outcome:
        try:
            result = build(tree, folder.path, options)
        except BuildError as error:
            return Outcome(f"error: {error}", None)
        return Outcome(render(result, cache), result.read_set)

    return run


def by_flux(path: str) -> Callable[[Tree], Outcome]:
    fields = {"interval": "1m", "prune": True, "sourceRef": {"kind": "GitRepository", "name": "x"}, "path": path}
    spec = msgspec.convert(fields, KustomizationSpec)

    def run(tree: Tree) -> Outcome:
        try:
            result = flux.build(tree, spec, flux.Variables(), mask_encrypted=True)
        except BuildError as error:
            return Outcome(f"error: {error}", None)
        return Outcome(json.dumps(result.objects, default=str), result.read_set)

    return run


def files_of(tree: Tree, folder: str = "") -> Iterator[tuple[str, EntryKind]]:
    for entry in tree.list(folder):
        path = f"{folder}/{entry.name}" if folder else entry.name
        if entry.kind is EntryKind.FOLDER:
            yield from files_of(tree, path)
        else:
            yield path, entry.kind


def parent_of(path: str) -> str:
    return path.rpartition("/")[0]


def some(chance: random.Random, values: Sequence[str], most: int) -> list[str]:
    return chance.sample(values, min(most, len(values)))


def outside(subject: Subject, seen: ReadSet, files: Sequence[tuple[str, EntryKind]]) -> Changes:
    """Many changes at once, none of which the read set speaks of: other contents, files less and files more.

    Files beside those that were read are preferred, for there a mistake is likely. In a folder that was listed only
    contents change: its names are in the set.
    """
    chance = subject.chance
    free = {path: kind for path, kind in files if path not in seen.read}
    near = [path for path in free if parent_of(path) in seen.folders]
    far = [path for path in free if parent_of(path) not in seen.folders]
    changes: Changes = {}
    for path in some(chance, near, 40) + some(chance, far, 20):
        if parent_of(path) not in seen.listed:
            changes[path] = chance.choice([None, b"", b"{ broken", b"kind: Other\n"])
        elif free[path] is EntryKind.FILE:
            changes[path] = chance.choice([b"", b"{ broken", b"kind: Other\n"])
    for folder in some(chance, sorted(seen.folders - seen.listed.keys()), 10):
        for name in ("a-new-file.yaml", "a-new-folder/kustomization.yaml", "kustomize.yaml"):
            path = f"{folder}/{name}" if folder else name
            if path not in seen.missed | seen.read.keys() and parent_of(path) not in seen.missed:
                changes[path] = b"{ broken"
    return changes


def inside(subject: Subject, seen: ReadSet) -> Iterator[tuple[str, Changes]]:
    """Single changes of which the read set does speak, each with a word for it."""
    chance = subject.chance
    for path in some(chance, sorted(seen.read), 4):
        entry = subject.tree.entry(path)
        if entry is not None and entry.kind is EntryKind.SYMLINK:
            yield "link became a file", {path: subject.tree.read(path)}
        else:
            yield "content changed", {path: subject.tree.read(path) + b"\n# changed\n"}
            yield "content broken", {path: b"{ broken"}
        yield "file removed", {path: None}
        yield "file became a folder", {f"{path}/inner.yaml": b"a: b\n"}
    for path in some(chance, sorted(seen.missed), 3):
        yield "missed file added", {path: b"a: b\n"}
        yield "missed folder added", {f"{path}/inner.yaml": b"a: b\n"}
    for path in some(chance, sorted(seen.listed), 3):
        prefix = f"{path}/" if path else ""
        yield "file added to a listed folder", {f"{prefix}a-new-file.yaml": b"a: b\n"}
        yield "folder added to a listed folder", {f"{prefix}a-new-folder/inner.yaml": b"a: b\n"}
        for child in some(chance, [entry.name for entry in subject.tree.list(path)], 1):
            yield "name removed from a listed folder", {prefix + child: None}
    for path in some(chance, sorted(seen.folders - {""}), 2):
        yield "folder removed", {path: None}
        yield "folder became a file", {path: b"a: b\n"}


def test_changes_outside_the_set_change_nothing(sample: list[Folder]) -> None:
    files: dict[int, list[tuple[str, EntryKind]]] = {}
    counts: Counter[str] = Counter()
    for subject, before, seen in subjects(sample):
        everything = files.setdefault(id(subject.tree), list(files_of(subject.tree)))
        counts["builds"] += 1
        for _ in range(ROUNDS):
            changes = outside(subject, seen, everything)
            changed = OverlayTree(subject.tree, changes)
            assert seen.holds(changed), (subject.name, changes)
            assert subject.cold(changed) == before, (subject.name, changes)
            counts["changes"] += len(changes)
    print("outside:", dict(counts))
    assert counts["builds"] >= len(sample)
    assert counts["changes"] > ROUNDS * len(sample)


def test_changes_inside_the_set_are_noticed(sample: list[Folder]) -> None:
    """Each ends the set's validity; and a build with a cache never takes what is not valid any more."""
    changed_output: Counter[str] = Counter()
    counts: Counter[str] = Counter()
    for subject, before, seen in subjects(sample):
        assert subject.warm(subject.tree) == before, subject.name
        assert subject.warm(subject.tree) == before, f"{subject.name}, from the cache"
        for about, changes in inside(subject, seen):
            changed = OverlayTree(subject.tree, changes)
            assert not seen.holds(changed), (subject.name, about, list(changes))
            after = subject.cold(changed)
            assert subject.warm(changed) == after, (subject.name, about, list(changes))
            counts[about] += 1
            changed_output[about] += after.text != before.text
    print("inside:", {about: f"{changed_output[about]} of {count} changed" for about, count in counts.items()})
    assert changed_output["content broken"] > counts["content broken"] // 2, "most of what is read matters"
    assert changed_output["file removed"] > counts["file removed"] // 2
