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
from functools import lru_cache, partial
from typing import TYPE_CHECKING, TypeVar

from pygit2.enums import FileMode

from fairlead.objects.tree import EntryKind
from fairlead.sources.errors import IgnoreRulesError, MissingObjectError
from fairlead.sources.patterns import Pattern, PatternList, lines_of, parse_patterns

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from fairlead.sources.folders import Difference, RawEntry
    from fairlead.sources.patterns import FolderPatterns
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

_FOLDER = int(FileMode.TREE)  # plain numbers: comparing with members of the enum costs more than all the rest
_FILES = (int(FileMode.BLOB), int(FileMode.BLOB_EXECUTABLE))
_LARGEST_IGNORE_FILE_BYTES = 1024 * 1024
_REMEMBERED_FOLDERS = 200_000
_REMEMBERED_RESULTS = 2_000

K = TypeVar("K")
V = TypeVar("V")
Found = tuple[tuple[tuple[str, ...], str], ...]
"""Folder (relative) and blob id of each ignore file below a folder, outer ones first."""


@dataclass(frozen=True, slots=True)
class _Rules:
    patterns: PatternList
    key: object
    """Equal rules have an equal key."""
    origins: tuple[str, ...]
    """Where each pattern is written."""


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a folder lies, as far as that matters for what is left out of it."""

    rules: _Rules
    folder: tuple[str, ...]
    inherited: int
    """The pattern that decides about the folder so far."""

    @property
    def key(self) -> tuple[object, ...]:
        return self.rules.key, self.folder, self.inherited


class TreeFilter:
    """Applies ignore rules to trees of one store; remembers what it did. Threads take turns."""

    def __init__(self, store: ObjectStore) -> None:
        self._store = store
        self._ignore_files: dict[str, Found] = {}
        self._filtered: dict[tuple[object, ...], str] = {}
        """By place and tree."""
        self._rules: dict[object, _Rules] = {}
        self._unfiltered: dict[str, tuple[str, str]] = {}
        """What the last results were made from: tree and ``spec.ignore``."""
        self._last: dict[object, str] = {}
        """The newest tree of each source."""
        self._entries = lru_cache(maxsize=_REMEMBERED_FOLDERS)(store.entries)
        """Each folder is read for its rules and for what they leave; forgotten after that."""
        self._lock = threading.Lock()

    def apply(self, tree_id: str, spec_ignore: str | None, *, source: object = None) -> str:
        """The id of ``tree_id`` without what is ignored; folders that become empty vanish (except the root).

        Trees of the same ``source`` are taken to be nearly the same, and only their differences are looked at.
        """
        with self._lock:
            self._forget_when_full()
            like = self._last.get(source, "")
            rules = self._rules_for(self._find_ignore_files(tree_id, like), spec_ignore or "")
            filtered = self._filter(_Place(rules, (), -1), tree_id, like) or self._store.write_tree({})
            self._entries.cache_clear()
            _keep(self._last, source, tree_id)
            _keep(self._unfiltered, filtered, (tree_id, spec_ignore or ""))
            return filtered

    def made(self, tree_id: str) -> bool:
        """Whether a tree is one of the latest results of :meth:`apply`."""
        with self._lock:
            return tree_id in self._unfiltered

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
                    rules = self._rules_for(self._find_ignore_files(before), spec_ignore)
                    return _explained(rules, path, is_folder=entry.kind is EntryKind.FOLDER)
        return ""

    def forget(self) -> None:
        """Write all trees again when they are asked for: some were lost."""
        with self._lock:
            self._clear()

    # -- rules -----------------------------------------------------------------------------------------------------

    def _find_ignore_files(self, tree_id: str, like: str = "") -> Found:
        found = self._ignore_files.get(tree_id)
        if found is None:
            known = self._ignore_files.get(like)
            if known is None or self._differ_in_ignore_files(like, tree_id):
                known = self._look_for_ignore_files(tree_id)
            found = self._ignore_files[tree_id] = known
        return found

    def _look_for_ignore_files(self, tree_id: str) -> Found:
        own: list[tuple[tuple[str, ...], str]] = []
        below: list[tuple[tuple[str, ...], str]] = []
        for name, entry in self._entries(tree_id).items():
            found = self._ignore_files_of(name, entry)
            (own if name == IGNORE_FILE else below).extend(found)
        return (*own, *below)

    def _ignore_files_of(self, name: str, entry: RawEntry | None, like: str = "") -> Found:
        """Those that one name of a folder brings, seen from that folder."""
        if entry is None:
            return ()
        identity, mode = entry
        if name == IGNORE_FILE and mode in _FILES:
            return (((), identity),)
        if mode != _FOLDER or name == ".git":
            return ()
        return tuple(((name, *folder), blob) for folder, blob in self._find_ignore_files(identity, like))

    def _differ_in_ignore_files(self, before: str, after: str) -> bool:
        """Whether an ignore file may be among what differs between two folders."""
        with contextlib.suppress(MissingObjectError):  # the older one may be gone
            return any(
                self._ignore_files_of(each.name, each.before)
                or self._ignore_files_of(each.name, each.after, each.before[0] if each.before else "")
                for each in self._store.differences(before, after)
            )
        return True

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
        self._last.clear()

    # -- filtering -------------------------------------------------------------------------------------------------

    def _filter(self, place: _Place, tree_id: str, like: str) -> str:
        """The id of the filtered folder, or ``""``; ``like`` is the folder that was at this place before."""
        key = (*place.key, tree_id)
        known = self._filtered.get(key)
        if known is None or (known not in ("", tree_id) and not self._store.has(known)):
            known = self._filter_anew(place, tree_id, like)
            self._filtered[key] = known
        return known

    def _filter_anew(self, place: _Place, tree_id: str, like: str) -> str:
        decide = partial(self._decide, place, place.rules.patterns.for_folder(place.folder))
        differing = self._differing(like, tree_id)
        if differing is not None and self._filtered.get((*place.key, like)) == like:
            # Nothing was left out, so nothing is, unless it is among what is new.
            before_after = ((each, each.after) for each in differing)
            if all(after is None or decide(each.name, after, each.before) == after[0] for each, after in before_after):
                return tree_id
        known = {each.name: each.before for each in differing or ()}
        entries = self._entries(tree_id)
        results = {name: decide(name, entry, known.get(name)) for name, entry in entries.items()}
        if all(results[name] == identity for name, (identity, _) in entries.items()):
            return tree_id
        kept = {name: (results[name], mode) for name, (_, mode) in entries.items() if results[name]}
        return self._store.write_tree(kept) if kept else ""

    def _decide(
        self, place: _Place, patterns: FolderPatterns, name: str, entry: RawEntry, before: RawEntry | None
    ) -> str:
        """What becomes of one name: the id of what is left of it, or ``""``."""
        identity, mode = entry
        is_folder = mode == _FOLDER
        decisive = patterns.decide(name, is_folder=is_folder, inherited=place.inherited)
        every = place.rules.patterns
        if not is_folder:
            return "" if every.excludes(decisive) else identity
        if every.excludes(decisive) and not every.includes_after(decisive):
            return ""
        below = _Place(place.rules, (*place.folder, name), decisive)
        return self._filter(below, identity, before[0] if before else "")

    def _differing(self, before: str, after: str) -> Sequence[Difference] | None:
        """What differs between two folders; ``None`` when that cannot be told, for the older one may be gone."""
        with contextlib.suppress(MissingObjectError):
            return self._store.differences(before, after) if before else None
        return None


def _explained(rules: _Rules, path: str, *, is_folder: bool) -> str:
    number = rules.patterns.decisive(path.split("/"), is_folder=is_folder)
    if rules.patterns.excludes(number):
        rule = f"'{rules.patterns.text(number)}' of {rules.origins[number]}"
        return f"{path} is in the repository, but left out by the ignore rule {rule}"
    return f"{path} is in the repository, but ignore rules leave out all that is in it" if is_folder else ""


def _keep(results: dict[K, V], key: K, value: V) -> None:
    """As the newest of a few thousand."""
    results.pop(key, None)
    results[key] = value
    while len(results) > _REMEMBERED_RESULTS:
        del results[next(iter(results))]
