"""GitRepositories of other shards: what their own shard publishes is fetched here, too, and nothing is written to them.

The source of a Kustomization may belong to another shard than the Kustomization, as in Flux, or to Flux itself. Which
revision is current, whether its signature is good, and when it is looked for is decided there. We follow
``status.artifact``: the same commit, shaped by what the status says that it was shaped by, in the object store of this
shard. A source that no Kustomization of this shard reads is not fetched.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec

from fairlead.api.gitrepository import GitRepository
from fairlead.controllers.access import Access
from fairlead.controllers.resources import Malformed
from fairlead.kube.reflector import Key
from fairlead.objects.selector import parse_label_selector
from fairlead.sources.spec import GitRef, RemoteHead

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.api.meta import ArtifactStatus
    from fairlead.kube.client import KubeClient
    from fairlead.kube.reflector import Reflector
    from fairlead.runtime.events import EventRecorder
    from fairlead.runtime.status import StatusPatcher
    from fairlead.sources.spec import GitSpec

__all__ = ["SourceAccess", "made_from", "published_head"]


class SourceAccess(Access[GitRepository]):
    """GitRepositories. One of another shard shows the artifact that we have of it, in place of its own."""

    def __init__(
        self,
        client: KubeClient,
        reflector: Reflector[GitRepository | Malformed],
        patcher: StatusPatcher,
        recorder: EventRecorder,
        *,
        label_selector: str = "",
    ) -> None:
        """``reflector`` knows those of all shards."""
        super().__init__(GitRepository, client, reflector, patcher, recorder)
        self._selects = parse_label_selector(label_selector)
        self._followed: dict[Key, ArtifactStatus] = {}
        self._faults: dict[Key, str] = {}
        self._views: dict[Key, tuple[GitRepository, GitRepository]] = {}
        """What the reflector had, and how it is shown."""

    def is_ours(self, repository: GitRepository | Malformed) -> bool:
        """Whether this shard fetches it and writes its status."""
        return self._selects(repository.metadata.labels)

    def current(self, key: Key) -> GitRepository | Malformed | None:
        found = super().current(key)
        if found is None or isinstance(found, Malformed) or self.is_ours(found):
            return found
        view = self._views.get(key)
        if view is None or view[0] is not found:
            status = msgspec.structs.replace(found.status, artifact=self._followed.get(key))
            shown = msgspec.structs.replace(found, status=status)
            view = self._views[key] = (found, shown)
        return view[1]

    def published(self, key: Key) -> GitRepository | None:
        """As its own shard shows it."""
        found = super().current(key)
        return None if isinstance(found, Malformed) else found

    def follow(self, key: Key, artifact: ArtifactStatus) -> None:
        """From now on this is shown; its tree is in the store."""
        self._followed[key] = artifact
        self._faults.pop(key, None)
        self._views.pop(key, None)

    def cannot_follow(self, key: Key, fault: str) -> bool:
        """What is shown stays as it is; whether the fault is a new one."""
        is_new = self._faults.get(key) != fault
        self._faults[key] = fault
        return is_new

    def unfollow(self, key: Key) -> None:
        """Nobody needs it here, or it is ours, or gone."""
        for known in (self._followed, self._faults, self._views):
            known.pop(key, None)

    def items(self) -> Iterator[tuple[Key, GitRepository | Malformed | None]]:
        """All of them, as they are shown."""
        for key, _ in self.reflector.items():  # noqa: PERF102 - a reflector is no dict
            yield key, self.current(key)

    def why_missing(self, repository: GitRepository) -> str:
        """What keeps one without an artifact from having one; empty when that is not known here."""
        if self.is_ours(repository):
            return ""
        key = Key(repository.metadata.namespace, repository.metadata.name)
        published = self.published(key)
        if published is None or published.status.artifact is None:
            return "it belongs to another shard, whose source-controller has not fetched it"
        revision = published.status.artifact.revision
        fault = self._faults.get(key)
        return f"it belongs to another shard, and {revision} cannot be fetched here: {fault}" if fault else ""


def made_from(published: GitRepository) -> GitRepository:
    """The spec that its artifact was made from, as far as the status tells; its signature has been verified."""
    status = published.status
    spec = msgspec.structs.replace(
        published.spec,
        ignore=status.observed_ignore,
        include=status.observed_include,
        recurse_submodules=status.observed_recurse_submodules,
        sparse_checkout=status.observed_sparse_checkout,
        verify=None,
    )
    return msgspec.structs.replace(published, spec=spec)


def published_head(artifact: ArtifactStatus, spec: GitSpec) -> tuple[GitSpec, RemoteHead]:
    """Where the commit of an artifact is to be found, by what its revision says and the reference that it was from."""
    label, _, commit = artifact.revision.rpartition("@")
    commit = commit.rpartition(":")[2]
    if not label or spec.ref.commit:
        # That the commit is on the branch was looked at over there.
        return replace(spec, ref=GitRef(commit=commit)), RemoteHead(commit, label=label)
    if label.startswith("refs/"):
        reference = label
    else:
        reference = f"refs/tags/{label}" if spec.ref.tag or spec.ref.semver else f"refs/heads/{label}"
    return replace(spec, ref=GitRef(name=reference)), RemoteHead(commit, label=label, reference=reference)
