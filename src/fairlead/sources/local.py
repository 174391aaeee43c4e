"""Repositories on this machine, read in process: no transport, no child process.

A fetch copies the objects of one commit that are not there yet into a pack: about three milliseconds for a small
commit in a repository of thousands of files. The repository may be bare, have a ``.git`` folder, or be a worktree.
"""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pygit2
from pygit2.enums import FileMode, ObjectType, RepositoryOpenFlag

from fairlead.sources.errors import GitOperationError, GitRefNotFoundError
from fairlead.sources.folders import differences, folder_bytes
from fairlead.sources.packing import write_pack
from fairlead.sources.refs import Advertised

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from fairlead.sources.folders import Difference, FolderMemory
    from fairlead.sources.remote import Remote
    from fairlead.sources.url import GitUrl

__all__ = ["LocalTransport"]

_FEW, _LITTLE = 1_000, 8 * 1024 * 1024
"""Objects, and bytes of them, up to which speed counts for more than size."""

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
        collection = _Collection(source.odb, target.odb, remote.memory)
        collection.missing.append(commit)
        if tag_id and tag_id not in target:
            collection.missing.append(tag_id)
        try:
            if not target.odb.exists(found.tree_id):
                collection.add_folder(str(found.tree_id), _newest(remote))
            if collection.is_small():
                write_pack(collection.objects(), remote.pack_folder)
            else:
                _compress(source, collection.missing, remote.pack_folder)
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


class _Collection:
    """What ``target`` lacks. A folder that it has is complete, because packs are written whole."""

    def __init__(self, source: pygit2.Odb, target: pygit2.Odb, memory: FolderMemory) -> None:
        self.missing: list[str] = []
        self._source = source
        self._target = target
        self._memory = memory

    def add_folder(self, tree_id: str, like: str) -> None:
        """``like`` is a folder of ``target`` at the same place, of which nothing needs to be looked at again, or empty.

        Raises ``KeyError`` when something is not in ``source``.
        """
        if not self._source.exists(pygit2.Oid(hex=tree_id)):
            raise KeyError(tree_id)
        self.missing.append(tree_id)
        for _, before, after in self._differences(like, tree_id):
            if after is None or after[1] == FileMode.COMMIT or self._target.exists(pygit2.Oid(hex=after[0])):
                continue
            if after[1] == FileMode.TREE:
                self.add_folder(after[0], before[0] if before else "")
            else:
                self.missing.append(after[0])

    def is_small(self) -> bool:
        """Whether it is a commit as people make them. A whole repository is compressed."""
        headers = self._source.read_header
        return len(self.missing) <= _FEW and sum(headers(pygit2.Oid(hex=each))[1] for each in self.missing) <= _LITTLE

    def objects(self) -> Iterator[tuple[str, int, bytes]]:
        """Id, type and content, each once."""
        for object_id in dict.fromkeys(self.missing):
            known = self._memory.get(object_id)
            yield (
                (object_id, ObjectType.TREE, known)
                if known
                else (object_id, *self._source.read(pygit2.Oid(hex=object_id)))
            )

    def _differences(self, like: str, tree_id: str) -> Iterable[Difference]:
        def read(each: str) -> bytes:
            return folder_bytes(self._source if each == tree_id else self._target, each)

        if like and self._target.exists(pygit2.Oid(hex=like)):
            with suppress(KeyError):
                return self._memory.differences(like, tree_id, read)
        return differences(b"", self._memory.content(tree_id, read))


def _compress(source: pygit2.Repository, missing: Sequence[str], folder: Path) -> None:
    packer = pygit2.PackBuilder(source)
    packer.set_threads(1)
    for object_id in missing:
        packer.add(pygit2.Oid(hex=object_id))
    packer.write(str(folder))
