"""``fairlead cluster``: the local cluster in the foreground."""

from __future__ import annotations

import asyncio
import os
import signal
from pathlib import Path

import click

from fairlead.errors import UserError
from fairlead.localcluster import LocalCluster
from fairlead.localcluster.server.tokens import ISSUER
from fairlead.objects import yaml

__all__ = ["cluster"]


@click.group()
def cluster() -> None:
    """A Kubernetes API server on this machine, with simulated workloads."""


@cluster.command()
@click.option(
    "--kubeconfig",
    required=True,
    type=click.Path(path_type=Path, dir_okay=False),
    help="Where to write the kubeconfig of the cluster's administrator.",
)
@click.option(
    "--data-dir",
    type=click.Path(path_type=Path, file_okay=False),
    help="Keep the cluster's state in this folder; without it the state ends with the process.",
)
@click.option(
    "--listen", default="127.0.0.1:0", show_default=True, metavar="HOST:PORT", help="Port 0 takes a free one."
)
@click.option(
    "--service-account-issuer",
    default=ISSUER,
    metavar="URL",
    show_default=True,
    help="Who the tokens of service accounts say has signed them.",
)
@click.option(
    "--authentication-config",
    type=click.Path(path_type=Path, dir_okay=False, exists=True),
    help="An AuthenticationConfiguration: other clusters whose tokens are good here, too.",
)
def start(
    kubeconfig: Path,
    data_dir: Path | None,
    listen: str,
    service_account_issuer: str,
    authentication_config: Path | None,
) -> None:
    """Serve until interrupted; prints one line as soon as it does."""
    authentication = None if authentication_config is None else yaml.load(authentication_config.read_bytes())
    cluster = LocalCluster(
        data_dir=data_dir, listen=listen, issuer=service_account_issuer, authentication=authentication
    )
    asyncio.run(_serve(cluster, kubeconfig))


async def _serve(cluster: LocalCluster, kubeconfig: Path) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    async with cluster as running:
        _write_private(kubeconfig, running.kubeconfig())
        click.echo(f"local cluster serves at {running.url}, kubeconfig {kubeconfig}")
        await stop.wait()


def _write_private(path: Path, text: str) -> None:
    """Only the owner may read it: it holds an administrator's key. Never half-written for a waiting reader."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        partial = path.with_name(f".{path.name}.{os.getpid()}")
        partial.touch(0o600)
        partial.write_text(text)
        partial.replace(path)
    except OSError as error:
        raise UserError(f"{path}: cannot be written ({error.strerror})") from error
