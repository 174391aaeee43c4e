"""``spec.include``: the artifacts of other GitRepositories that are laid over one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.controllers.artifacts import tree_id_of
from fairlead.errors import NotReadyError
from fairlead.kube.reflector import Key
from fairlead.sources.spec import Include

if TYPE_CHECKING:
    from fairlead.api.gitrepository import GitRepository
    from fairlead.api.meta import ArtifactStatus
    from fairlead.controllers.following import SourceAccess

__all__ = ["IncludeUnavailableError", "Included", "NoArtifactError", "includes_of"]


class IncludeUnavailableError(NotReadyError):
    """A repository that this one includes is not there, or has no artifact (yet)."""

    reason = "NotFound"


class NoArtifactError(IncludeUnavailableError):
    """It is there, and has none."""

    reason = "NoArtifact"


@dataclass(frozen=True, slots=True)
class Included:
    """The artifacts of included repositories, in the order of the spec."""

    artifacts: tuple[ArtifactStatus, ...]
    trees: tuple[Include, ...]


def includes_of(repository: GitRepository, access: SourceAccess) -> Included:
    """What is laid over a repository now; raises :class:`IncludeUnavailableError`."""
    artifacts: list[ArtifactStatus] = []
    trees: list[Include] = []
    for include in repository.spec.include or ():
        name = include.repository.name
        other = access.typed(Key(repository.metadata.namespace, name))
        if other is None:
            raise IncludeUnavailableError(f"could not get resource for include '{name}': it is not there")
        artifact = other.status.artifact
        if artifact is None or not tree_id_of(artifact):
            raise NoArtifactError(f"no artifact available for include '{name}'")
        artifacts.append(artifact)
        trees.append(Include(tree_id_of(artifact), include.from_path or "", include.to_path or name))
    return Included(tuple(artifacts), tuple(trees))
