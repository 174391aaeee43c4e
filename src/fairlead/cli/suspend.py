"""``fairlead suspend`` and ``fairlead resume``: hold automatic reconciliation, visibly, and let it go on."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from fairlead.cli import fields, progress
from fairlead.cli.connection import Connection, cluster_options, connect, run_async
from fairlead.cli.kinds import GIT_REPOSITORY, KUSTOMIZATION
from fairlead.cli.reconcile import wait_for_outcome
from fairlead.errors import FairleadError
from fairlead.objects.ref import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.cli.kinds import Kind
    from fairlead.kube.client import KubeClient

__all__ = ["resume", "suspend"]


class NothingSelectedError(FairleadError):
    """Neither a name nor ``--all`` led to an object."""


@click.group()
def suspend() -> None:
    """Stop automatic reconciliation of a resource."""


@click.group()
def resume() -> None:
    """Resume automatic reconciliation of a resource, and wait for it."""


def _selection(command: Callable[..., Any]) -> Callable[..., Any]:
    command = click.option("--all", "everything", is_flag=True, help="All of the namespace.")(command)
    return cluster_options(click.argument("names", nargs=-1)(command))


def _suspend_command(kind: Kind) -> click.Command:
    @click.command(help=f"Suspend {kind.plural_words} NAMES.")
    @_selection
    @run_async
    async def command(names: tuple[str, ...], everything: bool, connection: Connection) -> None:
        _check_selection(kind, names, everything)
        async with connect(connection) as client:
            for name in await _chosen(client, kind, names, everything, connection.namespace):
                progress.action(f"suspending {kind.words} {name} in {connection.namespace} namespace")
                await _set_suspend(client, kind, connection.namespace, name, True)
                progress.done(f"{kind.words} suspended")

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
                await _set_suspend(client, kind, connection.namespace, name, False)
                progress.done(f"{kind.words} resumed")
            if wait:
                async with asyncio.TaskGroup() as group:
                    for name in chosen:
                        group.create_task(_wait(client, kind, name, connection))

    return command


async def _wait(client: KubeClient, kind: Kind, name: str, connection: Connection) -> None:
    progress.waiting(f"waiting for {kind.name} {name} reconciliation")

    def reached(found: dict[str, Any]) -> bool:
        seen = fields.path(found, "status", "observedGeneration") == found["metadata"].get("generation")
        # A failure does not raise observedGeneration (Flux's rule), so a settled Ready=False of this generation counts.
        failed = (fields.condition(found, "Ready") or {}).get("observedGeneration") == found["metadata"].get(
            "generation"
        )
        return (seen or failed) and fields.settled(found)

    await wait_for_outcome(client, kind, connection.namespace, name, connection, reached)


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
        raise NothingSelectedError(f"no {kind.name} objects found in {namespace} namespace")
    return [manifest["metadata"]["name"] for manifest in listing.items]


async def _set_suspend(client: KubeClient, kind: Kind, namespace: str, name: str, value: bool) -> None:
    from fairlead.kube.client import PatchType

    reference = ObjectRef(kind.group, kind.name, namespace, name)
    await client.patch(reference, {"spec": {"suspend": value}}, PatchType.MERGE, field_manager="flux")


def _attach(group: click.Group, make: Callable[[Kind], click.Command]) -> None:
    sources = click.Group("source", help="A source.")
    sources.add_command(make(GIT_REPOSITORY), "git")
    group.add_command(sources)
    command = make(KUSTOMIZATION)
    group.add_command(command, "kustomization")
    group.add_command(command, "ks")


_attach(suspend, _suspend_command)
_attach(resume, _resume_command)
