"""The object store: one folder in which every source ends as Git trees, read without any checkout.

Layout below ``folder``::

    objects.git/      a bare repository that holds everything; all reading goes through it
    remotes/<key>/    one bare repository for each remote and credentials: what that server gave us, and nothing else

A remote's packs are hard-linked into ``objects.git``, so bytes exist once. The separation is a security boundary:
whether a server "already gave us" an object is asked of its own folder only, so that a hostile server cannot make us
read another tenant's objects by naming their ids.

The store is a cache. Everything in it can be fetched again, so a lost or damaged store costs time and nothing else.
Reading is safe from any number of processes; one process writes.
"""

from __future__ import annotations

import os
import shutil
import threading
from datetime import UTC, datetime, timedelta, timezone
from typing import TYPE_CHECKING
from weakref import WeakSet

import pygit2

from fairlead.sources.errors import MissingObjectError
from fairlead.sources.folders import Difference, FolderMemory, RawEntry, folder_bytes
from fairlead.sources.gittree import GitTree, name_of
from fairlead.sources.remote import Remote, close
from fairlead.sources.spec import CommitInfo

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from pathlib import Path

__all__ = ["ObjectStore", "RawEntry"]

_PACK_PARTS = (".pack", ".rev", ".idx")  # the index last: it makes a pack visible to readers

_STORES: WeakSet[ObjectStore] = WeakSet()
"""All of this process."""
_STORES_LOCK = threading.Lock()


class ObjectStore:
    """Opens (and creates) the store in ``folder``. Cheap to construct; worker processes make their own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._objects = folder / "objects.git"
        self._repository: pygit2.Repository | None = None
        self.prepare()
        self._remotes: dict[str, Remote] = {}
        self._memory = FolderMemory()
        with _STORES_LOCK:
            _STORES.add(self)

    def __reduce__(self) -> tuple[type[ObjectStore], tuple[Path]]:
        return ObjectStore, (self.folder,)

    def prepare(self) -> None:
        """Make the folder; also when somebody removed it while we ran, and the open handle hides that."""
        if not (self._objects / "HEAD").exists():
            self._reopen()
            self._objects.mkdir(parents=True, exist_ok=True, mode=0o700)
            pygit2.init_repository(str(self._objects), bare=True)

    @property
    def repository(self) -> pygit2.Repository:
        """The repository that holds everything; for reading, and for writing composed trees."""
        if self._repository is None:
            self._repository = pygit2.Repository(str(self._objects), pygit2.enums.RepositoryOpenFlag.BARE)
        return self._repository

    def _reopen(self) -> None:
        close(self._repository)
        self._repository = None

    def _reopen_all(self) -> None:
        """Also the handles of other threads: as long as one has a pack open, all who open it get the same map."""
        with _STORES_LOCK:
            alike = [store for store in _STORES if store.folder == self.folder]
        for store in alike:
            store._reopen()

    def tree(self, tree_id: str) -> GitTree:
        """The tree with this id; a missing one shows at the first use as :class:`MissingObjectError`."""
        return GitTree(self, tree_id)

    def get(self, object_id: str | pygit2.Oid) -> pygit2.Object:
        """Any object; raises :class:`MissingObjectError`."""
        try:
            return self.repository[object_id]
        except (KeyError, pygit2.GitError):
            self._reopen()  # packs may have been replaced under an open handle; look again with a fresh one
        try:
            return self.repository[object_id]
        except (KeyError, ValueError, pygit2.GitError) as error:
            raise MissingObjectError(f"object {object_id} is not in the object store") from error

    def get_tree(self, tree_id: str | pygit2.Oid) -> pygit2.Tree:
        found = self.get(tree_id)
        if not isinstance(found, pygit2.Tree):
            raise MissingObjectError(f"object {tree_id} is no tree")
        return found

    def get_blob(self, blob_id: str | pygit2.Oid) -> pygit2.Blob:
        found = self.get(blob_id)
        if not isinstance(found, pygit2.Blob):
            raise MissingObjectError(f"object {blob_id} is no file")
        return found

    def file_size(self, blob_id: str) -> int:
        """The bytes of a file, without reading it; raises :class:`MissingObjectError`."""
        try:
            size: int = self.repository.odb.read_header(pygit2.Oid(hex=blob_id))[1]
        except (KeyError, ValueError, pygit2.GitError):
            return self.get_blob(blob_id).size
        return size

    def has(self, object_id: str) -> bool:
        try:
            return object_id in self.repository
        except pygit2.GitError:
            return False  # the folder is gone; the next fetch makes it again

    def is_composed(self, object_id: str) -> bool:
        """Whether we wrote the object, or else it came in a pack."""
        return bool(object_id) and self._loose(object_id).exists()

    def _loose(self, object_id: str) -> Path:
        return self._objects / "objects" / object_id[:2] / object_id[2:]

    def commit(self, commit_id: str) -> CommitInfo:
        """Author, committer and message of a commit; raises :class:`MissingObjectError`."""
        commit: object = self.get(commit_id)
        if not isinstance(commit, pygit2.Commit):
            raise MissingObjectError(f"object {commit_id} is no commit")
        return CommitInfo(
            commit=str(commit.id),
            tree_id=str(commit.tree_id),
            author_name=commit.author.name,
            author_email=commit.author.email,
            authored_at=_moment(commit.author),
            committer_name=commit.committer.name,
            committer_email=commit.committer.email,
            committed_at=_moment(commit.committer),
            message=commit.message,
        )

    def entries(self, tree_id: str) -> dict[str, RawEntry]:
        """All names of a folder; raises :class:`MissingObjectError`."""
        return {name_of(entry): (str(entry.id), entry.filemode) for entry in self.get_tree(tree_id)}

    def differences(self, before: str, after: str) -> tuple[Difference, ...]:
        """The names that differ between two folders; raises :class:`MissingObjectError`."""
        return self._memory.differences(before, after, self.folder_bytes)

    def folder_bytes(self, tree_id: str) -> bytes:
        """A folder as Git stores it; raises :class:`MissingObjectError`."""
        for _ in range(2):
            try:
                return folder_bytes(self.repository.odb, tree_id)
            except (KeyError, pygit2.GitError):
                self._reopen()  # as in :meth:`get`
        raise MissingObjectError(f"folder {tree_id} is not in the object store")

    def write_blob(self, data: bytes) -> str:
        return str(self.repository.create_blob(data))

    def write_tree(self, entries: Mapping[str, RawEntry]) -> str:
        """Write one folder; every object that it names must be in the store."""
        builder = self.repository.TreeBuilder()
        for name, (object_id, mode) in entries.items():
            builder.insert(name, pygit2.Oid(hex=object_id), mode)
        return str(builder.write())

    # -- remotes ---------------------------------------------------------------------------------------------------

    @property
    def objects_folder(self) -> Path:
        return self._objects

    def remote(self, key: str) -> Remote:
        """The folder of one remote; ``key`` is a file name that stands for URL and credentials."""
        if key not in self._remotes:
            self._remotes[key] = Remote(self.folder / "remotes" / key, self._memory)
        return self._remotes[key]

    def remotes(self) -> list[Remote]:
        """All remotes that have a folder."""
        return [self.remote(folder.name) for folder in self._remote_folders()]

    def link_packs(self, remote: Remote) -> None:
        """Make what ``remote`` received readable here. Calling it again does nothing."""
        target = self._objects / "objects" / "pack"
        linked = {each.name for each in target.iterdir()}
        for index in remote.packs():
            if {index.name, f"{index.stem}.pack"} <= linked:
                continue
            for suffix in _PACK_PARTS:
                part = index.with_suffix(suffix)
                try:
                    os.link(part, target / part.name)
                except FileExistsError:
                    continue
                except FileNotFoundError:
                    continue  # .rev is optional

    def drop_replaced_packs(self) -> int:
        """Remove links of packs that no remote has any more; returns how many packs went."""
        wanted = {
            index.stem for folder in self._remote_folders() for index in (folder / "objects" / "pack").glob("*.idx")
        }
        gone = [index for index in (self._objects / "objects" / "pack").glob("*.idx") if index.stem not in wanted]
        for index in gone:
            for suffix in reversed(_PACK_PARTS):
                index.with_suffix(suffix).unlink(missing_ok=True)
        if gone:
            self._reopen_all()
        return len(gone)

    def drop_unused_remotes(
        self, *, unused_for: timedelta, now: datetime | None = None, held: Collection[str] = ()
    ) -> int:
        """Remove remotes that gave nothing of ``held`` and from which nobody fetched for a while; returns how many."""
        moment = (now or datetime.now(UTC)).timestamp()
        dropped = 0
        for folder in self._remote_folders():
            remote = self.remote(folder.name)
            unused = not remote.lock.locked() and moment - remote.last_used() > unused_for.total_seconds()
            if unused and not any(commit in held for commit in remote.kept().values()):
                shutil.rmtree(folder, ignore_errors=True)
                self._remotes.pop(folder.name, None)
                dropped += 1
        return dropped

    def drop_composed_trees(
        self, *, older_than: timedelta, now: datetime | None = None, held: Collection[str] = ()
    ) -> int:
        """Remove composed trees (filters, includes) written long ago; they are made again on demand."""
        moment = (now or datetime.now(UTC)).timestamp()
        dropped = 0
        for loose in (self._objects / "objects").glob("[0-9a-f][0-9a-f]/*"):
            old = moment - loose.stat().st_mtime > older_than.total_seconds()
            if old and loose.parent.name + loose.name not in held:
                loose.unlink(missing_ok=True)
                dropped += 1
        if dropped:
            self._reopen()
        return dropped

    def drop_damaged_trees(self) -> None:
        """Remove composed trees that cannot be read, for what exists is not written again."""
        self._reopen()
        for loose in (self._objects / "objects").glob("[0-9a-f][0-9a-f]/*"):
            try:
                _ = self.repository[loose.parent.name + loose.name]
            except (KeyError, ValueError, pygit2.GitError):
                loose.unlink(missing_ok=True)

    def _remote_folders(self) -> Iterator[Path]:
        folder = self.folder / "remotes"
        return iter(sorted(folder.iterdir())) if folder.exists() else iter(())


def _moment(signature: pygit2.Signature) -> datetime:
    return datetime.fromtimestamp(signature.time, timezone(timedelta(minutes=signature.offset)))
