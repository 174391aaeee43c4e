"""``dependsOn``: who has to be ready first, who waits for whom, and cycles.

Pure functions over the Kustomizations that are known. A dependency on the same source must have applied the same
revision, so that a chain rolls out in order. Where a ``readyExpr`` is given it alone decides, as in Flux.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.api.names import GIT_REPOSITORY
from fairlead.engine.expressions import EvaluationError, condition
from fairlead.errors import NotReadyError
from fairlead.kube.reflector import Key
from fairlead.objects.ref import ObjectRef, split_api_version
from fairlead.runtime.conditions import READY, is_true

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from fairlead.api.kustomization import Kustomization
    from fairlead.engine.expressions import Condition

__all__ = [
    "DependencyNotReadyError",
    "check_dependencies",
    "dependencies_of",
    "find_cycle",
    "in_order",
    "key_of",
    "read_conditions",
    "refuse_cycle",
    "source_of",
]

VARIABLES = ("self", "dep")
"""What a ``readyExpr`` is about: the Kustomization and what it depends on."""


class DependencyNotReadyError(NotReadyError):
    """Something that this Kustomization depends on is not there, not ready, or behind."""


def key_of(kustomization: Kustomization) -> Key:
    return Key(kustomization.metadata.namespace, kustomization.metadata.name)


def source_of(kustomization: Kustomization) -> ObjectRef:
    """The source that a Kustomization reads from."""
    source = kustomization.spec.source_ref
    group = split_api_version(source.api_version or "")[0] or GIT_REPOSITORY.group
    return ObjectRef(group, source.kind, source.namespace or kustomization.metadata.namespace, source.name)


def dependencies_of(kustomization: Kustomization, *, with_expression: bool = False) -> Iterator[Key]:
    """What it depends on, in its order; with ``with_expression`` only those that have a ``readyExpr``."""
    for dependency in kustomization.spec.depends_on or ():
        if dependency.ready_expr or not with_expression:
            yield Key(dependency.namespace or kustomization.metadata.namespace, dependency.name)


def read_conditions(kustomization: Kustomization) -> None:
    """Raises ``ExpressionError`` for a ``readyExpr`` that cannot be read."""
    for dependency in kustomization.spec.depends_on or ():
        if dependency.ready_expr:
            condition(dependency.ready_expr, VARIABLES)


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
    refuse_cycle(kustomization, lookup)
    for key, reference in zip(dependencies_of(kustomization), kustomization.spec.depends_on or (), strict=True):
        if reference.ready_expr:
            _ask(condition(reference.ready_expr, VARIABLES), kustomization, _found(key, lookup))
        elif not unaffected(key):
            _check(kustomization, key, revision, _found(key, lookup))


def refuse_cycle(kustomization: Kustomization, lookup: Callable[[Key], Kustomization | None]) -> None:
    """Raises :class:`DependencyNotReadyError` with the path when it waits, at last, for itself."""
    if cycle := find_cycle(key_of(kustomization), lookup):
        path = " → ".join(f"{key.namespace}/{key.name}" for key in cycle)
        raise DependencyNotReadyError(f"dependency cycle: {path}; remove one of these dependsOn entries")


def _found(key: Key, lookup: Callable[[Key], Kustomization | None]) -> Kustomization:
    dependency = lookup(key)
    if dependency is None:
        raise DependencyNotReadyError(f"dependency '{key.namespace}/{key.name}' not found")
    return dependency


def _ask(ready: Condition, kustomization: Kustomization, dependency: Kustomization) -> None:
    meta = dependency.metadata
    try:
        holds = ready.holds({"self": _values(kustomization), "dep": _values(dependency)})
    except EvaluationError as error:
        raise DependencyNotReadyError(f"dependency '{meta.namespace}/{meta.name}' readyExpr: {error}") from error
    if not holds:
        raise DependencyNotReadyError(
            f"dependency '{meta.namespace}/{meta.name}' is not ready according to readyExpr '{ready.text}'"
        )


def _values(kustomization: Kustomization) -> dict[str, Any]:
    encoded: dict[str, Any] = msgspec.to_builtins(kustomization)
    return {**encoded, "apiVersion": kustomization.api_version, "kind": kustomization.kind}


def _check(kustomization: Kustomization, key: Key, revision: str, dependency: Kustomization) -> None:
    name = f"{key.namespace}/{key.name}"
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
    """Dependencies before their dependants, the beginnings of the longest chains first; cycles in any order."""
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
    waiting: dict[Key, int] = {}
    """How many wait for it, one after the other, to be the last."""
    for key in reversed(done):
        kustomization = lookup(key)
        for dependency in dependencies_of(kustomization) if kustomization else ():
            waiting[dependency] = max(waiting.get(dependency, 0), waiting.get(key, 0) + 1)
    return sorted((key for key in done if key in wanted), key=lambda key: -waiting.get(key, 0))
