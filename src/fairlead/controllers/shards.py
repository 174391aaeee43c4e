"""Kustomizations of other shards: they are not watched, and are read when something waits for them or is to be deleted.

Controllers with ``--watch-label-selector`` know the Kustomizations of their own shard only. An object may move to one
of another shard all the same. What that one builds is made out from the tree that this shard has, if both are made from
the same repository, be it by one GitRepository or by two.
"""

from __future__ import annotations

import contextlib
from collections import deque
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import msgspec

from fairlead.api.gitrepository import GitRepository
from fairlead.api.kustomization import CrossNamespaceSourceReference, Kustomization, KustomizationStatus
from fairlead.controllers.access import VERSION
from fairlead.controllers.dependencies import (
    DependencyNotReadyError,
    check_dependencies,
    dependencies_of,
    key_of,
    refuse_cycle,
    source_of,
)
from fairlead.controllers.resources import Malformed, decoder
from fairlead.kube.errors import NotFoundError
from fairlead.kube.listing import Selection
from fairlead.kube.reflector import Key
from fairlead.objects.ref import ObjectRef
from fairlead.sources.flight import SharedCalls

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from fairlead.controllers.access import Access
    from fairlead.objects.ref import GroupKind
    from fairlead.runtime.clock import Clock

    R = TypeVar("R", GitRepository, Kustomization)

__all__ = ["OtherShards", "check_dependencies_with"]

MOST_FOLLOWED = 100
"""Of those that one waits for, also through others; each may cost a request."""
REMEMBERED_SECONDS = 60.0
"""For whom others wait is asked once in this time, whoever wants to know: so late may a cycle through several of them
be told. Whether one is ready is asked each time, and so is one that is not there: it is about to come."""


class OtherShards:
    """Reads them with the controllers' own rights."""

    def __init__(
        self,
        kustomizations: Access[Kustomization],
        sources: Access[GitRepository],
        clock: Clock,
        *,
        namespace: str | None = None,
    ) -> None:
        """``namespace``: the only one that these controllers may look at."""
        self._kustomizations = kustomizations
        self._sources = sources
        self._clock = clock
        self._namespace = namespace
        self._questions: SharedCalls[Kustomization | None] = SharedCalls()
        self._asked: dict[Key, tuple[float, Kustomization]] = {}
        """When each was asked last, and what it was then, without its status."""

    async def relatives(self, kustomization: Kustomization) -> dict[Key, Kustomization]:
        """Those made from what ``kustomization`` is made from, as if they had its very source."""
        ref = source_of(kustomization)
        own = self._sources.typed(Key(ref.namespace, ref.name))
        if own is None:
            return {}
        alike = {
            Key(each.metadata.namespace, each.metadata.name)
            async for each in self._read(GitRepository, self._sources.reflector.kind)
            if _content(each) == _content(own)
        }
        shared = CrossNamespaceSourceReference(kind="GitRepository", name=ref.name, namespace=ref.namespace)
        found: dict[Key, Kustomization] = {}
        async for other in self._read(Kustomization, self._kustomizations.reflector.kind):
            source, key = source_of(other), key_of(other)
            if self._kustomizations.reflector.get(*key) is None and Key(source.namespace, source.name) in alike:
                found[key] = msgspec.structs.replace(other, spec=msgspec.structs.replace(other.spec, source_ref=shared))
        return found

    async def dependencies(self, kustomization: Kustomization) -> dict[Key, Kustomization]:
        """Those that it depends on, as they are at this moment; nobody tells when they change."""
        found: dict[Key, Kustomization] = {}
        for key in dependencies_of(kustomization):
            if self._is_theirs(key) and (other := await self._ask(key)) is not None:
                found[key] = other
        return found

    async def all_dependencies(self, kustomization: Kustomization) -> dict[Key, Kustomization]:
        """Those that it depends on by whatever steps, also through some of this shard; the nearest of very many.

        They may be as they were a minute ago, and their statuses are not to be read.
        """
        since = self._clock.monotonic() - REMEMBERED_SECONDS
        self._asked = {key: answer for key, answer in self._asked.items() if answer[0] > since}
        found: dict[Key, Kustomization | None] = {}
        seen = {key_of(kustomization)}
        coming = deque(seen)
        while coming:
            key = coming.popleft()
            known = self._kustomizations.typed(key)
            if self._is_theirs(key) and len(found) < MOST_FOLLOWED:
                known = found[key] = await self._recall(key)
            for each in dependencies_of(known) if known else ():
                if each not in seen:
                    seen.add(each)
                    coming.append(each)
        return {key: other for key, other in found.items() if other is not None}

    def _is_theirs(self, key: Key) -> bool:
        """Whether it can only be one of another shard; not so where these controllers may not look."""
        return self._kustomizations.reflector.get(*key) is None and self._namespace in (None, key.namespace)

    async def _recall(self, key: Key) -> Kustomization | None:
        answer = self._asked.get(key)
        return answer[1] if answer else await self._ask(key)

    async def _ask(self, key: Key) -> Kustomization | None:
        """One of another shard as it is at this moment; those who ask at the same time share the answer."""
        other = await self._questions.run(key, partial(self._read_one, key))
        if other is not None:
            bare = msgspec.structs.replace(other, status=KustomizationStatus())
            self._asked[key] = (self._clock.monotonic(), bare)
        return other

    async def _read_one(self, key: Key) -> Kustomization | None:
        kind = self._kustomizations.reflector.kind
        with contextlib.suppress(NotFoundError):
            manifest = await self._kustomizations.client.get(ObjectRef(kind.group, kind.kind, *key), version=VERSION)
            other = decoder(Kustomization)(msgspec.Raw(msgspec.json.encode(manifest)))
            return None if isinstance(other, Malformed) else other
        return None

    async def _read(self, struct: type[R], kind: GroupKind) -> AsyncIterator[R]:
        """Those that are there to stay and can be read."""
        decode = decoder(struct)
        async for page in self._kustomizations.client.pages(kind, Selection(namespace=self._namespace)):
            for raw in page.items or ():
                each = decode(raw)
                if not isinstance(each, Malformed) and not each.metadata.deletion_timestamp:
                    yield each


async def check_dependencies_with(
    others: OtherShards | None,
    kustomization: Kustomization,
    revision: str,
    known: Callable[[Key], Kustomization | None],
    unaffected: Callable[[Key], bool],
) -> None:
    """As :func:`check_dependencies`, of which some may be of other shards."""
    theirs = await others.dependencies(kustomization) if others else {}
    try:
        check_dependencies(kustomization, revision, lambda key: known(key) or theirs.get(key), unaffected)
    except DependencyNotReadyError:
        if others:  # what is not ready may wait for this one; who is ready is not asked whom it waits for
            theirs = await others.all_dependencies(kustomization)
            refuse_cycle(kustomization, lambda key: known(key) or theirs.get(key))
        raise


def _content(source: GitRepository) -> object:
    """What decides which files come of it; how to reach the server, and how often, does not."""
    spec = source.spec
    return spec.url, spec.ref, spec.ignore, spec.include, spec.sparse_checkout, bool(spec.recurse_submodules)
