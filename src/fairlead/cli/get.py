"""``fairlead get``: sources and kustomizations in Flux's columns."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import click

from fairlead.cli import fields, progress
from fairlead.cli.connection import Connection, cluster_options, connect, run_async
from fairlead.cli.failures import NothingFoundError, object_not_found
from fairlead.cli.groups import Group
from fairlead.cli.kinds import GIT_REPOSITORY, KUSTOMIZATION
from fairlead.cli.output import output_option, print_objects
from fairlead.cli.pending import message_of, newest_revisions
from fairlead.cli.tables import Table
from fairlead.cli.watching import follow

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.cli.kinds import Kind
    from fairlead.kube.client import KubeClient
    from fairlead.objects.ref import ObjectRef

__all__ = ["get"]


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


class GetGroup(Group):
    """Accepts Flux's plurals and short forms of the kinds, and kubectl's name of a source."""

    aliases = {  # noqa: RUF012 - click's way
        "ks": "kustomizations",
        "kustomization": "kustomizations",
        "source": "sources",
        "gitrepository": "gitrepositories",
    }


@click.group(cls=GetGroup)
def get() -> None:
    """Show sources and kustomizations."""


@get.group("sources", cls=Group)
def sources() -> None:
    """Show sources."""


@sources.command("git")
@get_options
def sources_git(**flags: Any) -> None:
    """Show GitRepositories."""
    _show([GIT_REPOSITORY], prefix=False, **flags)


_gitrepositories = click.Command(
    "gitrepositories", callback=sources_git.callback, params=sources_git.params, hidden=True
)
get.add_command(_gitrepositories)


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
    no_header: bool,
    watch: bool,
    output: str | None,
    prefix: bool,
    show_source: bool = False,
    **selection: Any,
) -> None:
    if watch and output:
        raise click.UsageError("--watch prints a table; leave --output out")
    wanted = Selection.from_flags(connection, **selection)
    async with connect(connection) as client:
        listings = [(kind, *await wanted.list(client, kind)) for kind in kinds]
        if not watch:
            _require_some(listings, wanted, lenient=prefix)
        if output:
            found = [manifest for _, objects, _ in listings for manifest in objects]
            print_objects(found, output, single=wanted.name is not None)
            return
        newest = await newest_revisions(client, [manifest for _, objects, _ in listings for manifest in objects])
        view = View(prefix, show_source, wanted.namespace is None, newest)
        shown = [(kind, objects) for kind, objects, _ in listings if objects]
        tables = {kind: Table(view.header()) for kind in kinds}
        for index, (kind, objects) in enumerate(shown):
            click.echo("\n" * bool(index), nl=False)
            rows = [view.row(manifest, kind) for manifest in objects]
            click.echo(tables[kind].lines(rows, with_header=not no_header))
        if watch:
            if not shown and not no_header:
                click.echo(tables[kinds[0]].lines([]))
            async with asyncio.TaskGroup() as group:
                for kind, _, version in listings:
                    group.create_task(_follow(client, kind, version, wanted, view, tables[kind]))


async def _follow(client: KubeClient, kind: Kind, version: str, wanted: Selection, view: View, table: Table) -> None:
    stream = follow(client, kind.group_kind, version, namespace=wanted.namespace, label_selector=wanted.label_selector)
    async for manifest in stream:
        if wanted.takes(manifest):
            click.echo(table.lines([view.row(manifest, kind)], with_header=False))


def _require_some(listings: list[tuple[Kind, list[Any], str]], wanted: Selection, *, lenient: bool) -> None:
    """Nothing found is a failure; where several kinds are asked for, as in Flux, it is not, but it is said."""
    if any(objects for _, objects, _ in listings):
        return
    where = f" in {wanted.namespace} namespace" if wanted.namespace else ""
    if not lenient:
        kind = listings[0][0].name
        if wanted.name:
            raise object_not_found(kind, wanted.name, wanted.namespace)
        raise NothingFoundError(f"no {kind} objects found{where}")
    progress.warn(f"no {' or '.join(kind.name for kind, _, _ in listings)} objects found{where}")


@dataclass(frozen=True, slots=True)
class Selection:
    """Which objects are asked for."""

    namespace: str | None
    """``None`` for all."""
    name: str | None
    label_selector: str
    status: tuple[str, str] | None

    @classmethod
    def from_flags(
        cls,
        connection: Connection,
        *,
        name: str | None,
        all_namespaces: bool,
        label_selector: str,
        status_selector: str | None,
    ) -> Selection:
        namespace = None if all_namespaces else connection.namespace
        return cls(namespace, name, label_selector, _parse_status_selector(status_selector))

    async def list(self, client: KubeClient, kind: Kind) -> tuple[list[dict[str, Any]], str]:
        """What there is, and the version from which a watch goes on."""
        listing = await client.list(kind.group_kind, namespace=self.namespace, label_selector=self.label_selector)
        return [manifest for manifest in listing.items if self.takes(manifest)], listing.resource_version

    def takes(self, manifest: dict[str, Any]) -> bool:
        if self.name not in (None, manifest["metadata"]["name"]):
            return False
        if self.status is None:
            return True
        conditions = fields.path(manifest, "status", "conditions") or []
        return any((row["type"].lower(), row["status"].lower()) == self.status for row in conditions)


@dataclass(frozen=True, slots=True)
class View:
    """Which columns a listing has."""

    prefix: bool
    show_source: bool
    with_namespace: bool
    newest: dict[ObjectRef, str]
    """The newest revisions of sources, to say what is pending."""

    def header(self) -> list[str]:
        names = ["NAMESPACE"] if self.with_namespace else []
        return [*names, "NAME", *(["SOURCE"] if self.show_source else []), "REVISION", "SUSPENDED", "READY", "MESSAGE"]

    def row(self, manifest: dict[str, Any], kind: Kind) -> list[str]:
        metadata = manifest["metadata"]
        cells = [metadata["namespace"]] if self.with_namespace else []
        cells.append(f"{kind.name.lower()}/{metadata['name']}" if self.prefix else metadata["name"])
        if self.show_source:
            source = fields.path(manifest, "spec", "sourceRef") or {}
            cells.append(f"{source.get('kind', '')}/{source.get('name', '')}")
        revision = fields.short_revision(fields.full_revision(manifest, kind))
        message = message_of(manifest, self.newest)
        return [*cells, revision, str(fields.suspended(manifest)), fields.ready(manifest), message]


def _parse_status_selector(text: str | None) -> tuple[str, str] | None:
    if text is None:
        return None
    kind, separator, status = text.partition("=")
    if not separator:
        raise click.UsageError(f"--status-selector must be TYPE=STATUS, for example ready=false, not {text!r}")
    return kind.lower(), status.lower()
