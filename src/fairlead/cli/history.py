"""``fairlead history``: what a Kustomization delivered, when, from whose commit, and with which outcome; newest first.

It is read from ``.status.history``, which counts runs with the same manifests and the same result together and keeps
the five newest; 'fairlead events' tells the single runs.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from fairlead.api.names import COMMIT_AUTHOR, COMMIT_SUBJECT, EVENT_REVISION
from fairlead.cli import fields
from fairlead.cli.age import human_age
from fairlead.cli.connection import Connection, cluster_options, connect, run_async
from fairlead.cli.failures import NothingFoundError
from fairlead.cli.groups import Group
from fairlead.cli.kinds import KUSTOMIZATION
from fairlead.cli.output import output_option, print_data
from fairlead.cli.tables import format_table
from fairlead.objects.ref import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterator

__all__ = ["history"]

HEADER = ("LAST", "RESULT", "REVISION", "RUNS", "TOOK", "AUTHOR", "COMMIT")
ACTIONS = ("created", "configured", "deleted")


@click.group(cls=Group)
def history() -> None:
    """Show what was delivered when, from whose commit."""


@click.command()
@click.argument("name")
@click.option("--changes", is_flag=True, help="Add what was created, configured and deleted.")
@click.option("--no-header", is_flag=True, help="Leave the header out.")
@output_option
@cluster_options
@run_async
async def kustomization(name: str, changes: bool, no_header: bool, output: str | None, connection: Connection) -> None:
    """Show the deliveries of the Kustomization NAME."""
    async with connect(connection) as client:
        ref = ObjectRef(KUSTOMIZATION.group, KUSTOMIZATION.name, connection.namespace, name)
        entries = fields.path(await client.get(ref), "status", "history") or []
    if output:
        print_data(entries, output)
        return
    if not entries:
        raise NothingFoundError(f"Kustomization {name} in {connection.namespace} namespace has delivered nothing yet")
    lines = format_table(HEADER, [_row(entry) for entry in entries], with_header=not no_header).splitlines()
    if not no_header:
        click.echo(lines.pop(0))
    for line, entry in zip(lines, entries, strict=True):
        click.echo("\n".join([line, *(_changes(entry) if changes else ())]))


history.add_command(kustomization, "kustomization")
history.add_command(kustomization, "ks")


def _row(entry: dict[str, Any]) -> list[str]:
    metadata = entry.get("metadata") or {}
    took = metadata.get("finishedIn") or entry.get("lastReconciledDuration", "")
    applied = metadata.get("appliedIn", "")
    return [
        human_age(entry.get("lastReconciled", ""), datetime.now(UTC)),
        entry.get("lastReconciledStatus", ""),
        fields.short_revision(metadata.get("deliveredRevision") or metadata.get(EVENT_REVISION, "")),
        str(entry.get("totalReconciliations", "")),
        f"{took} (applied in {applied})" if applied else took,
        metadata.get(COMMIT_AUTHOR, ""),
        metadata.get(COMMIT_SUBJECT, ""),
    ]


def _changes(entry: dict[str, Any]) -> Iterator[str]:
    metadata = entry.get("metadata") or {}
    for action in ACTIONS:
        for name in metadata.get(action, "").split():
            yield f"    {name} {action}" if name != "…" else f"    … and more {action}"
