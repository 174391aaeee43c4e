"""The steps of one kustomization: what its fields ask for, configured first and carried out afterwards.

The order of the transformers is kustomize's and part of its behaviour: patches see names without this layer's prefix,
replicas and images see patched values, replacements copy prefixed names.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final

from fairlead.errors import BuildError
from fairlead.objects.yaml import dump

from .config import merge_specs, spec_from
from .errors import KustomizeError
from .fieldpaths import FieldSpec
from .identity import Gvk
from .images import set_image
from .patches import load_json_patch, load_merge_patches, load_patch
from .replacements import apply_replacements, load_replacements
from .transformers import add_affix, set_annotations, set_labels, set_namespace, set_replicas

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from .collection import Collection
    from .config import Config
    from .context import Context
    from .kustomization import Kustomization
    from .schema import Document

    Read = Callable[[str], bytes]
    Run = Callable[[Collection, Document], None]

__all__ = ["Step", "builtin_steps"]

METADATA_LABELS: Final = FieldSpec(Gvk(), "metadata/labels", create=True)


@dataclass(frozen=True, slots=True)
class Step:
    """One configured transformer; ``about`` tells which entry of the file it is, for origins."""

    kind: str
    run: Run
    about: str = ""
    file: str = ""
    """The file that holds its settings, when it is not the kustomization."""


def builtin_steps(kustomization: Kustomization, config: Config, context: Context, read: Read) -> list[Step]:
    """The transformers of a kustomization's fields, in their order."""
    return [
        *_merge_patches(kustomization, read),
        *_patches(kustomization, context, read),
        *_names(kustomization, config),
        *_labels(kustomization, config),
        *_annotations(kustomization, config),
        *_json_patches(kustomization, read),
        *_replicas(kustomization, config),
        *_images(kustomization, config),
        *_replacements(kustomization, context, read),
    ]


class _configuring:
    """Says which transformer, with which settings, could not be configured."""

    __slots__ = ("_entry", "_kind")

    def __init__(self, kind: str, entry: Mapping[str, Any]) -> None:
        self._kind = kind
        self._entry = entry

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: object) -> None:
        if isinstance(error, BuildError):
            settings = dump({key: value for key, value in self._entry.items() if value})
            raise KustomizeError(
                f"trouble configuring builtin {self._kind} with config: `\n{settings}`: {error}"
            ) from error


def _merge_patches(kustomization: Kustomization, read: Read) -> Iterator[Step]:
    paths = kustomization.list("patchesStrategicMerge")
    if paths:
        kind = "PatchStrategicMergeTransformer"
        with _configuring(kind, {"paths": paths}):
            patch = load_merge_patches(paths, "", read)
        files = ", ".join(path for path in paths if "\n" not in path)
        yield Step(kind, patch.apply, f"patchesStrategicMerge {files}".strip(), files)


def _patches(kustomization: Kustomization, context: Context, read: Read) -> Iterator[Step]:
    kind = "PatchTransformer"
    for index, entry in enumerate(kustomization.list("patches")):
        with _configuring(kind, entry):
            patch = load_patch(entry, read, lenient=context.lenient)
        if patch is not None:
            path = entry.get("path") or ""
            yield Step(kind, patch.apply, f"patches[{index}]", path)
        else:
            yield Step(kind, _nothing, f"patches[{index}]")


def _nothing(resources: Collection, schemas: Document) -> None:
    """A patch without content."""


def _names(kustomization: Kustomization, config: Config) -> Iterator[Step]:
    namespace = kustomization.text("namespace")
    if namespace:
        yield Step(
            "NamespaceTransformer", lambda items, _: set_namespace(items, namespace, config["namespace"]), "namespace"
        )
    prefix, suffix = kustomization.text("namePrefix"), kustomization.text("nameSuffix")
    if prefix:
        yield Step(
            "PrefixTransformer", lambda items, _: add_affix(items, config["namePrefix"], prefix=prefix), "namePrefix"
        )
    if suffix:
        yield Step(
            "SuffixTransformer", lambda items, _: add_affix(items, config["nameSuffix"], suffix=suffix), "nameSuffix"
        )


def _labels(kustomization: Kustomization, config: Config) -> Iterator[Step]:
    entries, common = kustomization.list("labels"), kustomization.map("commonLabels")
    if not entries and not common:
        return
    for index, entry in enumerate(entries):
        specs = label_specs(entry, config)
        yield _label_step(entry.get("pairs") or {}, specs, f"labels[{index}]")
    yield _label_step(common, config["commonLabels"], "commonLabels")


def _label_step(labels: Mapping[str, str], specs: tuple[FieldSpec, ...], about: str) -> Step:
    return Step("LabelTransformer", lambda items, _: set_labels(items, labels, specs), about)


def label_specs(entry: Mapping[str, Any], config: Config) -> tuple[FieldSpec, ...]:
    """Where one entry of ``labels`` writes."""
    specs = merge_specs(tuple(map(spec_from, entry.get("fields") or ())), config["labels"])
    if entry.get("includeSelectors"):
        return merge_specs(specs, config["commonLabels"])
    if entry.get("includeTemplates"):
        specs = merge_specs(specs, config["templateLabels"])
    if entry.get("includeVolumeClaimTemplates"):
        claims = "spec/volumeClaimTemplates[]/metadata/labels"
        specs = merge_specs(specs, [FieldSpec(Gvk("apps", "", "StatefulSet"), claims, create=True)])
    return merge_specs(specs, [METADATA_LABELS])


def _annotations(kustomization: Kustomization, config: Config) -> Iterator[Step]:
    annotations = kustomization.map("commonAnnotations")
    if annotations:
        specs = config["commonAnnotations"]
        yield Step(
            "AnnotationsTransformer", lambda items, _: set_annotations(items, annotations, specs), "commonAnnotations"
        )


def _json_patches(kustomization: Kustomization, read: Read) -> Iterator[Step]:
    kind = "PatchJson6902Transformer"
    for index, entry in enumerate(kustomization.list("patchesJson6902")):
        path, text = entry.get("path") or "", entry.get("patch") or ""
        with _configuring(kind, {"target": entry.get("target"), "path": path, "jsonOp": text}):
            patch = load_json_patch(entry.get("target"), path, text, read)
        yield Step(kind, patch.apply, f"patchesJson6902[{index}]", path)


def _replicas(kustomization: Kustomization, config: Config) -> Iterator[Step]:
    for index, entry in enumerate(kustomization.list("replicas")):
        yield replica_step(entry, config["replicas"], f"replicas[{index}]")


def replica_step(entry: Mapping[str, Any], specs: tuple[FieldSpec, ...], about: str) -> Step:
    name, count = entry.get("name") or "", entry.get("count") or 0
    return Step("ReplicaCountTransformer", lambda items, _: set_replicas(items, name, count, specs), about)


def _images(kustomization: Kustomization, config: Config) -> Iterator[Step]:
    for index, entry in enumerate(kustomization.list("images")):
        yield image_step(entry, config["images"], f"images[{index}]")


def image_step(entry: Mapping[str, Any], specs: tuple[FieldSpec, ...], about: str) -> Step:
    return Step("ImageTagTransformer", lambda items, _: set_image(items, entry, specs), about)


def _replacements(kustomization: Kustomization, context: Context, read: Read) -> Iterator[Step]:
    entries = kustomization.list("replacements")
    if entries:
        kind = "ReplacementTransformer"
        with _configuring(kind, {"Replacements": entries}):
            loaded = load_replacements(entries, read)
        files = ", ".join(entry["path"] for entry in entries if entry.get("path"))
        yield Step(
            kind, lambda items, _: apply_replacements(items, loaded, lenient=context.lenient), "replacements", files
        )
