"""``fairlead diff kustomization``: what applying files of this machine would change in the cluster.

Exit code 0 means no difference, 1 differences, 2 and more an error, as in Flux.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import click

from fairlead.cli.connection import Connection, cluster_options, connect
from fairlead.cli.controller_flags import ControllerFlags, controller_options, read_flags
from fairlead.cli.failures import explain
from fairlead.cli.groups import Group
from fairlead.cli.local import Source, find, keys_from, render, source_options, variables_from
from fairlead.errors import FairleadError, NotReadyError

if TYPE_CHECKING:
    from pathlib import Path

    from fairlead.api.kustomization import Kustomization
    from fairlead.engine.plan import Change, ChangeSet
    from fairlead.kube.client import KubeClient
    from fairlead.objects.diff import FieldChange
    from fairlead.objects.manifest import Manifest
    from fairlead.objects.ref import ObjectRef

__all__ = ["diff"]

AT_ONCE = 16
WORDS = {"created": "created", "configured": "drifted", "deleted": "deleted"}


@click.group(cls=Group)
def diff() -> None:
    """Compare local files with the cluster."""


@click.command()
@source_options
@controller_options
@cluster_options
def kustomization(name: str, folder: Path, file: Path | None, connection: Connection, flags: ControllerFlags) -> int:
    """Show what the Kustomization NAME would change, with --path in place of its source.

    Fields of spec.ignore, and replicas of Flux's controllers that Fairlead does not scale, count as they are. The
    flags that the controllers run with are read from their Deployment in flux-system, if you may read it. The server
    is asked with your rights, and not with those of the account that applies.
    """
    try:
        changes = asyncio.run(_compare(Source(name, folder, file), connection, flags))
    except FairleadError as error:
        click.echo(f"✗ {explain(error)}", err=True)
        return 2
    shown = [change for change in changes if change.action in WORDS]
    for change in shown:
        click.echo(_format(change))
    return 1 if shown else 0


diff.add_command(kustomization, "kustomization")
diff.add_command(kustomization, "ks")


async def _compare(source: Source, connection: Connection, said: ControllerFlags) -> ChangeSet:
    from fairlead.controllers.delivery import ignore_rules
    from fairlead.controllers.flux_scale import FluxScale
    from fairlead.engine.ignore import IgnoreRules, with_values_of
    from fairlead.engine.plan import Owner, plan
    from fairlead.objects.inventory import Inventory
    from fairlead.objects.ref import ObjectRef

    async with connect(connection) as client:
        owner = await find(client, source, connection.namespace)
        flags = await read_flags(client, said, owner)
        _check_source(owner, flags)
        keys = await keys_from(client, owner, shared=flags.sops_age_secret or "")
        variables = await variables_from(client, owner)
        desired = render(owner, source.folder, variables, keys=keys, remote_bases=not flags.no_remote_bases)
        held = FluxScale(flags.label_selector, flags.leave_flux_scale is not False).hold(owner, desired)
        desired, rules = held.objects, IgnoreRules((*ignore_rules(owner), *held.rules))
        entries = owner.status.inventory.entries if owner.status.inventory else []
        inventory = Inventory.from_entries({"id": entry.id, "v": entry.v} for entry in entries)
        refs = {ObjectRef.of(manifest): manifest for manifest in desired}
        live = await _gather(client, [*refs, *(inventory - Inventory.of(desired))], lambda ref: client.get(ref))
        answers = await _gather(client, [ref for ref in refs if ref in live], lambda ref: _dry_run(client, refs[ref]))
        for ref, answer in answers.items():
            answers[ref] = with_values_of(live[ref], answer, rules.paths_for(refs[ref]))
        return plan(
            desired,
            live,
            answers,
            inventory,
            owner=Owner(owner.metadata.namespace, owner.metadata.name),
            prune=owner.spec.prune,
        )


def _check_source(owner: Kustomization, flags: ControllerFlags) -> None:
    """Nothing would change at all."""
    from fairlead.controllers.dependencies import source_of
    from fairlead.errors import ForbiddenError

    ref = source_of(owner)
    if flags.no_cross_namespace_refs and ref.namespace != owner.metadata.namespace:
        raise ForbiddenError(f"can't access '{ref}', cross-namespace references have been blocked")


async def _dry_run(client: KubeClient, manifest: Manifest) -> Manifest:
    from fairlead.api.names import KUSTOMIZE_CONTROLLER

    return await client.apply(manifest, field_manager=KUSTOMIZE_CONTROLLER, dry_run=True)


async def _gather(client: KubeClient, refs: list[ObjectRef], ask: Any) -> dict[ObjectRef, Manifest]:
    """The answers for those that exist; a missing object, or a kind that is not known yet, has none."""
    from fairlead.kube.errors import NotFoundError

    found: dict[ObjectRef, Manifest] = {}
    slots = asyncio.Semaphore(AT_ONCE)

    async def one(ref: ObjectRef) -> None:
        async with slots:
            try:
                found[ref] = await ask(ref)
            except (NotFoundError, NotReadyError):
                return

    try:
        async with asyncio.TaskGroup() as group:
            for ref in refs:
                group.create_task(one(ref))
    except* FairleadError as errors:
        raise errors.exceptions[0] from None
    return found


def _format(change: Change) -> str:
    lines = [f"► {change.ref} {WORDS[change.action]}"]
    for field in change.fields:
        lines += ["", field.path, *_field_lines(field)]
    return "\n".join([*lines, ""]) if change.fields else lines[0]


def _field_lines(field: FieldChange) -> list[str]:
    from fairlead.objects.diff import ABSENT

    if field.before is ABSENT:
        return ["  + added", *_value_lines("+", field.after)]
    if field.after is ABSENT:
        return ["  - removed", *_value_lines("-", field.before)]
    return ["  ± value change", *_value_lines("-", field.before), *_value_lines("+", field.after)]


def _value_lines(mark: str, value: Any) -> list[str]:
    from fairlead.objects import yaml

    return [f"    {mark} {line}" for line in yaml.dump(value).rstrip("\n").splitlines()]
