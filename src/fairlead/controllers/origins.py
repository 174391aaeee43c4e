"""Where the manifests of a Kustomization come from at present."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.api import names
from fairlead.controllers.artifacts import tree_id_of
from fairlead.controllers.dependencies import source_of
from fairlead.controllers.faults import AccessDeniedError, SourceNotReadyError
from fairlead.kube.reflector import Key
from fairlead.objects.duration import format_duration

if TYPE_CHECKING:
    from fairlead.api.kustomization import Kustomization
    from fairlead.api.meta import ArtifactStatus
    from fairlead.controllers.following import SourceAccess
    from fairlead.settings import Settings

__all__ = ["artifact_of"]


def artifact_of(kustomization: Kustomization, sources: SourceAccess, settings: Settings) -> ArtifactStatus:
    """What its source has; raises ``AccessDeniedError`` or ``SourceNotReadyError``, in Flux's words."""
    ref = source_of(kustomization)
    if settings.scope.no_cross_namespace_refs and ref.namespace != kustomization.metadata.namespace:
        raise AccessDeniedError(f"can't access '{ref}', cross-namespace references have been blocked")
    if ref.group_kind != names.GIT_REPOSITORY:
        raise SourceNotReadyError(f"sources of kind {ref.kind} are not supported yet; use a GitRepository")
    source = sources.typed(Key(ref.namespace, ref.name))
    if source is None:
        raise SourceNotReadyError(f"Source '{ref}' not found")
    if source.status.artifact is None or not tree_id_of(source.status.artifact):
        why = sources.why_missing(source)
        again = format_duration(settings.reconcile.dependency_interval)
        raise SourceNotReadyError(f"Source artifact not found, retrying in {again}{f': {why}' if why else ''}")
    return source.status.artifact
