"""Waiting for an object to reach a state, by watching it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from fairlead.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import timedelta

    from fairlead.cli.kinds import Kind
    from fairlead.kube.client import KubeClient

__all__ = ["wait_until"]


async def wait_until(
    client: KubeClient,
    kind: Kind,
    namespace: str,
    name: str,
    reached: Callable[[dict[str, Any]], bool],
    *,
    timeout: timedelta,
) -> dict[str, Any]:
    """The object as soon as ``reached`` says so; ``UnavailableError`` after ``timeout`` with its last message."""
    from fairlead.cli import fields

    last: dict[str, Any] = {}
    try:
        async with asyncio.timeout(timeout.total_seconds()):
            while True:
                async for manifest in _versions(client, kind, namespace, name):
                    last = manifest
                    if reached(manifest):
                        return manifest
    except TimeoutError as error:
        raise UnavailableError(
            f"timed out waiting for {kind.name}/{namespace}/{name}; its last word: {fields.message(last)}"
        ) from error


async def _versions(client: KubeClient, kind: Kind, namespace: str, name: str) -> AsyncIterator[dict[str, Any]]:
    """The object now and after each change; ends when the server ends the watch, so the caller starts again."""
    selector = f"metadata.name={name}"
    listing = await client.list(kind.group_kind, namespace=namespace, field_selector=selector)
    for manifest in listing.items:
        yield manifest
    stream = client.watch(
        kind.group_kind, resource_version=listing.resource_version, namespace=namespace, field_selector=selector
    )
    async for event in stream:
        if event.type in ("ADDED", "MODIFIED"):
            yield event.object
