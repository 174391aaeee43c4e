"""A pack that we write is one for Git and for libgit2, whatever is in it."""

from __future__ import annotations

import hashlib
import os
import subprocess
from typing import TYPE_CHECKING

import pygit2
import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from pygit2.enums import ObjectType

from fairlead.sources.packing import write_pack

if TYPE_CHECKING:
    from pathlib import Path

Objects = dict[str, tuple[int, bytes]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    pygit2.init_repository(str(tmp_path), bare=True)
    return tmp_path


def identity(kind: ObjectType, content: bytes) -> str:
    return hashlib.sha1(f"{kind.name.lower()} {len(content)}\0".encode() + content, usedforsecurity=False).hexdigest()


def objects_of(*contents: tuple[ObjectType, bytes]) -> Objects:
    return {identity(kind, content): (kind, content) for kind, content in contents}


def pack(folder: Path, objects: Objects) -> None:
    write_pack(((each, kind, content) for each, (kind, content) in objects.items()), folder / "objects" / "pack")


def git(folder: Path, *arguments: str) -> str:
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(folder)}
    command = ["git", "--git-dir", str(folder), *arguments]
    return subprocess.run(command, env=environment, check=True, capture_output=True, text=True).stdout


def history(names: int) -> Objects:
    """A commit of one folder with so many files, and a tag of it."""
    blob = identity(ObjectType.BLOB, b"x")
    tree = b"".join(f"100644 app-{number:05}\0".encode() + bytes.fromhex(blob) for number in range(names))
    who = b"Ada <ada@example.com> 1700000000 +0000"
    commit = b"tree %s\nauthor %s\ncommitter %s\n\nx\n" % (identity(ObjectType.TREE, tree).encode(), who, who)
    target = identity(ObjectType.COMMIT, commit).encode()
    tag = b"object %s\ntype commit\ntag v1\ntagger %s\n\nx\n" % (target, who)
    return objects_of(
        (ObjectType.COMMIT, commit), (ObjectType.TREE, tree), (ObjectType.BLOB, b"x"), (ObjectType.TAG, tag)
    )


@pytest.mark.parametrize("names", [1, 3000])
def test_git_accepts_objects_of_all_types(folder: Path, names: int) -> None:
    objects = history(names)
    pack(folder, objects)
    tag = next(each for each, (kind, _) in objects.items() if kind == ObjectType.TAG)
    git(folder, "update-ref", "refs/tags/v1", tag)
    (index,) = (folder / "objects" / "pack").glob("*.idx")
    shown = git(folder, "verify-pack", "--verbose", str(index))
    assert all(each in shown for each in objects)
    assert git(folder, "fsck", "--strict", "--full", "--no-dangling") == ""
    assert git(folder, "log", "--format=%s", "v1") == "x\n"
    git(folder, "repack", "-a", "-d", "-q")
    assert pygit2.Repository(str(folder))[tag].peel(pygit2.Commit).message == "x\n"


BLOBS = st.lists(st.binary(max_size=200), max_size=20)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=60, deadline=None)
@given(contents=BLOBS)
@example(contents=[])
@example(contents=[b"a" * size for size in (0, 1, 15, 16, 17, 2047, 2048, 2049, 262143, 262144, 70_000_000 // 64)])
def test_what_was_written_is_read(tmp_path: Path, contents: list[bytes]) -> None:
    folder = tmp_path / os.urandom(8).hex()
    repository = pygit2.init_repository(str(folder), bare=True)
    objects = objects_of(*((ObjectType.BLOB, content) for content in contents))
    pack(folder, objects)
    assert {str(each) for each in repository.odb} == set(objects)
    assert {each: repository.odb.read(pygit2.Oid(hex=each)) for each in objects} == objects


def test_its_index_is_the_one_that_git_makes(folder: Path) -> None:
    pack(folder, history(3000))
    (path,) = (folder / "objects" / "pack").glob("*.pack")
    git(folder, "index-pack", "--index-version=2", "-o", str(folder / "by-git.idx"), str(path))
    assert path.with_suffix(".idx").read_bytes() == (folder / "by-git.idx").read_bytes()


def test_nothing_else_is_left(folder: Path) -> None:
    pack(folder, history(3))
    pack(folder, history(3))
    assert sorted(each.suffix for each in (folder / "objects" / "pack").iterdir()) == [".idx", ".pack"]
