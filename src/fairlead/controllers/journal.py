"""What deliveries are about to add to inventories, on record before the objects exist: in ConfigMaps that they share.

An object that was written and is in no inventory would be left over when the process dies and Git lets go of it. So it
is on record before it is written. In the status that is a patch of a custom resource for each delivery, which costs the
server as much as several applies. Here the deliveries that are at work share a small patch, and each status is written
once, at the end. What is in the journal belongs to the inventory until a status has it.

A delivery that waits for health has its entry for long, and a patch costs what the ConfigMap holds. So there are
several: those that come together go into the one that holds the least, and what it need not hold any more goes with
the same patch.

It is an aid and no condition: a controller that may not write the ConfigMaps, or has too much to say, puts the
inventory into the status first. Entries are kept by the uid of the Kustomization, so shards share the ConfigMaps, and
one that was created anew inherits nothing. What is left of a Kustomization that is gone is taken out by the next start
of whoever may know that it is: that of its namespace, and any shard, which asks the server.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from fairlead.api import names
from fairlead.controllers.access import is_newer
from fairlead.controllers.delivery import inventory_of
from fairlead.controllers.resources import Malformed
from fairlead.engine.together import together
from fairlead.errors import FairleadError, ForbiddenError, UnavailableError
from fairlead.kube.client import PatchType
from fairlead.kube.errors import AlreadyExistsError, NotFoundError
from fairlead.kube.reflector import Key
from fairlead.objects.inventory import Inventory
from fairlead.objects.ref import ObjectRef
from fairlead.runtime.places import lent_place
from fairlead.settings import ScopeSettings

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from fairlead.api.kustomization import Kustomization
    from fairlead.kube.client import KubeClient
    from fairlead.kube.reflector import ChangeType
    from fairlead.runtime.clock import Clock

__all__ = ["JOURNAL_NAMES", "Journal"]

log = logging.getLogger(__name__)

JOURNAL_NAMES = tuple(f"fairlead-journal-{number}" for number in range(16))
FIELD_MANAGER = "fairlead"
MOST_DELIVERIES = 64
"""In one ConfigMap, for a patch costs what it holds: some 20 KB, when apps add an object each."""
MOST_OBJECTS = 50
"""Of one delivery."""
GATHER_SECONDS = 0.1
"""How long a delivery among others waits for company: one of an install of 1,000 apps takes some 600 ms, 20 at once."""
TIDY_SECONDS = 2.0
"""How long what is no longer needed may stay when nothing else is to be written."""
LOAD_RETRY_SECONDS = 1.0
QUESTIONS_AT_ONCE = 4
"""About Kustomizations of other shards, of which there may be hundreds."""


@dataclass(slots=True)
class _Entry:
    key: Key
    added: Inventory
    version: str = "0"
    """The resource version of the Kustomization to whose inventory it adds."""
    place: int = -1
    """The number of its ConfigMap; negative until it has one."""

    def encoded(self) -> str:
        return json.dumps({"kustomization": str(self.key), "entries": self.added.to_entries()})


_Stranger = tuple[str, int, _Entry | None]
"""An entry that is not ours: its uid, the number of its ConfigMap, and what it says."""


class Journal:
    """A few ConfigMaps in the namespace of the controllers; :meth:`run` writes what was noted."""

    def __init__(self, client: KubeClient, namespace: str, clock: Clock, *, scope: ScopeSettings | None = None) -> None:
        """``scope``: which Kustomizations these controllers look after; all of the cluster by default."""
        self.crowded: Callable[[], bool] = lambda: False
        """Whether several deliveries are at work; set by who knows."""
        self.writes: Counter[str] = Counter()
        """Requests that changed a ConfigMap, or were to, by verb."""
        self._client = client
        self._refs = [ObjectRef("", "ConfigMap", namespace, name) for name in JOURNAL_NAMES]
        self._clock = clock
        self._scope = scope or ScopeSettings()
        self._entries: dict[str, _Entry] = {}
        self._adding: dict[ObjectRef, set[str]] = {}
        """Whose entries have an object: who applies a thousand asks for each of them, amid a thousand entries."""
        self._unwritten: set[str] = set()
        """Whose entries are newer than what a ConfigMap has."""
        self._stored: list[set[str]] = [set() for _ in JOURNAL_NAMES]
        """Who may have an entry in which ConfigMap, needed or not."""
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

    def holders(self, ref: ObjectRef) -> list[Key]:
        """Whose status does not tell that they have, or are about to have, this object."""
        return [self._entries[uid].key for uid in sorted(self._adding.get(ref, ()))]

    async def note(self, kustomization: Kustomization, inventory: Inventory) -> bool:
        """Put on record that its inventory is about to become this; ``False`` when that has to go into its status."""
        meta = kustomization.metadata
        added = inventory - inventory_of(kustomization)
        full = len(self._entries) >= MOST_DELIVERIES * len(self._refs) and meta.uid not in self._entries
        if not self._usable or full or len(added) > MOST_OBJECTS:
            return False
        self._keep(meta.uid, _Entry(Key(meta.namespace, meta.name), added, meta.resource_version))
        self._unwritten.add(meta.uid)
        written: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._waiting.append(written)
        self._noted.set()
        self._changed.set()
        async with lent_place(briefly=True):
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
        if old is not None and (new is None or new.metadata.uid != old.metadata.uid) and not self._may_have_moved(old):
            self._drop(old.metadata.uid)
        if new is not None and not isinstance(new, Malformed):
            self._compare(new)

    def _may_have_moved(self, vanished: Kustomization | Malformed) -> bool:
        """Whether another shard may look after it now. Then the entry stays: that one takes it up when it starts."""
        return bool(self._scope.label_selector) and not vanished.metadata.deletion_timestamp

    def _compare(self, kustomization: Kustomization) -> None:
        meta = kustomization.metadata
        entry = self._entries.get(meta.uid)
        if entry is None or not is_newer(meta.resource_version, entry.version):
            return  # an old status may name what was deleted since, and is about to be created again
        if not (entry.added - inventory_of(kustomization)).versions:
            self._drop(meta.uid)

    def _keep(self, uid: str, entry: _Entry) -> None:
        self._forget(uid)
        self._entries[uid] = entry
        for ref in entry.added:
            self._adding.setdefault(ref, set()).add(uid)

    def _drop(self, uid: str) -> None:
        if self._forget(uid):
            self._unwritten.discard(uid)
            self._changed.set()

    def _forget(self, uid: str) -> bool:
        entry = self._entries.pop(uid, None)
        for ref in entry.added if entry else ():
            self._adding[ref].discard(uid)
            if not self._adding[ref]:
                del self._adding[ref]
        return entry is not None

    # -- the ConfigMaps --------------------------------------------------------------------------------------------

    async def load(self, own: Iterable[Kustomization | Malformed]) -> None:
        """Take up what a process before us has left, before any delivery begins.

        ``own`` are the Kustomizations that these controllers look after; entries of others are left to those who do,
        and those of nobody are taken out.
        """
        found = await together(self._refs, self._read, limit=len(self._refs))
        known = {each.metadata.uid: each for each in own} if any(found) else {}
        strangers: list[_Stranger] = []
        for place, data in enumerate(found):
            for uid, text in data.items():
                entry = _decoded(text)
                if uid not in known:
                    strangers.append((uid, place, entry))
                elif entry is not None:
                    self._take_up(uid, place, entry)
                    self.learn("MODIFIED", None, known[uid])
                else:
                    self._leave_out(uid, place)
        await together(strangers, self._look_after_stranger, limit=QUESTIONS_AT_ONCE)

    async def _look_after_stranger(self, stranger: _Stranger) -> None:
        uid, place, entry = stranger
        if await self._is_gone(uid, entry):
            self._leave_out(uid, place)

    async def _is_gone(self, uid: str, entry: _Entry | None) -> bool:
        """Whether nobody looks after a Kustomization that is not ours; ``False`` when that cannot be known here."""
        scope = self._scope
        if not scope.label_selector and scope.namespace is None:
            return True
        if entry is None or scope.namespace not in (None, entry.key.namespace):
            return False
        if not scope.label_selector:
            return True
        try:
            found = await self._client.get(ObjectRef(*names.KUSTOMIZATION, *entry.key))
        except NotFoundError:
            return True
        except FairleadError as error:
            log.info("a journal entry of Kustomization/%s stays, for nobody can be asked: %s", entry.key, error)
            return False
        return bool(found["metadata"]["uid"] != uid)

    def _leave_out(self, uid: str, place: int) -> None:
        """Of the ConfigMap, with its next patch."""
        self._stored[place].add(uid)
        self._changed.set()

    def _take_up(self, uid: str, place: int, entry: _Entry) -> None:
        """An entry that was moved may be in two ConfigMaps: then both are true."""
        log.info("a delivery of Kustomization/%s had begun and not ended", entry.key)
        self._stored[place].add(uid)
        entry.place = place
        if (other := self._entries.get(uid)) is not None:
            entry.added = other.added | entry.added
            self._unwritten.add(uid)
        self._keep(uid, entry)

    async def _read(self, ref: ObjectRef) -> dict[str, str]:
        while True:
            try:
                found = await self._client.get(ref)
            except NotFoundError:
                self._usable = True
                return {}
            except UnavailableError as error:
                log.warning("the journal cannot be read yet: %s", error)
                await self._clock.sleep(LOAD_RETRY_SECONDS)
            except FairleadError as error:
                log.warning("inventories go into statuses first, for the journal cannot be read: %s", error)
                return {}
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
        """What was noted goes into one ConfigMap; when nothing was, those that hold too much are tidied."""
        waiting, self._waiting = self._waiting, []
        if not waiting and not self._unwritten:
            for place in range(len(self._refs)):
                if self._needless(place):
                    await self._send(place, {})
            return
        written = False
        try:
            written = await self._send(self._place(), {uid: self._entries[uid] for uid in sorted(self._unwritten)})
        finally:
            for each in waiting:
                if not each.done():
                    each.set_result(written)
        if any(map(self._needless, range(len(self._refs)))):
            self._changed.set()

    def _place(self) -> int:
        """Where there is most room, the first of them: so small fleets have one ConfigMap."""
        counts = Counter(entry.place for uid, entry in self._entries.items() if uid not in self._unwritten)
        used = [place for place, stored in enumerate(self._stored) if stored and counts[place] < MOST_DELIVERIES]
        fresh = next((place for place, stored in enumerate(self._stored) if not stored), 0)
        return min(used, key=lambda place: counts[place], default=fresh)

    def _needless(self, place: int) -> set[str]:
        entries = self._entries
        return {uid for uid in self._stored[place] if uid not in entries or entries[uid].place != place}

    async def _send(self, place: int, new: Mapping[str, _Entry]) -> bool:
        """Put entries into a ConfigMap and take needless ones out; whether it was done."""
        needless = self._needless(place) - new.keys()
        data: dict[str, str | None] = {uid: entry.encoded() for uid, entry in new.items()}
        self._stored[place] |= new.keys()
        if not await self._patch(place, data | dict.fromkeys(sorted(needless))):
            return False
        self._stored[place] -= needless
        for uid, entry in new.items():
            entry.place = place
            if self._entries.get(uid) is entry:  # otherwise it was noted anew meanwhile, or dropped
                self._unwritten.discard(uid)
        return True

    async def _patch(self, place: int, data: dict[str, str | None]) -> bool:
        ref = self._refs[place]
        try:
            try:
                self.writes["patch"] += 1
                await self._client.patch(ref, {"data": data}, PatchType.MERGE, field_manager=FIELD_MANAGER)
            except NotFoundError:
                await self._create(place, data)
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

    async def _create(self, place: int, data: dict[str, str | None]) -> None:
        """With all that was in it, too: somebody may have deleted it."""
        ref = self._refs[place]
        known = {uid: entry.encoded() for uid, entry in self._entries.items() if entry.place == place}
        wanted = known | {uid: text for uid, text in data.items() if text is not None}
        if not wanted:
            return
        metadata = {"name": ref.name, "namespace": ref.namespace}
        manifest: dict[str, Any] = {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": wanted}
        self.writes["create"] += 1
        await self._client.create(manifest, field_manager=FIELD_MANAGER)


def _decoded(text: str) -> _Entry | None:
    """``None`` for what cannot be read: somebody else wrote it."""
    try:
        found = json.loads(text)
        entry = _Entry(Key(*str(found["kustomization"]).split("/")), Inventory.from_entries(found["entries"]))
    except (ValueError, TypeError, KeyError, AttributeError):
        log.warning("the journal has an entry that cannot be read")
        return None
    return entry if entry.added.versions else None
