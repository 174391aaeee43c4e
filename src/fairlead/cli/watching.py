"""Following objects for as long as the user wants: a watch that is begun again whenever the server ends it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from fairlead.kube.client import KubeClient
    from fairlead.objects.ref import GroupKind

__all__ = ["follow"]


async def follow(
    client: KubeClient, kind: GroupKind, version: str, *, namespace: str | None, label_selector: str = ""
) -> AsyncIterator[dict[str, Any]]:
    """Each new state of the objects after ``version``, for ever; what was deleted is not told.

    Where the server has forgotten the version, all objects come once more.
    """
    from fairlead.kube.errors import GoneError

    while True:
        try:
            stream = client.watch(kind, resource_version=version, namespace=namespace, label_selector=label_selector)
            async for event in stream:
                version = event.object["metadata"]["resourceVersion"]
                if event.type in ("ADDED", "MODIFIED"):
                    yield event.object
        except GoneError:
            listing = await client.list(kind, namespace=namespace, label_selector=label_selector)
            version = listing.resource_version
            for manifest in listing.items:
                yield manifest
