"""Archives on disk: written whole or not at all, looked at, collected, removed."""

from __future__ import annotations

import hashlib
import os
import time
from typing import TYPE_CHECKING

import pytest

from fairlead.sources.artifact_store import (
    ArchiveOperationError,
    ArtifactStore,
    DirectoryCreationError,
    Place,
    State,
)
from fairlead.sources.errors import MissingObjectError
from tests.support.trees import write

if TYPE_CHECKING:
    from pathlib import Path

    from fairlead.sources.store import ObjectStore

PLACE = Place("apps", "fleet")
FIRST, SECOND, THIRD, FOURTH = ("1" * 40, "2" * 40, "3" * 40, "4" * 40)


@pytest.fixture
def archives(store: ObjectStore, tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "archives", store)


def names(archives: ArtifactStore) -> set[str]:
    folder = archives.root / "gitrepository/apps/fleet"
    return {path.name.removesuffix(".tar.gz") for path in folder.glob("[0-9a-f]*")}


def age(archives: ArtifactStore, commit: str, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(archives.root / PLACE.path(commit), (then, then))


def test_layout(archives: ArtifactStore, store: ObjectStore) -> None:
    made = archives.pack(PLACE, FIRST, write(store, {"a": "1"}))
    file = archives.root / "gitrepository" / "apps" / "fleet" / f"{FIRST}.tar.gz"
    assert made.digest == f"sha256:{hashlib.sha256(file.read_bytes()).hexdigest()}"
    assert (file.parent / "latest.tar.gz").read_bytes() == file.read_bytes()
    archives.pack(PLACE, SECOND, write(store, {"a": "2"}))
    assert (file.parent / "latest.tar.gz").resolve().name == f"{SECOND}.tar.gz"
    assert sorted(path.name for path in file.parent.iterdir()) == sorted(
        [".pieces", f"{FIRST}.tar.gz", f"{SECOND}.tar.gz", "latest.tar.gz"]
    )


def test_what_was_found_whole_is_built_upon(archives: ArtifactStore, store: ObjectStore) -> None:
    files = {f"{number:03}/a": str(number) for number in range(200)}
    first = archives.pack(PLACE, FIRST, write(store, files))
    tree = write(store, files | {"100/a": "new"})
    anew = archives.pack(PLACE, SECOND, tree)
    assert anew.written == anew.size, "nobody said that the first one is whole"
    archives.pack(PLACE, FIRST, write(store, files))
    step = archives.pack(PLACE, THIRD, tree, trusted=first.digest)
    assert step == anew
    assert step.written < first.size / 10


def test_pieces_of_another_archive_or_none_are_not_used(archives: ArtifactStore, store: ObjectStore) -> None:
    tree = write(store, {"a": "1"})
    made = archives.pack(PLACE, FIRST, tree)
    for damage in (b"", b"\xc1", b"\x93\x02\xa0\x90"):
        (archives.root / "gitrepository/apps/fleet/.pieces").write_bytes(damage)
        again = archives.pack(PLACE, FIRST, tree, trusted=made.digest)
        assert again == made
        assert again.written == made.size


def test_state(archives: ArtifactStore, store: ObjectStore) -> None:
    digest = archives.pack(PLACE, FIRST, write(store, {"a": "1"})).digest
    path = PLACE.path(FIRST)
    assert archives.state(PLACE, path, digest) is State.WHOLE
    assert archives.state(PLACE, PLACE.path(SECOND), digest) is State.ABSENT
    assert archives.state(PLACE, path, "blake3:00") is State.ABSENT, "what another program made is not looked for"
    (archives.root / path).write_bytes(b"x")
    assert archives.state(PLACE, path, digest) is State.DAMAGED
    archives.drop(PLACE, path)
    assert archives.state(PLACE, path, digest) is State.ABSENT
    archives.drop(PLACE, path)


@pytest.mark.parametrize(
    "path",
    [
        "secret.tar.gz",
        "../secret.tar.gz",
        "gitrepository/apps/other/1.tar.gz",
        "gitrepository/apps/fleet/../../../secret.tar.gz",
        "gitrepository/apps/fleet/.pieces",
        "gitrepository/apps/fleet/latest.tar.gz",
        "/etc/passwd",
        "",
    ],
)
def test_a_status_that_points_elsewhere(archives: ArtifactStore, store: ObjectStore, path: str) -> None:
    digest = archives.pack(PLACE, FIRST, write(store, {"a": "1"})).digest
    secret = archives.root / "secret.tar.gz"
    secret.write_bytes(b"secret")
    assert archives.state(PLACE, path, f"sha256:{hashlib.sha256(b'secret').hexdigest()}") is State.ABSENT
    archives.drop(PLACE, path)
    assert secret.exists()
    assert archives.state(PLACE, PLACE.path(FIRST), digest) is State.WHOLE


def test_old_ones_are_collected(archives: ArtifactStore, store: ObjectStore) -> None:
    for commit in (FIRST, SECOND):
        archives.pack(PLACE, commit, write(store, {"a": commit}))
    assert archives.collect(PLACE, PLACE.path(SECOND)) == 0
    age(archives, FIRST, 61)
    age(archives, SECOND, 600)
    assert archives.collect(PLACE, PLACE.path(SECOND)) == 1, "the current one stays, however old"
    assert names(archives) == {SECOND}


def test_no_more_than_so_many_are_kept(archives: ArtifactStore, store: ObjectStore) -> None:
    for number, commit in enumerate((FIRST, SECOND, THIRD, FOURTH)):
        archives.pack(PLACE, commit, write(store, {"a": commit}))
        age(archives, commit, 40 - number)
    assert archives.collect(PLACE, PLACE.path(FOURTH)) == 2
    assert names(archives) == {THIRD, FOURTH}
    assert archives.collect(PLACE, PLACE.path(THIRD)) == 0
    assert ArtifactStore(archives.root, store, retention_records=1).collect(PLACE, PLACE.path(THIRD)) == 1
    assert names(archives) == {THIRD}


def test_what_was_half_written_is_collected(archives: ArtifactStore, store: ObjectStore) -> None:
    archives.pack(PLACE, FIRST, write(store, {"a": "1"}))
    half = archives.root / "gitrepository/apps/fleet/.abc.part"
    half.write_bytes(b"x")
    os.utime(half, (0, 0))
    assert archives.collect(PLACE, PLACE.path(FIRST)) == 1
    assert not half.exists()
    assert names(archives) == {FIRST}


def test_a_failure_leaves_what_there_was(archives: ArtifactStore, store: ObjectStore) -> None:
    digest = archives.pack(PLACE, FIRST, write(store, {"a": "1"})).digest
    with pytest.raises(MissingObjectError):
        archives.pack(PLACE, FIRST, "0" * 40)
    assert archives.state(PLACE, PLACE.path(FIRST), digest) is State.WHOLE
    assert not list((archives.root / "gitrepository/apps/fleet").glob("*.part"))


def test_a_place_that_cannot_be_written(store: ObjectStore, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(DirectoryCreationError, match="failed to create artifact directory"):
        ArtifactStore(tmp_path / "file", store).pack(PLACE, FIRST, write(store, {}))
    archives = ArtifactStore(tmp_path / "archives", store)
    (archives.root / PLACE.path(FIRST)).mkdir(parents=True)
    with pytest.raises(ArchiveOperationError, match="unable to archive artifact to storage: Is a directory"):
        archives.pack(PLACE, FIRST, write(store, {}))


def test_removal_and_sweep(archives: ArtifactStore, store: ObjectStore) -> None:
    others = [Place("apps", "other"), Place("ops", "fleet")]
    for place in (PLACE, *others):
        archives.pack(place, FIRST, write(store, {}))
    assert archives.remove(PLACE)
    assert not archives.remove(PLACE)
    assert archives.sweep({others[0]}) == 1
    assert [path.name for path in (archives.root / "gitrepository").iterdir()] == ["apps"]
    assert archives.sweep(set()) == 1
    assert not list((archives.root / "gitrepository").iterdir())
