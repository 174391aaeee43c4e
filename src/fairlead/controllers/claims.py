"""Who wants an object: so that one that moves from a Kustomization to another in one commit is not deleted in between.

What others have is in their inventories. What they are about to have is not yet: a revision wakes all of them at the
same time. So before something is deleted, those that have not applied the newest revision are asked what they build
from it. Their builds are due anyway, and are kept. The newest revision counts, even while an older one is delivered:
an object that is somewhere in Git in every commit is then never unwanted. All have to be asked about the same one.
A suspended one is asked, too: it will have what it builds when it goes on. One that cannot be built wants what its
files name.

An inventory alone says little: who lists an object that it no longer builds is about to delete it, too. The label on
the object says which of them does. An entry therefore stays until its object has another's label, or is gone.

A commit that makes all Kustomizations prune something asks N times about N others. Both answers are therefore looked
up: inventories are indexed as they change, and the others are asked once for a revision, as long as no spec changes.
Variables may change meanwhile, so the answers are good for some seconds only. For whom the revision changes nothing,
the inventory has said all, as it has for those that have applied it; so a commit of one app asks few of thousands.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Protocol

from fairlead.controllers.bases import BaseUnavailableError
from fairlead.controllers.dependencies import source_of
from fairlead.controllers.resources import Malformed
from fairlead.controllers.wakes import UserIndex
from fairlead.engine.together import together
from fairlead.errors import FairleadError, NotReadyError, UnavailableError
from fairlead.kube.reflector import Key
from fairlead.objects.inventory import format_id
from fairlead.runtime.places import lent_place

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from fairlead.api.kustomization import Kustomization
    from fairlead.controllers.access import Access
    from fairlead.kube.reflector import ChangeType
    from fairlead.objects.ref import ObjectRef

__all__ = ["Claims", "Foresight", "Wanted"]

log = logging.getLogger(__name__)

LASTING_SECONDS = 10.0
ATTEMPTS = 5
AT_ONCE = 50
"""Whom there is nothing to ask; of so many the loop is not held for long."""
ABREAST = 4
"""Those that are asked at a time: the next build can begin when one ends, however busy the loop is."""


@dataclass(slots=True)
class _Coming:
    """What the Kustomizations of a cluster build from one revision of one source, asked when it was first needed."""

    source: ObjectRef
    revision: str
    of: UserIndex[ObjectRef] = field(default_factory=UserIndex)
    unclear: dict[Key, Kustomization] = field(default_factory=dict)
    """Those that cannot be built; what they want is guessed."""
    elsewhere: dict[Key, Kustomization] = field(default_factory=dict)
    """Those of other shards, as they were when they were asked."""
    asked: float = field(default_factory=time.monotonic)

    def answers(self, revision: str) -> bool:
        return self.revision == revision and time.monotonic() - self.asked < LASTING_SECONDS


@dataclass(frozen=True, slots=True)
class Wanted:
    """What must not be deleted; a newer revision may say otherwise, and then nothing may be."""

    heirs: Mapping[ObjectRef, Key]
    """Who wants each of the objects: the first of them, if there are several."""
    is_newest: Callable[[], bool]

    def __call__(self, ref: ObjectRef) -> bool:
        return ref in self.heirs or not self.is_newest()


class Foresight(Protocol):
    """What Kustomizations will have; see :class:`fairlead.controllers.outlook.Outlook`."""

    def newest(self, kustomization: Kustomization) -> str: ...

    async def objects(self, key: Key, kustomization: Kustomization) -> frozenset[ObjectRef]: ...

    async def mentioned(self, kustomization: Kustomization, names: frozenset[str]) -> set[str]: ...


class Relatives(Protocol):
    """Who else is made from the same; see :class:`fairlead.controllers.shards.OtherShards`."""

    async def relatives(self, kustomization: Kustomization) -> dict[Key, Kustomization]: ...


class Claims:
    """Answers for all Kustomizations of a cluster."""

    def __init__(
        self, access: Access[Kustomization], outlook: Foresight, other_shards: Relatives | None = None
    ) -> None:
        """Without ``other_shards`` there is nobody but those that ``access`` knows."""
        self._access = access
        self._outlook = outlook
        self._other_shards = other_shards
        self.about_to_list: Callable[[ObjectRef], Iterable[Key]] = lambda _: ()
        """Whose inventory has an object, although its status does not list it yet; set by who knows."""
        self.has_said_all: Callable[[Key, Kustomization], bool] = lambda _key, _other: False
        """Whether the newest revision changes nothing for this Kustomization as it is; set by who decides that."""
        self._have: UserIndex[str] = UserIndex()
        self._coming: dict[ObjectRef, _Coming] = {}
        self._asking = asyncio.Lock()
        self._specs = 0
        """How often one has come, gone, or changed: what was asked meanwhile may be outdated."""
        access.reflector.subscribe(self._learn)

    async def wanted(self, key: Key, kustomization: Kustomization, refs: Iterable[ObjectRef]) -> Wanted:
        """Which of these objects a Kustomization builds from the newest revision, this one included unless it ends.

        Raises ``UnavailableError`` or ``NotReadyError`` when that cannot be known at the moment.
        """
        asked = frozenset(refs)
        for _ in range(ATTEMPTS):
            revision = self._outlook.newest(kustomization)
            heirs = await self._heirs(key, kustomization, revision, asked)
            if self._outlook.newest(kustomization) == revision:
                return Wanted(heirs, partial(self._is_newest, kustomization, revision))
        raise NotReadyError("the source changes again and again; what is left over is deleted by a later run")

    async def rivals(
        self, key: Key, kustomization: Kustomization, refs: Iterable[ObjectRef]
    ) -> dict[ObjectRef, tuple[Key, ...]]:
        """Who else has some of these objects and goes on to build them. One that is about to let go is no rival."""
        found: dict[ObjectRef, tuple[Key, ...]] = {}
        for user, other, theirs in self._holders(kustomization, refs):
            if user == key:
                continue
            try:
                coming = await self._outlook.objects(user, other)
            except FairleadError:
                continue  # it says itself what is wrong with it
            for ref in _among(theirs, coming):
                found[ref] = (*found.get(ref, ()), user)
        return found

    def _is_newest(self, kustomization: Kustomization, revision: str) -> bool:
        return self._outlook.newest(kustomization) == revision

    async def _heirs(
        self, key: Key, kustomization: Kustomization, revision: str, refs: frozenset[ObjectRef]
    ) -> dict[ObjectRef, Key]:
        if not revision:
            return await self._held(key, kustomization, refs)
        coming = await self._all_coming(kustomization, revision)
        # Who applies the revision while we ask stops to be one that will have it, and its inventory tells from then on.
        # So inventories are looked at last.
        soon: dict[ObjectRef, Key] = {}
        for ref in refs:
            for user in _users(coming, ref):
                if self._is_coming(key, kustomization, user, coming):
                    soon.setdefault(ref, user)
        unclear = [
            (user, other) for user, other in coming.unclear.items() if self._is_coming(key, kustomization, user, coming)
        ]
        heirs = soon | await self._held(key, kustomization, refs)
        for user, other in unclear:
            if left := refs - heirs.keys():
                named = await self._outlook.mentioned(other, frozenset(ref.name for ref in left))
                heirs |= {ref: user for ref in left if ref.name in named}
        return heirs

    async def _held(self, key: Key, kustomization: Kustomization, refs: frozenset[ObjectRef]) -> dict[ObjectRef, Key]:
        """What is in somebody's inventory, its own included, and goes on to be wanted there.

        Who asks has what it asks about, whatever its status says: the watch may be late.
        """
        held: dict[ObjectRef, Key] = {}
        others = [each for each in self._holders(kustomization, refs) if each[0] != key]
        own = self._staying(key)
        for user, other, theirs in [*others, *([(key, own, set(refs))] if own is not None else [])]:
            held |= dict.fromkeys(await self._still_wanted(user, other, theirs, own=user == key), user)
        return held

    def _holders(
        self, kustomization: Kustomization, refs: Iterable[ObjectRef]
    ) -> list[tuple[Key, Kustomization, set[ObjectRef]]]:
        """Whose inventory lists which of these objects, in the same cluster."""
        listed: dict[Key, set[ObjectRef]] = {}
        for ref in refs:
            for user in {*self._have.users(format_id(ref)), *self.about_to_list(ref)}:
                listed.setdefault(user, set()).add(ref)
        found = ((user, self._staying(user), theirs) for user, theirs in listed.items())
        where = _cluster(kustomization)
        return [(user, other, theirs) for user, other, theirs in found if other and _cluster(other) == where]

    async def _still_wanted(
        self, user: Key, other: Kustomization, refs: set[ObjectRef], *, own: bool
    ) -> set[ObjectRef]:
        try:
            coming = await self._outlook.objects(user, other)
        except FairleadError as error:
            if own:
                raise
            log.info("%s cannot say what it will have, so it keeps what it has: %s", user, error)
            return refs
        return _among(refs, coming)

    async def _all_coming(self, kustomization: Kustomization, revision: str) -> _Coming:
        source = source_of(kustomization)
        coming = self._coming.get(source)
        if coming is not None and coming.answers(revision):
            return coming
        # A thousand builds take seconds, in which those that have nothing to delete yet go on.
        async with lent_place(), self._asking:
            coming = self._coming.get(source)
            if coming is None or not coming.answers(revision):
                coming = await self._ask_all(kustomization, revision)
            return coming

    async def _ask_all(self, kustomization: Kustomization, revision: str) -> _Coming:
        """What all answer; kept unless one of them comes, goes, or changes while the others are asked."""
        specs, coming = self._specs, _Coming(source_of(kustomization), revision)
        if self._other_shards is not None:
            coming.elsewhere = await self._other_shards.relatives(kustomization)
        left = deque([*self._all(), *coming.elsewhere.items()])
        outcomes = await together(range(ABREAST), lambda _: self._ask_one_by_one(left, coming), limit=ABREAST)
        if failures := [error for error in outcomes if error is not None]:
            raise failures[0]
        if self._specs == specs:
            self._coming[coming.source] = coming
        return coming

    async def _ask_one_by_one(self, left: deque[tuple[Key, Kustomization]], coming: _Coming) -> FairleadError | None:
        """As long as some are left; what stands in the way is for all who ask them."""
        while left:
            key, other = left.popleft()
            if not len(left) % AT_ONCE:
                await asyncio.sleep(0)
            if not _is_behind(other, coming) or self.has_said_all(key, other):
                continue
            try:
                coming.of.set(key, await self._outlook.objects(key, other))
            except FairleadError as error:
                if isinstance(error, UnavailableError) and not isinstance(error, BaseUnavailableError):
                    left.clear()
                    return error  # it passes; until then an object that moves there would be deleted
                log.info("%s cannot say what it will have, so what its files name is left to it: %s", key, error)
                coming.unclear[key] = other
            # What is built already takes no time, and a thousand of them would hold the loop.
            await asyncio.sleep(0)
        return None

    def _is_coming(self, key: Key, kustomization: Kustomization, user: Key, coming: _Coming) -> bool:
        other = coming.elsewhere.get(user) or self._staying(user)
        if other is None or user == key or not _is_behind(other, coming):
            return False
        return _cluster(other) == _cluster(kustomization)

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
            self._coming.clear()
            self._specs += 1

    def _staying(self, user: Key) -> Kustomization | None:
        """The Kustomization, if it is there and does not end."""
        found = self._access.reflector.get(*user)
        if found is None or isinstance(found, Malformed) or found.metadata.deletion_timestamp:
            return None
        return found

    def _all(self) -> Iterator[tuple[Key, Kustomization]]:
        for key, kustomization in self._access.reflector.items():
            if not isinstance(kustomization, Malformed) and not kustomization.metadata.deletion_timestamp:
                yield key, kustomization


def _among(refs: Iterable[ObjectRef], built: frozenset[ObjectRef]) -> set[ObjectRef]:
    """Which are built. What a build names without a namespace may be meant for any."""
    return {ref for ref in refs if ref in built or ref._replace(namespace="") in built}


def _users(coming: _Coming, ref: ObjectRef) -> list[Key]:
    """Who builds the object. What a build names without a namespace may be meant for any."""
    return [*coming.of.users(ref), *(coming.of.users(ref._replace(namespace="")) if ref.namespace else ())]


def _is_behind(other: Kustomization, coming: _Coming) -> bool:
    """Whether it has yet to apply the revision. One that only tried may wait for another and have nothing of it yet."""
    if source_of(other) != coming.source:
        return False
    done = other.status.last_applied_revision == coming.revision
    return not done or other.status.observed_generation != other.metadata.generation


def _cluster(kustomization: Kustomization) -> object:
    """Where its objects are: an object of the same name in another cluster is another object."""
    where = kustomization.spec.kube_config
    return None if where is None else (kustomization.metadata.namespace, where)


def _inventory(kustomization: Kustomization | Malformed | None) -> list[str]:
    if kustomization is None or isinstance(kustomization, Malformed) or kustomization.status.inventory is None:
        return []
    return [entry.id for entry in kustomization.status.inventory.entries]
