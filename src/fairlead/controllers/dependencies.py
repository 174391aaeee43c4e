"""``dependsOn``: who has to be ready first, who waits for whom, and cycles.

Pure functions over the Kustomizations that are known. A dependency on the same source must have applied the same
revision, so that a chain rolls out in order.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.api.names import GIT_REPOSITORY
from fairlead.errors import NotReadyError
from fairlead.kube.reflector import Key
from fairlead.objects.ref import ObjectRef, split_api_version
from fairlead.runtime.conditions import READY, is_true

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fairlead.api.kustomization import Kustomization

__all__ = [
    "DependencyNotReadyError",
    "check_dependencies",
    "dependencies_of",
    "find_cycle",
    "in_order",
    "key_of",
    "source_of",
]


class DependencyNotReadyError(NotReadyError):
    """Something that this Kustomization depends on is not there, not ready, or behind."""


def key_of(kustomization: Kustomization) -> Key:
    return Key(kustomization.metadata.namespace, kustomization.metadata.name)


def source_of(kustomization: Kustomization) -> ObjectRef:
    """The source that a Kustomization reads from."""
    source = kustomization.spec.source_ref
    group = split_api_version(source.api_version or "")[0] or GIT_REPOSITORY.group
    return ObjectRef(group, source.kind, source.namespace or kustomization.metadata.namespace, source.name)


def dependencies_of(kustomization: Kustomization) -> Iterator[Key]:
    for dependency in kustomization.spec.depends_on or ():
        yield Key(dependency.namespace or kustomization.metadata.namespace, dependency.name)


def check_dependencies(
    kustomization: Kustomization,
    revision: str,
    lookup: Callable[[Key], Kustomization | None],
    unaffected: Callable[[Key], bool] = lambda _: False,
) -> None:
    """Raises :class:`DependencyNotReadyError` that names the first dependency that is not ready at ``revision``.

    A dependency that is ready and for which the revision changes nothing (``unaffected``) is at it, whether or not it
    has been written down yet.
    """
    if cycle := find_cycle(key_of(kustomization), lookup):
        path = " → ".join(f"{key.namespace}/{key.name}" for key in cycle)
        raise DependencyNotReadyError(f"dependency cycle: {path}; remove one of these dependsOn entries")
    for key in dependencies_of(kustomization):
        if not unaffected(key):
            _check(kustomization, key, revision, lookup(key))


def _check(kustomization: Kustomization, key: Key, revision: str, dependency: Kustomization | None) -> None:
    name = f"{key.namespace}/{key.name}"
    if dependency is None:
        raise DependencyNotReadyError(f"dependency '{name}' not found")
    status = dependency.status
    if status.observed_generation != dependency.metadata.generation or not is_true(status.conditions or (), READY):
        raise DependencyNotReadyError(f"dependency '{name}' is not ready")
    if source_of(dependency) == source_of(kustomization) and status.last_applied_revision != revision:
        raise DependencyNotReadyError(f"dependency '{name}' revision is not up to date")


def find_cycle(start: Key, lookup: Callable[[Key], Kustomization | None]) -> list[Key]:
    """The shortest way along ``dependsOn`` from a Kustomization back to itself; nothing when there is none."""
    came_from: dict[Key, Key] = {}
    level = [start]
    while level:
        following: list[Key] = []
        for key in level:
            kustomization = lookup(key)
            for dependency in dependencies_of(kustomization) if kustomization else ():
                if dependency == start:
                    return _path(came_from, start, key)
                if dependency not in came_from:
                    came_from[dependency] = key
                    following.append(dependency)
        level = following
    return []


def _path(came_from: dict[Key, Key], start: Key, end: Key) -> list[Key]:
    path = [start, end]
    while path[-1] != start:
        path.append(came_from[path[-1]])
    return path[::-1] if len(path) > 2 or end != start else [start, start]


def in_order(keys: Iterable[Key], lookup: Callable[[Key], Kustomization | None]) -> list[Key]:
    """Dependencies before their dependants; members of a cycle in any order."""
    wanted = dict.fromkeys(keys)
    done: dict[Key, None] = {}
    for key in wanted:
        stack = [(key, False)]
        seen: set[Key] = set()
        while stack:
            current, expanded = stack.pop()
            if expanded:
                done.setdefault(current)
            elif current not in seen and current not in done:
                seen.add(current)
                stack.append((current, True))
                kustomization = lookup(current)
                below = dependencies_of(kustomization) if kustomization else ()
                stack.extend((dependency, False) for dependency in below)
    return [key for key in done if key in wanted]
