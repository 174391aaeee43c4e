"""Which objects a Kustomization stands for, built only when something that counts has changed.

A build is reused as long as spec and variables are equal and everything that it read from the tree is unchanged. What
is kept of it is small: the objects are compressed, variables are only a digest.
"""

from __future__ import annotations

import asyncio
import contextlib
import hashlib
import zlib
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec

from fairlead.build.changes import changes_between
from fairlead.build.flux import PathNotFoundError
from fairlead.build.tree import ReadSet
from fairlead.controllers.build_worker import Job
from fairlead.controllers.data_keys import DataKeys
from fairlead.controllers.standings import Standings
from fairlead.errors import BuildError, NotReadyError
from fairlead.sources.errors import MissingObjectError
from fairlead.sources.gittree import entry_of

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from fairlead.api.kustomization import Kustomization
    from fairlead.build.bases import Base
    from fairlead.build.changes import TreeChanges
    from fairlead.build.flux import Variables
    from fairlead.build.sops import Keys
    from fairlead.controllers.bases import RemoteBases
    from fairlead.controllers.build_pool import Builder
    from fairlead.controllers.build_worker import Outcome
    from fairlead.kube.reflector import Key
    from fairlead.objects.manifest import Manifest
    from fairlead.objects.tree import TreeEntry
    from fairlead.sources.gittree import GitTree
    from fairlead.sources.store import ObjectStore

__all__ = ["Build", "Builds", "TreeMissingError"]


SMALL = 32
"""Objects and files; each of them takes about a third of a millisecond."""
MOST_CHANGES = 8
"""Pairs of trees whose differences are kept."""
MOST_ROUNDS = 16
"""How often a build may ask for more remote bases: bases that name bases come one level at a time."""


class TreeMissingError(NotReadyError):
    """The object store does not hold the tree (any more); the source fetches it again."""


@dataclass(frozen=True, slots=True)
class Build:
    """A build's result, compact."""

    generation: int
    variables: str
    """Digest of the variables and of the keys for encrypted files."""
    digest: str
    """Of the objects' YAML, as in ``status.history``."""
    count: int
    packed: bytes = field(repr=False)
    read_set: ReadSet = field(repr=False)
    sensitive: frozenset[str] = field(default=frozenset(), repr=False)
    """Values that were encrypted in objects that are no Secrets."""
    bases: Mapping[Base, str] = field(default_factory=dict)
    """The remote bases that it was made from, by the ids of their content."""

    @property
    def is_small(self) -> bool:
        """Whether the like of it takes milliseconds only."""
        return self.count <= SMALL and len(self.read_set.read) <= SMALL

    @property
    def is_whole(self) -> bool:
        """Whether it has its manifests; one that was remembered over a restart has not, and is built again for them."""
        return bool(self.packed)

    def objects(self) -> list[Manifest]:
        """The manifests, decoded anew at each call."""
        manifests: list[Manifest] = msgspec.msgpack.decode(zlib.decompress(self.packed))
        return manifests


async def _no_reason(_tree_id: str, _paths: Sequence[str]) -> str:
    return ""


class Builds:
    """Builds by Kustomization."""

    def __init__(
        self, store: ObjectStore, builder: Builder, bases: RemoteBases | None = None, vault: DataKeys | None = None
    ) -> None:
        """Without ``bases`` a build that needs a remote one is refused."""
        self._vault = vault or DataKeys()
        self._store = store
        self._builder = builder
        self._bases = bases
        self._known: dict[Key, Build] = {}
        self._newest: GitTree | None = None
        """The tree that was looked at last: all users of a source look at the same one."""
        self.standings = Standings()
        """The trees for which the builds were last found to hold."""
        self._changes: dict[tuple[str, str], TreeChanges] = {}
        """Of the pairs of trees compared last: most users of a source go from the same one to the same one."""
        self.explain: Callable[[str, Sequence[str]], Awaitable[str]] = _no_reason
        """Why paths are not in a tree, if that is known. Set by who knows the sources."""
        self.executed = 0
        """How many builds were carried out; the others were reused."""

    def forget(self, key: Key) -> None:
        self._known.pop(key, None)
        self.standings.forget(key)

    async def get(
        self,
        key: Key,
        kustomization: Kustomization,
        tree_id: str,
        variables: Variables,
        keys: Keys | None = None,
        *,
        since: float | None = None,
    ) -> Build:
        """The build for this tree; the very same object as long as nothing that counts has changed.

        Remote bases that may change are asked for, unless that was done ``since`` (monotonic). Raises ``BuildError``,
        :class:`PathNotFoundError` among them, :class:`TreeMissingError`, and ``BaseUnavailableError``.
        """
        generation = kustomization.metadata.generation
        wanted = _digest([dict(variables.values), variables.strict, variables.always, keys.digest if keys else ""])
        if not self._store.has(tree_id):
            raise TreeMissingError("Source artifact disappeared from storage, waiting for the source to fetch it again")
        known = self._known.get(key)
        same = known is not None and (known.generation, known.variables) == (generation, wanted)
        given = await self._bases.offer(known.bases, since) if self._bases is not None and known is not None else {}
        if known is not None and same and known.is_whole and known.bases == given and self.holds(key, known, tree_id):
            return known
        job = Job(
            store=str(self._store.folder),
            tree=tree_id,
            spec=kustomization.spec,
            variables=dict(variables.values),
            strict=variables.strict,
            always=variables.always,
            keys=keys,
        )
        outcome, given = await self._run(job, given, since, small=known is not None and known.is_small)
        if outcome.error:
            outcome = await self._explained(outcome, tree_id)
        build = _build(outcome, generation, wanted, given)
        self.remember(key, build, tree_id)
        return build

    async def _run(
        self, job: Job, given: dict[Base, str], since: float | None, *, small: bool
    ) -> tuple[Outcome, dict[Base, str]]:
        """Build, and fetch the remote bases and data keys that are missing, until nothing is."""
        for _ in range(MOST_ROUNDS):
            bases = None if self._bases is None else list(given.items())
            self.executed += 1
            outcome = await self._builder.run(msgspec.structs.replace(job, bases=bases), small=small)
            if self._bases is not None and outcome.fault == "store":
                self._bases.forget(given)
            if outcome.fault == "keys" and job.keys is not None:
                job = msgspec.structs.replace(job, keys=await self._vault.open(job.keys, outcome.data_keys))
                continue
            if self._bases is None or outcome.fault != "bases":
                return outcome, given
            given |= await self._bases.get(outcome.bases, since)
        raise BuildError(f"remote bases and data keys are not complete after {MOST_ROUNDS} rounds: {outcome.error}")

    async def _explained(self, outcome: Outcome, tree_id: str) -> Outcome:
        """With the reason why a file is not there that the error speaks of."""
        named = [path for path in outcome.missed if path and path.rpartition("/")[2] in outcome.error]
        why = await self.explain(tree_id, named) if named else ""
        return msgspec.structs.replace(outcome, error=f"{outcome.error} ({why})") if why else outcome

    def remember(self, key: Key, build: Build, tree_id: str) -> None:
        """What was built, maybe by an earlier process, and is known to hold for this tree."""
        self._known[key] = build
        self.standings.stand(key, build, tree_id)

    async def compare(self, before: str, after: str) -> None:
        """Find out what differs between two trees before anybody needs it: that of thousands of folders takes its time.

        When one of them is not here, whoever needs the answer finds out.
        """
        if before in ("", after):
            return
        with contextlib.suppress(MissingObjectError):
            trees = self._store.tree(before), self._store.tree(after)
            self._keep_changes(before, after, await asyncio.to_thread(changes_between, *trees, self._differ))

    def asked(self, users: AbstractSet[Key], tree_id: str) -> AbstractSet[Key]:
        """Who of the users of a source may be changed by its new tree; to all the others it means nothing."""
        return self.standings.follow(users, tree_id, self._changes_between)

    def holds(self, key: Key, build: Build, tree_id: str) -> bool:
        """Whether the files that a build was made from are the same in this tree; no, when the tree is not here."""
        try:
            before = self.standings.tree_of(key, build)
            if not before:
                held = build.read_set.holds(self._tree(tree_id))
            else:
                # Of a thousand that a commit does touch each would take long to look at; so what may be touched is.
                held = before == tree_id or not self._changes_between(before, tree_id).may_touch(build.read_set)
        except MissingObjectError:
            return False
        if held:
            self.standings.stand(key, build, tree_id)
        return held

    def _changes_between(self, before: str, after: str) -> TreeChanges:
        known = self._changes.get((before, after))
        if known is None:
            known = changes_between(self._store.tree(before), self._tree(after), self._differ)
            self._keep_changes(before, after, known)
        return known

    def _differ(self, before: TreeEntry, after: TreeEntry) -> Iterator[tuple[TreeEntry | None, TreeEntry | None]]:
        for name, one, other in self._store.differences(before.identity, after.identity):
            yield entry_of(name, one), entry_of(name, other)

    def _keep_changes(self, before: str, after: str, changes: TreeChanges) -> None:
        while len(self._changes) >= MOST_CHANGES:
            del self._changes[next(iter(self._changes))]
        self._changes[before, after] = changes

    def _tree(self, tree_id: str) -> GitTree:
        if self._newest is None or self._newest.tree_id != tree_id:
            self._newest = self._store.tree(tree_id)
        return self._newest


def _build(outcome: Outcome, generation: int, variables: str, given: Mapping[Base, str]) -> Build:
    match outcome.fault:
        case "":
            seen = ReadSet(outcome.read, outcome.listed, frozenset(outcome.folders), frozenset(outcome.missed))
            sensitive = frozenset(outcome.sensitive)
            bases = {base: given[base] for base in outcome.bases}
            return Build(generation, variables, outcome.digest, outcome.count, outcome.objects, seen, sensitive, bases)
        case "path":
            raise PathNotFoundError(outcome.error)
        case "store":
            raise TreeMissingError(outcome.error)
        case _:
            raise BuildError(outcome.error)


def _digest(value: Any) -> str:
    return hashlib.sha256(msgspec.json.encode(value, order="deterministic")).hexdigest()
