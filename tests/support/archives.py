"""Trees with files, executables and links, for archives."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from fairlead.sources.store import ObjectStore

__all__ = ["Content", "text_of", "tree_of"]

Content = tuple[str, str, int]
"""``file``, ``executable`` or ``link``; the text or the target; how often it is repeated."""
_MODES = {"file": 0o100644, "executable": 0o100755, "link": 0o120000}


def text_of(content: Content) -> bytes:
    return (content[1] * content[2]).encode()


def tree_of(store: ObjectStore, files: Mapping[str, Content]) -> str:
    """A tree in the store."""
    names: dict[str, tuple[str, int]] = {}
    below: dict[str, dict[str, Content]] = {}
    for path, content in files.items():
        head, _, rest = path.partition("/")
        if rest:
            below.setdefault(head, {})[rest] = content
        else:
            names[head] = (store.write_blob(text_of(content)), _MODES[content[0]])
    for name, inner in below.items():
        names[name] = (tree_of(store, inner), 0o40000)
    return store.write_tree(names)
