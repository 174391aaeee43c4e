"""Repositories on this machine, read in process: no transport, no child process.

A fetch copies the objects of one commit that are not there yet into a pack: about three milliseconds for a small
commit in a repository of thousands of files. The repository may be bare, have a ``.git`` folder, or be a worktree.
"""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import TYPE_CHECKING

import pygit2
from pygit2.enums import FileMode, RepositoryOpenFlag

from fairlead.sources.errors import GitOperationError, GitRefNotFoundError
from fairlead.sources.folders import differences, folder_bytes
from fairlead.sources.refs import Advertised

if TYPE_CHECKING:
    from collections.abc import Sequence

    from fairlead.sources.remote import Remote
    from fairlead.sources.url import GitUrl

__all__ = ["LocalTransport"]

pygit2.settings.owner_validation = False  # only objects and references are read; nothing of the repository is executed


class LocalTransport:
    """Reads the repository at ``url.path``."""

    def __init__(self, url: GitUrl) -> None:
        self._url = url

    async def list_refs(self, prefixes: Sequence[str]) -> Advertised:
        return await asyncio.to_thread(self._list_refs, tuple(prefixes))

    async def fetch(self, remote: Remote, commit: str, *, reference: str = "", tag_id: str = "") -> str:
        """Copy ``commit`` (and the tag object) into ``remote``; returns the commit."""
        del reference
        await asyncio.to_thread(self._copy, remote, commit, tag_id)
        return commit

    async def contains(self, remote: Remote, commit: str, tip: str) -> bool:
        """Whether ``commit`` is in the history of ``tip``."""
        del remote
        return await asyncio.to_thread(self._contains, commit, tip)

    def _open(self) -> pygit2.Repository:
        path = Path(self._url.path)
        if not path.exists():
            raise GitOperationError(f"{self._url.text} does not exist")
        try:
            return pygit2.Repository(str(path), RepositoryOpenFlag.NO_SEARCH)
        except pygit2.GitError as error:
            raise GitOperationError(f"{self._url.text} is no Git repository: {error}") from None

    def _list_refs(self, prefixes: tuple[str, ...]) -> Advertised:
        repository = self._open()
        refs: dict[str, str] = {}
        peeled: dict[str, str] = {}
        for name in self._names(repository, prefixes):
            try:
                reference = repository.references[name].resolve()
            except (KeyError, pygit2.GitError):
                continue  # an unborn HEAD, or deleted while we look
            refs[name] = str(reference.target)
            found = repository.get(reference.target)
            if isinstance(found, pygit2.Tag):
                peeled[name] = str(found.peel(pygit2.Commit).id)
        return Advertised(refs, peeled)

    @staticmethod
    def _names(repository: pygit2.Repository, prefixes: tuple[str, ...]) -> list[str]:
        exact = [prefix for prefix in prefixes if not prefix.endswith("/")]
        open_ended = tuple(prefix for prefix in prefixes if prefix.endswith("/"))
        if not open_ended:
            return exact
        return exact + [name for name in repository.references if name.startswith(open_ended)]

    def _copy(self, remote: Remote, commit: str, tag_id: str) -> None:
        source = self._open()
        target = remote.repository
        found: object = source.get(commit)
        if found is None:
            raise GitRefNotFoundError(f"commit {commit} not found in {self._url.text}")
        if not isinstance(found, pygit2.Commit):
            raise GitRefNotFoundError(f"{commit} in {self._url.text} is no commit")
        missing: list[pygit2.Oid] = [found.id]
        if tag_id and tag_id not in target:
            missing.append(pygit2.Oid(hex=tag_id))
        try:
            if not target.odb.exists(found.tree_id):
                _collect_missing(source.odb, target.odb, found.tree_id, _newest(remote), missing)
            packer = pygit2.PackBuilder(source)
            packer.set_threads(1)
            for object_id in missing:
                packer.add(object_id)
            packer.write(str(remote.pack_folder))
        except (KeyError, pygit2.GitError) as error:
            raise GitOperationError(f"{self._url.text} is damaged: {error}") from None
        remote.update_shallow(add=[commit])

    def _contains(self, commit: str, tip: str) -> bool:
        source = self._open()
        if source.get(commit) is None:
            return False
        return commit == tip or source.descendant_of(tip, commit)


def _newest(remote: Remote) -> str:
    """The tree of the commit that came last and is complete; empty for none."""
    for commit in remote.commits()[:1]:
        found: object = remote.repository.get(commit)
        if isinstance(found, pygit2.Commit):
            return str(found.tree_id)
    return ""


def _collect_missing(
    source: pygit2.Odb, target: pygit2.Odb, tree_id: pygit2.Oid, like: str, missing: list[pygit2.Oid]
) -> None:
    """Append what ``target`` lacks. A folder that it has is complete, because packs are written whole.

    ``like`` is such a folder at the same place, of which nothing needs to be looked at again; or it is empty.
    """
    missing.append(tree_id)
    try:
        known = folder_bytes(target, like) if like else b""
    except KeyError:
        known = b""
    for _, before, after in differences(known, folder_bytes(source, str(tree_id))):
        if after is None or after[1] == FileMode.COMMIT:
            continue
        object_id = pygit2.Oid(hex=after[0])
        if target.exists(object_id):
            continue
        if after[1] == FileMode.TREE:
            _collect_missing(source, target, object_id, before[0] if before else "", missing)
        else:
            missing.append(object_id)
