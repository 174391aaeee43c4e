"""Signatures of revisions."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairlead.sources.spec import RemoteHead, Verification
    from fairlead.sources.store import ObjectStore


async def verify_revision(store: ObjectStore, head: RemoteHead, verification: Verification) -> str:
    raise NotImplementedError
