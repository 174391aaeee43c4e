"""What the controllers inside the local cluster get: reads, writes and watches without HTTP.

Writes pass the same pipeline as requests from outside (defaults, validation, managed fields, watch events), as the
user ``system:kube-controller-manager``. Objects are plain decoded JSON; every call returns a fresh copy that the
caller may change. ``field_manager`` names the writer in ``managedFields``; empty means ``kube-controller-manager``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Literal, Protocol

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

__all__ = ["Access", "Manifest", "Propagation"]

Manifest = dict[str, Any]
Propagation = Literal["Background", "Foreground", "Orphan"]


class Access(Protocol):
    """In-process access with full rights; ``group`` is ``""`` for the core group.

    Refusals are :class:`fairlead.localcluster.status.StatusError` with the HTTP code of the API (404, 409, 422, …).
    """

    def get(self, group: str, kind: str, namespace: str, name: str) -> Manifest | None:
        """One object in its storage version; ``None`` when there is none. ``namespace`` is ``""`` for cluster scope."""
        ...

    def list(self, group: str, kind: str, namespace: str | None = None) -> list[Manifest]:
        """All objects of a kind, of every namespace when ``namespace`` is ``None``."""
        ...

    async def create(self, obj: Manifest, *, field_manager: str = "") -> Manifest:
        """Create; ``metadata.generateName`` works. 409 (``AlreadyExists``) when the name is taken."""
        ...

    async def update(self, obj: Manifest, *, field_manager: str = "") -> Manifest:
        """Replace all but the status. With a ``metadata.resourceVersion`` 409 (``Conflict``) when it is stale."""
        ...

    async def update_status(self, obj: Manifest, *, field_manager: str = "") -> Manifest:
        """Replace ``status`` only, locked in the same way."""
        ...

    async def delete(
        self,
        group: str,
        kind: str,
        namespace: str,
        name: str,
        *,
        propagation: Propagation = "Background",
        uid: str | None = None,
        grace_period_seconds: int | None = None,
    ) -> None:
        """Delete; 404 when there is none, 409 when ``uid`` names another incarnation.

        A pod that runs on a node is only marked (``deletionTimestamp``) until its kubelet deletes it with grace 0.
        """
        ...

    def subscribe(self, *kinds: tuple[str, str]) -> AsyncIterator[tuple[str, Manifest]]:
        """``(ADDED | MODIFIED | DELETED, object)`` of these ``(group, kind)`` pairs, first the present state as ADDED.

        A kind whose CRD does not exist yet is an error (404).
        """
        ...
