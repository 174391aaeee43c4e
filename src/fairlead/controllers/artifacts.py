"""``status.artifact``: how a source tells its users which tree is current.

``digest``, ``size``, ``path`` and ``url`` tell of the archive that others download, as in Flux. We read a tree in the
object store instead: its id is in ``metadata``, together with what a person wants to know of the commit, so that the
state of the API alone is enough to go on after a restart. Whether the content is another one is asked of the tree's id:
the digest also changes with the algorithm, or with the program that packed the archive.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from fairlead.api import names
from fairlead.api.meta import ArtifactStatus
from fairlead.runtime.clock import timestamp

if TYPE_CHECKING:
    from datetime import datetime

    from fairlead.sources.spec import GitRevision

__all__ = [
    "AUTHOR",
    "ORIGIN_REVISION",
    "SUBJECT",
    "advertised",
    "content_of",
    "git_artifact",
    "is_same",
    "seen_as",
    "tree_id_of",
]

TREE = names.COMMIT_TREE
AUTHOR = names.COMMIT_AUTHOR
SUBJECT = names.COMMIT_SUBJECT
ORIGIN_REVISION = "org.opencontainers.image.revision"

_SUBJECT_CHARACTERS = 200


def git_artifact(
    revision: GitRevision, path: str, digest: str, size: int, address: str, now: datetime
) -> ArtifactStatus:
    """The artifact of a Git revision, whose archive is at ``path`` below ``address``."""
    return ArtifactStatus(
        digest=digest,
        last_update_time=timestamp(now),
        metadata=_metadata(revision),
        path=path,
        revision=revision.revision,
        size=size,
        url=f"http://{address}/{path}",
    )


def seen_as(published: ArtifactStatus, revision: GitRevision) -> ArtifactStatus:
    """What another shard or program published, with the tree that it is here."""
    return replace(published, metadata={**(published.metadata or {}), **_metadata(revision)})


def advertised(artifact: ArtifactStatus, address: str) -> ArtifactStatus:
    """The same archive at this address; the very same artifact when it is there already."""
    url = f"http://{address}/{artifact.path}"
    return artifact if artifact.url == url else replace(artifact, url=url)


def is_same(one: ArtifactStatus, other: ArtifactStatus) -> bool:
    """Whether only the time of the last change differs."""
    return replace(one, last_update_time=other.last_update_time) == other


def content_of(artifact: ArtifactStatus | None) -> tuple[str, str] | None:
    """Equal exactly for the same revision with the same files."""
    return (artifact.revision, tree_id_of(artifact) or artifact.digest or "") if artifact else None


def tree_id_of(artifact: ArtifactStatus | None) -> str:
    """The tree that an artifact stands for; empty for none, and for one that another program made."""
    return (artifact.metadata or {}).get(TREE, "") if artifact else ""


def _metadata(revision: GitRevision) -> dict[str, str]:
    return {
        TREE: revision.tree_id,
        AUTHOR: f"{revision.author_name} <{revision.author_email}>",
        SUBJECT: revision.subject[:_SUBJECT_CHARACTERS],
    }
