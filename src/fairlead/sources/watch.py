"""A repository on this machine is noticed when its references move, within a few milliseconds and without polling.

Watched are the folder that holds ``HEAD`` and ``packed-refs``, and all folders below ``refs/`` (and ``reftable/``),
for bare repositories, ``.git`` folders and worktrees. A repository that is not there (yet, or any more) is awaited
at the nearest folder that exists. A callback says "look again" and no more: it may come once too often, never too
rarely.
"""

from __future__ import annotations

import asyncio
import logging
import os
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from fairlead.sources.inotify import Event, Inotify

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

__all__ = ["RefWatcher", "git_folders"]

logger = logging.getLogger(__name__)

QUIET_SECONDS = 0.003
"""How long after an event the callback comes; what happens meanwhile is part of it (a push writes several files)."""

_MOST_FOLDERS = 4096
_NAMES = frozenset({"HEAD", "packed-refs", "refs", "reftable", ".git", "commondir", "gitdir"})


def git_folders(path: Path) -> list[Path]:
    """Where the references of the repository at ``path`` live: its Git folder, for a worktree also the common one."""
    folder = path / ".git"
    if folder.is_file():
        text = folder.read_text("utf-8", "surrogateescape").strip()
        if not text.startswith("gitdir:"):
            return []
        folder = path / text.removeprefix("gitdir:").strip()
    elif not folder.is_dir():
        folder = path
    if not (folder / "HEAD").exists():
        return []
    common = folder / "commondir"
    if common.is_file():
        return [folder, (folder / common.read_text("utf-8", "surrogateescape").strip()).resolve()]
    return [folder]


def _git_folders_now(path: Path) -> list[Path]:
    try:
        return git_folders(path)
    except OSError:
        return []


@dataclass(slots=True)
class _Watched:
    path: Path
    callbacks: list[Callable[[], None]] = field(default_factory=list)
    watches: dict[int, Path] = field(default_factory=dict)
    ready: bool = False
    """Whether the repository was there when it was armed."""
    timer: asyncio.TimerHandle | None = None


class RefWatcher:
    """One watcher for all repositories of a process; an async context manager. Callbacks run on its loop."""

    def __init__(self) -> None:
        self._inotify: Inotify | None = None
        self.degraded = ""
        """Why some repositories are not watched (no inotify, or its limit is reached); they are seen at intervals."""
        self._repositories: dict[Path, _Watched] = {}
        self._by_watch: dict[int, set[Path]] = {}

    async def __aenter__(self) -> RefWatcher:
        try:
            self._inotify = Inotify(self._on_events)
        except OSError as error:
            self._degrade(error)
        return self

    async def __aexit__(self, *_: object) -> None:
        for watched in self._repositories.values():
            if watched.timer is not None:
                watched.timer.cancel()
        self._repositories.clear()
        self._by_watch.clear()
        if self._inotify is not None:
            self._inotify.close()
            self._inotify = None

    def watch(self, path: Path | str, callback: Callable[[], None]) -> Callable[[], None]:
        """Call ``callback`` whenever a reference of the repository at ``path`` may have moved; returns how to stop."""
        place = Path(os.path.abspath(path))  # noqa: PTH100 - links stay: a link that is turned is a change, too
        watched = self._repositories.get(place)
        if watched is None:
            watched = self._repositories[place] = _Watched(place)
            self._arm(watched)
        watched.callbacks.append(callback)

        def stop() -> None:
            if callback in watched.callbacks:
                watched.callbacks.remove(callback)
            if not watched.callbacks and self._repositories.get(place) is watched:
                del self._repositories[place]
                self._disarm(watched)

        return stop

    # -- arming ----------------------------------------------------------------------------------------------------

    def _arm(self, watched: _Watched) -> None:
        """Watch what there is now. Safe to call again: the kernel gives the same number for the same folder."""
        folders = _git_folders_now(watched.path)
        while not folders:
            nearest = _nearest(watched.path)
            self._add(watched, nearest)
            folders = _git_folders_now(watched.path)
            if not folders and _nearest(watched.path) == nearest:
                break  # what comes from now on is seen; what came before the watch would not have been
        watched.ready = bool(folders)
        for folder in folders:
            self._add(watched, folder)
        for folder in folders:
            for below in ("refs", "reftable"):
                for inner in _folders_below(folder / below):
                    self._add(watched, inner)
        if folders and folders[0].parent == watched.path:
            self._add(watched, watched.path)  # to see when .git itself is replaced

    def _add(self, watched: _Watched, folder: Path) -> None:
        if self._inotify is None:
            return
        try:
            number = self._inotify.add(str(folder))
        except (FileNotFoundError, NotADirectoryError):
            return  # gone again already; its parent's watch says so
        except OSError as error:
            self._degrade(error)
            return
        watched.watches[number] = folder
        self._by_watch.setdefault(number, set()).add(watched.path)

    def _degrade(self, error: OSError) -> None:
        if not self.degraded:
            self.degraded = f"local repositories are looked at only at their interval: {error}"
            logger.warning(self.degraded)

    def _disarm(self, watched: _Watched) -> None:
        if watched.timer is not None:
            watched.timer.cancel()
        for number in list(watched.watches):
            self._release(watched, number)

    def _release(self, watched: _Watched, number: int) -> None:
        watched.watches.pop(number, None)
        users = self._by_watch.get(number, set())
        users.discard(watched.path)
        if not users:
            self._by_watch.pop(number, None)
            if self._inotify is not None:
                self._inotify.remove(number)

    # -- events ----------------------------------------------------------------------------------------------------

    def _on_events(self, events: list[Event]) -> None:
        for event in events:
            if event.overflow:
                for watched in self._repositories.values():
                    self._arm(watched)
                    self._call_soon(watched)
                continue
            for path in list(self._by_watch.get(event.watch, ())):
                self._on_event(self._repositories[path], event)

    def _on_event(self, watched: _Watched, event: Event) -> None:
        folder = watched.watches[event.watch]
        if event.gone:
            self._forget(event.watch)
        elif not self._matters(watched, folder, event):
            return
        if event.gone or event.is_folder or not watched.ready or event.name == ".git":
            was_ready = watched.ready
            self._arm(watched)
            if not was_ready and not watched.ready:
                return
        self._call_soon(watched)

    def _forget(self, number: int) -> None:
        """The kernel dropped this watch, for everybody."""
        for path in self._by_watch.pop(number, set()):
            self._repositories[path].watches.pop(number, None)

    def _matters(self, watched: _Watched, folder: Path, event: Event) -> bool:
        if not watched.ready:
            return True
        if event.name.endswith(".lock"):
            return False
        inside = "refs" in folder.parts or "reftable" in folder.parts
        return event.name in _NAMES or (inside and folder not in (watched.path, watched.path / ".git"))

    def _call_soon(self, watched: _Watched) -> None:
        if watched.timer is None:
            watched.timer = asyncio.get_running_loop().call_later(QUIET_SECONDS, self._call, watched)

    def _call(self, watched: _Watched) -> None:
        watched.timer = None
        for callback in list(watched.callbacks):
            callback()


def _nearest(path: Path) -> Path:
    """``path`` or the nearest folder above that exists."""
    while not path.is_dir():
        path = path.parent
    return path


def _folders_below(folder: Path) -> Iterable[Path]:
    if not folder.is_dir():
        return []
    found = [folder]
    for place, names, _ in os.walk(folder):
        found += [Path(place) / name for name in names]
        if len(found) > _MOST_FOLDERS:
            break
    return found
