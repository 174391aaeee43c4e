"""``fairlead kustomize``: the build engine as a drop-in for ``kustomize build``."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import click

__all__ = ["kustomize"]


@click.group()
def kustomize() -> None:
    """The kustomize engine as a command."""


@kustomize.command("build")
@click.argument("directory", default=".", type=click.Path())
@click.option(
    "--load-restrictor",
    type=click.Choice(["LoadRestrictionsRootOnly", "LoadRestrictionsNone", "rootOnly", "none"]),
    default="LoadRestrictionsRootOnly",
    help="LoadRestrictionsNone lets kustomizations load files from outside their folder.",
)
@click.option(
    "--reorder", type=click.Choice(["legacy", "none"]), default="legacy", help="Order when sortOptions says nothing."
)
@click.option("--enable-managedby-label", is_flag=True, help="Label every object app.kubernetes.io/managed-by.")
@click.option("--enable-alpha-plugins", is_flag=True, help="Accepted; programs are never run by a build.")
@click.option("--offline", is_flag=True, help="Fetch nothing: refuse remote bases and files.")
@click.option("--output", "-o", type=click.Path(), default=None, help="Write to this file instead of printing.")
def build(
    directory: str,
    load_restrictor: str,
    reorder: str,
    enable_managedby_label: bool,
    enable_alpha_plugins: bool,
    offline: bool,
    output: str | None,
) -> None:
    """Print what the kustomization in DIRECTORY builds to, as kustomize prints it."""
    from fairlead.build.kustomize import KustomizeOptions, render
    from fairlead.build.kustomize import build as build_folder
    from fairlead.build.tree import FolderTree
    from fairlead.cli.fetching import FetchedBases
    from fairlead.errors import FairleadError

    remote = FetchedBases()
    options = KustomizeOptions(
        root_only=load_restrictor in ("LoadRestrictionsRootOnly", "rootOnly"),
        legacy_order=reorder == "legacy",
        managed_by_label=enable_managedby_label,
        lenient=False,
        fetcher=None if offline else remote,
    )
    folder = os.path.realpath(directory)
    try:
        with remote:
            result = build_folder(FolderTree("/"), folder.lstrip("/"), options)
            text = render(result)
    except FairleadError as error:
        click.echo(f"Error: {error}", err=True)
        raise SystemExit(1) from error
    for warning in result.warnings:
        click.echo(warning, err=True)
    data = text.encode(errors="surrogateescape")
    if output is None:
        sys.stdout.buffer.write(data)
        return
    Path(output).write_bytes(data)
