"""What ``buildMetadata`` asks for, and what the end of a build does to every object's annotations.

Tracking is on when the top kustomization names any build metadata. Origins are kept beside the values and are written
as annotations at the end, if asked for.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

from fairlead.objects.yaml import dump

from .identity import Identity
from .values import Value, text_of

if TYPE_CHECKING:
    from collections.abc import Collection as Names
    from collections.abc import Iterable, Mapping

    from .resource import Resource

__all__ = ["Origin", "adopt_annotations", "builtin_origin", "finish_annotations", "origin_below", "plugin_origin"]

Origin = dict[str, Any]

_ORIGIN: Final = "config.kubernetes.io/origin"
_TRANSFORMATIONS: Final = "alpha.config.kubernetes.io/transformations"
_LOCAL_CONFIG: Final = "config.kubernetes.io/local-config"
_INTERNAL: Final = "internal.config.kubernetes.io/"
_BUILD_ANNOTATIONS: Final = frozenset(
    [
        *(
            _INTERNAL + name
            for name in (
                [
                    "previousKinds",
                    "previousNames",
                    "prefixes",
                    "suffixes",
                    "previousNamespaces",
                    "allowNameChange",
                    "allowKindChange",
                    "refBy",
                    "generatorBehavior",
                    "needsHashSuffix",
                    "path",
                    "index",
                    "seqindent",
                    "id",
                    "annotations-migration-resource-id",
                    "helm-generated",
                ]
            )
        ),
        "config.kubernetes.io/path",
        "config.kubernetes.io/index",
        "config.k8s.io/id",
    ]
)


def origin_below(origin: Origin, path: str) -> Origin:
    """The origin of what ``path`` names inside a folder with this origin."""
    parts: list[str] = []
    for part in f"{origin.get('path', '')}/{path}".split("/"):
        if part == ".." and parts and parts[-1] != "..":
            parts.pop()
        elif part not in ("", "."):
            parts.append(part)
    return {**origin, "path": "/".join(parts)}


def builtin_origin(origin: Origin, file: str, kind: str) -> Origin:
    """The origin of what a field of a kustomization file did."""
    return _configured(origin, origin_below(origin, file)["path"], {"apiVersion": "builtin", "kind": kind})


def plugin_origin(resource: Resource) -> Origin | None:
    """The origin of what a transformer or generator with a file of its own did."""
    if resource.origin is None:
        return None
    by = {"apiVersion": resource.api_version, "kind": resource.kind, "name": resource.name}
    if resource.namespace:
        by["namespace"] = resource.namespace
    return _configured(resource.origin, resource.origin.get("path", ""), by)


def _configured(origin: Origin, configured_in: str, by: dict[str, str]) -> Origin:
    kept = {key: origin[key] for key in ("repo", "ref") if origin.get(key)}
    return {**kept, "configuredIn": configured_in, "configuredBy": by}


def note_transformation(resources: Iterable[Resource], origin: Origin) -> None:
    """Every transformer is noted on every resource; one without an origin must have been made by it."""
    for resource in resources:
        if resource.origin is None:
            resource.origin = origin
        else:
            resource.transformations = (*resource.transformations, origin)


def adopt_annotations(resource: Resource) -> None:
    """Takes over what an earlier run of kustomize left in annotations of its own."""
    annotations = resource.metadata.get("annotations")
    if type(annotations) is not dict or not any(key.startswith(_INTERNAL) for key in annotations):
        return
    texts = resource.annotations()
    resource.needs_hash = texts.get(_INTERNAL + "needsHashSuffix") == "enabled"
    resource.behavior = texts.get(_INTERNAL + "generatorBehavior", "")
    resource.allow_name_change = texts.get(_INTERNAL + "allowNameChange") == "enabled"
    resource.allow_kind_change = texts.get(_INTERNAL + "allowKindChange") == "enabled"
    resource.from_helm = texts.get(_INTERNAL + "helm-generated") == "true"
    resource.prefixes = _list(texts, "prefixes")
    resource.suffixes = _list(texts, "suffixes")
    names, spaces, kinds = (_list(texts, f"previous{part}") for part in ("Names", "Namespaces", "Kinds"))
    if len(names) == len(spaces) == len(kinds):
        group, version = resource.current.group, resource.current.version
        resource.previous = tuple(
            Identity(group, version, kind, name, space) for name, space, kind in zip(names, spaces, kinds, strict=True)
        )


def _list(texts: Mapping[str, str], name: str) -> tuple[str, ...]:
    text = texts.get(_INTERNAL + name)
    return () if text is None else tuple(text.split(","))


def is_local(resource: Resource) -> bool:
    """Whether the resource was only an ingredient."""
    value = resource.metadata.get("annotations")
    return isinstance(value, dict) and text_of(value.get(_LOCAL_CONFIG, "false")) != "false"


def finish_annotations(resource: Resource, wanted: Names[str]) -> None:
    """The annotations of the output: texts all, without the build's own, with origins if they are wanted."""
    annotations = resource.metadata.get("annotations")
    origins = "originAnnotations" in wanted
    transformations = "transformerAnnotations" in wanted
    if annotations is None and not origins and not transformations:
        if "annotations" in resource.metadata:
            resource.set_metadata("annotations", None)
        return
    texts: dict[str, Value] = {
        key: value if type(value) is str else text_of(value)
        for key, value in (annotations.items() if isinstance(annotations, dict) else ())
        if key not in _BUILD_ANNOTATIONS and key not in (_ORIGIN, _TRANSFORMATIONS)
    }
    if origins and resource.origin is not None:
        texts[_ORIGIN] = dump(resource.origin, sort_keys=False)
    if transformations and resource.transformations:
        texts[_TRANSFORMATIONS] = dump(list(resource.transformations), sort_keys=False)
    if texts != annotations:
        resource.set_metadata("annotations", texts or None)
    elif not texts:
        resource.set_metadata("annotations", None)
