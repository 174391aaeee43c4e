"""Which files of a source are left out: ``.sourceignore`` files and ``spec.ignore``, in gitignore syntax as Flux reads
it.

The result is a real tree in the store, so everything behind it stays a matter of tree ids. Folders in which nothing
is left out keep their id, and what was worked out for a folder is remembered by its id: a new revision costs what
changed in it.

As Flux (fluxcd/pkg sourceignore 0.18) and unlike Git: the last pattern that matches a file or one of its folders
decides, so ``!deploy/app.yaml`` brings a file back even when its folder is left out.
"""

from __future__ import annotations

import contextlib
import os
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pygit2
from pygit2.enums import FileMode

from fairlead.objects.tree import EntryKind
from fairlead.sources.errors import IgnoreRulesError, MissingObjectError
from fairlead.sources.gittree import name_of
from fairlead.sources.patterns import Pattern, PatternList, lines_of, parse_patterns

if TYPE_CHECKING:
    from collections.abc import Iterable

    from fairlead.sources.store import ObjectStore

__all__ = ["TreeFilter"]

IGNORE_FILE = ".sourceignore"
VCS = (".git/", ".gitignore", ".gitmodules", ".gitattributes")
EXTENSIONS = ("*.jpg", "*.jpeg", "*.gif", "*.png", "*.wmv", "*.flv", "*.tar.gz", "*.zip")
CI = (
    *(".github/", ".circleci/", ".travis.yml", ".gitlab-ci.yml", "appveyor.yml", ".drone.yml"),
    *("cloudbuild.yaml", "codeship-services.yml", "codeship-steps.yml"),
)
EXTRA = ("**/.goreleaser.yml", "**/.sops.yaml", "**/.flux.yaml")

DEFAULT = "Flux's defaults"
REPLACEABLE = f"{DEFAULT}, which a rule of your own in {IGNORE_FILE} or spec.ignore replaces"

_LARGEST_IGNORE_FILE_BYTES = 1024 * 1024
_REMEMBERED_FOLDERS = 200_000
_REMEMBERED_RESULTS = 2_000

Found = tuple[tuple[tuple[str, ...], str], ...]
"""Folder (relative) and blob id of each ignore file below a folder, outer ones first."""


@dataclass(frozen=True, slots=True)
class _Rules:
    patterns: PatternList
    key: object
    """Equal rules have an equal key."""
    origins: tuple[str, ...]
    """Where each pattern is written."""


class TreeFilter:
    """Applies ignore rules to trees of one store; remembers what it did. Threads take turns."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._ignore_files: dict[str, Found] = {}
        self._filtered: dict[tuple[object, tuple[str, ...], str, int], str] = {}
        self._rules: dict[object, _Rules] = {}
        self._unfiltered: dict[str, tuple[str, str]] = {}
        """What the last results were made from: tree and ``spec.ignore``."""
        self._lock = threading.Lock()

    def apply(self, tree_id: str, spec_ignore: str | None) -> str:
        """The id of ``tree_id`` without what is ignored; folders that become empty vanish (except the root)."""
        with self._lock:
            tree = self._store.get_tree(tree_id)
            self._forget_when_full()
            rules = self._rules_for(self._find_ignore_files(tree), spec_ignore or "")
            filtered = self._filter(rules, (), tree, -1) or self._store.write_tree({})
            self._unfiltered.pop(filtered, None)
            self._unfiltered[filtered] = (tree_id, spec_ignore or "")
            while len(self._unfiltered) > _REMEMBERED_RESULTS:
                del self._unfiltered[next(iter(self._unfiltered))]
            return filtered

    def why_absent(self, tree_id: str, paths: Iterable[str]) -> str:
        """Which rule took one of these paths out of a result of :meth:`apply`; empty when none did, as far as is known.

        For the deepest of them: a folder may be gone only because all that was in it is.
        """
        with self._lock, contextlib.suppress(MissingObjectError):
            before, spec_ignore = self._unfiltered.get(tree_id, ("", ""))
            if not before:
                return ""
            whole, left = self._store.tree(before), self._store.tree(tree_id)
            for path in sorted(paths, key=lambda path: path.count("/"), reverse=True):
                entry = whole.entry(path)
                if entry is not None and left.entry(path) is None:
                    rules = self._rules_for(self._find_ignore_files(self._store.get_tree(before)), spec_ignore)
                    return _explained(rules, path, is_folder=entry.kind is EntryKind.FOLDER)
        return ""

    def forget(self) -> None:
        """Write all trees again when they are asked for: some were lost."""
        with self._lock:
            self._clear()

    # -- rules -----------------------------------------------------------------------------------------------------

    def _find_ignore_files(self, tree: pygit2.Tree) -> Found:
        key = str(tree.id)
        if key not in self._ignore_files:
            own = [((), str(entry.id)) for entry in tree if entry.name == IGNORE_FILE and _is_file(entry)]
            below = [
                ((name_of(entry), *folder), blob)
                for entry in tree
                if isinstance(entry, pygit2.Tree) and entry.name != ".git"
                for folder, blob in self._find_ignore_files(entry)
            ]
            self._ignore_files[key] = (*own, *below)
        return self._ignore_files[key]

    def _rules_for(self, found: Found, spec_ignore: str) -> _Rules:
        key = (found, spec_ignore)
        if key not in self._rules:
            custom: list[tuple[Pattern, str]] = []
            for folder, blob in found:
                patterns = parse_patterns(lines_of(self._read(folder, blob)), folder)
                custom += [(pattern, "/".join((*folder, IGNORE_FILE))) for pattern in patterns]
            custom += [(pattern, "spec.ignore") for pattern in parse_patterns(lines_of(spec_ignore))]
            default = VCS if custom else (*VCS, *EXTENSIONS, *CI, *EXTRA)
            origin = DEFAULT if default is VCS else REPLACEABLE
            every = [*((pattern, origin) for pattern in parse_patterns(default)), *custom]
            origins = tuple(origin for _, origin in every)
            self._rules[key] = _Rules(PatternList([pattern for pattern, _ in every]), len(self._rules), origins)
        return self._rules[key]

    def _read(self, folder: tuple[str, ...], blob_id: str) -> str:
        blob = self._store.get_blob(blob_id)
        if blob.size > _LARGEST_IGNORE_FILE_BYTES:
            raise IgnoreRulesError(f"{'/'.join((*folder, IGNORE_FILE))} is larger than 1 MiB")
        return os.fsdecode(blob.data)

    def _forget_when_full(self) -> None:
        if max(len(self._filtered), len(self._ignore_files)) > _REMEMBERED_FOLDERS:
            self._clear()

    def _clear(self) -> None:
        self._filtered.clear()
        self._ignore_files.clear()
        self._rules.clear()

    # -- filtering -------------------------------------------------------------------------------------------------

    def _filter(self, rules: _Rules, folder: tuple[str, ...], tree: pygit2.Tree, inherited: int) -> str:
        """The id of the filtered folder, or ``""``; ``inherited`` is the pattern that decides about it so far."""
        key = (rules.key, folder, str(tree.id), inherited)
        known = self._filtered.get(key)
        if known is None or (known not in ("", key[2]) and not self._store.has(known)):
            known = self._filter_anew(rules, folder, tree, inherited)
            self._filtered[key] = known
        return known

    def _filter_anew(self, rules: _Rules, folder: tuple[str, ...], tree: pygit2.Tree, inherited: int) -> str:
        patterns = rules.patterns.for_folder(folder)
        results: list[str] = []
        changed = False
        for entry in tree:
            name, object_id = name_of(entry), str(entry.id)
            decisive = patterns.decide(name, is_folder=isinstance(entry, pygit2.Tree), inherited=inherited)
            if isinstance(entry, pygit2.Tree):
                gone = rules.patterns.excludes(decisive) and not rules.patterns.includes_after(decisive)
                result = "" if gone else self._filter(rules, (*folder, name), entry, decisive)
            else:
                result = "" if rules.patterns.excludes(decisive) else object_id
            changed = changed or result != object_id
            results.append(result)
        if not changed:
            return str(tree.id)
        found = zip(tree, results, strict=True)
        kept = {name_of(entry): (result, entry.filemode) for entry, result in found if result}
        return self._store.write_tree(kept) if kept else ""


def _explained(rules: _Rules, path: str, *, is_folder: bool) -> str:
    number = rules.patterns.decisive(path.split("/"), is_folder=is_folder)
    if rules.patterns.excludes(number):
        rule = f"'{rules.patterns.text(number)}' of {rules.origins[number]}"
        return f"{path} is in the repository, but left out by the ignore rule {rule}"
    return f"{path} is in the repository, but ignore rules leave out all that is in it" if is_folder else ""


def _is_file(entry: pygit2.Object) -> bool:
    return entry.filemode in (FileMode.BLOB, FileMode.BLOB_EXECUTABLE)
