"""The journal of a cluster that survives restarts: one SQLite file.

Write-ahead log with ``synchronous=NORMAL``: a committed write survives the end of the process at any moment (the log
is handed to the operating system at each commit) and a crash of the machine leaves a consistent older state. A commit
costs some tens of microseconds, so each write is its own transaction and nothing is acknowledged before it.
"""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from fairlead.errors import UserError
from fairlead.localcluster.storage import HISTORY, Store, Stored

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["SqliteJournal"]

_SCHEMA = """
create table if not exists objects (
    collection text not null, namespace text not null, name text not null, version integer not null, body blob not null,
    primary key (collection, namespace, name)
) without rowid;
create table if not exists facts (name text primary key, value blob not null) without rowid;
"""


class SqliteJournal:
    """The objects of one cluster in a file, and facts about it (resource version, keys)."""

    def __init__(self, path: Path) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self._db = sqlite3.connect(path, isolation_level=None)
            self._db.execute("pragma locking_mode=exclusive")
            self._db.execute("pragma journal_mode=wal")
            self._db.execute("pragma synchronous=normal")
            self._db.executescript(_SCHEMA)
        except sqlite3.OperationalError as error:
            raise UserError(f"{path}: cannot be opened ({error}); is another cluster using this data dir?") from error
        except sqlite3.DatabaseError as error:
            raise UserError(f"{path}: is no state of a local cluster ({error})") from error
        path.chmod(0o600)

    def fact(self, name: str) -> bytes | None:
        row = self._db.execute("select value from facts where name = ?", (name,)).fetchone()
        return bytes(row[0]) if row else None

    def set_fact(self, name: str, value: bytes) -> None:
        self._db.execute("insert or replace into facts values (?, ?)", (name, value))

    def load(self, history: int = HISTORY) -> Store:
        """A store with all objects of the file, which writes here from now on."""
        rows = self._db.execute("select collection, namespace, name, version, body from objects").fetchall()
        newest = max((row[3] for row in rows), default=0)
        store = Store(self, version=max(newest, int(self.fact("version") or b"0")), history=history)
        for collection, namespace, name, version, body in rows:
            store.collection(collection).load(Stored(namespace, name, version, body))
        return store

    def put(self, collection: str, stored: Stored) -> None:
        self._db.execute(
            "insert or replace into objects values (?, ?, ?, ?, ?)",
            (collection, stored.namespace, stored.name, stored.version, stored.body),
        )

    def remove(self, collection: str, stored: Stored, version: int) -> None:
        # The version of a deletion stands in no row; without the fact it would be given again after a restart.
        self._db.execute("begin")
        self._db.execute(
            "delete from objects where collection = ? and namespace = ? and name = ?",
            (collection, stored.namespace, stored.name),
        )
        self.set_fact("version", str(version).encode())
        self._db.execute("commit")

    def close(self) -> None:
        self._db.close()
