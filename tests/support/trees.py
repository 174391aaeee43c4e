"""Trees in an object store, written from and read back as paths."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.sources.ignore import TreeFilter

if TYPE_CHECKING:
    from fairlead.sources.store import ObjectStore

__all__ = ["Files", "kept", "write"]

Files = dict[str, str]


def write(store: ObjectStore, files: Files) -> str:
    """A tree with these files in the store."""
    names: dict[str, tuple[str, int]] = {}
    below: dict[str, Files] = {}
    for path, content in files.items():
        head, _, rest = path.partition("/")
        if rest:
            below.setdefault(head, {})[rest] = content
        else:
            names[head] = (store.write_blob(content.encode()), 0o100644)
    for name, inner in below.items():
        names[name] = (write(store, inner), 0o40000)
    return store.write_tree(names)


def kept(store: ObjectStore, files: Files, spec_ignore: str | None = None) -> list[str]:
    """The paths that the ignore rules leave."""
    filtered = TreeFilter(store).apply(write(store, files), spec_ignore)
    return store.changed_paths(store.write_tree({}), filtered)
