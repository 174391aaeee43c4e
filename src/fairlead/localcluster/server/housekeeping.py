"""The part of the controller manager that belongs to the API itself: definitions, namespaces, owner references.

One queue, one worker: every change of an object that concerns one of them puts a key into the queue, and the worker
brings that key's object up to date. Nothing polls.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any

from fairlead.localcluster.server.crds import CRDS
from fairlead.localcluster.status import StatusError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.localcluster.server.core import Core
    from fairlead.localcluster.storage import Change, Collection

__all__ = ["Housekeeping"]

_log = logging.getLogger(__name__)

Key = tuple[str, str]


class Housekeeping:
    """Runs until cancelled; :meth:`start` first queues everything that a restart may have left undone."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._queued: dict[Key, None] = {}
        self._wake = asyncio.Event()
        self._handlers: dict[str, Callable[[str], None]] = {
            "definition": core.definitions.sync,
            "namespace": core.namespaces.sync,
            "garbage": core.garbage.sync,
            "roles": core.roles.sync,
        }
        core.store.hooks.append(self._noticed)
        core.garbage.enqueue = self.add_garbage

    def add(self, kind: str, key: str) -> None:
        self._queued[(kind, key)] = None
        self._wake.set()

    def add_garbage(self, uid: str) -> None:
        self.add("garbage", uid)

    def _noticed(self, collection: Collection, change: Change, obj: dict[str, Any]) -> None:
        stored = change.stored
        if collection.name == CRDS:
            self.add("definition", stored.name)
        elif collection.name == "namespaces":
            self.add("namespace", stored.name)
        elif collection.name == "clusterroles.rbac.authorization.k8s.io":
            self.add("roles", stored.name)
        elif change.current is None:
            self._deleted(collection, stored.namespace)
        self._core.garbage.noticed(collection, change, obj)

    def _deleted(self, collection: Collection, namespace: str) -> None:
        """A deletion may be what a namespace or a definition waits for."""
        if namespace and self._core.namespaces.is_terminating(namespace):
            self.add("namespace", namespace)
        if self._core.store.collection(CRDS).get("", collection.name) is not None and not collection.objects:
            self.add("definition", collection.name)
        if collection.name in ("serviceaccounts", "configmaps") and namespace:
            self.add("namespace", namespace)

    def start(self) -> None:
        for name in list(self._core.store.collection(CRDS).objects):
            self.add("definition", name)
        for name in list(self._core.store.collection("namespaces").objects):
            self.add("namespace", name)

    async def run(self) -> None:
        while True:
            await self._wake.wait()
            self._wake.clear()
            await asyncio.sleep(0)  # the request that woke us answers first
            self.drain()

    def drain(self) -> None:
        """Work off the queue, including what the work itself puts into it."""
        while self._queued:
            kind, key = next(iter(self._queued))
            del self._queued[(kind, key)]
            try:
                self._handlers[kind](key)
            except StatusError as error:
                _log.warning("%s %s: %s", kind, key, error)
            except Exception:  # one bad object must not end the care of all others
                _log.exception("%s %s cannot be looked after", kind, key)
