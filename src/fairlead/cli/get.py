"""``fairlead get``: sources and kustomizations in Flux's columns."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fairlead.cli import fields
from fairlead.cli.connection import Connection, cluster_options, connect, run_async
from fairlead.cli.kinds import GIT_REPOSITORY, KUSTOMIZATION
from fairlead.cli.output import output_option, print_objects
from fairlead.cli.tables import format_table
from fairlead.errors import FairleadError, InvalidSpecError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.cli.kinds import Kind
    from fairlead.kube.client import KubeClient

__all__ = ["get"]


class NothingFoundError(FairleadError):
    """There is no object of the kind in that scope; Flux treats that as a failure, too."""


def get_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """The flags that every ``get`` has."""
    for option in reversed(
        (
            click.argument("name", required=False),
            click.option("-A", "--all-namespaces", is_flag=True, help="Objects of all namespaces."),
            click.option("--no-header", is_flag=True, help="Leave the header out."),
            click.option("-w", "--watch", is_flag=True, help="After listing, print what changes."),
            click.option(
                "--status-selector", metavar="TYPE=STATUS", help="Only objects whose condition has that status."
            ),
            click.option("-l", "--label-selector", default="", help="Only objects with these labels."),
            output_option,
        )
    ):
        command = option(command)
    return cluster_options(command)


class GetGroup(click.Group):
    """Accepts Flux's plurals and short forms of the kinds."""

    aliases = {"ks": "kustomizations", "kustomization": "kustomizations", "source": "sources"}  # noqa: RUF012 - click's way

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        return super().get_command(ctx, self.aliases.get(cmd_name, cmd_name))


@click.group(cls=GetGroup)
def get() -> None:
    """Show sources and kustomizations."""


@get.group("sources")
def sources() -> None:
    """Show sources."""


@sources.command("git")
@get_options
def sources_git(**flags: Any) -> None:
    """Show GitRepositories."""
    _show([GIT_REPOSITORY], prefix=False, **flags)


@sources.command("all")
@get_options
def sources_all(**flags: Any) -> None:
    """Show sources of every kind."""
    _show([GIT_REPOSITORY], prefix=True, **flags)


@get.command("kustomizations")
@click.option("--show-source", is_flag=True, help="Add a column with the source.")
@get_options
def kustomizations(show_source: bool, **flags: Any) -> None:
    """Show Kustomizations."""
    _show([KUSTOMIZATION], prefix=False, show_source=show_source, **flags)


@get.command("all")
@get_options
def everything(**flags: Any) -> None:
    """Show every source and kustomization."""
    _show([GIT_REPOSITORY, KUSTOMIZATION], prefix=True, **flags)


@run_async
async def _show(
    kinds: list[Kind],
    *,
    connection: Connection,
    name: str | None,
    all_namespaces: bool,
    no_header: bool,
    watch: bool,
    status_selector: str | None,
    label_selector: str,
    output: str | None,
    prefix: bool,
    show_source: bool = False,
) -> None:
    wanted = _parse_status_selector(status_selector)
    view = View(prefix=prefix, show_source=show_source, all_namespaces=all_namespaces)
    namespace = None if all_namespaces else connection.namespace
    async with connect(connection) as client:
        found: list[dict[str, Any]] = []
        version = ""
        for kind in kinds:
            listing = await client.list(kind.group_kind, namespace=namespace, label_selector=label_selector)
            objects = [
                manifest
                for manifest in listing.items
                if name in (None, manifest["metadata"]["name"]) and _selected(manifest, wanted)
            ]
            version = listing.resource_version
            if not objects and len(kinds) == 1 and not watch:
                raise NothingFoundError(_nothing(kind, name, namespace))
            found += objects
            if objects and not output:
                rows = [view.row(manifest, kind) for manifest in objects]
                click.echo(format_table(view.header(), rows, with_header=not no_header))
                if kind is not kinds[-1]:
                    click.echo()
        if output:
            print_objects(found, output, single=name is not None)
        elif watch:
            await _follow(client, kinds[0], namespace, label_selector, version, name, wanted, view)


async def _follow(
    client: KubeClient,
    kind: Kind,
    namespace: str | None,
    selector: str,
    version: str,
    name: str | None,
    wanted: tuple[str, str] | None,
    view: View,
) -> None:
    stream = client.watch(kind.group_kind, resource_version=version, namespace=namespace, label_selector=selector)
    async for event in stream:
        manifest = event.object
        if (
            event.type in ("ADDED", "MODIFIED")
            and name in (None, manifest["metadata"]["name"])
            and _selected(manifest, wanted)
        ):
            click.echo(format_table(view.header(), [view.row(manifest, kind)], with_header=False))


class View:
    """Which columns a listing has."""

    def __init__(self, *, prefix: bool, show_source: bool, all_namespaces: bool) -> None:
        self._prefix = prefix
        self._show_source = show_source
        self._all_namespaces = all_namespaces

    def header(self) -> list[str]:
        names = ["NAMESPACE"] if self._all_namespaces else []
        return [*names, "NAME", *(["SOURCE"] if self._show_source else []), "REVISION", "SUSPENDED", "READY", "MESSAGE"]

    def row(self, manifest: dict[str, Any], kind: Kind) -> list[str]:
        metadata = manifest["metadata"]
        cells = [metadata["namespace"]] if self._all_namespaces else []
        cells.append(f"{kind.name.lower()}/{metadata['name']}" if self._prefix else metadata["name"])
        if self._show_source:
            source = fields.path(manifest, "spec", "sourceRef") or {}
            cells.append(f"{source.get('kind', '')}/{source.get('name', '')}")
        revision = fields.short_revision(fields.full_revision(manifest, kind))
        return [*cells, revision, str(fields.suspended(manifest)), fields.ready(manifest), fields.message(manifest)]


def _parse_status_selector(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    kind, separator, status = text.partition("=")
    if not separator:
        raise InvalidSpecError(f"--status-selector must be TYPE=STATUS, for example ready=false, not {text!r}")
    return kind.lower(), status.lower()


def _selected(manifest: dict[str, Any], wanted: tuple[str, str] | None) -> bool:
    if wanted is None:
        return True
    conditions = fields.path(manifest, "status", "conditions") or []
    return any(row["type"].lower() == wanted[0] and row["status"].lower() == wanted[1] for row in conditions)


def _nothing(kind: Kind, name: str | None, namespace: str | None) -> str:
    where = f"{namespace} namespace" if namespace else "any namespace"
    if name:
        return f"{kind.name} object '{name}' not found in {where}"
    return f"no {kind.name} objects found in {where}"
