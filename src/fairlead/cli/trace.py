"""``fairlead trace``: from a live object back to the Kustomization, the source and the commit that put it there."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from fairlead.api.names import COMMIT_AUTHOR, COMMIT_SUBJECT
from fairlead.cli import fields
from fairlead.cli.connection import Connection, cluster_options, connect, run_async
from fairlead.cli.kinds import GIT_REPOSITORY, KUSTOMIZATION
from fairlead.cli.output import output_option, print_data
from fairlead.errors import FairleadError
from fairlead.kube.errors import NotFoundError
from fairlead.objects.ref import GroupKind, ObjectRef, split_api_version

if TYPE_CHECKING:
    from fairlead.kube.client import KubeClient
    from fairlead.kube.discovery import Resource

__all__ = ["trace"]

Section = list[tuple[str, str]]
MOST_OWNERS = 8
"""Chains of owners are short; a longer one is a circle."""


class NotManagedError(FairleadError):
    """The object carries no owner labels, so no Kustomization applied it."""


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="KIND NAME | KIND/NAME | NAME")
@click.option("--kind", "kind_flag", help="Kind of the object, when only its name is given.")
@click.option("--api-version", help="Its API version, with --kind.")
@output_option
@cluster_options
@run_async
async def trace(
    words: tuple[str, ...], kind_flag: str | None, api_version: str | None, output: str | None, connection: Connection
) -> None:
    """Go from a live object back to its Git commit."""
    word, name = _target(words, kind_flag)
    async with connect(connection) as client:
        resource = await _resource(client, word, api_version)
        ref = ObjectRef(resource.group, resource.kind, connection.namespace if resource.namespaced else "", name)
        live = await client.get(ref, version=resource.version)
        chain = [(ref, live), *await _owners(client, live)]
        owner = _kustomization_of(chain[-1][1])
        sections = [_object_section(chain, owner)]
        if owner is not None:
            sections += await _owner_sections(client, owner, chain[-1][0])
        elif ref.group_kind == KUSTOMIZATION.group_kind:  # a root: nobody applied it, but it has a source
            sections += await _owner_sections(client, ref)
        else:
            raise NotManagedError(f"{ref} is not managed by a Kustomization: it has no owner labels")
    if output:
        print_data([{name: value for name, value in section if value} for section in sections], output)
        return
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


def _object_section(chain: list[tuple[ObjectRef, dict[str, Any]]], owner: ObjectRef | None) -> Section:
    """The object, and what it was made by: a pod's labels say nothing of Git, those of its deployment do."""
    ref, makers = chain[0][0], [f"{maker.kind}/{maker.name}" for maker, _ in chain[1:]]
    section = [("Object", f"{ref.kind}/{ref.name}"), ("Namespace", ref.namespace)]
    section += [("Made by", ", by ".join(makers))]
    return [*section, ("Status", "Managed by Flux" if owner else "Not managed by a Kustomization")]


async def _owners(client: KubeClient, live: dict[str, Any]) -> list[tuple[ObjectRef, dict[str, Any]]]:
    """The controllers above an object, up to the first that a Kustomization applied."""
    found: list[tuple[ObjectRef, dict[str, Any]]] = []
    while len(found) < MOST_OWNERS and not _kustomization_of(live):
        references = live["metadata"].get("ownerReferences") or []
        owner = next((reference for reference in references if reference.get("controller")), None)
        if owner is None:
            break
        group, version = split_api_version(owner["apiVersion"])
        resource = await client.discovery.resource(GroupKind(group, owner["kind"]), version)
        namespace = live["metadata"].get("namespace", "") if resource.namespaced else ""
        ref = ObjectRef(group, owner["kind"], namespace, owner["name"])
        try:
            live = await client.get(ref, version=version)
        except NotFoundError:
            break
        found.append((ref, live))
    return found


def _kustomization_of(live: dict[str, Any]) -> ObjectRef | None:
    labels = live["metadata"].get("labels") or {}
    name = labels.get(f"{KUSTOMIZATION.group}/name")
    namespace = labels.get(f"{KUSTOMIZATION.group}/namespace")
    return ObjectRef(KUSTOMIZATION.group, KUSTOMIZATION.name, namespace, name) if name and namespace else None


async def _owner_sections(client: KubeClient, owner: ObjectRef, applied: ObjectRef | None = None) -> list[Section]:
    """The Kustomization and its source; with the files of ``applied``, the object that it put into the cluster."""
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
        *_commit(_delivered(manifest, applied)),
        *_status(manifest),
    ]
    reference = spec["sourceRef"]
    namespace = reference.get("namespace") or owner.namespace
    ref = ObjectRef(GIT_REPOSITORY.group, reference["kind"], namespace, reference["name"])
    try:
        source = await client.get(ref)
    except NotFoundError:
        return [section, [(ref.kind, ref.name), ("Namespace", ref.namespace), ("Status", "Not found")]]
    if applied is not None and ref.group_kind == GIT_REPOSITORY.group_kind:
        from fairlead.cli.trace_files import file_lines

        revision = fields.full_revision(manifest, KUSTOMIZATION)
        section[3:3] = await file_lines(client, applied, manifest, source, revision)
    return [section, _source_section(ref, source)]


def _source_section(ref: ObjectRef, manifest: dict[str, Any]) -> Section:
    spec = manifest["spec"]
    wanted = spec.get("ref") or {}
    named = [(key.capitalize(), str(value)) for key, value in wanted.items() if value]
    section = [(ref.kind, ref.name), ("Namespace", ref.namespace), ("URL", spec.get("url") or "")]
    section += named or [("Branch", "master")]
    section += [("Revision", fields.full_revision(manifest, GIT_REPOSITORY))]
    return [*section, *_commit(fields.path(manifest, "status", "artifact", "metadata")), *_status(manifest)]


def _delivered(kustomization: dict[str, Any], applied: ObjectRef | None) -> dict[str, Any]:
    """What the history says of the commit that changed the object last; of the one that is applied, if it has no such.

    The history is short, so the commit of an object that has long been the same is that of the last other change.
    """
    revision = fields.full_revision(kustomization, KUSTOMIZATION)
    entries = [entry.get("metadata") or {} for entry in fields.path(kustomization, "status", "history") or []]
    own = (metadata for metadata in entries if str(applied) in _changed(metadata))
    return next(own, None) or next((metadata for metadata in entries if metadata.get("revision") == revision), {})


def _changed(metadata: dict[str, str]) -> list[str]:
    """The objects that a delivery wrote, as far as its record names them."""
    return f"{metadata.get('created', '')} {metadata.get('configured', '')}".split()


def _commit(metadata: dict[str, str] | None) -> Section:
    """Which revision changed something last, its subject and its author: the words of artifacts and of histories."""
    found = metadata or {}
    pairs = (("Delivered", "deliveredRevision"), ("Commit", COMMIT_SUBJECT), ("Author", COMMIT_AUTHOR))
    return [(title, found.get(key, "")) for title, key in pairs]


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
