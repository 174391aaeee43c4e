"""After a restart: go on where the earlier process ended, where nothing has changed meanwhile.

What is checked is everything that a run would find out: spec, files, live objects, inventory, health. All of it is
known from the watches that are opened anyway, so an unchanged Kustomization costs no build and no request.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.api import names
from fairlead.controllers.artifacts import tree_id_of
from fairlead.controllers.delivery import inventory_of, owner_of
from fairlead.controllers.health import health_refs
from fairlead.controllers.keepsakes import Keepsake
from fairlead.controllers.notes import may_be_noted

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairlead.api.kustomization import Kustomization
    from fairlead.api.meta import ArtifactStatus
    from fairlead.controllers.builds import Build, Builds
    from fairlead.controllers.keepsakes import Keepsakes
    from fairlead.engine.watcher import ManagedWatcher
    from fairlead.kube.reflector import Key
    from fairlead.objects.ref import ObjectRef

__all__ = ["Resumption"]


class Resumption:
    """Keeps what deliveries have come to, and finds it again; for the controllers' own cluster."""

    def __init__(self, keepsakes: Keepsakes, builds: Builds, watcher: ManagedWatcher) -> None:
        self._keepsakes = keepsakes
        self._builds = builds
        self._watcher = watcher

    def keep(self, key: Key, kustomization: Kustomization, build: Build, applied: Iterable[ObjectRef]) -> None:
        """A delivery is complete: remember it. One with remote bases is not, for those have to be asked for."""
        if build.bases:
            self._keepsakes.forget(key)
        elif not kustomization.spec.kube_config:
            self._keepsakes.save(key, Keepsake.of(kustomization.metadata.uid, build, applied, self._watcher.state))

    def renew(self, key: Key) -> None:
        """The delivery has become healthy; on the way others may have added to its objects (a rollout's number)."""
        keepsake = self._keepsakes.find(key)
        if keepsake is not None:
            self._keepsakes.save(key, keepsake.renewed(self._watcher.state))

    def forget(self, key: Key) -> None:
        self._keepsakes.forget(key)

    async def find(self, key: Key, kustomization: Kustomization, artifact: ArtifactStatus) -> Build | None:
        """The build that is delivered, without its manifests; ``None`` if anything has to be looked at."""
        keepsake = self._keepsakes.find(key)
        if keepsake is None or not _tells_of(keepsake, kustomization):
            return None
        build = keepsake.build()
        if not self._builds.holds(key, build, tree_id_of(artifact)):
            return None
        refs = keepsake.refs()
        await self._watcher.ensure({ref.group_kind for ref in refs})
        state = self._watcher.state
        if not all(self._watcher.follows(ref.group_kind) for ref in refs):
            return None
        if not keepsake.holds(state, owner_of(kustomization)):
            return None
        healthy = all(state.status(ref).ready for ref in health_refs(kustomization, refs))
        if not healthy:
            return None
        self._builds.remember(key, build, tree_id_of(artifact))
        return build


def _tells_of(keepsake: Keepsake, kustomization: Kustomization) -> bool:
    """Whether the status of the Kustomization is the one with which that delivery ended."""
    spec, meta, status = kustomization.spec, kustomization.metadata, kustomization.status
    requested = meta.annotations.get(names.REQUESTED_AT)
    return (
        may_be_noted(kustomization)
        and not spec.kube_config
        and not spec.health_check_exprs
        and (keepsake.uid, keepsake.generation) == (meta.uid, meta.generation)
        and requested in (None, status.last_handled_reconcile_at)
        and bool(status.history)
        and status.history is not None
        and status.history[0].digest == keepsake.digest
        and frozenset(keepsake.refs()) == frozenset(inventory_of(kustomization).versions)
    )
