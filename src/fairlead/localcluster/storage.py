"""The objects of the cluster and their recent past, ordered by one global resource version.

Everything is in memory as encoded JSON: reads and watch events are served without encoding again, and twenty thousand
objects stay small. A journal (see :mod:`fairlead.localcluster.storage_sqlite`) makes writes durable: a write is in the
journal before it is visible or acknowledged.

A body is an object's JSON without its opening ``{"kind":…,"apiVersion":…,``, because the same object is served in
several versions; whoever serves it puts the prefix of the wanted version in front.

All calls are synchronous and belong to the event loop's thread: a read-modify-write without ``await`` is atomic.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Protocol

import msgspec

from fairlead.errors import FairleadError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

__all__ = [
    "Change",
    "Collection",
    "CompactedError",
    "Journal",
    "Store",
    "Stored",
    "decode_body",
    "encode_body",
    "object_key",
]

HISTORY = 1000
"""Changes that a collection remembers for watches that resume and for lists of the past."""

_encode = msgspec.json.Encoder().encode
_decode = msgspec.json.Decoder().decode


class CompactedError(FairleadError):
    """The asked-for resource version is older than what the store remembers."""


def object_key(namespace: str, name: str) -> str:
    """The key of an object in its collection; keys sort as in etcd."""
    return f"{namespace}/{name}" if namespace else name


def decode_body(body: bytes) -> dict[str, Any]:
    """The object of a body, without ``kind`` and ``apiVersion``."""
    value: dict[str, Any] = _decode(b"{" + body)
    return value


@dataclass(frozen=True, slots=True)
class Stored:
    """One object at one resource version."""

    namespace: str
    name: str
    version: int
    body: bytes

    @property
    def key(self) -> str:
        return object_key(self.namespace, self.name)


@dataclass(slots=True)
class Change:
    """One write: ``current`` is ``None`` after a deletion, ``previous`` is ``None`` before a creation."""

    version: int
    previous: Stored | None
    current: Stored | None
    last: bytes
    """The body that watchers are shown; for a deletion the last state, with the deletion's resource version."""
    lines: dict[tuple[str, str], bytes] = field(default_factory=dict)
    """Encoded watch events by (form, type), shared by all watchers."""

    @property
    def stored(self) -> Stored:
        """The object that the change is about."""
        stored = self.current or self.previous
        if stored is None:  # pragma: no cover - a change has one of the two
            raise AssertionError("a change of nothing")
        return stored


class Journal(Protocol):
    """Where writes become durable before anybody sees them."""

    def put(self, collection: str, stored: Stored) -> None: ...

    def remove(self, collection: str, stored: Stored, version: int) -> None: ...


class Collection:
    """All objects of one resource, whatever versions it is served in; a cache of its latest changes; its watchers."""

    def __init__(self, name: str, version: int, history: int = HISTORY) -> None:
        self.name = name
        self.objects: dict[str, Stored] = {}
        self.keys: list[str] = []
        self.history: deque[Change] = deque()
        self.history_limit = history
        self.compacted = version
        """Changes up to this resource version are forgotten."""
        self.watchers: set[Callable[[Change], None]] = set()

    def get(self, namespace: str, name: str) -> Stored | None:
        return self.objects.get(object_key(namespace, name))

    def scan(self, namespace: str = "", after: str = "") -> Iterator[Stored]:
        """Objects in key order, of one namespace or of all, beginning behind the key ``after``."""
        prefix = f"{namespace}/" if namespace else ""
        start = bisect_left(self.keys, f"{after}\0" if after else prefix)
        for key in self.keys[start:]:
            if prefix and not key.startswith(prefix):
                return
            yield self.objects[key]

    def at(self, version: int) -> Collection:
        """A copy as it was at a resource version; raises :class:`CompactedError` when that is forgotten."""
        if version < self.compacted:
            raise CompactedError(str(version))
        past = dict(self.objects)
        for change in reversed(self.history):
            if change.version <= version:
                break
            key = change.stored.key
            if change.previous is None:
                past.pop(key, None)
            else:
                past[key] = change.previous
        copy = Collection(self.name, version)
        copy.objects = past
        copy.keys = sorted(past)
        return copy

    def since(self, version: int) -> list[Change]:
        """The changes after a resource version; raises :class:`CompactedError` when some are forgotten."""
        if version < self.compacted:
            raise CompactedError(str(version))
        changes: list[Change] = []
        for change in reversed(self.history):
            if change.version <= version:
                break
            changes.append(change)
        changes.reverse()
        return changes

    def load(self, stored: Stored) -> None:
        """Take over an object at start, without a change."""
        if stored.key not in self.objects:
            insort(self.keys, stored.key)
        self.objects[stored.key] = stored

    def record(self, change: Change) -> None:
        key = change.stored.key
        if change.current is not None:
            self.load(change.current)
        else:
            del self.objects[key]
            del self.keys[bisect_left(self.keys, key)]
        self.history.append(change)
        if len(self.history) > self.history_limit:
            self.compacted = self.history.popleft().version
        for watcher in list(self.watchers):
            watcher(change)

    def forget_history(self) -> None:
        """Compact now: watches cannot resume from before."""
        if self.history:
            self.compacted = self.history[-1].version
            self.history.clear()


class Store:
    """All collections and the counter that orders their changes."""

    def __init__(self, journal: Journal | None = None, *, version: int = 0, history: int = HISTORY) -> None:
        self.version = version
        self.history = history
        self._started_at = version
        self._journal = journal
        self._collections: dict[str, Collection] = {}
        self.hooks: list[Callable[[Collection, Change, dict[str, Any]], None]] = []
        """Called after each change with the decoded object (without kind and apiVersion); not to be altered."""

    def collection(self, name: str) -> Collection:
        found = self._collections.get(name)
        if found is None:
            found = self._collections[name] = Collection(name, self._started_at, self.history)
        return found

    def collections(self) -> Iterable[Collection]:
        return list(self._collections.values())

    def put(self, name: str, obj: dict[str, Any]) -> Stored:
        """Create or replace. ``obj`` gets its new resource version; ``kind`` and ``apiVersion`` are not stored."""
        collection = self.collection(name)
        version = self.version + 1
        metadata = obj["metadata"]
        metadata["resourceVersion"] = str(version)
        stored = Stored(metadata.get("namespace") or "", metadata["name"], version, encode_body(obj))
        if self._journal:
            self._journal.put(name, stored)
        self.version = version
        change = Change(version, collection.objects.get(stored.key), stored, stored.body)
        self._publish(collection, change, obj)
        return stored

    def remove(self, name: str, key: str, obj: dict[str, Any]) -> Stored:
        """Delete. ``obj`` is the last state for watchers; it gets the deletion's resource version and is returned."""
        collection = self.collection(name)
        previous = collection.objects[key]
        version = self.version + 1
        obj["metadata"]["resourceVersion"] = str(version)
        if self._journal:
            self._journal.remove(name, previous, version)
        self.version = version
        body = encode_body(obj)
        self._publish(collection, Change(version, previous, None, body), obj)
        return Stored(previous.namespace, previous.name, version, body)

    def _publish(self, collection: Collection, change: Change, obj: dict[str, Any]) -> None:
        collection.record(change)
        for hook in self.hooks:
            hook(collection, change, obj)


def encode_body(obj: dict[str, Any]) -> bytes:
    """The inverse of :func:`decode_body`; metadata first, ``kind`` and ``apiVersion`` left out."""
    ordered = {"metadata": obj["metadata"]}
    ordered.update((key, value) for key, value in obj.items() if key not in ("apiVersion", "kind", "metadata"))
    return _encode(ordered)[1:]
