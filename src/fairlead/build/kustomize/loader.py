"""Finds and reads the files of one kustomization: paths, links, the load restriction, cycles.

A loader stands in one folder of a tree and knows the loaders that led to it. Paths that a kustomization writes are
relative to its folder; symbolic links are followed inside the tree only.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from fairlead.objects.tree import EntryKind, joined
from fairlead.objects.urls import redact_url
from fairlead.objects.yaml_reader import MAX_BYTES

from .errors import KustomizeError
from .remote import is_remote_file, parse_repository

if TYPE_CHECKING:
    from fairlead.objects.tree import Tree

    from .remote import Fetcher, Repository

__all__ = ["Loader", "is_below"]

_MOST_LINKS: Final = 40
_MOST_BYTES: Final = 256 * 1024 * 1024
"""How much one build may read, every file counted each time."""
_MOST_LEVELS: Final = 64
"""How deep bases may nest: each level costs Python frames, and nobody reads a chain that long."""


class Loader:
    """A folder to read from; ``root`` is its path in the tree, free of links."""

    __slots__ = ("_above", "_budget", "_fetcher", "_level", "_repository", "restricted", "root", "space", "tree")

    def __init__(
        self,
        tree: Tree,
        root: str,
        *,
        restricted: bool,
        fetcher: Fetcher | None = None,
        above: Loader | None = None,
        repository: Repository | None = None,
        space: object = None,
        budget: list[int] | None = None,
    ) -> None:
        self.tree = tree
        self.space: object = space or tree
        """The same for all loaders of one tree, however it is wrapped."""
        self.root = root
        self.restricted = restricted
        self._fetcher = fetcher
        self._above = above
        self._repository = repository
        self._budget: list[int] = budget or (above._budget if above is not None else [_MOST_BYTES])
        self._level: int = above._level + 1 if above is not None else 0

    @classmethod
    def at(cls, tree: Tree, folder: str, *, restricted: bool, fetcher: Fetcher | None) -> Loader:
        """A loader for the folder that a build starts in."""
        path = joined("", folder)
        resolved = None if path is None else _resolve(tree, path)
        if resolved is None or not _is_folder(tree, resolved):
            raise KustomizeError(
                f"must build at directory: not a valid directory: '{_shown(folder)}' is no folder here"
            )
        return cls(tree, resolved, restricted=restricted, fetcher=fetcher)

    @property
    def shown_root(self) -> str:
        return _shown(self.root)

    def over(self, tree: Tree) -> Loader:
        """The same place in the same tree, seen through a wrapper."""
        return Loader(
            tree,
            self.root,
            restricted=self.restricted,
            fetcher=self._fetcher,
            above=self._above,
            repository=self._repository,
            space=self.space,
            budget=self._budget,
        )

    def roots_above(self) -> list[str]:
        """The folders of the loaders that led here, in the same tree."""
        roots = []
        loader = self._above
        while loader is not None:
            if loader.space is self.space:
                roots.append(loader.root)
            loader = loader._above
        return roots

    def identity(self, path: str) -> tuple[str, int] | None:
        """Identity and size of a file's content, if it is a file of the tree; raises like :meth:`read`."""
        if is_remote_file(path):
            return None
        located = self.locate(path)
        entry = self.tree.entry(located)
        return None if entry is None else (entry.identity, self.tree.size(located))

    @property
    def is_remote(self) -> bool:
        return self._repository is not None or (self._above is not None and self._above.is_remote)

    def read(self, path: str) -> bytes:
        """The content of a file; raises :class:`KustomizeError` with the reason when it may not or cannot be read."""
        if is_remote_file(path):
            return self._fetch(path)
        return self._content(self.locate(path), path)

    def locate(self, path: str) -> str:
        """Where a file is in the tree, all links followed, after the load restriction was checked."""
        wanted = joined(self.root, path)
        if wanted is None:
            raise KustomizeError(f"security; file '{path}' is not in or below '{self.shown_root}'")
        located = _resolve(self.tree, wanted)
        if located is None:
            missing = _first_missing(self.tree, wanted)
            raise KustomizeError(
                f"evalsymlink failure on '{_shown(wanted)}' : lstat {_shown(missing)}: no such file or directory"
                if self.restricted
                else f"open {_shown(wanted)}: no such file or directory"
            )
        if _is_folder(self.tree, located):
            raise KustomizeError(
                f"'{_shown(wanted)}' must resolve to a file"
                if self.restricted
                else f"read {_shown(wanted)}: is a directory"
            )
        if self.restricted and not is_below(located.rpartition("/")[0], self.root):
            raise KustomizeError(f"security; file '{_shown(wanted)}' is not in or below '{self.shown_root}'")
        return located

    def read_here(self, name: str) -> bytes | None:
        """The content of a file of this very folder; ``None`` when there is none."""
        wanted = f"{self.root}/{name}" if self.root else name
        located = _resolve(self.tree, wanted)
        if located is None or _is_folder(self.tree, located):
            return None
        if self.restricted and not is_below(located.rpartition("/")[0], self.root):
            return None
        return self._content(located, name)

    def _content(self, located: str, path: str) -> bytes:
        size = self.tree.size(located)
        if size > MAX_BYTES:
            raise KustomizeError(f"file '{path}' has {size} bytes, more than the {MAX_BYTES} that are read")
        self._budget[0] -= size
        if self._budget[0] < 0:
            raise KustomizeError(f"the build reads more than {_MOST_BYTES} bytes; it stopped at file '{path}'")
        return self.tree.read(located)

    def into(self, path: str) -> Loader:
        """A loader for a folder that this kustomization names; raises for files, absent folders and cycles."""
        if path == "":
            raise KustomizeError("new root cannot be empty")
        if self._level >= _MOST_LEVELS:
            raise KustomizeError(f"bases are nested deeper than {_MOST_LEVELS} levels at '{path}'")
        repository = parse_repository(path)
        if repository is not None:
            return self._into_repository(repository)
        if path.startswith("/"):
            raise KustomizeError(f"new root '{path}' cannot be absolute")
        wanted = joined(self.root, path)
        located = None if wanted is None else _resolve(self.tree, wanted)
        if wanted is None or located is None:
            shown = _shown(wanted) if wanted is not None else path
            missing = _shown(_first_missing(self.tree, wanted)) if wanted is not None else path
            raise KustomizeError(
                "must build at directory: not a valid directory: "
                f"evalsymlink failure on '{shown}' : lstat {missing}: no such file or directory"
            )
        if not _is_folder(self.tree, located):
            raise KustomizeError(f"must build at directory: '{_shown(wanted)}': file is not directory")
        self._refuse_cycle(located)
        return Loader(
            self.tree, located, restricted=self.restricted, fetcher=self._fetcher, above=self, space=self.space
        )

    def _refuse_cycle(self, candidate: str) -> None:
        loader: Loader | None = self
        while loader is not None:
            if loader.space is self.space and is_below(loader.root, candidate):
                raise KustomizeError(
                    f"cycle detected: candidate root '{_shown(candidate)}' contains visited root '{loader.shown_root}'"
                )
            loader = loader._above

    def _into_repository(self, repository: Repository) -> Loader:
        loader: Loader | None = self
        while loader is not None:
            if loader._repository is not None and loader._repository.raw.startswith(repository.raw):
                raise KustomizeError(
                    f"cycle detected: URI '{redact_url(repository.raw)}' referenced by "
                    f"previous URI '{redact_url(loader._repository.raw)}'"
                )
            loader = loader._above
        if self._fetcher is None:
            raise KustomizeError(
                f"remote base '{redact_url(repository.raw)}' cannot be fetched here: this build works offline"
            )
        tree = self._fetcher.repository(repository)
        path = joined("", repository.path)
        located = None if path is None else _resolve(tree, path)
        if located is None or not _is_folder(tree, located):
            raise KustomizeError(f"'{repository.path}' is no folder of repository '{redact_url(repository.url)}'")
        return Loader(tree, located, restricted=True, fetcher=self._fetcher, above=self, repository=repository)

    def _fetch(self, url: str) -> bytes:
        if self._fetcher is None:
            raise KustomizeError(f"remote file '{redact_url(url)}' cannot be fetched here: this build works offline")
        return self._fetcher.file(url)


def _shown(path: str) -> str:
    return "/" + path.lstrip("/")


def _resolve(tree: Tree, path: str) -> str | None:
    """The path with all links followed; ``None`` when something on the way is missing, or links go round in a circle.

    Raises :class:`KustomizeError` for a link that leads out of the tree.
    """
    links = 0
    parts = path.split("/") if path else []
    done = ""
    while parts:
        here = f"{done}/{parts[0]}" if done else parts[0]
        entry = tree.entry(here)
        if entry is None:
            return None
        if entry.kind is not EntryKind.SYMLINK:
            done = here
            parts = parts[1:]
            continue
        links += 1
        text = tree.read(here).decode(errors="surrogateescape")
        target = None if text.startswith("/") else joined(done, text)
        if target is None:
            shown = text.encode(errors="surrogateescape").decode(errors="replace")
            raise KustomizeError(f"link '{_shown(here)}' leads out of the repository, to '{shown}'")
        if links > _MOST_LINKS:
            return None
        parts = (target.split("/") if target else []) + parts[1:]
        done = ""
    return done


def _first_missing(tree: Tree, path: str) -> str:
    parts = path.split("/")
    for end in range(1, len(parts)):
        if _resolve(tree, "/".join(parts[:end])) is None:
            return "/".join(parts[:end])
    return path


def _is_folder(tree: Tree, path: str) -> bool:
    entry = tree.entry(path)
    return entry is not None and entry.kind is EntryKind.FOLDER


def is_below(path: str, root: str) -> bool:
    return root == "" or path == root or path.startswith(root + "/")
