"""Two small indices that keep label matching proportional to the matches, not to the size of a namespace."""

from __future__ import annotations

from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

T = TypeVar("T")
_Pair = tuple[str, str, str]  # namespace, label, value


class LabelIndex(Generic[T]):
    """Finds the entries that carry a label; entries are kept in the order they came."""

    def __init__(self) -> None:
        self._entries: dict[_Pair, dict[T, None]] = {}

    def add(self, namespace: str, labels: Mapping[str, str], entry: T) -> None:
        for label, value in labels.items():
            self._entries.setdefault((namespace, label, value), {})[entry] = None

    def remove(self, namespace: str, labels: Mapping[str, str], entry: T) -> None:
        for label, value in labels.items():
            entries = self._entries.get((namespace, label, value))
            if entries is not None:
                entries.pop(entry, None)
                if not entries:
                    del self._entries[namespace, label, value]

    def candidates(self, namespace: str, wanted: Mapping[str, str]) -> list[T]:
        """Entries with the rarest of the wanted labels; the caller checks the others. Empty when none is wanted."""
        found: list[dict[T, None]] = []
        for label, value in wanted.items():
            entries = self._entries.get((namespace, label, value))
            if not entries:
                return []
            found.append(entries)
        rarest = min(found, key=len) if found else {}
        return list(rarest)

    def any_of(self, namespace: str, labels: Mapping[str, str]) -> Iterable[T]:
        """Entries that carry at least one of the labels."""
        seen: dict[T, None] = {}
        for label, value in labels.items():
            seen.update(self._entries.get((namespace, label, value)) or {})
        return list(seen)
