"""The flags that say which cluster and namespace a command means, and the client made from them."""

from __future__ import annotations

import asyncio
import functools
import os
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

import click

from fairlead.errors import UnavailableError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Coroutine
    from datetime import timedelta

    from fairlead.kube.client import KubeClient
    from fairlead.kube.config import ClusterConfig

__all__ = ["Connection", "DurationType", "cluster_options", "connect", "run_async"]

P = ParamSpec("P")
R = TypeVar("R")

CONNECT_SECONDS = 5.0
"""A person waits: a server that does not take a connection by then is called unreachable."""
REQUEST_SECONDS = 60.0
_IDENTITY = ("token_file", "client_cert", "client_key", "exec_plugin")


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
    said: dict[str, Any] = field(default_factory=dict, repr=False)
    """What flags put in place of the kubeconfig's words: server, token, identity, TLS."""

    def config(self) -> ClusterConfig:
        """How to reach the cluster; raises ``KubeconfigError`` that says where it looked."""
        from fairlead.kube.config import load_config

        return replace(load_config(self.kubeconfig, self.context, os.environ), **self.said)


def cluster_options(command: Callable[..., R]) -> Callable[..., R]:
    """Add Flux's connection flags; the command gets them as one ``connection`` argument."""

    @functools.wraps(command)
    def wrapper(
        kubeconfig: Path | None,
        context: str | None,
        namespace: str,
        ns_follows_kube_context: bool,
        timeout: timedelta,
        *args: Any,
        **kwargs: Any,
    ) -> R:
        connection = Connection(kubeconfig, context, namespace, timeout, _overrides(kwargs))
        if ns_follows_kube_context:
            connection = replace(connection, namespace=connection.config().namespace)
        return command(*args, connection=connection, **kwargs)

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
            "--ns-follows-kube-context",
            is_flag=True,
            envvar="FLUX_NS_FOLLOWS_KUBE_CONTEXT",
            help="Take the namespace of the kubeconfig's context instead.",
        ),
        click.option("--server", metavar="URL", help="Address of the API server."),
        click.option("--token", help="Bearer token for the API server."),
        click.option("--as", "as_user", metavar="USER", help="Act as this user."),
        click.option("--as-group", multiple=True, metavar="GROUP", help="Act as a member of this group."),
        click.option(
            "--certificate-authority",
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            help="Certificate of the authority to trust.",
        ),
        click.option("--tls-server-name", help="Name to expect in the server's certificate."),
        click.option("--insecure-skip-tls-verify", is_flag=True, help="Do not check the server's certificate."),
        click.option(
            "--timeout", type=DurationType(), default="5m", show_default=True, help="How long to wait at most."
        ),
    )
    for option in reversed(options):
        wrapper = option(wrapper)
    return wrapper


def _overrides(flags: dict[str, Any]) -> dict[str, Any]:
    """The flags that were said, taken out of a command's arguments, as fields of ``ClusterConfig``."""
    server, token, name = flags.pop("server"), flags.pop("token"), flags.pop("tls_server_name")
    user, groups = flags.pop("as_user"), flags.pop("as_group")
    authority, insecure = flags.pop("certificate_authority"), flags.pop("insecure_skip_tls_verify")
    if groups and not user:
        raise click.UsageError("--as-group needs --as")
    said: dict[str, Any] = {"server": server, "tls_server_name": name, "impersonate_user": user}
    said |= {"impersonate_groups": groups, "insecure": insecure, "ca": authority and authority.read_bytes()}
    if token:
        said |= {"token": token, "token_file": None, "client_cert": None, "client_key": None, "exec_plugin": None}
    return {name: value for name, value in said.items() if value or (token and value is None and name in _IDENTITY)}


@asynccontextmanager
async def connect(connection: Connection) -> AsyncIterator[KubeClient]:
    """A client for the cluster that the flags name; raises ``FairleadError`` when there is none."""
    from fairlead.kube.client import KubeClient
    from fairlead.kube.options import ClientOptions

    seconds = connection.timeout.total_seconds()
    options = ClientOptions(
        connect_timeout=min(CONNECT_SECONDS, seconds), request_timeout=min(REQUEST_SECONDS, seconds), retries=2
    )
    async with KubeClient(connection.config(), options) as client:
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
