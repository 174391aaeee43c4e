"""Remote bases and files of a build, fetched while the build waits.

Nothing is kept: what is fetched lies in a folder that ends with the build. Builds are synchronous and fetching is
not, so one event loop stands still between the questions of the build. Import this module only when there is
something to fetch; it is heavy.
"""

from __future__ import annotations

import asyncio
from contextlib import ExitStack
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Self

from fairlead.build.bases import check_reachable
from fairlead.build.kustomize import KustomizeError
from fairlead.errors import FairleadError
from fairlead.sources.bases import LARGEST_PACK_BYTES, fetch_file, fetch_repository
from fairlead.sources.git import GitOptions, GitSource
from fairlead.sources.store import ObjectStore

if TYPE_CHECKING:
    from fairlead.build.kustomize import Repository
    from fairlead.objects.tree import Tree

__all__ = ["RemoteBases"]


class RemoteBases:
    """A ``Fetcher`` for one build; a context manager that cleans up. What it gives ends with it."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._trees: dict[tuple[str, str, float, bool], str] = {}

    def __enter__(self) -> Self:
        with ExitStack() as stack:
            folder = stack.enter_context(TemporaryDirectory(prefix="fairlead-bases-"))
            self._runner = stack.enter_context(asyncio.Runner())
            options = GitOptions(local_repositories=True, largest_pack_bytes=LARGEST_PACK_BYTES)
            self._git = GitSource(ObjectStore(Path(folder)), options=options)
            stack.callback(lambda: self._runner.run(self._git.close()))
            self._stack = stack.pop_all()
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def file(self, url: str) -> bytes:
        """Raises :class:`KustomizeError`."""
        try:
            return self._runner.run(fetch_file(url))
        except FairleadError as error:
            raise KustomizeError(str(error)) from error

    def repository(self, repository: Repository) -> Tree:
        """Raises :class:`KustomizeError`. Asks once for each ref; every call gives a tree of its own."""
        check_reachable(repository)
        try:
            return self._git.store.tree(self._runner.run(self._fetch(repository)))
        except FairleadError as error:
            raise KustomizeError(f"remote base cannot be fetched: {error}") from error

    async def _fetch(self, repository: Repository) -> str:
        key = repository.url, repository.ref, repository.timeout_seconds, repository.submodules
        if key not in self._trees:
            self._trees[key] = await fetch_repository(
                self._git,
                repository.url,
                repository.ref,
                timeout=timedelta(seconds=repository.timeout_seconds),
                submodules=repository.submodules,
            )
        return self._trees[key]
