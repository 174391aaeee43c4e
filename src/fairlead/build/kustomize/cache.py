"""What builds may share: parsed files and built bases, kept by content.

A parsed file is known by the identity of its content, a built base by its folder and by everything that it read: it
is used again only where all of that is the same. Values are never changed in place, so sharing them is safe. The size
is bounded; what was not used for longest goes first. One cache may serve builds in several threads.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from threading import Lock
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

    from fairlead.build.tree import ReadSet

    from .config import Config
    from .resource import Resource
    from .variables import Variable

__all__ = ["BaseEntry", "BuildCache"]

_BASES_PER_FOLDER: Final = 4


@dataclass(frozen=True, slots=True)
class BaseEntry:
    """What a folder built to, and what that was made from."""

    read_set: ReadSet
    roots: tuple[str, ...]
    resources: tuple[Resource, ...]
    config: Config
    variables: dict[str, Variable]
    warnings: tuple[str, ...]
    odd: bool
    unknown_kind: bool


class BuildCache:
    """Memory for builds; ``most_bytes`` is a bound for the texts behind what is kept, not for its size in memory.

    Values take about ten times the size of their text.
    """

    def __init__(self, most_bytes: int = 16 * 1024 * 1024) -> None:
        self._most_bytes = most_bytes
        self._kept: OrderedDict[Hashable, tuple[Any, int]] = OrderedDict()
        self._bytes = 0
        self._lock = Lock()
        self.hits = 0
        self.misses = 0

    def get(self, key: Hashable, size: int, make: Callable[[], Any]) -> Any:
        """The value under a key; ``make`` makes it when it is not there. ``size`` is that of the text behind it."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self.hits += 1
                self._kept.move_to_end(key)
                return found[0]
            self.misses += 1
        value = make()
        self.put(key, value, size)
        return value

    def peek(self, key: Hashable) -> Any:
        """The value under a key, or ``None``."""
        with self._lock:
            found = self._kept.get(key)
            if found is not None:
                self._kept.move_to_end(key)
            return None if found is None else found[0]

    def put(self, key: Hashable, value: Any, size: int) -> None:
        if size > self._most_bytes // 2:
            return
        with self._lock:
            old = self._kept.pop(key, None)
            self._bytes += size - (old[1] if old is not None else 0)
            self._kept[key] = (value, size)
            while self._bytes > self._most_bytes:
                _, (_, released) = self._kept.popitem(last=False)
                self._bytes -= released

    def bases(self, key: Hashable) -> tuple[BaseEntry, ...]:
        return self.peek(("base", key)) or ()

    def add_base(self, key: Hashable, entry: BaseEntry) -> None:
        entries = (entry, *self.bases(key))[:_BASES_PER_FOLDER]
        self.put(("base", key), entries, 512 * sum(len(one.resources) for one in entries) + 512)
