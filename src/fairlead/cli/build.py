"""``fairlead build kustomization``: what a Kustomization would apply, from files on this machine."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from fairlead.cli.connection import Connection, cluster_options
from fairlead.cli.groups import Group
from fairlead.cli.local import Source, load, render, source_options

if TYPE_CHECKING:
    from pathlib import Path

__all__ = ["build"]


@click.group(cls=Group)
def build() -> None:
    """Build a resource from local files."""


@click.command()
@source_options
@click.option("--dry-run", is_flag=True, help="Ask no cluster; needs --kustomization-file and skips substituteFrom.")
@click.option("--strict-substitute", is_flag=True, help="Fail on variables without value and default.")
@cluster_options
def kustomization(
    name: str, folder: Path, file: Path | None, dry_run: bool, strict_substitute: bool, connection: Connection
) -> None:
    """Print what the Kustomization NAME would apply, with --path in place of its source."""
    if dry_run and file is None:
        raise click.UsageError("--dry-run needs --kustomization-file")
    from fairlead.objects import yaml
    from fairlead.objects.order import sorted_manifests

    source = Source(name, folder, file)
    owner, variables = asyncio.run(load(connection, source, offline=dry_run))
    for manifest in sorted_manifests(render(owner, folder, variables, strict=strict_substitute)):
        click.echo("---\n" + yaml.dump(manifest), nl=False)


build.add_command(kustomization, "kustomization")
build.add_command(kustomization, "ks")
