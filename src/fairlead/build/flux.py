"""What Flux does around kustomize: a tree and a Kustomization's spec in, the objects to apply out.

Pure: the same tree, spec and variables give the same objects, and the read set says which part of the tree counted. A
build with an equal spec and equal variables over a tree in which the read set is unchanged need not be run again.
"""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fairlead.api.names import DECRYPT, DISABLED, SUBSTITUTE
from fairlead.build.bases import MissingBasesError, NoBases
from fairlead.build.diagnosis import located
from fairlead.build.generated import kustomization_overlay
from fairlead.build.kustomize import KustomizeOptions
from fairlead.build.kustomize import build as kustomize
from fairlead.build.kustomize.origins import without_lines
from fairlead.build.sops import MissingDataKeysError, Opener
from fairlead.build.sops.mask import masked
from fairlead.build.sops.references import plain_files
from fairlead.build.substitute import check_names, substitute
from fairlead.build.tree import OverlayTree, RecordingTree
from fairlead.errors import BuildError, FairleadError
from fairlead.objects.manifest import annotations_of, collect, has_mark, is_secret, labels_of, normalise, with_metadata
from fairlead.objects.ref import ObjectRef
from fairlead.objects.tree import EntryKind, joined
from fairlead.objects.yaml import dump, load

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.api.kustomization import KustomizationSpec
    from fairlead.build.bases import Base, Bases
    from fairlead.build.sops import Keys
    from fairlead.build.tree import ReadSet
    from fairlead.objects.manifest import Manifest
    from fairlead.objects.tree import Tree

__all__ = ["Built", "PathNotFoundError", "Variables", "build", "rendered_with_origins"]


class PathNotFoundError(BuildError):
    """``spec.path`` names no folder of the source."""


@dataclass(frozen=True, slots=True)
class Variables:
    """What ``${…}`` in manifests stands for."""

    values: Mapping[str, str] = field(default_factory=dict, repr=False)
    """May come from Secrets: never shown."""
    strict: bool = True
    """A variable that is not set and has no default fails the build."""
    sensitive: frozenset[str] = field(default=frozenset(), repr=False)
    """Those values that come from Secrets; they must not show in any message."""
    always: bool = False
    """Substitute although there is no variable: for manifests that have defaults for all."""

    @property
    def wanted(self) -> bool:
        return self.always or bool(self.values)


@dataclass(frozen=True, slots=True)
class Built:
    """The outcome of a build."""

    objects: list[Manifest]
    """Normalised and with the common metadata, in the order of kustomize; nothing for a folder without manifests."""
    digest: str
    """Of the YAML of all objects, ``sha256:<hex>``; Flux keeps it in ``status.history``."""
    read_set: ReadSet
    """Which part of the tree counted."""
    sensitive: frozenset[str] = field(default=frozenset(), repr=False)
    """Values that were encrypted in objects that are no Secrets; they must not show in any message."""
    bases: frozenset[Base] = frozenset()
    """The remote bases that counted."""


def build(
    tree: Tree,
    spec: KustomizationSpec,
    variables: Variables,
    keys: Keys | None = None,
    *,
    bases: Bases | None = None,
    mask_encrypted: bool = False,
) -> Built:
    """Builds ``spec.path`` of the tree, and decrypts what is encrypted when there are ``keys`` (of which none may fit).

    Raises :class:`PathNotFoundError`, or another ``BuildError`` that names the file. Without keys encrypted Secrets are
    refused, for nobody could read them in the cluster; ``mask_encrypted`` shows them with ``**SOPS**`` for each value.
    Raises ``MissingBasesError`` for remote bases that are not given; without ``bases`` they are refused. Raises
    ``MissingDataKeysError`` for files that a key service has to open first. Who gives a ``RecordingTree`` can see after
    a failure what was looked for.
    """
    fetcher = NoBases() if bases is None else bases
    if keys is None:
        return _build(tree, spec, variables, None, fetcher, mask_encrypted=mask_encrypted)
    with Opener(keys) as opener:
        try:
            built = _build(tree, spec, variables, opener, fetcher)
        except MissingBasesError:
            raise
        except BuildError as error:
            if not opener.awaited:
                raise opener.redacted(error) from None
        if opener.awaited:
            raise MissingDataKeysError(sorted(opener.awaited))
        return built


def _build(
    tree: Tree,
    spec: KustomizationSpec,
    variables: Variables,
    opener: Opener | None,
    bases: Bases,
    *,
    mask_encrypted: bool = False,
) -> Built:
    recording = tree if isinstance(tree, RecordingTree) else RecordingTree(tree)
    folder = _folder(recording, spec.path or "")
    files = kustomization_overlay(recording, folder, spec)
    if opener is None:
        rendered = _render(recording, tree, folder, files, bases)
        rendered = [masked(manifest) for manifest in rendered] if mask_encrypted else rendered
    else:
        opened = _opened_files(OverlayTree(recording, files), folder, opener)
        rendered = _render(recording, tree, folder, files | opened, bases)
        opener.verify(tree, recording.read_set().read.keys() - opened.keys())
        rendered = [_decrypted(manifest, opener) for manifest in rendered]
    check_names(variables.values)
    texts: list[str] = []
    objects: list[Manifest] = []
    for manifest in rendered:
        _refuse_encrypted(manifest)
        text = dump(manifest)
        substituted = _substitute(manifest, text, variables)
        objects.append(manifest if substituted is None else substituted)
        texts.append(text if substituted is None else dump(substituted))
    digest = hashlib.sha256("---\n".join(texts).encode("utf-8", "surrogatepass")).hexdigest()
    prepared = [_prepare(manifest, spec) for manifest in collect(objects)]
    sensitive = opener.sensitive if opener else frozenset()
    return Built(prepared, f"sha256:{digest}", recording.read_set(), sensitive, frozenset(bases.used))


def _render(
    recording: RecordingTree, tree: Tree, folder: str, files: Mapping[str, bytes], bases: Bases
) -> list[Manifest]:
    """What kustomize makes of the folder with these files laid over the tree."""
    options = KustomizeOptions(root_only=False, fetcher=bases)
    try:
        objects = kustomize(OverlayTree(recording, files), folder, options).objects
    except BuildError as error:
        seen = recording.read_set().read
        raise bases.failure(tree, seen) or located(error, tree, seen) from error
    failure = bases.failure(tree, ())
    if failure is not None:
        raise failure
    return objects


def rendered_with_origins(tree: Tree, spec: KustomizationSpec, variables: Variables) -> list[tuple[Manifest, Any]]:
    """What :func:`build` renders, each object with its trace; encrypted values stay as they are.

    The files that the spec adds to are not in the tree as they were built: their lines would mislead, so they are 0.
    """
    folder = _folder(tree, spec.path or "")
    files = kustomization_overlay(tree, folder, spec)
    options = KustomizeOptions(root_only=False, origins=True, fetcher=NoBases())
    result = kustomize(OverlayTree(tree, files), folder, options)
    pairs = zip(result.objects, result.origins, strict=True)
    return [
        (_substitute(manifest, dump(manifest), variables) or manifest, without_lines(trace, files))
        for manifest, trace in pairs
    ]


def _opened_files(tree: Tree, folder: str, opener: Opener) -> dict[str, bytes]:
    """Those encrypted files in plain that generators and patches read as they are."""
    opened = ((path, opener.file(tree, path, format)) for path, format in plain_files(tree, folder).items())
    return {path: content for path, content in opened if content is not None}


def _decrypted(manifest: Manifest, opener: Opener) -> Manifest:
    return manifest if has_mark(manifest, DECRYPT, DISABLED) else opener.object(manifest)


def _folder(tree: Tree, path: str) -> str:
    """The normalised path of a folder of the tree."""
    folder = joined("", path)
    if folder is None:
        raise PathNotFoundError(f"kustomization path '{path}' leads out of the source")
    entry = tree.entry(folder) if folder else None
    if folder and (entry is None or entry.kind is not EntryKind.FOLDER):
        raise PathNotFoundError(f"kustomization path not found: '{path}' is no folder of the source")
    return folder


def _prepare(manifest: Manifest, spec: KustomizationSpec) -> Manifest:
    common = spec.common_metadata
    labels, annotations = (common.labels or {}, common.annotations or {}) if common else ({}, {})
    return with_metadata(normalise(manifest), labels=labels, annotations=annotations)


def _substitute(manifest: Manifest, text: str, variables: Variables) -> Manifest | None:
    """The manifest with its variables replaced; ``None`` when there is nothing to replace."""
    if not variables.wanted or "$" not in text or _is_marked(manifest):
        return None
    ref = ObjectRef.of(manifest)
    try:
        result = load(substitute(text, variables.values, strict=variables.strict), file=str(ref))
    except FairleadError as error:
        raise BuildError(f"post build failed for '{ref}': {_unquoted(str(error), variables)}") from None
    if not isinstance(result, dict):
        raise BuildError(f"post build failed for '{ref}': the substituted text is no object any more")
    return result


def _unquoted(message: str, variables: Variables) -> str:
    """The message without parts of values that it quotes: ``*word`` in a Secret is an unknown anchor 'word'."""

    def hidden(found: re.Match[str]) -> str:
        secret = len(found[2]) > 1 and any(found[2] in value for value in variables.values.values())
        return f"{found[1]}**{found[1]}" if secret else found[0]

    return re.sub(r"""(['"])(.+?)\1""", hidden, message)


def _is_marked(manifest: Manifest) -> bool:
    """Whether the author keeps substitution away; unlike other marks this one minds case."""
    return DISABLED in (labels_of(manifest).get(SUBSTITUTE), annotations_of(manifest).get(SUBSTITUTE))


def _refuse_encrypted(manifest: Manifest) -> None:
    if is_secret(manifest) and isinstance(manifest.get("sops"), dict) and not has_mark(manifest, DECRYPT, DISABLED):
        raise BuildError(
            f"{ObjectRef.of(manifest)} is SOPS encrypted, "
            "configuring decryption is required for this secret to be reconciled"
        )
