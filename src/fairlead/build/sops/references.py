"""Which files a kustomization reads as they are, so that they have to be decrypted before the build.

These are the files of secretGenerators and the patches that have a file of their own, in the kustomization and in all
local ones that it is made of.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from fairlead.build.sops.files import Format, format_for
from fairlead.objects.tree import EntryKind, joined
from fairlead.objects.yaml import YamlError, load

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.objects.tree import Tree

__all__ = ["plain_files"]

_NAMES = ("kustomization.yaml", "kustomization.yml", "Kustomization")


def plain_files(tree: Tree, folder: str) -> dict[str, Format]:
    """Path to the format in which the build wants the file; what is not there is left to the build to tell."""
    found: dict[str, Format] = {}
    seen: set[str] = set()
    waiting = [folder]
    while waiting:
        current = waiting.pop()
        if current in seen:
            continue
        seen.add(current)
        kustomization = _read(tree, current)
        for path, format in _references(kustomization):
            resolved = _resolve(current, path)
            if resolved is not None and _is(tree, resolved, EntryKind.FILE):
                found.setdefault(resolved, format)
        for below in _texts(kustomization, "resources", "bases", "components"):
            resolved = _resolve(current, below)
            if resolved is not None and _is(tree, resolved, EntryKind.FOLDER):
                waiting.append(resolved)
    return found


def _read(tree: Tree, folder: str) -> dict[str, Any]:
    for name in _NAMES:
        path = f"{folder}/{name}" if folder else name
        if _is(tree, path, EntryKind.FILE):
            try:
                content = load(tree.read(path), file=path)
            except YamlError:
                return {}  # the build says it better
            return content if isinstance(content, dict) else {}
    return {}


def _references(kustomization: dict[str, Any]) -> Iterator[tuple[str, Format]]:
    for generator in _maps(kustomization, "secretGenerator"):
        for source in _texts(generator, "files"):
            key, _, path = source.partition("=")
            yield path or key, format_for(key)
        for path in (*_texts(generator, "envs"), *_single(generator, "env")):
            format = format_for(path)
            yield path, Format.DOTENV if format is Format.BINARY else format
    for patch in _maps(kustomization, "patches"):
        for path in _single(patch, "path"):
            yield path, format_for(path)


def _maps(holder: dict[str, Any], field: str) -> Iterator[dict[str, Any]]:
    value = holder.get(field)
    return (item for item in value if isinstance(item, dict)) if isinstance(value, list) else iter(())


def _texts(holder: dict[str, Any], *fields: str) -> Iterator[str]:
    for field in fields:
        value = holder.get(field)
        yield from (item for item in value if isinstance(item, str)) if isinstance(value, list) else ()


def _single(holder: dict[str, Any], field: str) -> Iterator[str]:
    value = holder.get(field)
    if isinstance(value, str) and value:
        yield value


def _resolve(folder: str, path: str) -> str | None:
    """A path relative to a folder; ``None`` for one that is remote or leads out of the tree."""
    return None if "://" in path or path.startswith("/") else joined(folder, path)


def _is(tree: Tree, path: str, kind: EntryKind) -> bool:
    entry = tree.entry(path)
    return entry is not None and entry.kind is kind if path else kind is EntryKind.FOLDER
