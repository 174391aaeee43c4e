"""The groups of a folder are the same whether its last version is known or not."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from hypothesis import given, settings
from hypothesis import strategies as st

from fairlead.sources import grouping
from fairlead.sources.grouping import Grouping, entries_of

if TYPE_CHECKING:
    from collections.abc import Sequence

COUNT = 400
"""Names; together they are large enough to be remembered."""


def raw(modes: dict[bytes, bytes], contents: dict[bytes, int]) -> bytes:
    """In byte order of the names."""
    return b"".join(
        modes.get(name, b"100644") + b" " + name + b"\0" + hashlib.sha1(b"%d" % contents[name]).digest()
        for name in sorted(contents)
    )


CHANGES = st.tuples(
    st.sampled_from(["content", "come", "go", "mode", "folder", "rename"]), st.integers(0, COUNT - 1), st.integers(1, 9)
)


def versions(changes: Sequence[Sequence[tuple[str, int, int]]]) -> list[bytes]:
    contents, modes = {b"app-%03d" % number: 0 for number in range(COUNT)}, dict[bytes, bytes]()
    found = [raw(modes, contents)]
    for version in changes:
        for what, number, value in version:
            name = b"app-%03d" % number
            match what:
                case "content" if name in contents:
                    contents[name] = value
                case "come":
                    contents[b"app-%03d%d" % (number, value)] = value
                case "go":
                    contents.pop(name, None)
                case "mode":
                    modes[name] = (b"100755", b"120000", b"160000")[value % 3]
                case "folder":
                    modes[name] = b"40000"
                case "rename" if name in contents:
                    contents[b"apq-%03d" % number] = contents.pop(name)
                case _:
                    pass
        found.append(raw(modes, contents))
    return found


@settings(max_examples=60, deadline=None)
@given(changes=st.lists(st.lists(CHANGES, max_size=4), min_size=1, max_size=5))
def test_known_or_not_they_are_the_same(changes: list[list[tuple[str, int, int]]]) -> None:
    known = Grouping()
    for version in versions(changes):
        groups = known.groups("fleet", b"apps", version)
        anew = Grouping().groups("fleet", b"apps", version)
        assert [group.key for group in groups] == [group.key for group in anew]
        assert [group.entries() for group in groups] == [group.entries() for group in anew]
        assert [entry for group in groups for entry in group.entries()] == entries_of(version)


def test_what_did_not_change_is_not_looked_at() -> None:
    known = Grouping()
    first, second = versions([[("content", 200, 5)]])
    before, after = (known.groups("fleet", b"apps", version) for version in (first, second))
    assert sum(one is not other for one, other in zip(before, after, strict=True)) == 1


def test_places_are_told_apart() -> None:
    known = Grouping()
    (version,) = versions([])
    keys = {
        known.groups(owner, path, version)[0].key
        for owner, path in (("a", b"x"), ("a", b"y"), ("b", b"x"), ("b", b"y"))
    }
    assert len(keys) == 2  # whose it is says nothing about what it holds


def test_what_git_orders_otherwise_is_not_remembered() -> None:
    known = Grouping()
    names = [b"a" * 60 + b"%03d" % number for number in range(200)]
    stored = [b"100644 %b\0%b" % (name, b"1" * 20) for name in [*names[1:], names[0]]]
    for _ in range(2):
        groups = known.groups("fleet", b"", b"".join(stored))
        assert [name for group in groups for name, _ in group.entries()] == names
    for number in range(20):
        known.groups(number, b"", b"".join(sorted(stored)) * 10)
    assert known._bytes <= grouping._REMEMBERED_BYTES
