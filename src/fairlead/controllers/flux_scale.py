"""Flux's own controllers in Git: Fairlead delivers them, but how many of them run is left to people.

A repository made by ``flux bootstrap`` holds source-controller and kustomize-controller with one replica each. Who
hands a cluster over scales them to 0; to repair that as drift would start them again beside Fairlead. So ``replicas``
of such a Deployment is ignored as a rule of ``spec.ignore`` would do it: the live value stays, whoever set it and
however, also when the rest of the object is written. One that does not exist is made with 0. To leave the field out
would not do: where we own it, or take it over from kubectl, the server would put its default in its place, which is 1.

Held are those for whom Fairlead would stand back, and only in its own cluster. Not held is what Git has at 0 already.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.controllers.neighbours import is_neighbour
from fairlead.engine.ignore import IgnoreRule
from fairlead.objects.manifest import part
from fairlead.objects.ref import ObjectRef
from fairlead.objects.selector import Selector

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairlead.api.kustomization import Kustomization
    from fairlead.controllers.attempt import Attempt
    from fairlead.controllers.memory import Memory
    from fairlead.controllers.outcomes import Outcomes
    from fairlead.objects.manifest import Manifest
    from fairlead.settings import Settings

__all__ = ["FluxScale", "Held", "tell_held"]


@dataclass(frozen=True, slots=True)
class Held:
    """Objects as they are to be applied."""

    objects: list[Manifest]
    rules: tuple[IgnoreRule, ...] = ()
    """What keeps the live values of those in ``replicas``."""
    replicas: tuple[tuple[ObjectRef, object], ...] = ()
    """Whose replicas are not those of Git, and how many Git wants."""


@dataclass(frozen=True, slots=True)
class FluxScale:
    """Which Deployments are held; ``label_selector`` is our shard's, and Flux's of another shard may run beside us."""

    label_selector: str = ""
    left: bool = True
    """False applies everything as it is written."""

    @classmethod
    def of(cls, settings: Settings) -> FluxScale:
        return cls(settings.scope.label_selector, settings.apply.leave_flux_scale)

    def hold(self, kustomization: Kustomization, objects: Iterable[Manifest]) -> Held:
        """What to apply for a Kustomization; in another cluster there is no Fairlead to come into conflict with."""
        found = list(objects)
        if not self.left or kustomization.spec.kube_config is not None:
            return Held(found)
        wanted = {index: _replicas(each) for index, each in enumerate(found) if self._is_held(each)}
        replicas = tuple((ObjectRef.of(found[index]), count) for index, count in wanted.items())
        for index in wanted:
            found[index] = {**found[index], "spec": {**part(found[index], "spec"), "replicas": 0}}
        return Held(found, tuple(_rule(ref) for ref, _ in replicas), replicas)

    def _is_held(self, manifest: Manifest) -> bool:
        return is_neighbour(manifest, self.label_selector) and _replicas(manifest) != 0


def tell_held(attempt: Attempt, memory: Memory, held: Held, written: Iterable[ObjectRef], outcomes: Outcomes) -> None:
    """A Warning when it is news: the first time, and whenever such a Deployment was written."""
    news = set(written) | {ref for ref, _ in held.replicas if ref not in memory.held}
    memory.held = frozenset(ref for ref, _ in held.replicas)
    lines = [f"{ref} keeps the replicas that it has; Git says {count}" for ref, count in held.replicas if ref in news]
    if lines:
        lines.append("it would do the same work as Fairlead: scale it by hand, or use --apply-flux-scale")
        outcomes.tell(attempt, "Warning", "FluxHeld", "\n".join(lines))


def _replicas(deployment: Manifest) -> object:
    wanted = part(deployment, "spec").get("replicas")
    return 1 if wanted is None else wanted


def _rule(ref: ObjectRef) -> IgnoreRule:
    name, namespace = re.escape(ref.name), re.escape(ref.namespace)
    target = Selector(group=ref.group, kind=ref.kind, name=name, namespace=namespace)
    return IgnoreRule(("/spec/replicas",), target)
