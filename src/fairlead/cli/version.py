"""``fairlead version``."""

from __future__ import annotations

import click

from fairlead import __version__

__all__ = ["version"]


@click.command()
def version() -> None:
    """Print the version."""
    click.echo(f"fairlead: v{__version__}")
