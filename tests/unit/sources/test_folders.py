"""What differs between two folders is the same whether their bytes are skipped or all names are compared."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from fairlead.build.changes import changes_between
from fairlead.controllers.builds import Builds
from fairlead.sources.errors import MissingObjectError
from fairlead.sources.folders import FolderMemory, RawEntry, differences, entries_of
from fairlead.sources.ignore import TreeFilter
from tests.support.trees import Files, write

if TYPE_CHECKING:
    from fairlead.sources.store import ObjectStore

Folder = dict[bytes, tuple[bytes, bytes]]

IDS = st.sampled_from([b"1" * 20, b"2" * 20, b"\0" * 20, b"100644 a\0" + b"x" * 11, b"x" * 11 + b"100644 a\0"])
NAMES = st.sampled_from([b"a", b"b", b"b.yaml", b"b 100644 a", b"c", b"\xff"]) | st.binary(min_size=1, max_size=3)
ENTRIES = st.tuples(st.sampled_from([b"100644", b"100755", b"40000", b"120000", b"160000"]), IDS)
FOLDERS = st.dictionaries(NAMES.filter(lambda name: b"\0" not in name and b"/" not in name), ENTRIES, max_size=8)


def raw(folder: Folder) -> bytes:
    """In Git's order: folders as if their names ended with a slash."""
    names = sorted(folder, key=lambda name: name + (b"/" if folder[name][0] == b"40000" else b""))
    return b"".join(folder[name][0] + b" " + name + b"\0" + folder[name][1] for name in names)


def entry(stored: tuple[bytes, bytes] | None) -> RawEntry | None:
    return (stored[1].hex(), int(stored[0], 8)) if stored else None


@settings(max_examples=500)
@given(before=FOLDERS, after=FOLDERS, same=FOLDERS)
@example(before={b"b 100644 a": (b"100644", b"1" * 20)}, after={b"a": (b"100644", b"1" * 20)}, same={})
def test_all_that_differs_and_nothing_else(before: Folder, after: Folder, same: Folder) -> None:
    before, after = before | same, after | same
    found = {each.name.encode(errors="surrogateescape"): each[1:] for each in differences(raw(before), raw(after))}
    names = [name for name in {**before, **after} if before.get(name) != after.get(name)]
    assert found == {name: (entry(before.get(name)), entry(after.get(name))) for name in names}


def test_names_and_modes_are_those_of_the_folder(store: ObjectStore) -> None:
    blob = store.write_blob(b"x")
    tree = store.write_tree({"a": (blob, 0o100755), "b": (blob, 0o120000), "c": (store.write_tree({}), 0o40000)})
    found = entries_of(store.folder_bytes(tree))
    assert {name: mode for name, (_, mode) in found.items()} == {"a": 0o100755, "b": 0o120000, "c": 0o40000}


def test_a_folder_that_is_not_here(store: ObjectStore) -> None:
    with pytest.raises(MissingObjectError):
        store.differences("0" * 40, store.write_tree({}))
    with pytest.raises(MissingObjectError):
        store.folder_bytes(store.write_blob(b"no folder"))


def test_large_folders_are_read_once_and_small_ones_each_time() -> None:
    memory, reads = FolderMemory(), list[str]()

    def read(tree_id: str) -> bytes:
        reads.append(tree_id)
        size = 2000 if tree_id.startswith("large") else 2
        return raw({b"%04d" % number: (b"100644", tree_id.encode().rjust(20)) for number in range(size)})

    assert len(memory.differences("large1", "large2", read)) == len(memory.differences("large2", "large1", read))
    memory.differences("small", "large1", read)
    memory.differences("small", "large2", read)
    assert sorted(reads) == ["large1", "large2", "small", "small"]
    memory.differences("small", "large2", read)
    assert memory.get("small") is None
    for number in range(50):
        memory.content(f"large-{number}", read)
    assert memory.get("large1") is None
    assert memory.get("large-49") is not None


# -- what is found out from the differences is what all of it would tell -----------------------------------------------

PATHS = ["x", "a/x", "a/y.png", "a/b/x", "a/b/z", "c/x", ".sourceignore", "a/.sourceignore", "c/b/.sourceignore"]
TEXTS = st.sampled_from(["x\n", "b/\n", "*.png\n", "!x\n", "/a\n"])
REVISIONS = st.lists(st.dictionaries(st.sampled_from(PATHS), TEXTS, max_size=7), min_size=2, max_size=5)
IGNORED = st.sampled_from([None, "x\n", "b/\n!b/x\n"])


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(revisions=REVISIONS, spec_ignore=IGNORED)
def test_filtered_one_after_the_other_is_filtered_alone(
    store: ObjectStore, revisions: list[Files], spec_ignore: str | None
) -> None:
    lasting = TreeFilter(store)
    for files in revisions:
        tree = write(store, files)
        assert lasting.apply(tree, spec_ignore, source="fleet") == TreeFilter(store).apply(tree, spec_ignore)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=200, deadline=None)
@given(before=st.dictionaries(st.sampled_from(PATHS), TEXTS), after=st.dictionaries(st.sampled_from(PATHS), TEXTS))
def test_changes_are_those_that_listing_all_folders_tells(store: ObjectStore, before: Files, after: Files) -> None:
    old, new = store.tree(write(store, before)), store.tree(write(store, after))
    differ = Builds(store, None)._differ  # type: ignore[arg-type]  # it builds nothing
    assert changes_between(old, new, differ) == changes_between(old, new)
