"""What monitoring sees of the controllers: metrics and probes over HTTP."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.runtime.health import ProbeServer

if TYPE_CHECKING:
    import asyncio
    from collections.abc import Iterable
    from contextlib import AsyncExitStack

    from fairlead.kube.client import KubeClient
    from fairlead.runtime.events import EventRecorder
    from fairlead.runtime.metrics import Metrics

__all__ = ["labels_of", "serve_probes"]


async def serve_probes(
    stack: AsyncExitStack,
    addresses: Iterable[str],
    metrics: Metrics,
    client: KubeClient,
    recorders: Iterable[EventRecorder],
    started: asyncio.Event,
) -> None:
    """Serve metrics and probes at each address (``HOST:PORT``; empty ones are left out) until the stack is unwound."""
    wanted = [address for address in dict.fromkeys(addresses) if address]
    if not wanted:
        return
    metrics.watch_client(client)
    for recorder in recorders:
        metrics.watch_events(recorder)
    checks = {"started": lambda: None if started.is_set() else "resources are not known yet"}
    for address in wanted:
        host, _, port = address.rpartition(":")
        server = ProbeServer(host=host.strip("[]") or None, port=int(port), metrics=metrics, checks=checks)
        await stack.enter_async_context(server)


def labels_of(controller: str, key: object) -> tuple[str, str, str]:
    """Kind, name and namespace of what a controller works on, as metrics name it."""
    kind = "GitRepository" if controller == "gitrepository" else "Kustomization"
    namespace, name = key if isinstance(key, tuple) else ("", str(key))
    return kind, name, namespace
