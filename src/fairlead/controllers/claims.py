"""Who wants an object: so that one that moves from a Kustomization to another in one commit is not deleted in between.

What others have is in their inventories. What they are about to have is not yet: a revision wakes all of them at the
same time. So before something is deleted, those that have not been at this revision are asked what they build from it.
Their builds are due anyway, and are kept.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from fairlead.controllers.dependencies import source_of
from fairlead.controllers.resources import Malformed
from fairlead.errors import FairleadError
from fairlead.objects.inventory import format_id

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

    from fairlead.api.kustomization import Kustomization
    from fairlead.controllers.access import Access
    from fairlead.kube.reflector import Key
    from fairlead.objects.ref import ObjectRef

    Preview = Callable[[Key, Kustomization], Awaitable[frozenset[ObjectRef]]]

__all__ = ["Claims"]

log = logging.getLogger(__name__)


class Claims:
    """Answers for all Kustomizations of a cluster."""

    def __init__(self, access: Access[Kustomization], preview: Preview) -> None:
        """``preview`` says what a Kustomization builds from the newest revision of its source."""
        self._access = access
        self._preview = preview

    def has_another(self, key: Key, ref: ObjectRef) -> bool:
        """Whether another Kustomization has the object in its inventory."""
        wanted = format_id(ref)
        for _, kustomization in self._others(key):
            inventory = kustomization.status.inventory
            if inventory and any(entry.id == wanted for entry in inventory.entries):
                return True
        return False

    async def about_to_have(
        self, kustomization: Kustomization, key: Key, revision: str, refs: Iterable[ObjectRef]
    ) -> set[ObjectRef]:
        """Which of these objects others are going to apply at this revision, and have not yet."""
        wanted = set(refs)
        found: set[ObjectRef] = set()
        for other_key, other in list(self._others(key)):
            status = other.status
            behind = revision not in (status.last_applied_revision, status.last_attempted_revision)
            if not behind or other.spec.suspend or source_of(other) != source_of(kustomization):
                continue
            if other.spec.kube_config != kustomization.spec.kube_config:
                continue
            try:
                coming = await self._preview(other_key, other)
            except FairleadError as error:
                log.info("%s cannot say what it will have: %s", other_key, error)
                continue
            found |= wanted & (coming | {ref._replace(namespace="") for ref in coming})
        return found

    def _others(self, key: Key) -> Iterator[tuple[Key, Kustomization]]:
        for other, kustomization in self._access.reflector.items():
            if (
                other != key
                and not isinstance(kustomization, Malformed)
                and not kustomization.metadata.deletion_timestamp
            ):
                yield other, kustomization
