"""``status.artifact``: how a source tells its users which tree is current.

Flux publishes a tarball; we publish a tree in the object store. The fields are the same: ``digest`` is the SHA-256 of
the tree's id, ``size`` the bytes of its files, ``path`` and ``url`` name the artifact as Flux would. The tree's id is
in ``metadata``, together with what a person wants to know of the commit, so that the state of the API alone is enough
to go on after a restart.
"""

from __future__ import annotations

import contextlib
import hashlib
from typing import TYPE_CHECKING

from fairlead.api import names
from fairlead.api.meta import ArtifactStatus
from fairlead.objects.tree import EntryKind
from fairlead.runtime.clock import timestamp
from fairlead.sources.errors import MissingObjectError
from fairlead.sources.gittree import kind_of

if TYPE_CHECKING:
    from datetime import datetime

    from fairlead.kube.reflector import Key
    from fairlead.sources.folders import Difference, RawEntry
    from fairlead.sources.spec import GitRevision
    from fairlead.sources.store import ObjectStore

__all__ = ["AUTHOR", "ORIGIN_REVISION", "SUBJECT", "TreeSizes", "git_artifact", "tree_id_of"]

TREE = names.COMMIT_TREE
AUTHOR = names.COMMIT_AUTHOR
SUBJECT = names.COMMIT_SUBJECT
ORIGIN_REVISION = "org.opencontainers.image.revision"

_SUBJECT_CHARACTERS = 200
_MOST_SIZES = 200_000


def git_artifact(key: Key, revision: GitRevision, size: int, address: str, now: datetime) -> ArtifactStatus:
    """The artifact of a Git revision."""
    path = f"gitrepository/{key.namespace}/{key.name}/{revision.commit}.tar.gz"
    return ArtifactStatus(
        digest=f"sha256:{hashlib.sha256(revision.tree_id.encode()).hexdigest()}",
        last_update_time=timestamp(now),
        metadata={
            TREE: revision.tree_id,
            AUTHOR: f"{revision.author_name} <{revision.author_email}>",
            SUBJECT: revision.subject[:_SUBJECT_CHARACTERS],
        },
        path=path,
        revision=revision.revision,
        size=size,
        url=f"http://{address}/{path}",
    )


def tree_id_of(artifact: ArtifactStatus | None) -> str:
    """The tree that an artifact stands for; empty for none, and for one that another program made."""
    return (artifact.metadata or {}).get(TREE, "") if artifact else ""


class TreeSizes:
    """How many bytes the files of a tree have; sizes of folders are remembered, so a commit costs what it changed."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._known: dict[str, int] = {}

    def size(self, tree_id: str, like: str = "") -> int:
        """Blocking: reads the header of every file that was not seen before. Links and submodules count nothing.

        ``like`` is a tree that is nearly the same: when its size is known, only the differences are looked at.
        """
        known = self._known.get(tree_id)
        if known is None:
            if len(self._known) >= _MOST_SIZES:
                self._known.clear()
            known = self._known[tree_id] = self._sum(tree_id, like)
        return known

    def _sum(self, tree_id: str, like: str) -> int:
        known = self._known.get(like)
        if known is not None:
            with contextlib.suppress(MissingObjectError):  # what only the other one had may be gone
                return known + sum(self._growth(each) for each in self._store.differences(like, tree_id))
        headers = self._store.repository.odb
        total = 0
        for entry in self._store.get_tree(tree_id):
            if entry.type_str == "tree":
                total += self.size(str(entry.id))
            elif kind_of(entry.filemode) is EntryKind.FILE:
                total += headers.read_header(entry.id)[1]
        return total

    def _growth(self, difference: Difference) -> int:
        """By how many bytes the name has become larger."""
        before, after = difference.before, difference.after
        like = before[0] if before else ""
        return (self._size_of(after, like) if after else 0) - (self._size_of(before) if before else 0)

    def _size_of(self, entry: RawEntry, like: str = "") -> int:
        identity, mode = entry
        match kind_of(mode):
            case EntryKind.FOLDER:
                return self.size(identity, like)
            case EntryKind.FILE:
                return self._store.file_size(identity)
            case _:
                return 0
