"""The archives of sources on disk, laid out as Flux does it: ``gitrepository/<namespace>/<name>/<commit>.tar.gz``.

Nothing of ours reads them: builds read the object store. They are for other programs that follow a source, which
download ``status.artifact.url`` and compare ``status.artifact.digest``. Like the object store they are a cache.

An archive appears by a rename, so who downloads sees all of it or nothing. Beside it lie ``latest.tar.gz``, a link, and
``.pieces``, from which the next archive is made (see :mod:`fairlead.sources.archive`).
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from dataclasses import dataclass
from enum import Enum
from functools import partial
from typing import TYPE_CHECKING, BinaryIO

import msgspec

from fairlead.errors import UnavailableError
from fairlead.sources.archive import Piece, Previous, write_archive
from fairlead.sources.errors import SourceError
from fairlead.sources.grouping import Grouping

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from fairlead.sources.archive import Archive
    from fairlead.sources.store import ObjectStore

__all__ = ["ALGORITHMS", "ArchiveOperationError", "ArtifactStore", "DirectoryCreationError", "Place", "State"]

ALGORITHMS = ("sha256", "sha384", "sha512")
KIND = "gitrepository"
LATEST = "latest.tar.gz"
_SUFFIX = ".tar.gz"
_UNFINISHED = ".part"
_PIECES = ".pieces"
_FORMAT = 1
_MOST_FILES = 1000
"""That one garbage collection looks at; the next one goes on."""
_READ_BYTES = 256 * 1024


class ArchiveOperationError(SourceError, UnavailableError):
    """An archive cannot be written: the disk is full, for example. It is tried again."""

    reason = "ArchiveOperationFailed"


class DirectoryCreationError(SourceError, UnavailableError):
    """The folder for archives cannot be made."""

    reason = "DirectoryCreationFailed"


@dataclass(frozen=True, slots=True)
class Place:
    """Whose archive it is."""

    namespace: str
    name: str

    def path(self, commit: str) -> str:
        """Of the archive, below the root: ``status.artifact.path``."""
        return f"{KIND}/{self.namespace}/{self.name}/{commit}{_SUFFIX}"


class State(Enum):
    """What is found where an archive should be."""

    WHOLE = "whole"
    ABSENT = "absent"
    DAMAGED = "damaged"


class _Index(msgspec.Struct, array_like=True):
    """What the bytes of one archive stand for."""

    format: int
    digest: str
    pieces: list[Piece]


class ArtifactStore:
    """All methods block: they read and write files."""

    def __init__(
        self,
        root: Path,
        store: ObjectStore,
        *,
        algorithm: str = "sha256",
        retention_seconds: float = 60.0,
        retention_records: int = 2,
    ) -> None:
        self.root = root
        self._store = store
        self._algorithm = algorithm
        self._retention_seconds = retention_seconds
        self._retention_records = retention_records
        self._grouping = Grouping()
        self._decoder = msgspec.msgpack.Decoder(_Index)

    def pack(self, place: Place, commit: str, tree_id: str, *, trusted: str = "") -> Archive:
        """Write the archive of a tree. ``trusted`` is the digest of the present one if that was found whole just now.

        Raises :class:`MissingObjectError`, :class:`DirectoryCreationError` and :class:`ArchiveOperationError`; what was
        there before is then as it was.
        """
        folder = self._folder(place)
        try:
            folder.mkdir(parents=True, exist_ok=True, mode=0o750)
        except OSError as error:
            raise DirectoryCreationError(f"failed to create artifact directory: {error.strerror}") from error
        groups = partial(self._grouping.groups, place)
        try:
            with self._previous(folder, trusted) as previous, _replacing(folder / f"{commit}{_SUFFIX}") as target:
                made = write_archive(
                    self._store, tree_id, target, algorithm=self._algorithm, previous=previous, groups=groups
                )
            with _replacing(folder / _PIECES) as target:
                target.write(msgspec.msgpack.encode(_Index(_FORMAT, made.digest, made.pieces)))
            _link(folder / LATEST, f"{commit}{_SUFFIX}")
        except OSError as error:
            raise ArchiveOperationError(f"unable to archive artifact to storage: {error.strerror}") from error
        return made

    def state(self, place: Place, path: str, digest: str) -> State:
        """Whether the file is what the digest says; reads all of it."""
        algorithm, _, wanted = digest.partition(":")
        file = self._file(place, path)
        if file is None or algorithm not in ALGORITHMS:
            return State.ABSENT
        try:
            return State.WHOLE if _hash(file, algorithm) == wanted else State.DAMAGED
        except OSError:
            return State.ABSENT

    def drop(self, place: Place, path: str) -> None:
        """Remove one archive."""
        file = self._file(place, path)
        if file is not None:
            with contextlib.suppress(OSError):
                file.unlink()

    def collect(self, place: Place, current: str) -> int:
        """Remove archives that are no longer current and too old or too many; returns how many.

        Raises ``OSError`` for what cannot be removed.
        """
        kept = self._file(place, current)
        files = sorted(self._archives(place))
        deadline = time.time() - self._retention_seconds
        garbage = [file for modified, file in files if file != kept and modified < deadline]
        left = [file for _, file in files if file not in garbage]
        too_many = len(left) - max(self._retention_records, 1)
        garbage += [file for file in left if file != kept][: max(too_many, 0)]
        for file in garbage:
            file.unlink(missing_ok=True)
        return len(garbage)

    def remove(self, place: Place) -> bool:
        """Remove all archives of a source; whether there was something. Raises ``OSError``."""
        folder = self._folder(place)
        if not folder.exists():
            return False
        shutil.rmtree(folder)
        with contextlib.suppress(OSError):
            folder.parent.rmdir()  # of the namespace, if that was the last one
        return True

    def sweep(self, wanted: Collection[Place]) -> int:
        """Remove the archives of sources that are not wanted; returns of how many."""
        found = [Place(folder.parent.name, folder.name) for folder in (self.root / KIND).glob("*/*")]
        return sum(self.remove(place) for place in found if place not in wanted)

    def _folder(self, place: Place) -> Path:
        return self.root / KIND / place.namespace / place.name

    def _file(self, place: Place, path: str) -> Path | None:
        """``path`` is from a status that others may write: it leads to an archive of this source, or nowhere."""
        folder, _, name = path.rpartition("/")
        is_ours = folder == f"{KIND}/{place.namespace}/{place.name}" and name.endswith(_SUFFIX) and name != LATEST
        return self.root / path if is_ours else None

    def _archives(self, place: Place) -> Iterator[tuple[float, Path]]:
        """With the time of the last change, and what an interrupted process left half written."""
        folder = self._folder(place)
        try:
            found = os.scandir(folder)
        except OSError:
            return
        with found:
            for number, entry in enumerate(found):
                if number >= _MOST_FILES:
                    return
                if entry.name.endswith((_SUFFIX, _UNFINISHED)) and not entry.is_symlink():
                    with contextlib.suppress(FileNotFoundError):
                        yield entry.stat().st_mtime, folder / entry.name

    @contextlib.contextmanager
    def _previous(self, folder: Path, trusted: str) -> Iterator[Previous | None]:
        """The present archive with its pieces; ``None`` when they are not known for sure."""
        with contextlib.ExitStack() as stack:
            previous = None
            with contextlib.suppress(OSError, msgspec.DecodeError, msgspec.ValidationError):
                index = self._decoder.decode((folder / _PIECES).read_bytes())
                if trusted and (index.format, index.digest) == (_FORMAT, trusted):
                    previous = Previous(stack.enter_context((folder / LATEST).open("rb")), index.pieces)
            yield previous


@contextlib.contextmanager
def _replacing(path: Path) -> Iterator[BinaryIO]:
    """A file that takes the place of ``path`` when it is complete."""
    descriptor, name = tempfile.mkstemp(prefix=".", suffix=_UNFINISHED, dir=path.parent)
    new = path.with_name(name.rpartition("/")[2])
    try:
        with os.fdopen(descriptor, "wb") as target:
            yield target
        new.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            new.unlink()
        raise


def _link(path: Path, target: str) -> None:
    if path.is_symlink() and path.readlink().name == target:
        return
    new = path.with_name(f".{path.name}{_UNFINISHED}")
    new.unlink(missing_ok=True)
    new.symlink_to(target)
    new.replace(path)


def _hash(file: Path, algorithm: str) -> str:
    found = hashlib.new(algorithm)
    with file.open("rb", buffering=0) as stream:
        while data := stream.read(_READ_BYTES):
            found.update(data)
    return found.hexdigest()
