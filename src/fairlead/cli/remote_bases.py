"""Remote bases and files of a build, fetched while the build waits.

Nothing is kept: what is fetched lies in a folder that ends with the build. Builds are synchronous and fetching is
not, so one event loop stands still between the questions of the build. Import this module only when there is
something to fetch; it is heavy.
"""

from __future__ import annotations

import asyncio
import re
from contextlib import ExitStack
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Self

from fairlead.build.kustomize import KustomizeError
from fairlead.errors import FairleadError
from fairlead.objects.yaml_reader import MAX_BYTES
from fairlead.sources.download import download
from fairlead.sources.errors import GitRefNotFoundError
from fairlead.sources.git import GitOptions, GitSource
from fairlead.sources.spec import GitRef, GitSpec
from fairlead.sources.store import ObjectStore
from fairlead.sources.url import redact_url

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.build.kustomize import Repository
    from fairlead.objects.tree import Tree
    from fairlead.sources.spec import RemoteHead

__all__ = ["RemoteBases"]

FILE_TIMEOUT = timedelta(seconds=27)
"""As long as kustomize gives a repository."""
LARGEST_PACK_BYTES = 512 * 1024**2

_COMMIT = re.compile(r"^[0-9a-f]{40}$")


class RemoteBases:
    """A ``Fetcher`` for one build; a context manager that cleans up. What it gives ends with it."""

    def __init__(self) -> None:
        self._stack = ExitStack()
        self._trees: dict[tuple[GitSpec, str], str] = {}

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
            return self._runner.run(download(url, largest_bytes=MAX_BYTES, timeout=FILE_TIMEOUT))
        except FairleadError as error:
            raise KustomizeError(str(error)) from error

    def repository(self, repository: Repository) -> Tree:
        """Raises :class:`KustomizeError`. Asks once for each ref; every call gives a tree of its own."""
        if not repository.url.startswith(("https://", "http://", "file://")):
            shown = redact_url(repository.url)
            raise KustomizeError(f"remote base {shown}: a build has no ssh keys; name the repository by https")
        try:
            return self._git.store.tree(self._runner.run(self._fetch(repository)))
        except FairleadError as error:
            raise KustomizeError(f"remote base cannot be fetched: {error}") from error

    async def _fetch(self, repository: Repository) -> str:
        timeout = timedelta(seconds=repository.timeout_seconds)
        spec = GitSpec(repository.url, timeout=timeout, recurse_submodules=repository.submodules)
        key = spec, repository.ref
        if key not in self._trees:
            self._trees[key] = await self._git.fetch_whole(*await self._resolve(spec, repository.ref))
        return self._trees[key]

    async def _resolve(self, spec: GitSpec, name: str) -> tuple[GitSpec, RemoteHead]:
        """The commit that ``?ref=`` means; Git's order: a tag comes before a branch of the same name."""
        for ref in _meanings(name):
            candidate = replace(spec, ref=ref)
            try:
                return candidate, await self._git.resolve(candidate)
            except GitRefNotFoundError:
                continue
        what = f"'{name}' is no branch, tag or full commit id of" if name else "there is no default branch in"
        raise GitRefNotFoundError(f"{what} {redact_url(spec.url)}")


def _meanings(name: str) -> Iterator[GitRef]:
    if _COMMIT.match(name):
        yield GitRef(commit=name)
    elif name in ("", "HEAD"):
        yield GitRef(name="HEAD")
    elif name.startswith("refs/"):
        yield GitRef(name=name)
    else:
        yield GitRef(tag=name)
        yield GitRef(branch=name)
