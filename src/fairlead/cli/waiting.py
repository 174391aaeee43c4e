"""Waiting for an object to reach a state, by watching it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fairlead.cli import fields, progress
from fairlead.errors import FairleadError, UnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable
    from datetime import timedelta

    from fairlead.cli.kinds import Named
    from fairlead.kube.client import KubeClient

__all__ = ["Deadline", "wait_until"]

PATIENCE_SECONDS = 10.0
"""After that, silence is explained."""


class VanishedError(FairleadError):
    """The object was deleted while we waited for it."""


@dataclass(frozen=True, slots=True)
class Deadline:
    """How long to wait, and what to say when nobody seems to be at work."""

    timeout: timedelta
    noticed: Callable[[dict[str, Any]], bool] = field(default=lambda _: True)
    """Whether a controller has reacted to what was asked."""


async def wait_until(
    client: KubeClient, named: Named, reached: Callable[[dict[str, Any]], bool], *, deadline: Deadline
) -> dict[str, Any]:
    """The object as soon as ``reached`` says so; ``UnavailableError`` at the deadline with its last message."""
    last: dict[str, Any] = {}

    async def explain_silence() -> None:
        await asyncio.sleep(min(PATIENCE_SECONDS, deadline.timeout.total_seconds() / 2))
        if not deadline.noticed(last):
            progress.warn(f"no controller has taken up {named} yet; is 'fairlead run' at work?")

    reminder = asyncio.create_task(explain_silence())
    try:
        async with asyncio.timeout(deadline.timeout.total_seconds()):
            while True:
                async for manifest in _versions(client, named):
                    last = manifest
                    if reached(manifest):
                        return manifest
    except TimeoutError as error:
        word = fields.message(last) if deadline.noticed(last) else "no controller has taken it up"
        raise UnavailableError(f"timed out waiting for {named.ref}: {word}") from error
    finally:
        reminder.cancel()


async def _versions(client: KubeClient, named: Named) -> AsyncIterator[dict[str, Any]]:
    """The object now and after each change; ends when the server ends the watch, so the caller starts again."""
    kind, namespace, selector = named.kind.group_kind, named.namespace, f"metadata.name={named.name}"
    listing = await client.list(kind, namespace=namespace, field_selector=selector)
    if not listing.items:
        raise VanishedError(f"{named} was deleted from {namespace} namespace meanwhile")
    for manifest in listing.items:
        yield manifest
    stream = client.watch(kind, resource_version=listing.resource_version, namespace=namespace, field_selector=selector)
    async for event in stream:
        if event.type in ("ADDED", "MODIFIED"):
            yield event.object
        elif event.type == "DELETED":
            return
