"""Which files of a tree an object comes from: the build once more, this time keeping the origin of every leaf."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairlead.build.flux import rendered_with_origins
from fairlead.build.kustomize import Origin
from fairlead.objects.ref import ObjectRef

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.api.kustomization import KustomizationSpec
    from fairlead.build.flux import Variables
    from fairlead.objects.tree import Tree

__all__ = ["origins_of"]


def origins_of(tree: Tree, spec: KustomizationSpec, variables: Variables, ref: ObjectRef) -> list[Origin]:
    """The object's files, its own first, each with the first line that counts; then what changed it, by its entry.

    Empty when the build does not give the object. Raises ``BuildError`` when nothing can be built.
    """
    for manifest, trace in rendered_with_origins(tree, spec, variables):
        built = ObjectRef.of(manifest)
        if built.group_kind == ref.group_kind and built.name == ref.name and built.namespace in ("", ref.namespace):
            return _summary(trace)
    return []


def _summary(trace: Any) -> list[Origin]:
    first: dict[tuple[str, str], int] = {}
    for origin in _leaves(trace):
        if not origin.file:
            continue  # kustomize's own doing, such as following a renamed object
        key = origin.file, origin.by
        lines = [line for line in (first.get(key, 0), origin.line) if line]
        first[key] = min(lines, default=0)
    ordered = sorted(first, key=lambda key: (key[1] != "", key))
    return [Origin(file, first[file, by], by) for file, by in ordered]


def _leaves(trace: Any) -> Iterator[Origin]:
    if isinstance(trace, Origin):
        yield trace
    elif isinstance(trace, dict):
        for item in trace.values():
            yield from _leaves(item)
    elif isinstance(trace, list):
        for item in trace:
            yield from _leaves(item)
