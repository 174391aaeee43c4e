"""The kinds that the command line knows, with Flux's words for them.

Flux says ``source git`` where Kubernetes says ``gitrepository``; both forms, and the plurals that Flux accepts in
``get``, lead to one row here.
"""

from __future__ import annotations

from dataclasses import dataclass

from fairlead.objects.ref import GroupKind, ObjectRef

__all__ = ["GIT_REPOSITORY", "KINDS", "KUSTOMIZATION", "Kind", "Named", "kind_by_reference"]


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind as the user sees it."""

    group: str
    version: str
    name: str
    words: str
    """What Flux's progress lines call one of them: ``source git`` or ``kustomization``."""
    plural_words: str
    revision_path: tuple[str, ...]
    """Where the status keeps the revision that ``get`` shows."""
    done: str
    """How the success of a reconcile is told; the revision follows."""

    @property
    def group_kind(self) -> GroupKind:
        return GroupKind(self.group, self.name)

    @property
    def api_version(self) -> str:
        return f"{self.group}/{self.version}"


@dataclass(frozen=True, slots=True)
class Named:
    """One resource of a kind."""

    kind: Kind
    namespace: str
    name: str

    @property
    def ref(self) -> ObjectRef:
        return ObjectRef(self.kind.group, self.kind.name, self.namespace, self.name)

    def __str__(self) -> str:
        """``Kustomization apps``, as Flux says it where the namespace is clear."""
        return f"{self.kind.name} {self.name}"


GIT_REPOSITORY = Kind(
    group="source.toolkit.fluxcd.io",
    version="v1",
    name="GitRepository",
    words="source git",
    plural_words="sources git",
    revision_path=("status", "artifact", "revision"),
    done="fetched revision",
)
KUSTOMIZATION = Kind(
    group="kustomize.toolkit.fluxcd.io",
    version="v1",
    name="Kustomization",
    words="kustomization",
    plural_words="kustomizations",
    revision_path=("status", "lastAppliedRevision"),
    done="applied revision",
)
KINDS = (GIT_REPOSITORY, KUSTOMIZATION)

_ALIASES = {
    "gitrepo": GIT_REPOSITORY,
    "gitrepositories": GIT_REPOSITORY,
    "ks": KUSTOMIZATION,
    "kustomizations": KUSTOMIZATION,
}


def kind_by_reference(word: str) -> Kind | None:
    """The kind that ``GitRepository``, ``gitrepository``, ``ks`` … names; ``None`` when it is none of ours."""
    lowered = word.lower()
    return _ALIASES.get(lowered) or next((kind for kind in KINDS if kind.name.lower() == lowered), None)
