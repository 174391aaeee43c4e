"""Remote bases for all builds: fetched once for whoever needs them, and asked again when a run wants to know.

A repository at a full commit id never changes and is fetched once. Everything else may change (a tag can be moved), so
each full run asks again, which is one question to the server; runs that begin together share the answer. Only
credentials in the URL itself are sent.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import TYPE_CHECKING

from fairlead.errors import FairleadError, UnavailableError
from fairlead.sources.bases import fetch_changed_file, fetch_repository
from fairlead.sources.errors import NoSuchFileError
from fairlead.sources.flight import SharedCalls
from fairlead.sources.spec import GitSpec

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairlead.build.bases import Base
    from fairlead.runtime.clock import Clock
    from fairlead.sources.git import GitSource

__all__ = ["BaseUnavailableError", "RemoteBases"]

AT_ONCE = 8
"""Questions and transfers in flight."""
MOST_KNOWN = 20_000
CONFIRMED_SECONDS = 24 * 3600.0
"""How often the store is told that a pinned commit is in use; what nobody uses for a month goes. No server is asked."""


class BaseUnavailableError(UnavailableError):
    """A remote base cannot be fetched; what was delivered stays, and the run is tried again with back-off."""


@dataclass(frozen=True, slots=True)
class _Answer:
    asked_at: float
    object_id: str = ""
    """Of a tree, or of a file's content; empty when there is no such file."""
    failure: str = ""
    tag: str = ""
    """The server's name for the content of a file."""


class RemoteBases:
    """What is known of remote bases; their content is in the object store."""

    def __init__(self, git: GitSource, clock: Clock) -> None:
        self.fetched = 0
        """How often a server was asked."""
        self._git = git
        self._clock = clock
        self._known: dict[Base, _Answer] = {}
        self._suspected: dict[Base, str] = {}
        """Trees that may be damaged."""
        self._calls: SharedCalls[_Answer] = SharedCalls()
        self._free = asyncio.Semaphore(AT_ONCE)

    async def offer(self, bases: Iterable[Base], since: float | None) -> dict[Base, str]:
        """Those of the bases that can be had; who really needs another one hears from :meth:`get` why it cannot."""
        answers = await self._answers(bases, since)
        return {base: answer.object_id for base, answer in answers.items() if not answer.failure}

    async def get(self, bases: Iterable[Base], since: float | None) -> dict[Base, str]:
        """The ids of all bases, not older than ``since`` (monotonic). Raises :class:`BaseUnavailableError`."""
        answers = await self._answers(bases, since)
        for answer in answers.values():
            if answer.failure:
                raise BaseUnavailableError(answer.failure)
        return {base: answer.object_id for base, answer in answers.items()}

    def forget(self, bases: Iterable[Base]) -> None:
        """A build could not read everything in the object store, and may have used these: look at them again."""
        for base in bases:
            known = self._known.pop(base, None)
            if known is not None and known.object_id and not base.is_file:
                self._suspected[base] = known.object_id

    async def _answers(self, bases: Iterable[Base], since: float | None) -> dict[Base, _Answer]:
        wanted = list(bases)
        async with asyncio.TaskGroup() as group:
            tasks = [group.create_task(self._answer(base, since)) for base in wanted]
        return {base: task.result() for base, task in zip(wanted, tasks, strict=True)}

    async def _answer(self, base: Base, since: float | None) -> _Answer:
        while True:
            known = self._known.get(base)
            if known is not None and self._will_do(base, known, since):
                return known
            answer = await self._calls.run(base, lambda: self._ask(base))
            if since is None or answer.asked_at >= since:
                return answer

    def _will_do(self, base: Base, known: _Answer, since: float | None) -> bool:
        if known.failure:
            return since is not None and known.asked_at >= since
        if known.object_id and not self._git.store.has(known.object_id):
            return False
        if base.is_pinned:
            return self._clock.monotonic() - known.asked_at < CONFIRMED_SECONDS
        return since is None or known.asked_at >= since

    async def _ask(self, base: Base) -> _Answer:
        async with self._free:
            asked_at = self._clock.monotonic()
            self.fetched += 1
            try:
                answer = await (self._ask_for_file(base, asked_at) if base.is_file else self._fetch(base, asked_at))
            except FairleadError as error:
                what = "file" if base.is_file else "base"
                answer = _Answer(asked_at, failure=f"remote {what} cannot be fetched: {error}")
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        self._known[base] = answer
        return answer

    async def _ask_for_file(self, base: Base, asked_at: float) -> _Answer:
        """What the server has not changed since the last answer is not transferred again."""
        known = self._known.get(base)
        at_hand = known is not None and bool(known.object_id) and self._git.store.has(known.object_id)
        try:
            found = await fetch_changed_file(base.url, known.tag if known is not None and at_hand else "")
        except NoSuchFileError:
            if base.is_surely_file:
                raise
            return _Answer(asked_at)
        if found.content is None and known is not None:
            return replace(known, asked_at=asked_at)
        return _Answer(asked_at, self._git.store.write_blob(found.content or b""), tag=found.tag)

    async def _fetch(self, base: Base, asked_at: float) -> _Answer:
        suspected = self._suspected.pop(base, "")
        if suspected and not await self._git.is_whole(suspected):
            await self._git.forget(GitSpec(base.url))
        timeout = timedelta(seconds=base.timeout_seconds)
        tree = await fetch_repository(self._git, base.url, base.ref, timeout=timeout, submodules=base.submodules)
        return _Answer(asked_at, tree)
