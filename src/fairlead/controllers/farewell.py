"""The end of the controllers: what only they know is put where others find it, if the server is quick."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from typing import TYPE_CHECKING

import msgspec

from fairlead.api.kustomization import Inventory, InventoryEntry, Kustomization
from fairlead.errors import FairleadError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairlead.controllers.access import Access
    from fairlead.controllers.journal import Journal
    from fairlead.runtime.events import EventRecorder

__all__ = ["say_farewell"]

log = logging.getLogger(__name__)

FAREWELL_SECONDS = 1.0
"""For each request: a server that takes longer is not waited for."""
AT_ONCE = 20
"""Statuses; amid a change of a thousand apps most of them are still to be written."""


async def say_farewell(
    recorders: Iterable[EventRecorder], kustomizations: Access[Kustomization], journal: Journal
) -> None:
    """Send the Events that were recorded, and write the journal's entries into statuses: Flux reads no journal."""
    async with asyncio.TaskGroup() as group:
        for recorder in recorders:
            if recorder.depth:
                group.create_task(_flush(recorder))
        left = deque(_untold(kustomizations, journal))
        for _ in range(min(len(left), AT_ONCE)):
            group.create_task(_tell_all(left, kustomizations, journal))


def _untold(kustomizations: Access[Kustomization], journal: Journal) -> list[Kustomization]:
    found = (kustomizations.typed(key) for key, _ in kustomizations.reflector.items())
    return [each for each in found if each is not None and journal.holds(each)]


async def _tell_all(left: deque[Kustomization], access: Access[Kustomization], journal: Journal) -> None:
    """One after the other, as long as the server answers in time."""
    while left:
        if not await _tell(left.popleft(), access, journal):
            left.clear()


async def _tell(kustomization: Kustomization, access: Access[Kustomization], journal: Journal) -> bool:
    """Write one inventory; whether others are worth a try."""
    entries = [InventoryEntry(**entry) for entry in journal.inventory_of(kustomization).to_entries()]
    status = msgspec.structs.replace(kustomization.status, inventory=Inventory(entries=entries))
    try:
        async with asyncio.timeout(FAREWELL_SECONDS), access.session(kustomization) as session:
            await session.write(msgspec.to_builtins(status))
    except (FairleadError, TimeoutError) as error:
        meta = kustomization.metadata
        log.info("Kustomization/%s/%s: its inventory stays in the journal: %s", meta.namespace, meta.name, error)
        return not isinstance(error, (TimeoutError, UnavailableError))
    return True


async def _flush(recorder: EventRecorder) -> None:
    writing = asyncio.create_task(recorder.run())
    try:
        await recorder.flush(FAREWELL_SECONDS)
    finally:
        writing.cancel()
        await asyncio.wait((writing,))
