"""``fairlead trace``: from a live object back to the Kustomization, the source and the commit that put it there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fairlead.cli import fields
from fairlead.cli.connection import Connection, cluster_options, connect, run_async
from fairlead.cli.kinds import GIT_REPOSITORY, KUSTOMIZATION
from fairlead.errors import FairleadError
from fairlead.kube.errors import NotFoundError
from fairlead.objects.ref import GroupKind, ObjectRef, split_api_version

if TYPE_CHECKING:
    from fairlead.kube.client import KubeClient
    from fairlead.kube.discovery import Resource

__all__ = ["trace"]

Section = list[tuple[str, str]]


class NotManagedError(FairleadError):
    """The object carries no owner labels, so no Kustomization applied it."""


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="KIND NAME | KIND/NAME | NAME")
@click.option("--kind", "kind_flag", help="Kind of the object, when only its name is given.")
@click.option("--api-version", help="Its API version, with --kind.")
@cluster_options
@run_async
async def trace(words: tuple[str, ...], kind_flag: str | None, api_version: str | None, connection: Connection) -> None:
    """Go from a live object back to its Git commit."""
    word, name = _target(words, kind_flag)
    async with connect(connection) as client:
        resource = await _resource(client, word, api_version)
        ref = ObjectRef(resource.group, resource.kind, connection.namespace if resource.namespaced else "", name)
        live = await client.get(ref, version=resource.version)
        owner = _owner_of(live, ref)
        sections = [[("Object", f"{ref.kind}/{ref.name}"), ("Namespace", ref.namespace), ("Status", "Managed by Flux")]]
        sections += await _owner_sections(client, owner)
    click.echo("\n---\n".join(_format(section) for section in sections))


def _target(words: tuple[str, ...], kind_flag: str | None) -> tuple[str, str]:
    """The kind's word and the object's name, in any of the three forms."""
    match words:
        case (kind, name) if not kind_flag:
            return kind, name
        case (text,) if kind_flag:
            return kind_flag, text
        case (text,) if "/" in text:
            kind, _, name = text.partition("/")
            return kind, name
    raise click.UsageError("say KIND NAME, KIND/NAME, or NAME with --kind")


async def _resource(client: KubeClient, word: str, api_version: str | None) -> Resource:
    if api_version:
        group, version = split_api_version(api_version)
        return await client.discovery.resource(GroupKind(group, word), version)
    return await client.discovery.find(word)


def _owner_of(live: dict[str, Any], ref: ObjectRef) -> ObjectRef:
    labels = live["metadata"].get("labels") or {}
    name = labels.get(f"{KUSTOMIZATION.group}/name")
    namespace = labels.get(f"{KUSTOMIZATION.group}/namespace")
    if not name or not namespace:
        raise NotManagedError(f"{ref} is not managed by a Kustomization: it has no owner labels")
    return ObjectRef(KUSTOMIZATION.group, KUSTOMIZATION.name, namespace, name)


async def _owner_sections(client: KubeClient, owner: ObjectRef) -> list[Section]:
    try:
        manifest = await client.get(owner)
    except NotFoundError:
        return [[("Kustomization", owner.name), ("Namespace", owner.namespace), ("Status", "Not found")]]
    spec = manifest["spec"]
    section = [
        ("Kustomization", owner.name),
        ("Namespace", owner.namespace),
        ("Path", spec.get("path") or ""),
        ("Revision", fields.full_revision(manifest, KUSTOMIZATION)),
        *_status(manifest),
    ]
    return [section, await _source_section(client, spec["sourceRef"], owner.namespace)]


async def _source_section(client: KubeClient, reference: dict[str, Any], namespace: str) -> Section:
    ref = ObjectRef(GIT_REPOSITORY.group, reference["kind"], reference.get("namespace") or namespace, reference["name"])
    try:
        manifest = await client.get(ref)
    except NotFoundError:
        return [(ref.kind, ref.name), ("Namespace", ref.namespace), ("Status", "Not found")]
    spec = manifest["spec"]
    wanted = spec.get("ref") or {}
    named = [(key.capitalize(), str(value)) for key, value in wanted.items() if value]
    section = [(ref.kind, ref.name), ("Namespace", ref.namespace), ("URL", spec.get("url") or "")]
    section += named or [("Branch", "master")]
    return [*section, ("Revision", fields.full_revision(manifest, GIT_REPOSITORY)), *_status(manifest)]


def _status(manifest: dict[str, Any]) -> Section:
    ready = fields.condition(manifest, "Ready") or {}
    if fields.suspended(manifest):
        return [("Status", "Suspended"), ("Message", ready.get("message", ""))]
    if not ready:
        return [("Status", "Unknown")]
    verb = "Last reconciled at" if ready["status"] == "True" else "Last attempted at"
    return [("Status", f"{verb} {ready.get('lastTransitionTime', '')}"), ("Message", ready.get("message", ""))]


def _format(section: Section) -> str:
    shown = [(name, value) for name, value in section if value]
    width = max(len(name) for name, _ in shown) + 2
    return "\n".join(f"{name + ':':<{width}}{value}" for name, value in shown)
