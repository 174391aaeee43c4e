"""``fairlead version``."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from fairlead import __version__
from fairlead.cli import progress
from fairlead.cli.connection import cluster_options, connect
from fairlead.cli.output import output_option, print_data
from fairlead.errors import FairleadError

if TYPE_CHECKING:
    from fairlead.cli.connection import Connection

__all__ = ["version"]


@click.command()
@click.option("--client", is_flag=True, help="Ask no cluster.")
@output_option
@cluster_options
def version(client: bool, output: str | None, connection: Connection) -> None:
    """Print the versions of the program and of the cluster's API server."""
    found = {"fairlead": f"v{__version__}"}
    if not client:
        from fairlead.cli.failures import explain

        try:
            found["kubernetes"] = asyncio.run(_server_version(connection))
        except FairleadError as error:
            progress.warn(explain(error))
    if output:
        print_data(found, output)
    else:
        click.echo("\n".join(f"{name}: {value}" for name, value in found.items()))


async def _server_version(connection: Connection) -> str:
    async with connect(connection) as client:
        answer = await client.request("GET", "/version")
    return str(answer.get("gitVersion", ""))
