"""Remote bases of a build that fetches nothing: what is given is used, what is not given is asked for.

Whoever builds hands in the bases that are at hand, each by the id of its content. A build that meets another one goes
on with an empty stand-in, so that it finds as many as it can, and then ends with :class:`MissingBasesError`. The caller
fetches those and builds again. So the bases are inputs as files and variables are, and a build stays pure.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, Protocol
from urllib.parse import SplitResult, urlsplit

from fairlead.build.kustomize.errors import KustomizeError
from fairlead.build.kustomize.kustomization import FILE_NAMES
from fairlead.build.kustomize.remote import Fetcher
from fairlead.build.tree import OverlayTree
from fairlead.errors import BuildError
from fairlead.objects.urls import redact_url

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from fairlead.build.kustomize import Repository
    from fairlead.objects.tree import Tree, TreeEntry

__all__ = ["Base", "Bases", "GivenBases", "MissingBasesError", "NoBases", "check_reachable"]

_COMMIT: Final = re.compile(r"[0-9a-f]{40}")
_FILE_ENDINGS: Final = (".yaml", ".yml", ".json")
_REPOSITORY_MARKS: Final = re.compile(r"//|\.git(/|$)|/_git/")
_STAND_IN: Final = b"namePrefix: stand-in-\n"


@dataclass(frozen=True, slots=True)
class Base:
    """What has to be fetched for a build: the file behind a URL, or a whole repository at a ref."""

    url: str = field(repr=False)
    """May hold a password."""
    ref: str = ""
    submodules: bool = True
    is_file: bool = False
    timeout_seconds: float = field(default=27.0, compare=False)
    """For each operation; 27 is kustomize's."""

    @property
    def is_pinned(self) -> bool:
        """Whether it can never mean anything else. A tag can: people move them."""
        return not self.is_file and _COMMIT.fullmatch(self.ref) is not None

    @property
    def is_surely_file(self) -> bool:
        """Whether nothing but a file can be meant; a repository is then not looked for."""
        return self.is_file and _is_file(self.url)

    def __str__(self) -> str:
        return redact_url(self.url) + (f"?ref={self.ref}" if self.ref else "")


class MissingBasesError(BuildError):
    """The build needs these bases, and maybe more."""

    def __init__(self, bases: Iterable[Base]) -> None:
        self.bases = tuple(bases)
        super().__init__(f"not at hand: {', '.join(map(str, self.bases))}")


class Bases(Fetcher, Protocol):
    """A ``Fetcher`` for one build."""

    @property
    def used(self) -> Mapping[Base, None]:
        """What counts as an input of the build."""
        ...

    def failure(self, tree: Tree, files: Iterable[str]) -> BuildError | None:
        """What the outcome has to give way to; ``files`` are those of ``tree`` that were read."""
        ...


class GivenBases:
    """A ``Fetcher`` of what is given, which notes what was used and what is missing."""

    def __init__(self, given: Mapping[Base, str], tree: Callable[[str], Tree], read: Callable[[str], bytes]) -> None:
        """``given`` has the id of a tree or of a file's content; an empty one says that there is no such file."""
        self.used: dict[Base, None] = {}
        self._given = given
        self._tree = tree
        self._read = read

    def file(self, url: str) -> bytes:
        if _is_repository(url):
            raise KustomizeError(f"'{redact_url(url)}' names a repository")
        base = Base(url, is_file=True)
        found = self._look_up(base)
        if found == "":
            raise KustomizeError(f"there is no file at '{redact_url(url)}'")
        return b"" if found is None else self._read(found)

    def repository(self, repository: Repository) -> Tree:
        if _is_file(repository.raw):
            raise KustomizeError(f"'{redact_url(repository.raw)}' names a file")
        check_reachable(repository)
        base = Base(
            repository.url,
            repository.ref,
            repository.submodules,
            timeout_seconds=repository.timeout_seconds,
        )
        found = self._look_up(base)
        if found is not None:
            return self._tree(found)
        folder = f"{repository.path}/" if repository.path else ""
        return OverlayTree(_Nothing(), {f"{folder}kustomization.yaml": _STAND_IN})

    def _look_up(self, base: Base) -> str | None:
        self.used[base] = None
        return self._given.get(base)

    def failure(self, tree: Tree, files: Iterable[str]) -> BuildError | None:
        """What the outcome of the build has to give way to."""
        del tree, files
        missing = [base for base in self.used if base not in self._given]
        return MissingBasesError(missing) if missing else None


class NoBases:
    """A ``Fetcher`` that refuses all."""

    def __init__(self) -> None:
        self.used: dict[Base, None] = {}
        self._refused = ""

    def file(self, url: str) -> bytes:
        raise self._refusal(url)

    def repository(self, repository: Repository) -> Tree:
        raise self._refusal(repository.raw)

    def _refusal(self, url: str) -> BuildError:
        self._refused = self._refused or url
        return KustomizeError("remote bases are refused")

    def failure(self, tree: Tree, files: Iterable[str]) -> BuildError | None:
        """One error for the first that was met, with the kustomization that names it."""
        if not self._refused:
            return None
        named = (path for path in files if path.rpartition("/")[2] in FILE_NAMES)
        file = next((path for path in named if self._refused.encode() in tree.read(path)), "")
        return BuildError(
            f"{file}{file and ': '}remote base '{redact_url(self._refused)}' is refused: "
            "remote bases are not permitted here; copy it into the source, "
            "or add its repository by spec.include of the GitRepository"
        )


def check_reachable(repository: Repository) -> None:
    """Raises :class:`KustomizeError` for what no build can fetch."""
    if not repository.url.startswith(("https://", "http://", "file://")):
        shown = redact_url(repository.url)
        raise KustomizeError(f"remote base {shown}: a build has no ssh keys; name the repository by https")


def _parts_of(url: str) -> SplitResult:
    try:
        return urlsplit(url)
    except ValueError as error:
        raise KustomizeError(f"'{redact_url(url)}' is no URL: {error}") from None


def _is_file(url: str) -> bool:
    """Whether a URL can only mean a file: so much that it need not be tried as a repository."""
    parts = _parts_of(url)
    return parts.path.lower().endswith(_FILE_ENDINGS) and not _REPOSITORY_MARKS.search(parts.path)


def _is_repository(url: str) -> bool:
    """Whether a URL can only mean a repository. Others are tried as a file first, as kustomize does."""
    parts = _parts_of(url)
    return bool(_REPOSITORY_MARKS.search(parts.path)) or (parts.hostname == "github.com" and not _is_file(url))


class _Nothing:
    """A tree without anything."""

    def entry(self, path: str) -> TreeEntry | None:
        del path
        return None

    def list(self, path: str) -> Sequence[TreeEntry]:
        raise NotADirectoryError(path)

    def read(self, path: str) -> bytes:
        raise FileNotFoundError(path)

    def size(self, path: str) -> int:
        raise FileNotFoundError(path)
