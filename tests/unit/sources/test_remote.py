"""A remote's folder: what is kept in it."""

from __future__ import annotations

import shutil
import time
from typing import TYPE_CHECKING

import pygit2

from fairlead.sources.remote import Remote

if TYPE_CHECKING:
    from pathlib import Path


def test_what_is_kept_is_what_a_fresh_reader_sees(tmp_path: Path) -> None:
    """The references of a day are read once: each fetch read them all three times."""
    remote = Remote(tmp_path / "remote")
    remote.prepare()
    signature = pygit2.Signature("Ada", "ada@example.com")
    tree = remote.repository.TreeBuilder().write()
    commits = [
        str(remote.repository.create_commit(None, signature, signature, text, tree, [])) for text in ("a", "b", "c")
    ]
    assert remote.kept() == {}
    for commit in [*commits, commits[0]]:
        remote.keep("main", commit)
        remote.keep("other", commits[0], commits[1])
        assert remote.kept() == Remote(tmp_path / "remote").kept()
        assert remote.holds(commit)
    assert len(remote.kept()) == 6
    remote._retire((), time.time() + 3600)
    assert remote.kept() == Remote(tmp_path / "remote").kept() != {}
    shutil.rmtree(remote.folder)
    assert remote.kept() == {}
    remote.prepare()
    assert remote.kept() == {}
