"""A kind's objects, kept in memory and up to date: list once, then watch for ever.

Guarantees:

- Subscribers see every object that exists, and the order of changes of one object; several changes between two looks
  may come as one. Whatever happens to the connection, the store ends up equal to the server's state.
- A list after a gap (410, or a kind that went away and came back) tells what was deleted or replaced meanwhile.
- What is kept of an object is what ``decode`` returns; nothing else of it stays in memory.
- Errors are retried for ever with growing pauses; :attr:`Reflector.error` tells what is wrong meanwhile.

Subscribers are called from the event loop and must not block; they usually add a key to a queue.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Generic, Literal, NamedTuple, TypeAlias, TypeVar

import msgspec

from fairlead.errors import FairleadError
from fairlead.kube.errors import GoneError, NoMatchError, ServerUnavailableError
from fairlead.kube.listing import Selection
from fairlead.kube.options import Backoff

if TYPE_CHECKING:
    from collections.abc import Awaitable, Iterator

    from fairlead.kube.client import KubeClient
    from fairlead.kube.watch import RawEvent
    from fairlead.objects.manifest import Manifest
    from fairlead.objects.ref import GroupKind

__all__ = ["ChangeType", "HeadMeta", "Key", "Reflector", "Subscriber", "head_of", "manifest_decoder"]

log = logging.getLogger(__name__)

T = TypeVar("T")
ChangeType = Literal["ADDED", "MODIFIED", "DELETED"]
Subscriber: TypeAlias = Callable[[ChangeType, T | None, T | None], None]

RECONNECT = Backoff(base=0.1, maximum=30.0, jitter=0.5)
AT_ONCE = 25
"""Objects of a list that are decoded and told before everything else gets its turn."""
SHORT_WATCH_SECONDS = 1.0
"""A watch that ends sooner and without an event counts as a failure, so that it is not opened again in a tight loop."""


class Key(NamedTuple):
    """An object within its kind."""

    namespace: str
    name: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}" if self.namespace else self.name


class HeadMeta(msgspec.Struct, rename="camel", gc=False):
    name: str
    namespace: str = ""
    uid: str = ""
    resource_version: str = ""


class _Head(msgspec.Struct, gc=False):
    """The part of an object that the store itself needs."""

    metadata: HeadMeta


class _BookmarkMeta(msgspec.Struct, rename="camel"):
    resource_version: str


class _Bookmark(msgspec.Struct):
    metadata: _BookmarkMeta


_HEAD = msgspec.json.Decoder(_Head)
_BOOKMARK = msgspec.json.Decoder(_Bookmark)


class _Entry(Generic[T]):
    __slots__ = ("resource_version", "uid", "value")

    def __init__(self, uid: str, resource_version: str, value: T) -> None:
        self.uid = uid
        self.resource_version = resource_version
        self.value = value


def head_of(raw: msgspec.Raw) -> HeadMeta:
    """Which object in which version this is; much cheaper than the object."""
    return _HEAD.decode(raw).metadata


def manifest_decoder(raw: msgspec.Raw) -> Manifest:
    """Keep objects whole. Items of a list of a built-in kind have neither apiVersion nor kind."""
    manifest: Manifest = msgspec.json.decode(raw)
    return manifest


class Reflector(Generic[T]):
    """The objects of one kind (or a selection of them), for any number of users."""

    def __init__(
        self,
        client: KubeClient,
        kind: GroupKind,
        *,
        decode: Callable[[msgspec.Raw], T],
        selection: Selection | None = None,
        backoff: Backoff = RECONNECT,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
        ends_with_kind: bool = False,
        since: str = "",
    ) -> None:
        """With ``ends_with_kind``, :meth:`run` returns when the kind is not served, instead of waiting for it.

        ``since`` is the resource version of a list that the caller has just seen: only what changes after it is told
        and kept, and no list is sent unless the server has forgotten that version.
        """
        self.kind = kind
        self.error: FairleadError | None = None
        """Why the store may be behind at present; None while the watch is open."""
        self._client = client
        self._decode = decode
        self._selection = selection or Selection()
        self._backoff = backoff
        self._sleep = sleep
        self._ends_with_kind = ends_with_kind
        self._entries: dict[Key, _Entry[T]] = {}
        self._version: str | None = since or None
        self._failures = 0
        self._synced = asyncio.Event()
        self._nudged = asyncio.Event()
        self._subscribers: list[Subscriber[T]] = []

    def __len__(self) -> int:
        return len(self._entries)

    def get(self, namespace: str, name: str) -> T | None:
        entry = self._entries.get(Key(namespace, name))
        return entry.value if entry is not None else None

    def items(self) -> Iterator[tuple[Key, T]]:
        """What is known now; do not keep the iterator across an await."""
        return ((key, entry.value) for key, entry in self._entries.items())

    @property
    def resource_version(self) -> str:
        """How far the store has come; empty before the first list."""
        return self._version or ""

    @property
    def synced(self) -> bool:
        """Whether the first list is complete."""
        return self._synced.is_set()

    async def wait_synced(self) -> None:
        """Until the first list is complete; subscribers have seen all its objects by then."""
        await self._synced.wait()

    def subscribe(self, subscriber: Subscriber[T], *, replay: bool = True) -> Callable[[], None]:
        """Call back with every change ``(type, old, new)``; with ``replay`` first ADDED for what is known already.

        The old value is None for ADDED, the new one for DELETED. Returns how to unsubscribe.
        """
        self._subscribers.append(subscriber)
        if replay:
            for entry in list(self._entries.values()):
                subscriber("ADDED", None, entry.value)
        return lambda: self._subscribers.remove(subscriber)

    def nudge(self) -> None:
        """Try again now instead of after the pause: the kind has just been established, access was granted."""
        if isinstance(self.error, NoMatchError):
            self._client.discovery.invalidate()
        self._nudged.set()

    async def run(self) -> None:
        """List and watch until cancelled."""
        while True:
            try:
                await self._watch(self._version if self._version is not None else await self._list())
            except GoneError as error:
                first = self._version is not None and self._failures == 0
                self._version = None
                await self._pause(error, immediately=first)
            except NoMatchError as error:
                self._keep(set())  # the kind has gone, and its objects with it
                self._version = None
                if self._ends_with_kind:
                    self.error = error
                    return
                await self._pause(error)
            except FairleadError as error:
                await self._pause(error)
            except msgspec.DecodeError as error:
                self._version = None
                await self._pause(self._nonsense("InvalidAnswer", f"an object without metadata came: {error}"))

    async def _list(self) -> str:
        """Take over the server's state, page by page; what no page named is deleted at the end."""
        seen: set[Key] = set()
        version = ""
        async for page in self._client.pages(self.kind, self._selection):
            version = page.metadata.resource_version
            for raw in page.items or ():
                if (key := self._put(raw)) is not None:
                    seen.add(key)
                    if not len(seen) % AT_ONCE:
                        await asyncio.sleep(0)
        self._keep(seen)
        self._version = version
        self.error = None
        self._synced.set()
        return version

    async def _watch(self, version: str) -> None:
        batches = self._client.watch_raw(self.kind, self._selection, resource_version=version)
        started, good = time.monotonic(), False
        try:
            async with contextlib.aclosing(batches):
                async for batch in batches:
                    self.error = None
                    good = good or bool(batch)
                    for event in batch:
                        self._take(event)
        finally:
            good = good or time.monotonic() - started >= SHORT_WATCH_SECONDS
            self._failures = 0 if good else self._failures
        if not good:
            await self._pause(self._nonsense("ShortWatch", "the server ends the watch at once"))

    def _nonsense(self, reason: str, message: str) -> ServerUnavailableError:
        return ServerUnavailableError(str(self.kind), "watch", reason=reason, message=message)

    def _take(self, event: RawEvent) -> None:
        if event.type == "BOOKMARK":
            self._version = _BOOKMARK.decode(event.object).metadata.resource_version
            return
        head = head_of(event.object)
        key = Key(head.namespace, head.name)
        if event.type == "DELETED":
            self._remove(key)
        else:
            self._put(event.object)
        self._version = head.resource_version

    def _put(self, raw: msgspec.Raw) -> Key | None:
        """Keep one object and tell what changed; None when it cannot be decoded."""
        head = head_of(raw)
        key = Key(head.namespace, head.name)
        old = self._entries.get(key)
        if old is not None and old.uid == head.uid and old.resource_version == head.resource_version:
            return key
        try:
            value = self._decode(raw)
        except msgspec.ValidationError as error:
            log.warning("%s %s/%s is not as its kind should be and is left out: %s", self.kind, *key, error)
            return None
        if old is not None and old.uid != head.uid:
            self._remove(key)
            old = None
        self._entries[key] = _Entry(head.uid, head.resource_version, value)
        if old is None:
            self._tell("ADDED", None, value)
        else:
            self._tell("MODIFIED", old.value, value)
        return key

    def _remove(self, key: Key) -> None:
        if (entry := self._entries.pop(key, None)) is not None:
            self._tell("DELETED", entry.value, None)

    def _keep(self, seen: set[Key]) -> None:
        """Forget what is not among the keys seen."""
        for key in self._entries.keys() - seen:
            self._remove(key)

    def _tell(self, change: ChangeType, old: T | None, new: T | None) -> None:
        for subscriber in list(self._subscribers):
            subscriber(change, old, new)

    async def _pause(self, error: FairleadError, *, immediately: bool = False) -> None:
        """Wait before the next attempt; :meth:`nudge` ends the wait."""
        self._failures += 1
        if str(error) != str(self.error):
            log.warning("%s is not up to date: %s", self.kind, error)
        self.error = error
        if immediately:
            return
        sleeping = asyncio.ensure_future(self._sleep(self._backoff.delay(self._failures)))
        nudged = asyncio.ensure_future(self._nudged.wait())
        try:
            await asyncio.wait((sleeping, nudged), return_when=asyncio.FIRST_COMPLETED)
        finally:
            sleeping.cancel()
            nudged.cancel()
            self._nudged.clear()
