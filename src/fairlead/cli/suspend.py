"""``fairlead suspend`` and ``fairlead resume``: hold automatic reconciliation, visibly, and let it go on."""

from __future__ import annotations

import asyncio
import getpass
import socket
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import click

from fairlead.api.suspension import UNTIL, Suspension
from fairlead.cli import fields, progress
from fairlead.cli.connection import Connection, DurationType, cluster_options, connect, run_async
from fairlead.cli.failures import NothingFoundError
from fairlead.cli.groups import Group
from fairlead.cli.kinds import GIT_REPOSITORY, KUSTOMIZATION, Named
from fairlead.cli.reconcile import wait_for_outcome
from fairlead.cli.waiting import Deadline
from fairlead.objects.ref import ObjectRef
from fairlead.runtime.clock import timestamp

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import timedelta

    from fairlead.cli.kinds import Kind
    from fairlead.kube.client import KubeClient

__all__ = ["resume", "suspend"]

RESUME: dict[str, Any] = {"metadata": {"annotations": Suspension().annotations()}, "spec": {"suspend": False}}


@click.group(cls=Group)
def suspend() -> None:
    """Stop automatic reconciliation of a resource."""


@click.group(cls=Group)
def resume() -> None:
    """Resume automatic reconciliation of a resource, and wait for it."""


def _selection(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option("--all", "everything", is_flag=True, help="All of the namespace.")(command)
    return cluster_options(click.argument("names", nargs=-1)(command))


def _suspend_command(kind: Kind) -> click.Command:
    @click.command(help=f"Suspend {kind.plural_words} NAMES; who, why and until when is recorded in annotations.")
    @click.option("--reason", default="", help="Why; 'get' shows it.")
    @click.option("--for", "duration", type=DurationType(), help="End the suspension by itself after this time.")
    @_selection
    @run_async
    async def command(
        names: tuple[str, ...], everything: bool, reason: str, duration: timedelta | None, connection: Connection
    ) -> None:
        _check_selection(kind, names, everything)
        body = _suspend_patch(reason, duration)
        async with connect(connection) as client:
            for name in await _chosen(client, kind, names, everything, connection.namespace):
                progress.action(f"suspending {kind.words} {name} in {connection.namespace} namespace")
                await _patch(client, kind, connection.namespace, name, body)
                until = f" until {body['metadata']['annotations'][UNTIL]}" if duration else ""
                progress.done(f"{kind.words} suspended{until}")

    return command


def _resume_command(kind: Kind) -> click.Command:
    @click.command(help=f"Resume {kind.plural_words} NAMES and wait for them.")
    @click.option("--wait/--no-wait", default=True, help="Wait for the outcome.")
    @_selection
    @run_async
    async def command(names: tuple[str, ...], everything: bool, wait: bool, connection: Connection) -> None:
        _check_selection(kind, names, everything)
        async with connect(connection) as client:
            chosen = await _chosen(client, kind, names, everything, connection.namespace)
            for name in chosen:
                progress.action(f"resuming {kind.words} {name} in {connection.namespace} namespace")
                await _patch(client, kind, connection.namespace, name, RESUME)
                progress.done(f"{kind.words} resumed")
            if wait:
                await _wait_for_all(client, kind, chosen, connection)

    return command


async def _wait_for_all(client: KubeClient, kind: Kind, names: list[str], connection: Connection) -> None:
    """One that fails does not hide how the others end; all failures are raised together."""
    ends = await asyncio.gather(*(_wait(client, kind, name, connection) for name in names), return_exceptions=True)
    if failures := [end for end in ends if isinstance(end, Exception)]:
        raise ExceptionGroup(f"{kind.plural_words} did not become ready", failures)


async def _wait(client: KubeClient, kind: Kind, name: str, connection: Connection) -> None:
    progress.waiting(f"waiting for {kind.name} {name} reconciliation")

    def reached(found: dict[str, Any]) -> bool:
        seen = fields.path(found, "status", "observedGeneration") == found["metadata"].get("generation")
        # A failure does not raise observedGeneration (Flux's rule), so a settled Ready=False of this generation counts.
        failed = (fields.condition(found, "Ready") or {}).get("observedGeneration") == found["metadata"].get(
            "generation"
        )
        return (seen or failed) and fields.settled(found)

    deadline = Deadline(connection.timeout, reached)
    await wait_for_outcome(client, Named(kind, connection.namespace, name), reached, deadline)


def _check_selection(kind: Kind, names: tuple[str, ...], everything: bool) -> None:
    if names and everything:
        raise click.UsageError("name resources or say --all, not both")
    if not names and not everything:
        raise click.UsageError(f"{kind.name} name is required (or --all)")


async def _chosen(
    client: KubeClient, kind: Kind, names: tuple[str, ...], everything: bool, namespace: str
) -> list[str]:
    if names:
        for name in names:  # all must exist before the first is touched
            await client.get(ObjectRef(kind.group, kind.name, namespace, name))
        return list(names)
    listing = await client.list(kind.group_kind, namespace=namespace)
    if not listing.items:
        raise NothingFoundError(f"no {kind.name} objects found in {namespace} namespace")
    return [manifest["metadata"]["name"] for manifest in listing.items]


def _suspend_patch(reason: str, duration: timedelta | None) -> dict[str, Any]:
    now = datetime.now(UTC).replace(microsecond=0)
    suspension = Suspension(
        reason=" ".join(reason.split()),
        by=f"{getpass.getuser()}@{socket.gethostname()}",
        since=timestamp(now),
        until=timestamp(now + duration) if duration else "",
    )
    return {"metadata": {"annotations": suspension.annotations()}, "spec": {"suspend": True}}


async def _patch(client: KubeClient, kind: Kind, namespace: str, name: str, body: dict[str, Any]) -> None:
    from fairlead.kube.client import PatchType

    await client.patch(ObjectRef(kind.group, kind.name, namespace, name), body, PatchType.MERGE, field_manager="flux")


def _attach(group: click.Group, make: Callable[[Kind], click.Command]) -> None:
    sources = Group("source", help="A source.")
    sources.add_command(make(GIT_REPOSITORY), "git")
    group.add_command(sources)
    command = make(KUSTOMIZATION)
    group.add_command(command, "kustomization")
    group.add_command(command, "ks")


_attach(suspend, _suspend_command)
_attach(resume, _resume_command)
