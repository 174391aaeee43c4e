"""Watch: the changes of a resource as a stream, from any resource version that is still remembered."""

from __future__ import annotations

import asyncio
import contextlib
import math
from collections import deque
from typing import TYPE_CHECKING

import msgspec

from fairlead.localcluster.server.selectors import select
from fairlead.localcluster.server.serving import event_line
from fairlead.localcluster.status import StatusError, expired
from fairlead.localcluster.storage import Change, CompactedError, Store, Stored

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fairlead.localcluster.server.negotiate import Form
    from fairlead.localcluster.server.registry import Resource
    from fairlead.localcluster.server.requests import ListOptions
    from fairlead.localcluster.server.selectors import Selection

__all__ = ["Watch"]

BACKLOG = 10_000
"""Changes that may wait for a slow watcher; one more ends its watch, and it lists again."""

BOOKMARK_SECONDS = 60.0
"""How often a watcher that asked for bookmarks is told how far it has got."""

LAST_BOOKMARK_SECONDS = 2.0
"""How long before the end of a watch its last bookmark is sent."""


class Watch:
    """One watch. Made at once (so a wrong request is refused before the stream starts), then iterated."""

    def __init__(
        self,
        store: Store,
        resource: Resource,
        namespace: str,
        name: str,
        options: ListOptions,
        form: Form,
        include: str,
    ) -> None:
        self._store = store
        self._resource = resource
        self._options = options
        self._form = form
        self._include = include
        self._collection = store.collection(resource.collection)
        self._selection: Selection = select(resource, namespace, options.label_selector, options.field_selector)
        self._namespace = namespace
        self._name = name or self._selection.name
        self._pending: deque[Change] = deque()
        self._wake = asyncio.Event()
        self._overrun = False
        self._shown_columns = False
        self._start()

    def _start(self) -> None:
        options = self._options
        self._initial: list[Stored] = []
        self._from_list = options.initial_events is True or (options.initial_events is None and not options.version)
        self._gone: StatusError | None = None
        if self._from_list:
            self._initial = [one for one in self._collection.scan(self._namespace) if self._wanted(one)]
        elif options.version:
            try:
                self._pending.extend(self._collection.since(options.version))
            except CompactedError:
                text = f"too old resource version: {options.version} ({self._collection.compacted + 1})"
                self._gone = expired(text)
        self._wake.set()
        self._collection.watchers.add(self._push)

    def close(self) -> None:
        self._collection.watchers.discard(self._push)

    def _push(self, change: Change) -> None:
        if len(self._pending) >= BACKLOG:
            self._overrun = True
            self.close()
        else:
            self._pending.append(change)
        self._wake.set()

    def stop(self) -> None:
        """End the stream soon, in order."""
        self._overrun = True
        self._wake.set()

    def _in_scope(self, stored: Stored) -> bool:
        if self._namespace and stored.namespace != self._namespace:
            return False
        return not self._name or stored.name == self._name

    def _wanted(self, stored: Stored) -> bool:
        return self._in_scope(stored) and (self._selection.everything or self._selection.matches(stored))

    async def chunks(self) -> AsyncIterator[bytes]:
        """Encoded events, several at once when several are there; ends after ``timeoutSeconds``."""
        loop = asyncio.get_running_loop()
        seconds = self._options.timeout_seconds
        deadline = loop.time() + (seconds if seconds > 0 else 3600)
        bookmark = self._next_bookmark(loop.time(), deadline)
        if self._gone:
            yield _error_line(self._gone)
            return
        if self._from_list:
            yield b"".join(self._initial_lines())
        while not self._overrun:
            if not self._pending:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout_at(min(bookmark, deadline)):
                        await self._wake.wait()
            self._wake.clear()
            lines = self._drain()
            now = loop.time()
            if now >= bookmark:
                lines.append(self._bookmark({}))
                bookmark = self._next_bookmark(now, deadline)
            if lines:
                yield b"".join(lines)
            if now >= deadline:
                return

    def _next_bookmark(self, now: float, deadline: float) -> float:
        """Once a minute, and shortly before the end, so that the next watch resumes from there."""
        if not self._options.bookmarks:
            return math.inf
        last = deadline - LAST_BOOKMARK_SECONDS
        return min(now + BOOKMARK_SECONDS, last) if now < last else math.inf

    def _initial_lines(self) -> list[bytes]:
        lines = [self._line(Change(one.version, None, one, one.body), "ADDED") for one in self._initial]
        self._initial = []
        if self._options.initial_events and self._options.bookmarks:
            lines.append(self._bookmark({"annotations": {"k8s.io/initial-events-end": "true"}}))
        return lines

    def _drain(self) -> list[bytes]:
        lines = []
        while self._pending:
            change = self._pending.popleft()
            kind = self._kind(change)
            if kind:
                lines.append(self._line(change, kind))
        return lines

    def _kind(self, change: Change) -> str:
        """What the change is for this watcher: an object may come into or leave its selection."""
        if not self._in_scope(change.stored):
            return ""
        if self._selection.everything:
            before, after = change.previous is not None, change.current is not None
        else:
            before = change.previous is not None and self._selection.matches(change.previous)
            after = change.current is not None and self._selection.matches(change.current)
        if before:
            return "MODIFIED" if after else "DELETED"
        return "ADDED" if after else ""

    def _line(self, change: Change, kind: str) -> bytes:
        columns = self._form.is_table and not self._shown_columns
        self._shown_columns = True
        return event_line(self._resource, change, kind, self._form, self._include, columns=columns)

    def _bookmark(self, extra: dict[str, object]) -> bytes:
        kind, api_version = self._resource.kind, self._resource.api_version
        if self._form.kind:
            kind = "Table" if self._form.is_table else "PartialObjectMetadata"
            api_version = f"meta.k8s.io/{self._form.version}"
        obj = {
            "kind": kind,
            "apiVersion": api_version,
            "metadata": {"resourceVersion": str(self._store.version), **extra},
        }
        return msgspec.json.encode({"type": "BOOKMARK", "object": obj}) + b"\n"


def _error_line(error: StatusError) -> bytes:
    return msgspec.json.encode({"type": "ERROR", "object": error.body()}) + b"\n"
