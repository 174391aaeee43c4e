"""``fairlead export``: resources as they would stand in a repository, without what a server adds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fairlead.cli.connection import Connection, cluster_options, connect, run_async
from fairlead.cli.failures import NothingFoundError
from fairlead.cli.groups import Group
from fairlead.cli.kinds import GIT_REPOSITORY, KUSTOMIZATION

if TYPE_CHECKING:
    from fairlead.cli.kinds import Kind

__all__ = ["clean", "export"]

_NOISE = ("kubectl.kubernetes.io/last-applied-configuration", "reconcile.fluxcd.io/requestedAt")
_SWITCHES = ("force", "suspend")
"""Left out when they are off: the server writes the default, a person does not."""


@click.group(cls=Group)
def export() -> None:
    """Print resources as clean YAML."""


def _command(kind: Kind) -> click.Command:
    @click.command(help=f"Print the {kind.name} NAME, or --all of the namespace.")
    @click.argument("name", required=False)
    @click.option("--all", "everything", is_flag=True, help="All of the namespace.")
    @cluster_options
    @run_async
    async def command(name: str | None, everything: bool, connection: Connection) -> None:
        if bool(name) == everything:
            raise click.UsageError("name one resource, or say --all")
        async with connect(connection) as client:
            listing = await client.list(kind.group_kind, namespace=connection.namespace)
        chosen = [found for found in listing.items if everything or found["metadata"]["name"] == name]
        if not chosen:
            what = f"{kind.name} object '{name}' not" if name else f"no {kind.name} objects"
            raise NothingFoundError(f"{what} found in {connection.namespace} namespace")
        from fairlead.objects import yaml

        for manifest in chosen:
            click.echo("---\n" + yaml.dump(clean(manifest, kind)), nl=False)

    return command


def clean(manifest: dict[str, Any], kind: Kind) -> dict[str, Any]:
    """The manifest that a person would have written: names, labels, annotations and spec."""
    metadata = manifest["metadata"]
    kept: dict[str, Any] = {"name": metadata["name"], "namespace": metadata["namespace"]}
    if metadata.get("labels"):
        kept["labels"] = metadata["labels"]
    annotations = {key: value for key, value in (metadata.get("annotations") or {}).items() if key not in _NOISE}
    if annotations:
        kept["annotations"] = annotations
    spec = {key: value for key, value in manifest["spec"].items() if key not in _SWITCHES or value}
    return {"apiVersion": kind.api_version, "kind": kind.name, "metadata": kept, "spec": spec}


_sources = Group("source", help="A source.")
_sources.add_command(_command(GIT_REPOSITORY), "git")
export.add_command(_sources)
_kustomization = _command(KUSTOMIZATION)
export.add_command(_kustomization, "kustomization")
export.add_command(_kustomization, "ks")
