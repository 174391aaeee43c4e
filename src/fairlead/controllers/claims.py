"""Who wants an object: so that one that moves from a Kustomization to another in one commit is not deleted in between.

What others have is in their inventories. What they are about to have is not yet: a revision wakes all of them at the
same time. So before something is deleted, those that have not been at this revision are asked what they build from it.
Their builds are due anyway, and are kept.

A commit that makes all Kustomizations prune something asks N times about N others. Both answers are therefore looked
up: inventories are indexed as they change, and the others are asked once for a revision, as long as no spec changes.
Variables may change meanwhile, so the answers are good for some seconds only.
"""

from __future__ import annotations

import asyncio
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from fairlead.controllers.dependencies import source_of
from fairlead.controllers.resources import Malformed
from fairlead.controllers.wakes import UserIndex
from fairlead.errors import FairleadError
from fairlead.kube.reflector import Key
from fairlead.objects.inventory import format_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from fairlead.api.kustomization import Kustomization
    from fairlead.controllers.access import Access
    from fairlead.kube.reflector import ChangeType
    from fairlead.objects.ref import ObjectRef

    Preview = Callable[[Key, Kustomization], Awaitable[frozenset[ObjectRef]]]

__all__ = ["Claims"]

log = logging.getLogger(__name__)

LASTING_SECONDS = 10.0


@dataclass(slots=True)
class _Coming:
    """What the Kustomizations of a cluster build from one revision of one source, asked when it was first needed."""

    source: ObjectRef
    revision: str
    of: UserIndex[ObjectRef] = field(default_factory=UserIndex)
    asked: float = field(default_factory=time.monotonic)

    def answers(self, source: ObjectRef, revision: str) -> bool:
        fresh = time.monotonic() - self.asked < LASTING_SECONDS
        return fresh and (self.source, self.revision) == (source, revision)


class Claims:
    """Answers for all Kustomizations of a cluster."""

    def __init__(self, access: Access[Kustomization], preview: Preview) -> None:
        """``preview`` says what a Kustomization builds from the newest revision of its source."""
        self._access = access
        self._preview = preview
        self._have: UserIndex[str] = UserIndex()
        self._coming: _Coming | None = None
        self._asking = asyncio.Lock()
        access.reflector.subscribe(self._learn)

    def has_another(self, key: Key, ref: ObjectRef) -> bool:
        """Whether another Kustomization has the object in its inventory."""
        return any(self._other(key, user) is not None for user in self._have.users(format_id(ref)))

    async def held_by_another(self, key: Key, refs: Iterable[ObjectRef]) -> set[ObjectRef]:
        """Which of these objects another has in its inventory and goes on to want.

        An inventory alone may be behind: an object that went from A to B, and then left Git before A had come to it,
        is still in A's. If B left it to A now, and A then to B because of its labels, nobody would ever delete it.
        """
        listed: dict[Key, set[ObjectRef]] = {}
        for ref in refs:
            for user in self._have.users(format_id(ref)):
                listed.setdefault(user, set()).add(ref)
        held: set[ObjectRef] = set()
        for user, theirs in listed.items():
            if (other := self._other(key, user)) is not None:
                held |= await self._still_wanted(user, other, theirs)
        return held

    async def wanted_again(self, key: Key, kustomization: Kustomization, refs: set[ObjectRef]) -> set[ObjectRef]:
        """Which of these a newer revision has given back to the Kustomization itself while it delivers an older one."""
        return await self._still_wanted(key, kustomization, refs)

    async def _still_wanted(self, key: Key, other: Kustomization, refs: set[ObjectRef]) -> set[ObjectRef]:
        try:
            coming = await self._preview(key, other)
        except FairleadError as error:
            log.info("%s cannot say what it will have, so it keeps what it has: %s", key, error)
            return refs
        return {ref for ref in refs if ref in coming or ref._replace(namespace="") in coming}

    async def about_to_have(
        self, kustomization: Kustomization, key: Key, revision: str, refs: Iterable[ObjectRef]
    ) -> set[ObjectRef]:
        """Which of these objects others are going to apply at this revision, and have not yet."""
        source = source_of(kustomization)
        async with self._asking:
            coming = self._coming
            if coming is None or not coming.answers(source, revision):
                coming = self._coming = _Coming(source, revision)
                await self._ask(coming)
        return {
            ref
            for ref in refs
            if any(self._is_coming(kustomization, key, user, coming) for user in _users(coming, ref))
        }

    async def _ask(self, coming: _Coming) -> None:
        for key, other in list(self._all()):
            if not _is_behind(other, coming):
                continue
            try:
                coming.of.set(key, await self._preview(key, other))
            except FairleadError as error:
                log.info("%s cannot say what it will have: %s", key, error)
                self._coming = None  # perhaps it can when somebody else asks
            # What is built already takes no time, and a thousand of them would hold the loop.
            await asyncio.sleep(0)

    def _is_coming(self, kustomization: Kustomization, key: Key, user: Key, coming: _Coming) -> bool:
        other = self._other(key, user)
        if other is None or not _is_behind(other, coming):
            return False
        return other.spec.kube_config == kustomization.spec.kube_config

    def _learn(
        self, _: ChangeType, old: Kustomization | Malformed | None, new: Kustomization | Malformed | None
    ) -> None:
        found = new if new is not None else old
        if found is None:
            return
        before, after = _inventory(old), _inventory(new)
        if before != after:
            self._have.set(Key(found.metadata.namespace, found.metadata.name), after)
        if old is None or new is None or old.metadata.generation != new.metadata.generation:
            self._coming = None

    def _other(self, key: Key, user: Key) -> Kustomization | None:
        """The user, if it is another one, and there to stay."""
        found = None if user == key else self._access.reflector.get(*user)
        if found is None or isinstance(found, Malformed) or found.metadata.deletion_timestamp:
            return None
        return found

    def _all(self) -> Iterator[tuple[Key, Kustomization]]:
        for key, kustomization in self._access.reflector.items():
            if not isinstance(kustomization, Malformed) and not kustomization.metadata.deletion_timestamp:
                yield key, kustomization


def _users(coming: _Coming, ref: ObjectRef) -> list[Key]:
    """Who builds the object. What a build names without a namespace may be meant for any."""
    return [*coming.of.users(ref), *(coming.of.users(ref._replace(namespace="")) if ref.namespace else ())]


def _is_behind(other: Kustomization, coming: _Coming) -> bool:
    """Whether it has yet to apply the revision."""
    status = other.status
    if coming.revision in (status.last_applied_revision, status.last_attempted_revision):
        return False
    return not other.spec.suspend and source_of(other) == coming.source


def _inventory(kustomization: Kustomization | Malformed | None) -> list[str]:
    if kustomization is None or isinstance(kustomization, Malformed) or kustomization.status.inventory is None:
        return []
    return [entry.id for entry in kustomization.status.inventory.entries]
