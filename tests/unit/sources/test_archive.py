"""Archives of trees: what is in them, that they are the same whoever makes them, and that steps cost what changed."""

from __future__ import annotations

import hashlib
import io
import tarfile
from typing import TYPE_CHECKING

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairlead.sources.archive import Archive, Previous, write_archive
from fairlead.sources.errors import MissingObjectError
from tests.support.trees import Files, write

if TYPE_CHECKING:
    from pathlib import Path

    from fairlead.sources.store import ObjectStore


def pack(
    store: ObjectStore, tree: str, target: Path, *, after: tuple[Path, Archive] | None = None, algorithm: str = "sha256"
) -> Archive:
    with target.open("wb") as stream:
        if after is None:
            return write_archive(store, tree, stream, algorithm=algorithm)
        with after[0].open("rb") as before:
            return write_archive(store, tree, stream, algorithm=algorithm, previous=Previous(before, after[1].pieces))


def entries(data: bytes) -> list[tarfile.TarInfo]:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        return archive.getmembers()


def contents(data: bytes) -> Files:
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:gz") as archive:
        files = [(each.name, archive.extractfile(each)) for each in archive if each.isreg()]
        return {name: stream.read().decode() for name, stream in files if stream}


def test_what_an_entry_says(store: ObjectStore, tmp_path: Path) -> None:
    blob = store.write_blob(b"echo\n")
    inner = store.write_tree({"run.sh": (blob, 0o100755), "run.txt": (blob, 0o100644)})
    modes = {"link": (blob, 0o120000), "module": ("1" * 40, 0o160000), "z": (blob, 0o100644), "bin": (inner, 0o40000)}
    tree = store.write_tree({name: entry for name, entry in modes.items() if name != "module"})
    made = pack(store, tree, tmp_path / "a")
    data = (tmp_path / "a").read_bytes()
    assert (made.size, made.digest) == (len(data), f"sha256:{hashlib.sha256(data).hexdigest()}")
    found = entries(data)
    assert [(each.name, each.type, each.mode, each.size) for each in found] == [
        ("bin", tarfile.DIRTYPE, 0o750, 0),
        ("bin/run.sh", tarfile.REGTYPE, 0o700, 5),
        ("bin/run.txt", tarfile.REGTYPE, 0o600, 5),
        ("z", tarfile.REGTYPE, 0o600, 5),
    ]
    assert {(each.uid, each.gid, each.uname, each.gname, each.mtime) for each in found} == {(0, 0, "", "", 0)}


def test_order_is_that_of_a_walk_and_not_that_of_git(store: ObjectStore, tmp_path: Path) -> None:
    """Git sorts a folder ``a`` behind ``a.yaml``, for it takes its name for ``a/``."""
    pack(store, write(store, {"a/b": "", "a.yaml": "", "a-c": ""}), tmp_path / "a")
    assert [each.name for each in entries((tmp_path / "a").read_bytes())] == ["a", "a/b", "a-c", "a.yaml"]


@pytest.mark.parametrize("name", ["x" * 99, "x" * 100, "x" * 101, "x" * 255, "ü.yaml", "#", "a b", "-"])
def test_names_of_all_sorts(store: ObjectStore, tmp_path: Path, name: str) -> None:
    files = {name: "1", f"{'d' * 120}/{name}": "2", f"a/b/{'e' * 150}/{name}": "3"}
    pack(store, write(store, files), tmp_path / "a")
    assert contents((tmp_path / "a").read_bytes()) == files


def test_names_that_lead_elsewhere_are_left_out(store: ObjectStore, tmp_path: Path) -> None:
    """Git's own tools refuse such folders; a server may send them all the same."""
    blob = bytes.fromhex(store.write_blob(b"x"))
    names = [b"..", b".", b"a", b"../../b", b"/etc/c", b"d"]
    raw = b"".join(b"100644 %b\0%b" % (name, blob) for name in names)
    tree = str(store.repository.odb.write(2, raw))
    pack(store, tree, tmp_path / "a")
    assert [each.name for each in entries((tmp_path / "a").read_bytes())] == ["a", "d"]


def test_an_empty_tree(store: ObjectStore, tmp_path: Path) -> None:
    pack(store, store.write_tree({}), tmp_path / "a")
    assert entries((tmp_path / "a").read_bytes()) == []


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
def test_digests(store: ObjectStore, tmp_path: Path, algorithm: str) -> None:
    made = pack(store, write(store, {"a": "1"}), tmp_path / "a", algorithm=algorithm)
    assert made.digest == f"{algorithm}:{hashlib.new(algorithm, (tmp_path / 'a').read_bytes()).hexdigest()}"


def test_what_is_not_in_the_store(store: ObjectStore, tmp_path: Path) -> None:
    with pytest.raises(MissingObjectError):
        pack(store, "0" * 40, tmp_path / "a")


def fleet(apps: int, **changed: str) -> Files:
    files = {f"apps/app-{number:04}/{name}": f"{name} of {number}\n" for number in range(apps) for name in ("a", "b")}
    return {"README.md": "x", **files} | {
        path.replace("__", "/").replace("_", "-"): text for path, text in changed.items()
    }


def test_a_commit_costs_what_it_changed(store: ObjectStore, tmp_path: Path) -> None:
    first = pack(store, write(store, fleet(1000)), tmp_path / "1")
    tree = write(store, fleet(1000, apps__app_0500__a="new"))
    second = pack(store, tree, tmp_path / "2", after=(tmp_path / "1", first))
    assert second == pack(store, tree, tmp_path / "anew")
    assert (tmp_path / "2").read_bytes() == (tmp_path / "anew").read_bytes()
    assert second.written < first.written / 50
    assert contents((tmp_path / "2").read_bytes()) == fleet(1000, **{"apps__app_0500__a": "new"})


def test_a_large_file_is_read_again_only_when_it_changed(store: ObjectStore, tmp_path: Path) -> None:
    large = "".join(hashlib.sha256(str(number).encode()).hexdigest() for number in range(5000))
    first = pack(store, write(store, {"a": "1", "large": large, "z": "1"}), tmp_path / "1")
    tree = write(store, {"a": "2", "large": large, "z": "1"})
    second = pack(store, tree, tmp_path / "2", after=(tmp_path / "1", first))
    assert second.written < 1024 < second.size
    assert second == pack(store, tree, tmp_path / "anew")


PATHS = st.sampled_from(
    [f"{top}{mid}{leaf}" for top in ("", "a/", "b/") for mid in ("", "c/", "d/e/") for leaf in "xyz"]
)
MANY = {f"many/{number:03}.yaml": "" for number in range(90)}
LARGE = "many bytes " * 20_000
TREES = st.dictionaries(
    PATHS | st.sampled_from(sorted(MANY)[::7]), st.sampled_from(["", "1", "22", "large"]), max_size=12
)
"""``large`` stands for much, which Hypothesis must not print: its warning of that hid what had failed."""


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(trees=st.lists(TREES, min_size=2, max_size=4), many=st.booleans())
def test_in_steps_or_anew_it_is_the_same(store: ObjectStore, tmp_path: Path, trees: list[Files], many: bool) -> None:
    last: tuple[Path, Archive] | None = None
    for number, short in enumerate(trees):
        files = {path: LARGE if text == "large" else text for path, text in short.items()}
        tree = write(store, (MANY | files) if many else files)
        step, anew = tmp_path / f"{number}", tmp_path / "anew"
        made = pack(store, tree, step, after=last)
        assert made == pack(store, tree, anew)
        assert step.read_bytes() == anew.read_bytes()
        assert contents(step.read_bytes()) == ((MANY | files) if many else files)
        last = (step, made)
