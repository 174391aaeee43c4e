"""``fairlead install``: prepare a cluster for the controllers, or print what that takes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from fairlead.cli.connection import cluster_options, connect, run_async

if TYPE_CHECKING:
    from fairlead.cli.connection import Connection

__all__ = ["install"]


@click.command()
@click.option("--export", is_flag=True, help="Print the manifests instead of applying them.")
@click.option(
    "--cluster-admin/--no-cluster-admin",
    default=True,
    show_default=True,
    help="Bind the controllers' account to cluster-admin; without, every Kustomization needs a serviceAccountName.",
)
@click.option(
    "--account-tokens",
    is_flag=True,
    help="Let the controllers ask for tokens of all service accounts, for spec.kubeConfig.configMapRef; "
    "cluster-admin may that anyway.",
)
@cluster_options
@run_async
async def install(*, export: bool, cluster_admin: bool, account_tokens: bool, connection: Connection) -> None:
    """Apply CRDs, namespace and RBAC, and wait until the API is served."""
    from fairlead.controllers import install as installer
    from fairlead.objects.yaml import dump_all

    rights = {"cluster_admin": cluster_admin, "account_tokens": account_tokens}
    if export:
        wanted = installer.manifests(connection.namespace, **rights)
        click.echo("---\n" + dump_all(wanted), nl=False)
        return
    async with connect(connection) as client:
        async for step in installer.install(client, connection.namespace, **rights):
            note = f" ({step.note})" if step.note else ""
            click.echo(f"{step.ref} {step.outcome}{note}")
