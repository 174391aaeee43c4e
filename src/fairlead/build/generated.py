"""The kustomization that Flux builds: the one in the folder, or one made for plain YAML, and the spec merged in.

Rules of Flux 2.9 (github.com/fluxcd/pkg/kustomize v1.35.4): a folder without a kustomization file gets one that lists
every YAML file below it, where a sub-folder with such a file is one resource; what the spec says comes after, or in
place of, what the file says.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.errors import BuildError
from fairlead.objects.tree import EntryKind, joined
from fairlead.objects.yaml import dump, load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.api.kustomization import Image, KustomizationSpec
    from fairlead.objects.tree import Tree

__all__ = ["KUSTOMIZATION_FILES", "kustomization_overlay"]

KUSTOMIZATION_FILES = ("kustomization.yaml", "kustomization.yml", "Kustomization")
_EMPTY = {"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization"}
_REMOTE_PREFIXES = ("git::", "gh:", "ssh://", "https://", "http://", "git@", "github.com:", "github.com/")


def kustomization_overlay(tree: Tree, folder: str, spec: KustomizationSpec) -> dict[str, bytes]:
    """The file to lay over the tree, by its path; nothing when the one in the folder serves as it is."""
    path = _find(tree, folder)
    if path is None:
        path = _join(folder, KUSTOMIZATION_FILES[0])
        found = _generate(tree, folder)
        merged = _merge(found, tree, folder, spec, path)
        return {path: dump(merged, sort_keys=False).encode()}
    found = _read(tree, path)
    merged = _merge(_with_something_to_build(found), tree, folder, spec, path)
    return {} if merged == found else {path: dump(merged, sort_keys=False).encode()}


def _find(tree: Tree, folder: str) -> str | None:
    for name in KUSTOMIZATION_FILES:
        entry = tree.entry(_join(folder, name))
        if entry is not None and entry.kind is EntryKind.FILE:
            return _join(folder, name)
    return None


def _read(tree: Tree, path: str) -> dict[str, Any]:
    content = load(tree.read(path), file=path)
    if content is None:
        return dict(_EMPTY)
    if not isinstance(content, dict):
        raise BuildError(f"{path}: a kustomization is a mapping of fields")
    return content


def _with_something_to_build(kustomization: dict[str, Any]) -> dict[str, Any]:
    """A kustomization without resources builds nothing, or what its generators make, instead of being an error."""
    if kustomization.get("resources"):
        return kustomization
    return {**kustomization, "buildMetadata": ["originAnnotations"]}


def _generate(tree: Tree, folder: str) -> dict[str, Any]:
    resources = [f"./{path}" for path in _scan(tree, folder, "")]
    return {**_EMPTY, "resources": resources} if resources else {**_EMPTY, "namespace": "_placeholder"}


def _scan(tree: Tree, folder: str, prefix: str) -> Iterator[str]:
    """Manifests below a folder in the order in which Flux walks it; links are left out, as its artifacts have none."""
    for entry in tree.list(folder):
        path = f"{prefix}{entry.name}"
        below = _join(folder, entry.name)
        if entry.kind is EntryKind.FOLDER:
            if _find(tree, below) is not None:
                yield path
            else:
                yield from _scan(tree, below, f"{path}/")
        elif entry.kind is EntryKind.FILE and entry.name.endswith((".yaml", ".yml")):
            yield path


def _merge(
    kustomization: dict[str, Any], tree: Tree, folder: str, spec: KustomizationSpec, path: str
) -> dict[str, Any]:
    """A copy with the fields of the spec."""
    merged = dict(kustomization)
    replaced = {"namespace": spec.target_namespace, "namePrefix": spec.name_prefix, "nameSuffix": spec.name_suffix}
    merged.update({field: value for field, value in replaced.items() if value is not None})
    if spec.build_metadata:
        merged["buildMetadata"] = list(spec.build_metadata)
    appended = {
        "patches": [msgspec.to_builtins(patch) for patch in spec.patches or ()],
        "components": list(_components(tree, folder, spec)),
    }
    for field, values in appended.items():
        if values:
            merged[field] = [*_list(merged, field, path), *values]
    if spec.images:
        merged["images"] = _merge_images(_list(merged, "images", path), spec.images)
    return merged


def _components(tree: Tree, folder: str, spec: KustomizationSpec) -> Iterator[str]:
    for component in spec.components or ():
        lowered = component.lower()
        if lowered.startswith(_REMOTE_PREFIXES) or lowered.removeprefix("file://").startswith("/"):
            raise BuildError(f"component path '{component}' must be local and relative")
        if spec.ignore_missing_components and not _exists(tree, folder, component):
            continue
        yield component


def _exists(tree: Tree, folder: str, relative: str) -> bool:
    path = joined(folder, relative)
    return path == "" or (path is not None and tree.entry(path) is not None)


def _merge_images(images: list[Any], overrides: list[Image]) -> list[Any]:
    """By name; a new tag or digest replaces both, for they select the version together."""
    merged = [dict(image) if isinstance(image, dict) else image for image in images]
    by_name = {image.get("name"): image for image in reversed(merged) if isinstance(image, dict)}
    for override in overrides:
        image = by_name.get(override.name)
        if image is None:
            by_name[override.name] = image = {"name": override.name}
            merged.append(image)
        if override.new_name:
            image["newName"] = override.new_name
        if override.new_tag or override.digest:
            image.pop("newTag", None)
            image.pop("digest", None)
            image.update({"newTag": override.new_tag} if override.new_tag else {})
            image.update({"digest": override.digest} if override.digest else {})
    return merged


def _list(kustomization: dict[str, Any], field: str, path: str) -> list[Any]:
    value = kustomization.get(field)
    if value is not None and not isinstance(value, list):
        raise BuildError(f"{path}: {field} must be a list")
    return value or []


def _join(folder: str, name: str) -> str:
    return f"{folder}/{name}" if folder else name
