"""What a restart need not find out again: which files the last delivery was made from, and how its objects looked then.

A keepsake proves nothing by itself. It is believed only where all that it says is still so: the files are in the newest
revision as they were, the live objects are as they were, and the status tells of that very delivery. Then nothing is
built and nothing is asked of the API server. Whatever is lost or outdated costs a build and dry runs, no more.

No manifest is kept, only digests: manifests may hold secrets.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING, Any, Self

import msgspec

from fairlead import __version__
from fairlead.build.tree import ReadSet
from fairlead.controllers.builds import Build
from fairlead.objects.ref import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from fairlead.engine.plan import Owner
    from fairlead.engine.state import ClusterState
    from fairlead.kube.reflector import Key

__all__ = ["Keepsake", "Keepsakes"]

FORMAT = 1


class _Object(msgspec.Struct, array_like=True, frozen=True):
    """An object as it was right after it was applied."""

    group: str
    kind: str
    namespace: str
    name: str
    uid: str
    digest: str
    """Of what was applied."""
    fingerprint: str
    content: str

    @property
    def ref(self) -> ObjectRef:
        return ObjectRef(self.group, self.kind, self.namespace, self.name)


class Keepsake(msgspec.Struct, frozen=True):
    """One Kustomization's last delivery."""

    uid: str
    generation: int
    variables: str
    digest: str
    count: int
    read: dict[str, str]
    listed: dict[str, str]
    folders: list[str]
    missed: list[str]
    objects: list[_Object]

    @classmethod
    def of(cls, uid: str, build: Build, refs: Iterable[ObjectRef], state: ClusterState) -> Keepsake | None:
        """``None`` where something is not known to be exactly as it was applied."""
        objects = []
        for ref in refs:
            applied, record = state.applied(ref), state.record(ref)
            if applied is None or record is None or record.fingerprint != applied.fingerprint:
                return None
            objects.append(_Object(*ref, record.uid, applied.digest, record.fingerprint, record.content))
        seen = build.read_set
        return cls(
            uid=uid,
            generation=build.generation,
            variables=build.variables,
            digest=build.digest,
            count=build.count,
            read=dict(seen.read),
            listed=dict(seen.listed),
            folders=list(seen.folders),
            missed=list(seen.missed),
            objects=objects,
        )

    def renewed(self, state: ClusterState) -> Keepsake:
        """With the objects as they are now, as far as they still are as we applied them."""
        objects = []
        for each in self.objects:
            applied, record = state.applied(each.ref), state.record(each.ref)
            if applied is not None and record is not None and record.fingerprint == applied.fingerprint:
                objects.append(_Object(*each.ref, record.uid, applied.digest, record.fingerprint, record.content))
            else:
                objects.append(each)
        return msgspec.structs.replace(self, objects=objects)

    def build(self) -> Build:
        """The build without its objects."""
        seen = ReadSet(self.read, self.listed, frozenset(self.folders), frozenset(self.missed))
        return Build(self.generation, self.variables, self.digest, self.count, b"", seen)

    def refs(self) -> list[ObjectRef]:
        return [each.ref for each in self.objects]

    def holds(self, state: ClusterState, owner: Owner) -> bool:
        """Whether all objects are as they were; those that are count as applied from now on."""
        recalled = [
            state.recall(each.ref, owner, each.uid, each.digest, each.fingerprint, each.content)
            for each in self.objects
        ]
        return all(recalled)


class Keepsakes:
    """On disk, beside the object store; a write takes a fraction of a millisecond."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._decoder = msgspec.msgpack.Decoder(Keepsake)
        self._db = self._open()

    def save(self, key: Key, keepsake: Keepsake | None) -> None:
        """``None`` forgets what there was."""
        if keepsake is None:
            self.forget(key)
            return
        self._run("INSERT OR REPLACE INTO kept VALUES (?, ?, ?)", *key, msgspec.msgpack.encode(keepsake))

    def forget(self, key: Key) -> None:
        self._run("DELETE FROM kept WHERE namespace = ? AND name = ?", *key)

    def find(self, key: Key) -> Keepsake | None:
        try:
            row = self._run("SELECT data FROM kept WHERE namespace = ? AND name = ?", *key)
            return self._decoder.decode(row[0][0]) if row else None
        except msgspec.DecodeError:
            return None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._db.close()

    def _run(self, statement: str, *values: Any) -> list[Any]:
        """A damaged file or a full disk must not stop a delivery: begin anew then, in memory if need be."""
        try:
            return self._db.execute(statement, values).fetchall()
        except sqlite3.Error:
            self._db.close()
            self._db = self._open()
            return []

    def _open(self) -> sqlite3.Connection:
        try:
            return _connect(self._path)
        except (sqlite3.Error, OSError):
            self._path.unlink(missing_ok=True)
        try:
            return _connect(self._path)
        except (sqlite3.Error, OSError):
            return _connect(":memory:")


def _connect(path: Path | str) -> sqlite3.Connection:
    db = sqlite3.connect(path, isolation_level=None)
    db.execute("PRAGMA journal_mode = WAL")
    db.execute("PRAGMA synchronous = OFF")
    db.execute("CREATE TABLE IF NOT EXISTS about (text)")
    db.execute(
        "CREATE TABLE IF NOT EXISTS kept (namespace TEXT, name TEXT, data BLOB, PRIMARY KEY (namespace, name))"
        " WITHOUT ROWID"
    )
    about = f"{FORMAT} {__version__}"  # another version may build otherwise
    if db.execute("SELECT text FROM about").fetchall() != [(about,)]:
        db.executescript("DELETE FROM kept; DELETE FROM about")
        db.execute("INSERT INTO about VALUES (?)", (about,))
    return db
