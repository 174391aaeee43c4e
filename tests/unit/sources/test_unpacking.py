"""A small pack is taken apart as Git would, or left to Git; a hostile one costs next to nothing."""

from __future__ import annotations

import hashlib
import os
import struct
import subprocess
import zlib
from typing import TYPE_CHECKING

import pygit2
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from fairlead.sources.receiving import take_apart
from fairlead.sources.remote import Remote
from fairlead.sources.unpacking import MOST_BYTES, unpack
from tests.support.repo import RepoBuilder

if TYPE_CHECKING:
    from pathlib import Path

BLOB, OFFSET_DELTA, REFERENCE_DELTA = 3, 6, 7


def nothing(_: str) -> None:
    return None


def git(folder: Path, *arguments: str, stdin: bytes = b"") -> bytes:
    environment = {"PATH": os.environ["PATH"], "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(folder)}
    command = ["git", "--git-dir", str(folder), *arguments]
    return subprocess.run(command, env=environment, input=stdin, check=True, capture_output=True).stdout


def packed(folder: Path, *revisions: str, options: tuple[str, ...] = ("--thin", "--delta-base-offset")) -> bytes:
    """As a server makes it."""
    command = ["pack-objects", "--revs", "--stdout", "--no-reuse-delta", "--shallow", *options]
    return git(folder, *command, stdin="".join(f"{each}\n" for each in revisions).encode())


def number(kind: int, size: int) -> bytes:
    byte, left = (kind << 4) | (size & 0x0F), size >> 4
    found = bytearray()
    while left:
        found.append(byte | 0x80)
        byte, left = left & 0x7F, left >> 7
    return bytes([*found, byte])


def pack_of(*entries: bytes, count: int | None = None, version: int = 2) -> bytes:
    body = struct.pack(">4sII", b"PACK", version, len(entries) if count is None else count) + b"".join(entries)
    return body + hashlib.sha1(body, usedforsecurity=False).digest()


def blob(content: bytes, size: int | None = None) -> bytes:
    return number(BLOB, len(content) if size is None else size) + zlib.compress(content)


def delta(base: bytes, content: bytes, kind: int = REFERENCE_DELTA) -> bytes:
    return number(kind, len(content)) + base + zlib.compress(content)


def id_of(content: bytes) -> str:
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


# -- packs of Git ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("options", [(), ("--thin",), ("--thin", "--delta-base-offset")])
def test_a_commit_is_what_git_says_it_is(tmp_path: Path, options: tuple[str, ...]) -> None:
    repo = RepoBuilder(tmp_path / "fleet")
    files: dict[str, str | None] = {f"apps/app-{each:03}.yaml": f"n: {each}\n" * 50 for each in range(100)}
    before = repo.commit("Start", files)
    after = repo.commit("Next", {"apps/app-007.yaml": "n: 7\n" * 50 + "m: 8\n", "apps/app-008.yaml": None})
    source = pygit2.Repository(str(tmp_path / "fleet"))

    def lookup(object_id: str) -> tuple[int, bytes]:
        return source.odb.read(pygit2.Oid(hex=object_id))

    found = unpack(packed(tmp_path / "fleet", after, f"^{before}", options=options), lookup)
    assert found is not None
    wanted = git(tmp_path / "fleet", "rev-list", "--objects", "--no-object-names", after, f"^{before}").decode()
    assert {each.object_id for each in found} == set(wanted.split())
    for each in found:
        assert (each.kind, each.content) == lookup(each.object_id)


CONTENTS = st.lists(st.binary(max_size=300).map(lambda data: data * 5), min_size=1, max_size=8, unique=True)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=25, deadline=None)
@given(contents=CONTENTS)
def test_whatever_git_packs_comes_out(tmp_path: Path, contents: list[bytes]) -> None:
    folder = tmp_path / os.urandom(8).hex()
    repository = pygit2.init_repository(str(folder), bare=True)
    similar = [content + other for content in contents for other in contents]
    ids = {str(repository.create_blob(content)): content for content in similar}
    pack = git(folder, "pack-objects", "--stdout", "--delta-base-offset", stdin="\n".join([*ids, ""]).encode())
    found = unpack(pack, nothing)
    assert found is not None
    assert {each.object_id: each.content for each in found} == ids


# -- what is left to Git -----------------------------------------------------------------------------------------------

GOOD = pack_of(blob(b"x" * 100))
BASE = b"x" * 100
COPY_ALL = b"\x64\x64\x90\x64"
"""A hundred bytes from a hundred: all of the base."""
UNUSUAL = {
    "no pack": b"",
    "cut": GOOD[:-1],
    "a wrong sum": GOOD[:-1] + bytes([GOOD[-1] ^ 1]),
    "another version": pack_of(blob(b"x"), version=3),
    "too few objects": pack_of(blob(b"x"), count=2),
    "too many objects": pack_of(blob(b"x"), blob(b"y"), count=1),
    "more than is said": pack_of(blob(b"xyz", size=2)),
    "less than is said": pack_of(blob(b"xyz", size=4)),
    "a type that there is not": pack_of(number(5, 1) + zlib.compress(b"x")),
    "no type": pack_of(number(0, 1) + zlib.compress(b"x")),
    "a size without an end": pack_of(b"\xb0" + b"\x80" * 50_000),
    "nonsense": pack_of(number(BLOB, 4) + b"nonsense"),
    "a base that is not here": pack_of(delta(b"\1" * 20, COPY_ALL)),
    "a base outside": pack_of(delta(b"\x7f", COPY_ALL, OFFSET_DELTA)),
    "its own base": pack_of(delta(b"\x00", COPY_ALL, OFFSET_DELTA)),
    "a base between two": pack_of(blob(BASE), delta(b"\x01", COPY_ALL, OFFSET_DELTA)),
    "a base of another size": pack_of(blob(BASE), delta(bytes.fromhex(id_of(BASE)), b"\x63\x63\x90\x63")),
    "a copy from beyond": pack_of(blob(BASE), delta(bytes.fromhex(id_of(BASE)), b"\x64\x64\x91\x01\x64")),
    "a result too long": pack_of(blob(BASE), delta(bytes.fromhex(id_of(BASE)), COPY_ALL + b"\x90\x64")),
    "a result too short": pack_of(blob(BASE), delta(bytes.fromhex(id_of(BASE)), b"\x64\x64\x90\x63")),
    "a command that there is not": pack_of(blob(BASE), delta(bytes.fromhex(id_of(BASE)), b"\x64\x64\x00")),
    "a delta that ends early": pack_of(blob(BASE), delta(bytes.fromhex(id_of(BASE)), b"\x64\x64\x05x")),
    "a large one": pack_of(*(blob(os.urandom(1000)) for _ in range(MOST_BYTES // 1000 + 1))),
    "many objects": pack_of(*(blob(b"%d" % each) for each in range(600))),
    "a bomb": pack_of(blob(bytes(50_000_000))),
    "many bombs": pack_of(*(blob(bytes(3_000_000) + bytes([each])) for each in range(60))),
    "many small pieces": pack_of(
        blob(BASE), delta(bytes.fromhex(id_of(BASE)), b"\x64\x80\x9f\x49" + b"\x90\x01" * 1_200_000)
    ),
    "a bomb of copies": pack_of(
        blob(bytes(0xFFFF)),
        *(delta(bytes.fromhex(id_of(bytes(0xFFFF))), b"\xff\xff\x03\xc0\xff\x3f" + b"\xb0\xff\xff" * 16) for _ in "ab"),
    ),
}


@pytest.mark.parametrize("pack", UNUSUAL.values(), ids=UNUSUAL)
def test_what_is_unusual_is_left_to_git(pack: bytes) -> None:
    assert unpack(pack, nothing) is None


@given(st.binary(max_size=300), st.integers(0, 4))
def test_nonsense_is_left_to_git(nonsense: bytes, count: int) -> None:
    for pack in (nonsense, pack_of(nonsense, count=count)):
        found = unpack(pack, lambda _: (BLOB, BASE))
        assert found is None or len(found) <= count


def test_the_packs_above_are_wrong_in_one_thing_only() -> None:
    assert unpack(GOOD, nothing) == [(id_of(BASE), BLOB, BASE)]
    known = bytes.fromhex(id_of(BASE))
    assert unpack(pack_of(delta(known, COPY_ALL + b""), blob(BASE)), nothing) == [(id_of(BASE), BLOB, BASE)]
    changed = pack_of(delta(known, b"\x64\x66\x02ab\x90\x64"))
    assert unpack(changed, {id_of(BASE): (BLOB, BASE)}.get) == [(id_of(b"ab" + BASE), BLOB, b"ab" + BASE)]


def test_a_base_is_asked_of_the_servers_own_folder(tmp_path: Path) -> None:
    """A server that names an object that only another one gave us gets nothing made from it."""
    rich, poor = Remote(tmp_path / "rich"), Remote(tmp_path / "poor")
    secret = str(rich.repository.create_blob(BASE))
    thin = pack_of(delta(bytes.fromhex(secret), b"\x64\x66\x02ab\x90\x64"))
    for remote in (rich, poor):
        remote.prepare()
    assert take_apart(poor, thin) is False
    assert take_apart(rich, thin) is True
    assert rich.has(id_of(b"ab" + BASE))
    assert git(rich.folder, "fsck", "--strict", "--no-dangling") == b""
