"""Git repositories for tests, told as a story::

    repo = RepoBuilder(tmp_path / "fleet")
    first = repo.commit("Start", {"apps/web.yaml": "kind: ConfigMap"})
    repo.commit("Drop it", {"apps/web.yaml": None})
    repo.tag("v1.0.0", annotated=True)

Everything happens in a bare repository through pygit2, without a checkout and without anybody's git configuration, so
that a commit takes a millisecond and a test never depends on the machine.
"""

from __future__ import annotations

import itertools
from typing import TYPE_CHECKING

import pygit2
from pygit2.enums import FileMode, ObjectType

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

__all__ = ["Executable", "RepoBuilder", "Submodule", "Symlink"]

START_OF_TIME = 1_760_000_000


class Symlink(str):
    """File content that makes a symbolic link to this target."""

    __slots__ = ()


class Executable(str):
    """File content of an executable file."""

    __slots__ = ()


class Submodule(str):
    """File content that makes a submodule entry at this commit id."""

    __slots__ = ()


Content = str | bytes | None


class RepoBuilder:
    """A bare repository in ``folder`` that grows by one call per commit."""

    def __init__(
        self, folder: Path, *, branch: str = "main", author: str = "Ada", email: str = "ada@example.com"
    ) -> None:
        self.folder = folder
        self.branch = branch
        self.author = author
        self.email = email
        self.repository = pygit2.init_repository(str(folder), bare=True, initial_head=branch)
        self._clock = itertools.count(START_OF_TIME)

    @property
    def url(self) -> str:
        return self.folder.as_uri()

    @property
    def head(self) -> str:
        """The commit id of the default branch."""
        return self.at(self.branch)

    def at(self, branch: str) -> str:
        return str(self.repository.references[f"refs/heads/{branch}"].target)

    def commit(
        self,
        message: str = "Change something",
        files: Mapping[str, Content] | None = None,
        *,
        branch: str | None = None,
        replace: bool = False,
        when: int | None = None,
    ) -> str:
        """Write ``files`` (``None`` removes one) on top of a branch and return the commit id.

        A branch that does not exist starts at the default branch when there is one. ``replace`` forgets the files of
        the parent.
        """
        name = branch or self.branch
        parent = self._tip(name)
        base = None if parent is None or replace else parent.tree
        tree = self._write(base, files or {})
        signature = self._signature(when)
        reference = f"refs/heads/{name}"
        parents = [] if parent is None else [parent.id]
        commit = self.repository.create_commit(None, signature, signature, message, tree, parents)
        self.repository.references.create(reference, commit, force=True)
        return str(commit)

    def revert(self, *, branch: str | None = None) -> str:
        """Undo the newest commit by a new one, as ``git revert`` does."""
        name = branch or self.branch
        tip = self._tip(name)
        if tip is None:
            raise ValueError(f"there is nothing to revert on {name}")
        signature = self._signature(None)
        tree = tip.parents[0].tree.id
        message = f'Revert "{tip.message.splitlines()[0]}"'
        commit = self.repository.create_commit(None, signature, signature, message, tree, [tip.id])
        self.repository.references.create(f"refs/heads/{name}", commit, force=True)
        return str(commit)

    def force(self, branch: str, commit: str) -> None:
        """Point a branch somewhere else, as a forced push does."""
        self.repository.references.create(f"refs/heads/{branch}", commit, force=True)

    def reference(self, name: str, commit: str) -> None:
        """Set any reference, such as ``refs/pull/1/head``."""
        self.repository.references.create(name, commit, force=True)

    def delete_branch(self, branch: str) -> None:
        self.repository.references.delete(f"refs/heads/{branch}")

    def tag(self, name: str, commit: str | None = None, *, annotated: bool = False, message: str = "A tag") -> str:
        """Tag a commit (the head by default); returns the id that the reference holds."""
        target = commit or self.head
        if annotated:
            made = self.repository.create_tag(name, target, ObjectType.COMMIT, self._signature(None), message)
            return str(made)
        self.repository.references.create(f"refs/tags/{name}", target, force=True)
        return target

    def delete_tag(self, name: str) -> None:
        self.repository.references.delete(f"refs/tags/{name}")

    def files(self, commit: str | None = None) -> dict[str, bytes]:
        """Path to content of every file of a commit (the head by default)."""
        found: dict[str, bytes] = {}
        self._collect(self.repository[commit or self.head].peel(pygit2.Tree), "", found)
        return found

    def _collect(self, tree: pygit2.Tree, prefix: str, found: dict[str, bytes]) -> None:
        for entry in tree:
            path = f"{prefix}{entry.name}"
            if isinstance(entry, pygit2.Tree):
                self._collect(entry, f"{path}/", found)
            elif isinstance(entry, pygit2.Blob):
                found[path] = entry.data

    def _tip(self, branch: str) -> pygit2.Commit | None:
        for name in (branch, self.branch):
            reference = self.repository.references.get(f"refs/heads/{name}")
            if reference is not None:
                return reference.peel(pygit2.Commit)
        return None

    def _signature(self, when: int | None) -> pygit2.Signature:
        return pygit2.Signature(self.author, self.email, next(self._clock) if when is None else when, 0)

    def _write(self, base: pygit2.Tree | None, files: Mapping[str, Content]) -> pygit2.Oid:
        """A tree like ``base`` with ``files`` laid over it; folders that become empty vanish."""
        builder = self.repository.TreeBuilder(base) if base is not None else self.repository.TreeBuilder()
        below: dict[str, dict[str, Content]] = {}
        for path, content in files.items():
            head, _, rest = path.partition("/")
            if rest:
                below.setdefault(head, {})[rest] = content
            elif content is None:
                if builder.get(head) is not None:
                    builder.remove(head)
            else:
                self._insert(builder, head, content)
        for name, inner in below.items():
            entry = builder.get(name)
            subtree = self._write(entry if isinstance(entry, pygit2.Tree) else None, inner)
            if len(self.repository[subtree].peel(pygit2.Tree)):
                builder.insert(name, subtree, FileMode.TREE)
            elif entry is not None:
                builder.remove(name)
        return builder.write()

    def _insert(self, builder: pygit2.TreeBuilder, name: str, content: str | bytes) -> None:
        if isinstance(content, Submodule):
            builder.insert(name, pygit2.Oid(hex=content), FileMode.COMMIT)
            return
        mode = {Symlink: FileMode.LINK, Executable: FileMode.BLOB_EXECUTABLE}.get(type(content), FileMode.BLOB)
        data = content if isinstance(content, bytes) else content.encode()
        builder.insert(name, self.repository.create_blob(data), mode)
