"""What deliveries are about to add to inventories, on record before the objects exist: one ConfigMap for all of them.

An object that was written and is in no inventory would be left over when the process dies and Git lets go of it. So it
is on record before it is written. In the status that is a patch of a custom resource for each delivery, which costs the
server as much as several applies. Here the deliveries that are at work share a small patch, and each status is written
once, at the end. What is in the journal belongs to the inventory until a status has it.

It is an aid and no condition: a controller that may not write the ConfigMap, or has too much to say, puts the inventory
into the status first, as ever. Entries are kept by the uid of the Kustomization, so shards share the ConfigMap, and one
that was created anew inherits nothing.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairlead.controllers.access import is_newer
from fairlead.controllers.delivery import inventory_of
from fairlead.controllers.resources import Malformed
from fairlead.errors import FairleadError, ForbiddenError, UnavailableError
from fairlead.kube.client import PatchType
from fairlead.kube.errors import AlreadyExistsError, NotFoundError
from fairlead.objects.inventory import Inventory
from fairlead.objects.ref import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from fairlead.api.kustomization import Kustomization
    from fairlead.kube.client import KubeClient
    from fairlead.kube.reflector import ChangeType
    from fairlead.runtime.clock import Clock

__all__ = ["JOURNAL_NAME", "Journal"]

log = logging.getLogger(__name__)

JOURNAL_NAME = "fairlead-journal"
FIELD_MANAGER = "fairlead"
MOST_DELIVERIES = 100
"""A patch costs what the ConfigMap holds; with more at a time a status of one's own is cheaper."""
MOST_OBJECTS = 50
"""Of one delivery."""
GATHER_SECONDS = 0.05
"""How long a delivery among others waits for company: a tenth of what it takes then."""
TIDY_SECONDS = 2.0
"""How long what is no longer needed may stay when nothing else is to be written."""
LOAD_RETRY_SECONDS = 1.0


@dataclass(slots=True)
class _Entry:
    subject: str
    """Namespace and name of the Kustomization, for people."""
    added: Inventory
    version: str = "0"
    """The resource version of the Kustomization to whose inventory it adds."""

    def encoded(self) -> str:
        return json.dumps({"kustomization": self.subject, "entries": self.added.to_entries()})


class Journal:
    """One ConfigMap in the namespace of the controllers; :meth:`run` writes what was noted."""

    def __init__(self, client: KubeClient, namespace: str, clock: Clock) -> None:
        self.crowded: Callable[[], bool] = lambda: False
        """Whether several deliveries are at work; set by who knows."""
        self.writes: Counter[str] = Counter()
        """Requests that changed the ConfigMap, or were to, by verb."""
        self._client = client
        self._ref = ObjectRef("", "ConfigMap", namespace, JOURNAL_NAME)
        self._clock = clock
        self._entries: dict[str, _Entry] = {}
        self._outdated: set[str] = set()
        """Whose entries in the ConfigMap are not as they should be."""
        self._waiting: list[asyncio.Future[bool]] = []
        self._changed = asyncio.Event()
        self._noted = asyncio.Event()
        self._usable = False

    # -- what is on record -----------------------------------------------------------------------------------------

    def inventory_of(self, kustomization: Kustomization) -> Inventory:
        """All that may exist because of a Kustomization: its status, and what an earlier run was about to add."""
        recorded = inventory_of(kustomization)
        entry = self._entries.get(kustomization.metadata.uid)
        return recorded if entry is None else entry.added | recorded

    def holds(self, kustomization: Kustomization) -> bool:
        """Whether its status does not tell all."""
        return kustomization.metadata.uid in self._entries

    async def note(self, kustomization: Kustomization, inventory: Inventory) -> bool:
        """Put on record that its inventory is about to become this; ``False`` when that has to go into its status."""
        meta = kustomization.metadata
        added = inventory - inventory_of(kustomization)
        full = len(self._entries) >= MOST_DELIVERIES and meta.uid not in self._entries
        if not self._usable or full or len(added) > MOST_OBJECTS:
            return False
        self._entries[meta.uid] = _Entry(f"{meta.namespace}/{meta.name}", added, meta.resource_version)
        self._outdated.add(meta.uid)
        written: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(written)
        self._noted.set()
        self._changed.set()
        return await written

    def settle(self, kustomization: Kustomization, inventory: Inventory) -> None:
        """Its status was read, or has been written, and its inventory was ``inventory`` at that time."""
        if self.holds(kustomization) and inventory_of(kustomization).versions == inventory.versions:
            self._drop(kustomization.metadata.uid)

    def learn(
        self, _: ChangeType, old: Kustomization | Malformed | None, new: Kustomization | Malformed | None
    ) -> None:
        """Hears of every Kustomization: one whose status has it all, or that is gone, needs no entry."""
        if not self._entries:
            return
        if old is not None and (new is None or new.metadata.uid != old.metadata.uid):
            self._drop(old.metadata.uid)
        if new is not None and not isinstance(new, Malformed):
            self._compare(new)

    def _compare(self, kustomization: Kustomization) -> None:
        meta = kustomization.metadata
        entry = self._entries.get(meta.uid)
        if entry is None or not is_newer(meta.resource_version, entry.version):
            return  # an old status may name what was deleted since, and is about to be created again
        if not (entry.added - inventory_of(kustomization)).versions:
            self._drop(meta.uid)

    def _drop(self, uid: str) -> None:
        if self._entries.pop(uid, None) is not None:
            self._outdated.add(uid)
            self._changed.set()

    # -- the ConfigMap ---------------------------------------------------------------------------------------------

    async def load(self, own: Iterable[Kustomization | Malformed], *, all_are_own: bool) -> None:
        """Take up what a process before us has left, before any delivery begins.

        ``own`` are the Kustomizations that these controllers look after; entries of others are left to those who do,
        unless ``all_are_own``: then nobody does any more.
        """
        found = await self._read()
        known = {each.metadata.uid: each for each in own} if found else {}
        for uid, text in found.items():
            entry = _decoded(text) if uid in known else None
            if entry is not None:
                self._entries[uid] = entry
                log.info("a delivery of Kustomization/%s had begun and not ended", entry.subject)
                self.learn("MODIFIED", None, known[uid])
            elif uid in known or all_are_own:
                self._outdated.add(uid)
                self._changed.set()

    async def _read(self) -> dict[str, str]:
        while True:
            try:
                found = await self._client.get(self._ref)
            except NotFoundError:
                self._usable = True
                return {}
            except ForbiddenError as error:
                log.info("inventories go into statuses first, for there is no journal: %s", error)
                return {}
            except UnavailableError as error:
                log.warning("the journal cannot be read yet: %s", error)
                await self._clock.sleep(LOAD_RETRY_SECONDS)
            else:
                self._usable = True
                return found.get("data") or {}

    async def run(self) -> None:
        """Write what was noted, together; what is only to be dropped goes with the next note, or after a while."""
        while True:
            await self._changed.wait()
            if not self._waiting:
                await self._next_note(TIDY_SECONDS)
            if self._waiting and self.crowded():
                await self._clock.sleep(GATHER_SECONDS)
            self._changed.clear()
            self._noted.clear()
            await self._write()

    async def _next_note(self, seconds: float) -> None:
        self._noted.clear()
        try:
            async with asyncio.timeout(seconds):
                await self._noted.wait()
        except TimeoutError:
            return

    async def _write(self) -> None:
        waiting, self._waiting = self._waiting, []
        outdated, self._outdated = self._outdated, set()
        data = {uid: self._entries[uid].encoded() if uid in self._entries else None for uid in sorted(outdated)}
        try:
            written = await self._send(data)
        except BaseException:
            self._outdated |= outdated
            for each in waiting:
                each.cancel()
            raise
        if not written:
            self._outdated |= outdated
        for each in waiting:
            if not each.done():
                each.set_result(written)

    async def _send(self, data: dict[str, str | None]) -> bool:
        """Whether the ConfigMap has it now."""
        try:
            try:
                self.writes["patch"] += 1
                await self._client.patch(self._ref, {"data": data}, PatchType.MERGE, field_manager=FIELD_MANAGER)
            except NotFoundError:
                await self._create()
        except AlreadyExistsError:
            return False  # a shard was faster; the next note finds it
        except (NotFoundError, ForbiddenError) as error:
            self._usable = False
            log.info("inventories go into statuses first, for there is no journal: %s", error)
            return False
        except FairleadError as error:
            log.warning("an inventory goes into its status first, for the journal cannot be written: %s", error)
            return False
        return True

    async def _create(self) -> None:
        """With all that is on record: somebody may have deleted it."""
        if not self._entries:
            return
        metadata = {"name": self._ref.name, "namespace": self._ref.namespace}
        data = {uid: entry.encoded() for uid, entry in self._entries.items()}
        self.writes["create"] += 1
        manifest: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
        await self._client.create(manifest, field_manager=FIELD_MANAGER)


def _decoded(text: str) -> _Entry | None:
    """``None`` for what cannot be read: somebody else wrote it."""
    try:
        found = json.loads(text)
        entry = _Entry(str(found["kustomization"]), Inventory.from_entries(found["entries"]))
    except (ValueError, TypeError, KeyError, AttributeError):
        log.warning("the journal has an entry that cannot be read; it is dropped")
        return None
    return entry if entry.added.versions else None
