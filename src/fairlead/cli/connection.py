"""The flags that say which cluster and namespace a command means, and the client made from them."""

from __future__ import annotations

import asyncio
import functools
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from fairlead.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from datetime import timedelta

    from fairlead.kube.client import KubeClient

__all__ = ["Connection", "DurationType", "cluster_options", "connect", "run_async"]

P = ParamSpec("P")
R = TypeVar("R")


class DurationType(click.ParamType[Any, Any]):
    """A Go duration (``90s``, ``1h30m``) as a ``timedelta``."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        from datetime import timedelta

        from fairlead.objects.duration import parse_duration

        if isinstance(value, timedelta):
            return value
        try:
            return parse_duration(str(value))
        except ValueError as error:
            self.fail(str(error), param, ctx)


@dataclass(frozen=True, slots=True)
class Connection:
    """Which cluster, which namespace, and for how long a command may wait."""

    kubeconfig: Path | None
    context: str | None
    namespace: str
    timeout: timedelta


def cluster_options(command: Callable[..., R]) -> Callable[..., R]:
    """Add Flux's connection flags; the command gets them as one ``connection`` argument."""

    @functools.wraps(command)
    def wrapper(
        kubeconfig: Path | None, context: str | None, namespace: str, timeout: timedelta, *args: Any, **kwargs: Any
    ) -> R:
        return command(*args, connection=Connection(kubeconfig, context, namespace, timeout), **kwargs)

    options = (
        click.option("--kubeconfig", type=click.Path(path_type=Path), help="Path of the kubeconfig file."),
        click.option("--context", help="Name of the kubeconfig's context."),
        click.option(
            "-n",
            "--namespace",
            default=lambda: os.environ.get("FLUX_SYSTEM_NAMESPACE") or "flux-system",
            show_default="flux-system",
            help="Scope of the request.",
        ),
        click.option(
            "--timeout", type=DurationType(), default="5m", show_default=True, help="How long to wait at most."
        ),
    )
    for option in reversed(options):
        wrapper = option(wrapper)
    return wrapper


@asynccontextmanager
async def connect(connection: Connection) -> AsyncIterator[KubeClient]:
    """A client for the cluster that the flags name; raises ``FairleadError`` when there is none."""
    from fairlead.kube.client import KubeClient
    from fairlead.kube.config import load_config

    config = load_config(connection.kubeconfig, connection.context, os.environ)
    async with KubeClient(config) as client:
        yield client


def run_async(command: Callable[P, Coroutine[Any, Any, R]]) -> Callable[P, R]:
    """Run an async command body in a loop of its own; ``--timeout`` ends as a clear error."""

    @functools.wraps(command)
    def wrapper(*args: P.args, **kwargs: P.kwargs) -> R:
        try:
            return asyncio.run(command(*args, **kwargs))
        except TimeoutError as error:
            raise UnavailableError(str(error) or "timed out") from error

    return wrapper
