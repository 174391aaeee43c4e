"""Why a Kustomization is about to run: a queue holds keys only; the reasons add up here until a worker takes them."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Hashable, Iterable
    from collections.abc import Set as AbstractSet

    from fairlead.kube.reflector import Key
    from fairlead.objects.ref import ObjectRef

    V = TypeVar("V", bound=Hashable)
else:
    V = TypeVar("V")

__all__ = ["UserIndex", "Wake", "Wakes"]


@dataclass(slots=True)
class Wake:
    """What has happened since the last run. Nothing at all means that the run's time has come."""

    full: bool = False
    """Something changed that everything may depend on: spec, source, dependency, variables, or somebody asked."""
    health: bool = False
    """The wait for health has ended."""
    noted: bool = False
    """There is a new revision to note, which changes nothing."""
    drifted: set[ObjectRef] = field(default_factory=set)
    """Objects that somebody else touched or deleted."""


class Wakes:
    """The reasons by key."""

    def __init__(self) -> None:
        self._pending: dict[Key, Wake] = {}

    def of(self, key: Key) -> Wake:
        """The wake to add reasons to."""
        return self._pending.setdefault(key, Wake())

    def take(self, key: Key) -> Wake:
        return self._pending.pop(key, None) or Wake()

    def drop(self, key: Key) -> None:
        self._pending.pop(key, None)


class UserIndex(Generic[V]):
    """Who uses what: keys by the things that they refer to."""

    def __init__(self) -> None:
        self._used: dict[Key, frozenset[V]] = {}
        self._users: dict[V, set[Key]] = {}

    def set(self, key: Key, things: Iterable[V]) -> None:
        """The key refers to exactly these things now."""
        before, after = self._used.get(key, frozenset()), frozenset(things)
        for thing in before - after:
            self._users[thing].discard(key)
            if not self._users[thing]:
                del self._users[thing]
        for thing in after - before:
            self._users.setdefault(thing, set()).add(key)
        if after:
            self._used[key] = after
        else:
            self._used.pop(key, None)

    def users(self, thing: V) -> list[Key]:
        return sorted(self._users.get(thing, ()))

    def all_users(self, thing: V) -> AbstractSet[Key]:
        """The same in no order and at no cost; it changes with the index."""
        return self._users.get(thing, frozenset())
