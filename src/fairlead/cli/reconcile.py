"""``fairlead reconcile``: ask for a reconcile now, and wait for what comes of it."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from fairlead.cli import fields, progress
from fairlead.cli.connection import Connection, cluster_options, connect, run_async
from fairlead.cli.groups import Group
from fairlead.cli.kinds import GIT_REPOSITORY, KUSTOMIZATION, Named, kind_by_reference
from fairlead.cli.waiting import Deadline, wait_until
from fairlead.errors import FairleadError

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.kube.client import KubeClient

__all__ = ["reconcile", "wait_for_outcome"]

REQUESTED_AT = "reconcile.fluxcd.io/requestedAt"


class ReconcileFailedError(FairleadError):
    """The reconcile took place and did not succeed; the message is the Ready condition's."""


@click.group(cls=Group)
def reconcile() -> None:
    """Reconcile now, and wait for the outcome."""


@reconcile.group("source", cls=Group)
def source() -> None:
    """Reconcile a source."""


@source.command("git")
@click.argument("name")
@cluster_options
@run_async
async def source_git(name: str, connection: Connection) -> None:
    """Reconcile the GitRepository NAME."""
    async with connect(connection) as client:
        await _reconcile(client, Named(GIT_REPOSITORY, connection.namespace, name), connection)


@click.command()
@click.argument("name")
@click.option("--with-source", is_flag=True, help="Reconcile the source first.")
@cluster_options
@run_async
async def kustomization(name: str, with_source: bool, connection: Connection) -> None:
    """Reconcile the Kustomization NAME."""
    async with connect(connection) as client:
        if with_source:
            await _reconcile_source_of(client, name, connection)
        await _reconcile(client, Named(KUSTOMIZATION, connection.namespace, name), connection)


reconcile.add_command(kustomization, "kustomization")
reconcile.add_command(kustomization, "ks")


async def _reconcile_source_of(client: KubeClient, name: str, connection: Connection) -> None:
    owner = await client.get(Named(KUSTOMIZATION, connection.namespace, name).ref)
    reference = owner["spec"]["sourceRef"]
    kind = kind_by_reference(reference["kind"])
    if kind is None:
        raise ReconcileFailedError(
            f"{reference['kind']}/{reference['name']}: sources of this kind cannot be reconciled yet"
        )
    source = Named(kind, reference.get("namespace") or connection.namespace, reference["name"])
    await _reconcile(client, source, connection)


async def _reconcile(client: KubeClient, named: Named, connection: Connection) -> None:
    manifest = await client.get(named.ref)
    if fields.suspended(manifest):
        raise ReconcileFailedError(f"{named.ref} is suspended; resume it first")
    progress.action(f"annotating {named} in {named.namespace} namespace")
    token = datetime.now(UTC).isoformat().replace("+00:00", "Z")
    await _annotate(client, named, token)
    progress.done(f"{named.kind.name} annotated")
    progress.waiting(f"waiting for {named.kind.name} reconciliation")

    def noticed(found: dict[str, Any]) -> bool:
        # A run that waits for health has not handled the request yet, but it is at work on it.
        handled = fields.path(found, "status", "lastHandledReconcileAt") == token
        return bool(handled) or (fields.condition(found, "Reconciling") or {}).get("status") == "True"

    def reached(found: dict[str, Any]) -> bool:
        return fields.path(found, "status", "lastHandledReconcileAt") == token and fields.settled(found)

    await wait_for_outcome(client, named, reached, Deadline(connection.timeout, noticed))


async def wait_for_outcome(
    client: KubeClient, named: Named, reached: Callable[[dict[str, Any]], bool], deadline: Deadline
) -> None:
    """Wait until ``reached``, then print the revision, or raise what the Ready condition says."""
    manifest = await wait_until(client, named, reached, deadline=deadline)
    if fields.ready(manifest) != "True":
        text = (fields.condition(manifest, "Ready") or {}).get("message", "not ready")
        raise ReconcileFailedError(f"{named} reconciliation failed: {text}")
    progress.done(f"{named.kind.done} {fields.short_revision(fields.full_revision(manifest, named.kind))}")


async def _annotate(client: KubeClient, named: Named, token: str) -> None:
    from fairlead.kube.client import PatchType

    body = {"metadata": {"annotations": {REQUESTED_AT: token}}}
    await client.patch(named.ref, body, PatchType.MERGE, field_manager="flux")
