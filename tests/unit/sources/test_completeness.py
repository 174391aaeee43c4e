"""A commit is taken when all of it is here; what an earlier one has at the same place is not looked at again."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pygit2
import pytest

from fairlead.sources.folders import FolderMemory
from fairlead.sources.remote import IncompleteError, Remote

if TYPE_CHECKING:
    from pathlib import Path

FILE, FOLDER, SUBMODULE = "100644", "40000", "160000"
NOWHERE = "5" * 40


@pytest.fixture
def remote(tmp_path: Path) -> Remote:
    found = Remote(tmp_path / "remote")
    found.prepare()
    return found


def tree(remote: Remote, **names: tuple[str, str]) -> str:
    """A folder as a careless server may send it: what it names need not be there."""
    raw = b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(each) for name, (mode, each) in sorted(names.items()))
    return str(remote.repository.odb.write(pygit2.enums.ObjectType.TREE, raw))


def blob(remote: Remote, text: str) -> str:
    return str(remote.repository.create_blob(text.encode()))


def commit(remote: Remote, root: str) -> str:
    signature = pygit2.Signature("Ada", "ada@example.com")
    return str(remote.repository.create_commit(None, signature, signature, "x", pygit2.Oid(hex=root), []))


def first(remote: Remote) -> dict[str, tuple[str, str]]:
    """A complete commit that is kept; its root's names."""
    app = tree(remote, x=(FILE, blob(remote, "x")), y=(FILE, blob(remote, "y")))
    names = {"apps": (FOLDER, tree(remote, a=(FOLDER, app), b=(FOLDER, app))), "file": (FILE, blob(remote, "1"))}
    commit_id = commit(remote, tree(remote, **names))
    remote.check_complete(commit_id)
    remote.keep("main", commit_id)
    return names


@pytest.mark.parametrize("known", [False, True])
def test_a_missing_file_is_found_wherever_it_is(remote: Remote, known: bool) -> None:
    names = first(remote) if known else {}
    deep = tree(remote, x=(FILE, blob(remote, "new")), z=(FILE, NOWHERE))
    roots = [
        tree(remote, **(names | {"gone": (FILE, NOWHERE)})),
        tree(remote, **(names | {"gone": (FOLDER, NOWHERE)})),
        tree(remote, **(names | {"apps": (FOLDER, tree(remote, a=(FOLDER, deep)))})),
        tree(remote, **(names | {"new": (FOLDER, deep)})),
    ]
    for root in roots:
        with pytest.raises(IncompleteError, match=f"{NOWHERE} "):
            remote.check_complete(commit(remote, root))


def test_what_moved_and_what_changed_is_complete(remote: Remote) -> None:
    names = first(remote)
    changed = tree(remote, x=(FILE, blob(remote, "2")), sub=(SUBMODULE, NOWHERE))
    moved = {"apps2": names["apps"], "file": names["file"], "apps": (FOLDER, tree(remote, a=(FOLDER, changed)))}
    for root in (names, moved):
        remote.check_complete(commit(remote, tree(remote, **root)))


def test_a_submodule_that_is_known_is_no_folder_that_is_known(remote: Remote) -> None:
    names = first(remote) | {"module": (SUBMODULE, NOWHERE)}
    known = commit(remote, tree(remote, **names))
    remote.check_complete(known)
    remote.keep("main", known)
    with pytest.raises(IncompleteError):
        remote.check_complete(commit(remote, tree(remote, **(names | {"module": (FOLDER, NOWHERE)}))))


def test_the_folders_of_several_branches_are_known(remote: Remote) -> None:
    names = first(remote)
    other = commit(remote, tree(remote, other=(FILE, blob(remote, "o")), apps=(FOLDER, tree(remote, a=names["file"]))))
    remote.check_complete(other)
    remote.keep("other", other)
    both = names | {"other": (FILE, blob(remote, "o"))}
    remote.check_complete(commit(remote, tree(remote, **both)))
    with pytest.raises(IncompleteError):
        remote.check_complete(commit(remote, tree(remote, **(both | {"z": (FILE, NOWHERE)}))))


def test_what_another_server_gave_is_not_here(tmp_path: Path) -> None:
    """The contents of a folder may be in memory; that this server gave it is seen in its own folder only."""
    memory = FolderMemory()
    rich, poor = Remote(tmp_path / "rich", memory), Remote(tmp_path / "poor", memory)
    secret = blob(rich, "secret")
    large = {f"file-{number:04}": (FILE, secret) for number in range(1000)}
    inner = tree(rich, **large)
    root = tree(rich, inner=(FOLDER, inner))
    rich.check_complete(commit(rich, root))
    assert memory.get(inner) is not None
    assert tree(poor, inner=(FOLDER, inner)) == root
    with pytest.raises(IncompleteError, match=inner):
        poor.check_complete(commit(poor, root))
    assert tree(poor, **large) == inner
    with pytest.raises(IncompleteError, match=secret):
        poor.check_complete(commit(poor, root))
    assert blob(poor, "secret") == secret
    poor.check_complete(commit(poor, root))
