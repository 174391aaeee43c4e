"""The local cluster as a value: start it, get its kubeconfig, stop it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Self

if TYPE_CHECKING:
    from pathlib import Path
    from types import TracebackType

__all__ = ["LocalCluster"]


class LocalCluster:
    """An API server on this machine, as an async context manager.

    ``data_dir`` keeps its state over restarts; without one everything lives in memory. ``listen`` is ``HOST:PORT``,
    port 0 takes a free one. ``simulate`` runs the controllers that make workloads ready; ``speed`` is how much faster
    than real time they go.
    """

    def __init__(
        self,
        *,
        data_dir: Path | None = None,
        listen: str = "127.0.0.1:0",
        simulate: bool = True,
        speed: float = 1.0,
    ) -> None:
        self.data_dir = data_dir
        self.listen = listen
        self.simulate = simulate
        self.speed = speed
        self.url = ""

    def kubeconfig(self) -> str:
        """A kubeconfig for stock kubectl, with a client certificate of a cluster administrator."""
        raise NotImplementedError

    async def __aenter__(self) -> Self:
        raise NotImplementedError

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        raise NotImplementedError
