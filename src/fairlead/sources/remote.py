"""What one server gave us: a bare repository for one remote and one set of credentials.

It holds the commits that are in use (as references below ``refs/kept/``), so that the next fetch transfers only what
is new, and forgets older ones when it is packed anew. History is not kept: commits arrive shallow, their ids stand
in the ``shallow`` file.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import shutil
import time
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING

import pygit2
from pygit2.enums import FileMode, RepositoryOpenFlag

from fairlead.sources.errors import GitOperationError
from fairlead.sources.folders import Difference, FolderMemory, differences, folder_bytes
from fairlead.sources.process import run_git

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Sequence
    from pathlib import Path

__all__ = ["IncompleteError", "Remote", "close"]

KEPT = "refs/kept/"
_MOST_HAVES = 16
_PAST_LIFE_SECONDS = 10 * 60
_LABEL_LIFE_SECONDS = 30 * 24 * 3600


class IncompleteError(GitOperationError):
    """Something that belongs to a commit is missing: the server did not send it, or what was here is damaged."""


class Remote:
    """The folder of one remote. Whoever writes holds ``lock``."""

    def __init__(self, folder: Path, memory: FolderMemory | None = None) -> None:
        self.folder = folder
        self.memory = memory or FolderMemory()
        self.lock = asyncio.Lock()
        self._repository: pygit2.Repository | None = None
        self._history: Remote | None = None
        self._kept: dict[str, str] | None = None
        """What :meth:`kept` read: one file for each commit of the day, and nobody else writes them."""
        self._swept = False

    @property
    def repository(self) -> pygit2.Repository:
        if self._repository is None:
            if not (self.folder / "HEAD").exists():
                self.folder.mkdir(parents=True, exist_ok=True, mode=0o700)
                pygit2.init_repository(str(self.folder), bare=True)
            self._repository = pygit2.Repository(str(self.folder), RepositoryOpenFlag.BARE)
        return self._repository

    def prepare(self) -> None:
        """Make the folder, so that a child process finds a repository. Called with the lock held."""
        if not (self.folder / "HEAD").exists():
            self.reopen()  # somebody removed it under an open handle
        _ = self.repository
        if not self._swept:
            self.sweep()

    def wipe(self) -> None:
        """Forget everything. Called with the lock held."""
        shutil.rmtree(self.folder, ignore_errors=True)
        self._history = None
        self.reopen()
        self.prepare()

    def forget_swept(self) -> None:
        """Sweep again before the next fetch."""
        self._swept = False

    def sweep(self) -> None:
        """Remove what a killed process left behind: half a pack, locks, keys. Called with the lock held."""
        leftovers = [*self.pack_folder.glob("tmp_*"), *self.folder.glob("*.lock"), *self.folder.glob("*.new")]
        leftovers += (self.folder / "refs").rglob("*.lock")
        for path in leftovers:
            path.unlink(missing_ok=True)
        for scratch in self.folder.glob("scratch-*"):
            shutil.rmtree(scratch, ignore_errors=True)
        self._swept = True

    def history(self) -> Remote:
        """A second repository beside this one that holds the whole history of branches, for finding commits in it."""
        if self._history is None:
            self._history = Remote(self.folder / "history.git")
        return self._history

    def reaches(self, tip: str, commit: str) -> bool:
        """Whether ``commit`` is ``tip`` or in its history, as far as it is here."""
        repository = self.repository
        return commit == tip or (commit in repository and repository.descendant_of(tip, commit))

    def reopen(self) -> None:
        """Forget the open handle, after a child process wrote into the folder."""
        close(self._repository)
        self._repository = None
        self._kept = None

    @property
    def pack_folder(self) -> Path:
        return self.folder / "objects" / "pack"

    def packs(self) -> list[Path]:
        """The index files of all packs."""
        return sorted(self.pack_folder.glob("*.idx"))

    def touch(self) -> None:
        """Say that somebody uses this remote."""
        if self.folder.exists():
            (self.folder / "used").touch()

    def last_used(self) -> float:
        try:
            return (self.folder / "used").stat().st_mtime
        except FileNotFoundError:
            return self.folder.stat().st_mtime if self.folder.exists() else 0.0

    # -- what is kept ----------------------------------------------------------------------------------------------

    def has(self, object_id: str) -> bool:
        """Whether this server gave us the object."""
        return (self.folder / "HEAD").exists() and object_id in self.repository

    def holds(self, commit: str) -> bool:
        """Whether a commit with everything below it is here; only commits that passed :meth:`keep` are."""
        return any(reference == commit for reference in self.kept().values())

    def kept(self) -> dict[str, str]:
        """Reference name to object id of everything that is in use."""
        if not (self.folder / "HEAD").exists():
            return {}
        if self._kept is None:
            references = self.repository.references
            self._kept = {name: str(references[name].target) for name in references if name.startswith(KEPT)}
        return dict(self._kept)

    def keep(self, label: str, commit: str, tag_id: str = "") -> None:
        """Hold ``commit`` (and its tag object) for what ``label`` names.

        The one before it stays, too, and older ones for some minutes more: a build may still be reading them.
        """
        place = f"{KEPT}{hashlib.sha256(label.encode()).hexdigest()[:20]}"
        current = self.repository.references.get(f"{place}/current")
        if current is not None and str(current.target) != commit:
            self._refer(f"{place}/past-{time.time_ns()}", str(current.target))
        self._refer(f"{place}/current", commit)
        if tag_id:
            self._refer(f"{place}/tag", tag_id)
        (self.folder / place / "current").touch()  # a reference that says the same is not written, and so looks old
        self.touch()

    def _refer(self, name: str, object_id: str) -> None:
        self.repository.references.create(name, object_id, force=True)
        if self._kept is not None:
            self._kept[name] = object_id

    def commits(self) -> list[str]:
        """Commits that are complete here, to say "have" to the server: the current ones, newest first, a few."""
        names = [name for name in self.kept() if name.endswith("/current")]
        names.sort(key=self._age_of)
        return list(dict.fromkeys(str(self.repository.references[name].target) for name in names[:_MOST_HAVES]))

    def _age_of(self, reference: str, now: float | None = None) -> float:
        """Seconds since a reference below ``refs/kept/`` was last written or confirmed."""
        return (time.time() if now is None else now) - (self.folder / reference).stat().st_mtime

    def _retire(self, held: Collection[str], now: float | None) -> bool:
        """Let go of labels that nobody asked for in a month, and of what was replaced some minutes ago."""
        retired = False
        places: dict[str, list[str]] = {}
        kept = self.kept()
        for name in kept:
            places.setdefault(name.rpartition("/")[0], []).append(name)
        for place, names in places.items():
            past = sorted(name for name in names if "/past-" in name)
            gone = [name for name in past[:-1] if self._age_of(name, now) > _PAST_LIFE_SECONDS]
            if f"{place}/current" not in names or self._age_of(f"{place}/current", now) > _LABEL_LIFE_SECONDS:
                gone = names
            if any(kept[name] in held for name in gone):
                gone = [name for name in gone if kept[name] not in held and not name.endswith("/tag")]
            retired = retired or bool(gone)
            for name in gone:
                self.repository.references.delete(name)
                self._kept = None
        self.update_shallow(remove=self.shallow() - set(self.kept().values()))
        return retired

    def take_references(self, prefix: str) -> dict[str, str]:
        """Read and remove the references below ``prefix``, which a fetch left for us; tags are peeled."""
        references = self.repository.references
        found: dict[str, str] = {}
        for name in [name for name in references if name.startswith(prefix)]:
            found[name] = str(references[name].peel(pygit2.Commit).id)
            references.delete(name)
        return found

    # -- shallow commits -------------------------------------------------------------------------------------------

    def shallow(self) -> set[str]:
        """Commits whose parents we do not have."""
        try:
            return set((self.folder / "shallow").read_text("ascii").split())
        except FileNotFoundError:
            return set()

    def update_shallow(self, *, add: Iterable[str] = (), remove: Iterable[str] = ()) -> None:
        before = self.shallow()
        after = (before | set(add)) - set(remove)
        if after == before:
            return
        path = self.folder / "shallow"
        if not after:
            path.unlink(missing_ok=True)
            return
        fresh = path.with_suffix(".new")
        fresh.write_text("".join(f"{commit}\n" for commit in sorted(after)), "ascii")
        fresh.replace(path)

    # -- completeness ----------------------------------------------------------------------------------------------

    def check_complete(self, commit: str) -> str:
        """The tree id of ``commit``, after making sure that this server gave us all of it.

        Raises :class:`GitOperationError` when something is missing. What is equal to a kept commit is not walked again.
        """
        found = self._commit(commit)
        known = [str(self._commit(kept).tree_id) for kept in self.commits() if kept != commit]
        _check_folder(self.repository.odb, self.memory, str(found.tree_id), known)
        return str(found.tree_id)

    def _commit(self, commit: str) -> pygit2.Commit:
        try:
            found: object = self.repository[commit]
        except KeyError:
            raise IncompleteError(f"the server did not send commit {commit}") from None
        except pygit2.GitError as error:
            raise IncompleteError(f"commit {commit} cannot be read: {error}") from error
        if not isinstance(found, pygit2.Commit):
            raise GitOperationError(f"the server sent {commit}, which is no commit")
        return found

    # -- packs -----------------------------------------------------------------------------------------------------

    async def merge_packs(self) -> None:
        """Pack small packs together and leave large ones alone: quick, and nothing is dropped."""
        await run_git(["repack", "--geometric=2", "-d", "-q", "--threads=1"], folder=self.folder)
        self.reopen()

    async def repack(self, held: Collection[str] = (), now: float | None = None) -> None:
        """Pack what is kept, and the commits of ``held``, into one pack and drop all else; nothing when that is so."""
        if not self._retire(held, now) and len(self.packs()) <= 1:
            return
        await run_git(["repack", "-a", "-d", "-q", "--threads=1"], folder=self.folder)
        self.reopen()

    @contextmanager
    def scratch(self) -> Iterator[Path]:
        """A folder of mode 0700 for files that live for one call, such as keys."""
        folder = self.folder / f"scratch-{os.urandom(8).hex()}"
        folder.mkdir(mode=0o700, parents=True)
        try:
            yield folder
        finally:
            shutil.rmtree(folder)


def close(repository: pygit2.Repository | None) -> None:
    """Let go of the packs of a handle that is about to be dropped; whoever still has it opens them again.

    A handle of pygit2 is in a cycle and lives until the next collection, and libgit2 has one map for all who open a
    pack of the same path: a pack that replaces one of that name would be read through the map of the one that is gone.
    """
    if repository is not None:
        repository.free()


def _check_folder(objects: pygit2.Odb, memory: FolderMemory, tree_id: str, known: Sequence[str]) -> None:
    """``known`` are complete folders at the same place in other commits: only what none of them has is looked at."""
    if tree_id in known:
        return
    for each in (tree_id, *known):  # what they hold may be known from elsewhere; that they are here has to be seen here
        if not objects.exists(pygit2.Oid(hex=each)):
            raise IncompleteError(f"folder {each} is not here")
    read = partial(_folder, objects)
    found = [memory.differences(each, tree_id, read) for each in known] or [_all_of(memory.content(tree_id, read))]
    gone = (each.before for differing in found for each in differing)
    complete = {each[0] for each in gone if each and each[1] != FileMode.COMMIT}
    new = set.intersection(*({each.name for each in differing if each.after} for differing in found))
    for name, _, after in found[0]:
        if name not in new or after is None or after[0] in complete or after[1] == FileMode.COMMIT:
            continue
        if not objects.exists(pygit2.Oid(hex=after[0])):
            raise IncompleteError(f"the server did not send object {after[0]} ({name})")
        if after[1] == FileMode.TREE:
            alike = (each.before for differing in found for each in differing if each.name == name)
            _check_folder(objects, memory, after[0], [each[0] for each in alike if each and each[1] == FileMode.TREE])


def _all_of(content: bytes) -> tuple[Difference, ...]:
    return tuple(differences(b"", content))


def _folder(objects: pygit2.Odb, tree_id: str) -> bytes:
    try:
        return folder_bytes(objects, tree_id)
    except KeyError as error:
        raise IncompleteError(f"folder {tree_id} cannot be read") from error
