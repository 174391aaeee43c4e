"""Remote bases for commands that build on this machine: what fetches is opened at the first question only."""

from __future__ import annotations

from contextlib import ExitStack
from typing import TYPE_CHECKING, Self, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from concurrent.futures import ThreadPoolExecutor

    from fairlead.build.bases import Base
    from fairlead.build.kustomize import Repository
    from fairlead.cli.remote_bases import RemoteBases
    from fairlead.errors import BuildError
    from fairlead.objects.tree import Tree

    T = TypeVar("T")
else:
    T = TypeVar("T")

__all__ = ["FetchedBases"]


class FetchedBases:
    """A ``Fetcher``; a context manager. It fetches in a thread, for commands may have an event loop of their own.

    A build without remote bases must not pay for the imports of those that fetch.
    """

    def __init__(self) -> None:
        self.used: dict[Base, None] = {}
        """Nothing: each run of a command fetches anew."""
        self._stack = ExitStack()
        self._opened: tuple[RemoteBases, ThreadPoolExecutor] | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def file(self, url: str) -> bytes:
        return self._fetch(lambda bases: bases.file(url))

    def repository(self, repository: Repository) -> Tree:
        return self._fetch(lambda bases: bases.repository(repository))

    def failure(self, tree: Tree, files: Iterable[str]) -> BuildError | None:
        """What is wrong was said when it was met."""
        del tree, files
        return None

    def _fetch(self, ask: Callable[[RemoteBases], T]) -> T:
        if self._opened is None:
            from concurrent.futures import ThreadPoolExecutor

            from fairlead.cli.remote_bases import RemoteBases

            thread = self._stack.enter_context(ThreadPoolExecutor(max_workers=1))
            bases = RemoteBases()
            thread.submit(bases.__enter__).result()
            self._stack.callback(lambda: thread.submit(bases.__exit__).result())
            self._opened = bases, thread
        opened, thread = self._opened
        return thread.submit(ask, opened).result()
