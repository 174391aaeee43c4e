"""A Kustomization rendered from files on this machine, as the controllers would render it from Git.

The spec comes from the cluster or from a file; variables of ``postBuild.substituteFrom`` need the cluster.
"""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar, overload

import click

from fairlead.api.names import OWNER_NAME, OWNER_NAMESPACE
from fairlead.errors import InvalidSpecError
from fairlead.objects.ref import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Callable

    from fairlead.api.kustomization import Kustomization
    from fairlead.build.sops import Keys
    from fairlead.cli.connection import Connection
    from fairlead.kube.client import KubeClient
    from fairlead.objects.manifest import Manifest

__all__ = ["Source", "decode", "find", "keys_from", "load", "render", "source_options", "variables_from"]

Decoded = TypeVar("Decoded")


@dataclass(frozen=True, slots=True)
class Source:
    """What to build: a local folder, with or without a file that holds the Kustomization."""

    name: str
    folder: Path
    file: Path | None


def source_options(command: Callable[..., Any]) -> Callable[..., Any]:
    """NAME, --path and --kustomization-file."""
    for option in (
        click.option(
            "--kustomization-file",
            "file",
            type=click.Path(path_type=Path, exists=True, dir_okay=False),
            help="Take the Kustomization from this file and not from the cluster.",
        ),
        click.option(
            "--path",
            "folder",
            required=True,
            type=click.Path(path_type=Path, exists=True, file_okay=False),
            help="The local folder that spec.path stands for.",
        ),
        click.argument("name"),
    ):
        command = option(command)
    return command


def from_file(file: Path, name: str, namespace: str) -> Kustomization:
    """The Kustomization of that name in the file; a file may hold several documents."""
    from fairlead.objects import yaml

    for document in yaml.load_all(file.read_bytes(), file=str(file)):
        if not isinstance(document, dict):
            continue
        ref = ObjectRef.of(document)
        if (ref.kind, ref.name, ref.namespace or namespace) == ("Kustomization", name, namespace):
            return decode({**document, "metadata": {**document["metadata"], "namespace": namespace}})
    raise InvalidSpecError(f"{file} holds no Kustomization '{name}' of namespace {namespace}")


async def find(client: KubeClient, source: Source, namespace: str) -> Kustomization:
    """From the file when there is one, else from the cluster."""
    if source.file is not None:
        return from_file(source.file, source.name, namespace)
    from fairlead.api.names import KUSTOMIZATION

    return decode(await client.get(ObjectRef(KUSTOMIZATION.group, KUSTOMIZATION.kind, namespace, source.name)))


async def variables_from(client: KubeClient, kustomization: Kustomization) -> dict[str, str]:
    """The values of ``postBuild.substituteFrom`` in their order; later ones override."""
    from fairlead.kube.errors import NotFoundError

    found: dict[str, str] = {}
    post_build = kustomization.spec.post_build
    for reference in (post_build and post_build.substitute_from) or ():
        ref = ObjectRef("", reference.kind, kustomization.metadata.namespace, reference.name)
        try:
            manifest = await client.get(ref)
        except NotFoundError:
            if reference.optional:
                continue
            raise
        found.update(_texts(manifest))
    return found


async def keys_from(client: KubeClient, kustomization: Kustomization, *, shared: str = "") -> Keys | None:
    """The private keys for encrypted files, if there are any and one may read them.

    ``shared``: the Secret with age keys for those who have none of their own (``--sops-age-secret``).
    """
    from fairlead.api.names import DEFAULT_NAMESPACE, SOPS_MAC
    from fairlead.build.sops import AGE_ENDING, Keys

    decryption = kustomization.spec.decryption
    if decryption is None:
        return None
    found = None
    if decryption.secret_ref is not None:
        found = await _secret(client, kustomization.metadata.namespace, decryption.secret_ref.name)
    if found is None and shared:
        others = await _secret(client, DEFAULT_NAMESPACE, shared)
        found = others and {name: value for name, value in others.items() if name.endswith(AGE_ENDING)}
    if found is None:
        return None
    return Keys.from_secret(found, verify_mac=kustomization.metadata.annotations.get(SOPS_MAC) != "ignored")


async def _secret(client: KubeClient, namespace: str, name: str) -> dict[str, bytes] | None:
    """``None`` for one that is not there, or that this person may not read."""
    import base64

    from fairlead.errors import ForbiddenError
    from fairlead.kube.errors import NotFoundError

    try:
        secret = await client.get(ObjectRef("", "Secret", namespace, name))
    except (NotFoundError, ForbiddenError):
        return None
    return {key: base64.b64decode(value) for key, value in (secret.get("data") or {}).items()}


def render(
    kustomization: Kustomization,
    folder: Path,
    variables: dict[str, str],
    *,
    strict: bool = True,
    keys: Keys | None = None,
    remote_bases: bool = True,
) -> list[Manifest]:
    """The objects as they would be applied: with owner labels and common metadata, normalised.

    Without ``keys`` encrypted values are masked; without ``remote_bases`` they are refused.
    """
    import msgspec

    from fairlead.build import flux
    from fairlead.build.tree import FolderTree
    from fairlead.cli.fetching import FetchedBases
    from fairlead.objects.manifest import normalise, with_metadata

    spec = kustomization.spec
    root = _root_of(folder.resolve())
    spec = msgspec.structs.replace(spec, path=str(folder.resolve().relative_to(root)))
    post_build = spec.post_build
    values = {**variables, **((post_build and post_build.substitute) or {})}
    always = bool(post_build and post_build.substitute_strategy == "Always")
    tree, names = FolderTree(root), flux.Variables(values, strict=strict, always=always)
    with FetchedBases() as bases:
        built = flux.build(tree, spec, names, keys, bases=bases if remote_bases else None, mask_encrypted=True)
    metadata = kustomization.metadata
    owner = {OWNER_NAME: metadata.name, OWNER_NAMESPACE: metadata.namespace}
    common = spec.common_metadata
    return [
        with_metadata(
            normalise(manifest),
            labels={**owner, **((common and common.labels) or {})},
            annotations=(common and common.annotations) or {},
        )
        for manifest in built.objects
    ]


def _root_of(folder: Path) -> Path:
    """The root of the working tree, so that ``../base`` works as it does in Git; without one, the folder itself."""
    return next((parent for parent in (folder, *folder.parents) if (parent / ".git").exists()), folder)


@overload
def decode(document: dict[str, Any]) -> Kustomization: ...
@overload
def decode(document: dict[str, Any], kind: type[Decoded]) -> Decoded: ...
def decode(document: dict[str, Any], kind: Any = None) -> Any:
    """The manifest as its type, a Kustomization's unless another is named; raises ``InvalidSpecError``."""
    import msgspec

    from fairlead.api.kustomization import Kustomization

    try:
        return msgspec.convert(document, kind or Kustomization)
    except msgspec.ValidationError as error:
        raise InvalidSpecError(f"{ObjectRef.of(document)} is invalid: {error}") from error


def _texts(manifest: Manifest) -> dict[str, str]:
    import base64

    data = manifest.get("data") or {}
    if manifest.get("kind") == "Secret":
        data = {key: base64.b64decode(value).decode() for key, value in data.items()}
    return {key: value.replace("\n", "") for key, value in data.items()}


async def load(connection: Connection, source: Source, *, offline: bool) -> tuple[Kustomization, dict[str, str]]:
    """The Kustomization and its variables; ``offline`` needs the file and leaves ``substituteFrom`` out."""
    from fairlead.cli.connection import connect

    if source.file is not None and offline:
        return from_file(source.file, source.name, connection.namespace), {}
    async with connect(connection) as client:
        kustomization = await find(client, source, connection.namespace)
        return kustomization, await variables_from(client, kustomization)
