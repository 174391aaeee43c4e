"""``fairlead events``: what happened to Flux objects, oldest first."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from fairlead.cli import fields
from fairlead.cli.age import human_age
from fairlead.cli.connection import Connection, cluster_options, connect, run_async
from fairlead.cli.failures import NothingFoundError
from fairlead.cli.kinds import KUSTOMIZATION, kind_by_reference
from fairlead.cli.tables import Table
from fairlead.cli.watching import follow
from fairlead.objects.ref import GroupKind, ObjectRef

if TYPE_CHECKING:
    from fairlead.kube.client import KubeClient

__all__ = ["events"]

Target = tuple[str, str]
EVENT = GroupKind("", "Event")


@click.command()
@click.option("-A", "--all-namespaces", is_flag=True, help="Events of all namespaces.")
@click.option("-w", "--watch", is_flag=True, help="After listing, print new events.")
@click.option(
    "--for", "target", metavar="KIND/NAME", help="Only those of one object (and, for a Kustomization, of its source)."
)
@click.option("--types", help="Only these types: Normal, Warning.")
@click.option("--no-header", is_flag=True, help="Leave the header out.")
@cluster_options
@run_async
async def events(
    all_namespaces: bool, watch: bool, target: str | None, types: str | None, no_header: bool, connection: Connection
) -> None:
    """Show what happened."""
    namespace = None if all_namespaces else connection.namespace
    chosen_types = _chosen_types(types)
    async with connect(connection) as client:
        targets = await _targets(client, target, connection.namespace) if target else None

        def wanted(event: dict[str, Any]) -> bool:
            involved = event.get("involvedObject") or {}
            if targets is None:
                ours = "toolkit.fluxcd.io" in (involved.get("apiVersion") or "")
            else:
                ours = (involved.get("kind"), involved.get("name")) in targets
            return ours and (chosen_types is None or event.get("type", "").lower() in chosen_types)

        listing = await client.list(EVENT, namespace=namespace)
        found = sorted(filter(wanted, listing.items), key=_last_seen)
        if not found and not watch:
            raise NothingFoundError(f"no events found{f' in {namespace} namespace' if namespace else ''}")
        header = [*(["NAMESPACE"] if all_namespaces else []), "LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"]
        table = Table(header)
        if found or not no_header:
            rows = [_row(event, all_namespaces) for event in found]
            click.echo(table.lines(rows, with_header=not no_header))
        if watch:
            async for event in follow(client, EVENT, listing.resource_version, namespace=namespace):
                if wanted(event):
                    click.echo(table.lines([_row(event, all_namespaces)], with_header=False))


def _chosen_types(text: str | None) -> set[str] | None:
    if not text:
        return None
    chosen = {kind.strip().lower() for kind in text.split(",")}
    if unknown := chosen - {"normal", "warning"}:
        raise click.UsageError(f"--types knows Normal and Warning, not {', '.join(sorted(unknown))}")
    return chosen


async def _targets(client: KubeClient, text: str, namespace: str) -> set[Target]:
    word, separator, name = text.partition("/")
    kind = kind_by_reference(word)
    if not separator or kind is None:
        raise click.UsageError("--for must be KIND/NAME, for example Kustomization/apps")
    found = {(kind.name, name)}
    if kind is KUSTOMIZATION:
        owner = await client.get(ObjectRef(kind.group, kind.name, namespace, name))
        source = fields.path(owner, "spec", "sourceRef") or {}
        found.add((source.get("kind", ""), source.get("name", "")))
    return found


def _last_seen(event: dict[str, Any]) -> str:
    series = fields.path(event, "series", "lastObservedTime")
    stamp = series or event.get("lastTimestamp") or event.get("eventTime") or event["metadata"].get("creationTimestamp")
    return str(stamp or "")


def _row(event: dict[str, Any], with_namespace: bool) -> list[str]:
    involved = event.get("involvedObject") or {}
    seen = human_age(_last_seen(event), datetime.now(UTC))
    count = event.get("count") or 1
    if count > 1:
        seen = f"{seen} (x{count} over {human_age(event.get('firstTimestamp') or '', datetime.now(UTC))})"
    cells = [event["metadata"].get("namespace", "")] if with_namespace else []
    subject = f"{involved.get('kind')}/{involved.get('name')}"
    return [*cells, seen, event.get("type", ""), event.get("reason", ""), subject, event.get("message", "").strip()]
