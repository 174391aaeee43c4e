"""Repositories on the machine of the controllers: a reference that moves brings a run at once."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.kube.reflector import Key
    from fairlead.sources.watch import RefWatcher

__all__ = ["LocalRepositories"]


class LocalRepositories:
    """Which of them are watched, and for whom."""

    def __init__(self, watcher: RefWatcher) -> None:
        self._watcher = watcher
        self._watched: dict[Key, tuple[str, Callable[[], None]]] = {}
        """Their URL and how to stop watching."""

    def watch(self, key: Key, url: str, moved: Callable[[], None]) -> None:
        """Call ``moved`` when a reference of ``url`` moves, if it is on this machine; the key's last URL is let go."""
        known = self._watched.get(key)
        if known and known[0] == url:
            return
        self.unwatch(key)
        try:
            parts = urlsplit(url)
        except ValueError:
            return  # the run tells
        if parts.scheme == "file":
            self._watched[key] = (url, self._watcher.watch(unquote(parts.path), moved))

    def unwatch(self, key: Key) -> None:
        known = self._watched.pop(key, None)
        if known:
            known[1]()
