"""What Kustomizations will have: built from the newest revision of their source, before they have applied it.

Who cannot be built has its files read as text: an object whose name stands in its folder may be meant. That errs on
the side of keeping, and only for what is named there, so one broken folder does not keep a whole fleet from deleting.
"""

from __future__ import annotations

import asyncio
import posixpath
import re
from typing import TYPE_CHECKING

from fairlead.controllers.artifacts import tree_id_of
from fairlead.controllers.decryption import load_keys
from fairlead.controllers.variables import load_variables
from fairlead.errors import FairleadError
from fairlead.objects.ref import ObjectRef
from fairlead.objects.tree import EntryKind
from fairlead.sources.errors import MissingObjectError
from fairlead.sources.store import ObjectStore

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from fairlead.api.kustomization import Kustomization
    from fairlead.api.meta import ArtifactStatus
    from fairlead.controllers.builds import Builds
    from fairlead.controllers.references import References
    from fairlead.kube.reflector import Key
    from fairlead.objects.tree import Tree

__all__ = ["Outlook", "names_in"]

LARGEST_BYTES = 1024 * 1024
"""Nobody writes larger manifests by hand; what is generated into the repository is not what breaks a build."""
_WORD = re.compile(rb"[A-Za-z0-9][A-Za-z0-9.:-]*")


class Outlook:
    """Asked when something is about to be deleted."""

    def __init__(
        self,
        builds: Builds,
        references: References,
        artifact: Callable[[Kustomization], ArtifactStatus],
        store: Path,
        *,
        strict: bool,
    ) -> None:
        """``artifact`` is what a Kustomization's source has now; it raises when there is none."""
        self._builds = builds
        self._references = references
        self._artifact = artifact
        self._store = store
        self._strict = strict

    def newest(self, kustomization: Kustomization) -> str:
        """The revision that its source has now; empty when there is none."""
        try:
            return self._artifact(kustomization).revision
        except FairleadError:
            return ""

    async def objects(self, key: Key, kustomization: Kustomization) -> frozenset[ObjectRef]:
        """What it builds from that revision; raises what stands in the way."""
        variables = await load_variables(kustomization, self._references, strict=self._strict)
        keys = await load_keys(kustomization, self._references)
        tree_id = tree_id_of(self._artifact(kustomization))
        build = await self._builds.get(key, kustomization, tree_id, variables, keys)
        return frozenset(ObjectRef.of(manifest) for manifest in build.objects())

    async def mentioned(self, kustomization: Kustomization, names: frozenset[str]) -> set[str]:
        """Which of these names stand in a file of its folder; for those that cannot be built."""
        try:
            tree_id = tree_id_of(self._artifact(kustomization))
        except FairleadError:
            return set()
        return await asyncio.to_thread(_search, self._store, tree_id, kustomization.spec.path or "", names)


def _search(store: Path, tree_id: str, folder: str, names: frozenset[str]) -> set[str]:
    tree = ObjectStore(store).tree(tree_id)  # handles are not shared between threads
    try:
        return names_in(tree, posixpath.normpath(f"/{folder}").strip("/"), names)
    except MissingObjectError:
        return set(names)


def names_in(tree: Tree, folder: str, names: frozenset[str]) -> set[str]:
    """Which of the names are words of a file in the folder or below it."""
    found: set[str] = set()
    for path in _files(tree, folder):
        if tree.size(path) <= LARGEST_BYTES:
            found.update(word for each in _WORD.findall(tree.read(path)) if (word := each.decode()) in names)
        if len(found) == len(names):
            break
    return found


def _files(tree: Tree, folder: str) -> Iterator[str]:
    entry = tree.entry(folder)
    if entry is None or entry.kind is not EntryKind.FOLDER:
        return
    for each in tree.list(folder):
        path = posixpath.join(folder, each.name)
        if each.kind is EntryKind.FILE:
            yield path
        elif each.kind is EntryKind.FOLDER:
            yield from _files(tree, path)
