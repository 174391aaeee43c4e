"""Git as a source: which commit does a spec mean now, and its tree in the object store.

``resolve`` is cheap and is called often: one question to the server, shared by everybody who asks the same at the
same time. ``fetch`` is called when the answer is new: it transfers one commit without history, as a difference to
what is here, and lays sparse checkout, submodules, includes and ignore rules over it. Both may be cancelled at any
point and called again.
"""

from __future__ import annotations

import asyncio
import contextlib
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING

import pygit2

from fairlead.sources import compose, submodules, verify
from fairlead.sources.errors import GitOperationError, GitRefNotFoundError, MissingObjectError
from fairlead.sources.ignore import TreeFilter
from fairlead.sources.process import GitFailedError, run_git
from fairlead.sources.refs import (
    EVERYTHING,
    Advertised,
    check_ref,
    choose_head,
    explain_missing,
    newest_tags,
    wanted_prefixes,
)
from fairlead.sources.remote import IncompleteError
from fairlead.sources.servers import Servers, deadline
from fairlead.sources.spec import GitRevision, RemoteHead
from fairlead.sources.upkeep import held_by, with_submodules

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Sequence

    from fairlead.sources.remote import Remote
    from fairlead.sources.servers import Transport
    from fairlead.sources.spec import GitAuth, GitRef, GitSpec
    from fairlead.sources.store import ObjectStore
    from fairlead.sources.upkeep import InUse
    from fairlead.sources.url import GitUrl

UNUSED_FOR = timedelta(days=30)

__all__ = ["GitOptions", "GitSource"]


@dataclass(frozen=True, slots=True)
class GitOptions:
    """What the operator of the process permits."""

    local_repositories: bool = False
    """Whether ``file://`` and plain paths are taken. Off by default: in a cluster they would show the pod's files."""
    largest_pack_bytes: int = 2 * 1024**3
    """A transfer above this size is refused, so that one repository cannot fill the disk."""
    packs_before_repack: int = 24
    """How many small packs of one remote pile up before a fetch packs them together; half of them, before
    :meth:`GitSource.tidy` does."""


class GitSource:
    """All Git sources of a process. ``close`` it when done; calls that are under way end with it."""

    def __init__(self, store: ObjectStore, *, options: GitOptions = GitOptions()) -> None:
        self.store = store
        self._options = options
        self._servers = Servers(
            store, local_repositories=options.local_repositories, largest_pack_bytes=options.largest_pack_bytes
        )
        self._filter = TreeFilter(store)

    async def __aenter__(self) -> GitSource:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self._servers.close()

    def check(self, spec: GitSpec) -> GitUrl:
        """Refuse a spec that can never work, without asking anybody; returns the URL as it is understood."""
        url, _ = self._servers.parse(spec)
        check_ref(spec.ref)
        return url

    async def resolve(self, spec: GitSpec) -> RemoteHead:
        """The commit that ``spec.ref`` means now.

        Raises :class:`GitRefNotFoundError`, :class:`GitRepositoryEmptyError`, :class:`GitAccessDeniedError`,
        :class:`GitOperationError` (also on timeout) and :class:`InvalidSpecError`.
        """
        url, auth = self._servers.parse(spec)
        check_ref(spec.ref)
        prefixes = wanted_prefixes(spec.ref)
        if not prefixes:
            return RemoteHead(spec.ref.commit)
        advertised = await self._servers.ask(spec, url, auth, prefixes)
        try:
            if prefixes == ("refs/tags/",):
                return await self._newest(spec, url, auth, advertised)
            return choose_head(spec.ref, advertised, url.text)
        except GitRefNotFoundError as error:
            everything = await self._servers.ask(spec, url, auth, EVERYTHING)
            raise explain_missing(error, everything, url.text) from None

    async def resolve_first(self, spec: GitSpec, refs: Sequence[GitRef]) -> tuple[GitSpec, RemoteHead] | None:
        """The first of these names that the repository has, with one question; no commits and no ranges."""
        url, auth = self._servers.parse(spec)
        prefixes = dict.fromkeys(prefix for ref in refs for prefix in wanted_prefixes(ref))
        advertised = await self._servers.ask(spec, url, auth, tuple(prefixes))
        for ref in refs:
            try:
                return replace(spec, ref=ref), choose_head(ref, advertised, url.text)
            except GitRefNotFoundError:
                continue
        return None

    async def fetch(self, spec: GitSpec, head: RemoteHead) -> GitRevision:
        """Bring the revision into the store. Costs what changed; a revision that is there costs next to nothing.

        Beside what :meth:`resolve` raises, :class:`GitVerificationError` and :class:`GitSpecError`.
        """
        url, auth = self._servers.parse(spec)
        async with deadline(spec, url):
            head = await self._fetch_commit(spec, url, auth, head)
        verified_by = await verify.verify_revision(self.store, head, spec.verify) if spec.verify else ""
        info = self.store.commit(head.commit)
        tree_id = info.tree_id
        if spec.recurse_submodules:
            tree_id = await submodules.graft(self, spec, url, tree_id)
        tree_id = await asyncio.to_thread(self._shape, spec, tree_id)
        return GitRevision(head, info, tree_id, verified_by)

    def why_absent(self, tree_id: str, paths: Iterable[str]) -> str:
        """Which ignore rule took one of these paths out of a tree that was :meth:`shaped`; empty for none. Blocking."""
        return self._filter.why_absent(tree_id, paths)

    def shaped(self, tree_id: str) -> bool:
        """Whether it is known what a tree was made from, of the latest ones."""
        return self._filter.made(tree_id)

    def shape_again(self, spec: GitSpec, commit: str) -> None:
        """Make the tree of a revision that an earlier process has fetched; nothing when some of it is not here."""
        with contextlib.suppress(MissingObjectError):
            self._shape(spec, self.store.commit(commit).tree_id)

    async def is_whole(self, tree_id: str) -> bool:
        """Whether every file of a tree can be read from disk; this process may still see what was deleted."""
        command = ["archive", "--format=tar", "--output=/dev/null", "--end-of-options", tree_id]
        try:
            await run_git(command, folder=self.store.objects_folder)
        except GitOperationError:
            return False
        return True

    async def tidy(self, spec: GitSpec) -> None:
        """Do what a later fetch would have to, now that nobody waits for it. What fails is left to that one."""
        remote = self._servers.remote(*self._servers.parse(spec))
        async with remote.lock:
            with suppress(GitOperationError):
                await self._merge_packs(remote, self._options.packs_before_repack // 2)

    async def forget(self, spec: GitSpec, commits: Collection[str] = ()) -> None:
        """Drop what is here of a remote, after :class:`MissingObjectError` showed that something is damaged.

        Also what is here of every other that gave one of ``commits`` or of their submodules, and our own damaged trees.
        """
        self.store.prepare()
        damaged = await asyncio.to_thread(with_submodules, self.store, commits)
        own = self._servers.remote(*self._servers.parse(spec))
        for remote in [own, *(each for each in self.store.remotes() if each is not own)]:
            async with remote.lock:
                if remote is own or not damaged.isdisjoint(remote.kept().values()):
                    remote.wipe()
                    self.store.drop_replaced_packs()
        await asyncio.to_thread(self.store.drop_damaged_trees)
        await asyncio.to_thread(self._filter.forget)

    async def maintain(self, artifacts: Iterable[InUse] = (), *, now: datetime | None = None) -> None:
        """Housekeeping, to be called once in a while (a day): drops old revisions and what no source used for a month.

        A source says that it uses a revision by calling :meth:`fetch`, at each interval, also when nothing changed.
        What ``artifacts`` are made of stays in any case.
        """
        self.store.prepare()
        moment = now or datetime.now(UTC)
        held = await asyncio.to_thread(held_by, self.store, artifacts)
        await asyncio.to_thread(self.store.drop_unused_remotes, unused_for=UNUSED_FOR, now=moment, held=held.commits)
        self.store.drop_replaced_packs()
        await asyncio.to_thread(self.store.drop_composed_trees, older_than=UNUSED_FOR, now=moment, held=held.composed)
        for remote in self.store.remotes():
            async with remote.lock:
                remote.prepare()
                await remote.repack(held.commits, moment.timestamp())
                self._exchange_packs(remote)

    async def fetch_whole(self, spec: GitSpec, head: RemoteHead) -> str:
        """The tree id of the revision as it was committed, nothing ignored; submodules when the spec wants them."""
        url, auth = self._servers.parse(spec)
        async with deadline(spec, url):
            head = await self._fetch_commit(spec, url, auth, head)
        tree_id = self.store.commit(head.commit).tree_id
        return await submodules.graft(self, spec, url, tree_id) if spec.recurse_submodules else tree_id

    async def fetch_pinned(self, spec: GitSpec, commit: str) -> str:
        """The tree id of a commit that something else names by its id, such as a submodule."""
        url, auth = self._servers.parse(spec)
        async with deadline(spec, url):
            head = await self._fetch_commit(spec, url, auth, RemoteHead(commit))
        return self.store.commit(head.commit).tree_id

    # -- steps -----------------------------------------------------------------------------------------------------

    async def _newest(self, spec: GitSpec, url: GitUrl, auth: GitAuth, advertised: Advertised) -> RemoteHead:
        """The tag of a range. Equal versions (``1.0.0``, ``v1.0.0``) are told apart by the time of their commits."""
        names = newest_tags(spec.ref.semver, advertised, url.text)
        heads = [
            RemoteHead(
                advertised.commit_of(name),
                label=name.removeprefix("refs/tags/"),
                reference=name,
                tag_id=advertised.refs[name] if name in advertised.peeled else "",
            )
            for name in names
        ]
        if len({head.commit for head in heads}) == 1:
            return heads[-1]
        async with deadline(spec, url):
            for head in heads:
                await self._fetch_commit(spec, url, auth, head)
        return max(heads, key=lambda head: (self.store.commit(head.commit).committed_at, head.label))

    async def _fetch_commit(self, spec: GitSpec, url: GitUrl, auth: GitAuth, head: RemoteHead) -> RemoteHead:
        """Make the commit readable in the store, complete, and kept there."""
        remote = self._servers.remote(url, auth)
        transport = await self._servers.transport(url, auth)
        async with remote.lock:
            remote.prepare()
            self.store.prepare()
            pinned = bool(spec.ref.commit)
            if pinned and spec.ref.branch:
                await self._check_branch_holds(spec, url, auth, remote, transport)
            if not self._is_here(remote, head):
                head = await self._transfer(remote, transport, head, reference="" if pinned else head.reference)
            remote.keep(head.commit if pinned else head.reference, head.commit, head.tag_id)
            await self._merge_packs(remote, self._options.packs_before_repack)
        return head

    async def _merge_packs(self, remote: Remote, most: int) -> None:
        if len(remote.packs()) > most:
            await remote.merge_packs()
            self._exchange_packs(remote)

    def _exchange_packs(self, remote: Remote) -> None:
        self.store.link_packs(remote)
        self.store.drop_replaced_packs()

    def _is_here(self, remote: Remote, head: RemoteHead) -> bool:
        if not remote.holds(head.commit) or (head.tag_id and not remote.has(head.tag_id)):
            return False
        if not self.store.has(head.commit):
            self.store.link_packs(remote)
        return self.store.has(head.commit)

    async def _transfer(self, remote: Remote, transport: Transport, head: RemoteHead, *, reference: str) -> RemoteHead:
        """Fetch; when what is here turns out to be damaged, forget it and fetch all anew."""
        fresh = not remote.packs() and not remote.kept()
        try:
            return await self._transfer_once(remote, transport, head, reference)
        except (GitFailedError, IncompleteError, pygit2.GitError):
            if fresh:
                raise
        remote.wipe()  # not in the handler, where the error's frames still have the old handle's objects
        self.store.drop_replaced_packs()  # the damaged ones are linked there, and the new may have their names
        return await self._transfer_once(remote, transport, head, reference)

    async def _transfer_once(
        self, remote: Remote, transport: Transport, head: RemoteHead, reference: str
    ) -> RemoteHead:
        commit = await transport.fetch(remote, head.commit, reference=reference, tag_id=head.tag_id)
        await asyncio.to_thread(remote.check_complete, commit)
        self.store.link_packs(remote)
        return replace(head, commit=commit)

    async def _check_branch_holds(
        self, spec: GitSpec, url: GitUrl, auth: GitAuth, remote: Remote, transport: Transport
    ) -> None:
        """Flux clones the branch and looks for the commit in it; so a commit of another branch is refused."""
        commit, branch = spec.ref.commit, spec.ref.branch
        if remote.holds(commit):
            return
        advertised = await self._servers.ask(spec, url, auth, wanted_prefixes(spec.ref))
        tip = advertised.refs.get(f"refs/heads/{branch}")
        if tip is None or not await transport.contains(remote, commit, tip):
            raise GitRefNotFoundError(f"commit {commit} is not in branch {branch!r} of {url.text}")

    def _shape(self, spec: GitSpec, tree_id: str) -> str:
        """What Flux does to a checkout before it becomes an artifact, in its order."""
        if spec.sparse_checkout:
            tree_id = compose.keep_folders(self.store, tree_id, spec.sparse_checkout)
        for include in spec.includes:
            tree_id = compose.overlay(self.store, tree_id, include)
        return self._filter.apply(tree_id, spec.ignore, source=(spec.url, spec.ref, spec.sparse_checkout))
