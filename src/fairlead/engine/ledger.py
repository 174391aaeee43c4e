"""The ledger: what was delivered when, from which commit of whom, with which outcome.

Git says who changed what; this says when and where it arrived.

Append-only, on disk, one file for all clusters. A delivery is opened when an apply begins to change something and
closed with its outcome; one that a crash left open is closed as `interrupted` at the next start. No value of any
object is kept.
"""

from __future__ import annotations

import sqlite3
from contextlib import closing
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from enum import StrEnum
from typing import TYPE_CHECKING, Self

import msgspec

from fairlead.engine.plan import Action, ChangeSet

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

__all__ = ["Delivery", "Ledger", "Outcome"]

_SCHEMA = """
CREATE TABLE IF NOT EXISTS deliveries (
    id INTEGER PRIMARY KEY AUTOINCREMENT,
    cluster TEXT NOT NULL,
    kind TEXT NOT NULL,
    namespace TEXT NOT NULL,
    name TEXT NOT NULL,
    outcome TEXT NOT NULL,
    record BLOB NOT NULL
);
CREATE INDEX IF NOT EXISTS deliveries_of ON deliveries (cluster, kind, namespace, name, id);
"""

MAX_MESSAGE = 1000


class Outcome(StrEnum):
    """How a delivery ended."""

    OPEN = "open"
    HEALTHY = "healthy"
    APPLIED = "applied"
    FAILED = "failed"
    UNHEALTHY = "unhealthy"
    INTERRUPTED = "interrupted"
    DRIFT_REPAIRED = "drift repaired"


@dataclass(frozen=True, slots=True, kw_only=True)
class Delivery:
    """One delivery; times are UTC, `None` when it did not come to that."""

    cluster: str
    kind: str
    namespace: str
    name: str
    revision: str
    author: str = ""
    subject: str = ""
    reason: str = "revision"
    """What set it off: `revision`, `spec`, `drift`, `interval`, `deletion`."""
    started: datetime = field(default_factory=lambda: datetime.now(UTC))
    applied: datetime | None = None
    healthy: datetime | None = None
    outcome: Outcome = Outcome.OPEN
    message: str = ""
    created: tuple[str, ...] = ()
    configured: tuple[str, ...] = ()
    deleted: tuple[str, ...] = ()

    def with_changes(self, changes: ChangeSet) -> Delivery:
        """With the names of what these changes wrote, added to those that are there."""

        def names(before: tuple[str, ...], action: Action) -> tuple[str, ...]:
            return tuple(dict.fromkeys((*before, *(str(change.ref) for change in changes.of(action)))))

        return replace(
            self,
            created=names(self.created, Action.CREATED),
            configured=names(self.configured, Action.CONFIGURED),
            deleted=names(self.deleted, Action.DELETED),
        )

    def ended(self, outcome: Outcome, message: str = "") -> Delivery:
        return replace(self, outcome=outcome, message=" ".join(message.split())[:MAX_MESSAGE])


class Ledger:
    """Deliveries on disk; use as a context manager. Calls take well below a millisecond and block that long."""

    def __init__(self, path: Path | None) -> None:
        """`path` of the file, or None to keep it in memory only."""
        self._db = sqlite3.connect(path if path is not None else ":memory:", isolation_level=None)
        self._db.execute("PRAGMA journal_mode = WAL")
        self._db.execute("PRAGMA synchronous = NORMAL")
        self._db.executescript(_SCHEMA)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._db.close()

    def open(self, delivery: Delivery) -> int:
        """Write down that a delivery has begun; the number is for :meth:`update`."""
        owner = (delivery.cluster, delivery.kind, delivery.namespace, delivery.name)
        cursor = self._db.execute(
            "INSERT INTO deliveries (cluster, kind, namespace, name, outcome, record) VALUES (?, ?, ?, ?, ?, ?)",
            (*owner, delivery.outcome, msgspec.json.encode(delivery)),
        )
        return int(cursor.lastrowid or 0)

    def update(self, number: int, delivery: Delivery) -> None:
        """Write down how far a delivery has come, or how it ended."""
        self._db.execute(
            "UPDATE deliveries SET outcome = ?, record = ? WHERE id = ?",
            (delivery.outcome, msgspec.json.encode(delivery), number),
        )

    def close_interrupted(self) -> int:
        """At start: deliveries that a crash left open end as `interrupted`. Returns how many there were."""
        with closing(self._db.cursor()) as cursor:
            rows = cursor.execute("SELECT id, record FROM deliveries WHERE outcome = ?", (Outcome.OPEN,)).fetchall()
        for number, record in rows:
            self.update(number, _DECODER.decode(record).ended(Outcome.INTERRUPTED, "the program ended meanwhile"))
        return len(rows)

    def history(
        self, kind: str, namespace: str, name: str, *, cluster: str | None = None, limit: int = 20
    ) -> Iterator[Delivery]:
        """The deliveries of one Kustomization, newest first."""
        where = "kind = ? AND namespace = ? AND name = ?" + (" AND cluster = ?" if cluster is not None else "")
        values = (kind, namespace, name, *((cluster,) if cluster is not None else ()), limit)
        query = f"SELECT record FROM deliveries WHERE {where} ORDER BY id DESC LIMIT ?"  # noqa: S608 - fixed words only
        for (record,) in self._db.execute(query, values).fetchall():
            yield _DECODER.decode(record)

    def trim(self, keep: int) -> None:
        """Forget all but the newest deliveries, so that the file stays small."""
        self._db.execute(
            "DELETE FROM deliveries WHERE id <= (SELECT id FROM deliveries ORDER BY id DESC LIMIT 1 OFFSET ?)", (keep,)
        )


_DECODER = msgspec.json.Decoder(Delivery)
