"""Submodules: the tree of each is put where the parent names its commit.

Credentials of the parent go to a submodule on the same server only (an ssh key is never sent, so it is offered
everywhere).
"""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from pygit2.enums import FileMode

from fairlead.objects.tree import EntryKind
from fairlead.sources import compose
from fairlead.sources.errors import GitSpecError, SourceError
from fairlead.sources.spec import GitAuth, GitRef, GitSpec
from fairlead.sources.url import Scheme, join_relative, parse_url

if TYPE_CHECKING:
    from fairlead.sources.git import GitSource
    from fairlead.sources.url import GitUrl

__all__ = ["graft", "parse_gitmodules"]

DEEPEST = 10
"""Submodules of submodules are followed this far, as Flux does."""

_SECTION = re.compile(r'^\s*\[\s*submodule\s+"((?:[^"\\]|\\.)*)"\s*\]\s*$')
_SETTING = re.compile(r"^\s*([A-Za-z][A-Za-z0-9-]*)\s*=\s*(.*?)\s*$")
_LARGEST_BYTES = 1024 * 1024


async def graft(source: GitSource, spec: GitSpec, url: GitUrl, tree_id: str, *, depth: int = 0) -> str:
    """``tree_id`` with the files of its submodules; raises :class:`GitSpecError` for one that has no URL."""
    if depth >= DEEPEST:
        raise GitSpecError(f"{url.text}: submodules are nested deeper than {DEEPEST}")
    tree = source.store.tree(tree_id)
    entry = tree.entry(".gitmodules")
    if entry is None or entry.kind is not EntryKind.FILE or tree.size(".gitmodules") > _LARGEST_BYTES:
        return tree_id
    for path, address in parse_gitmodules(tree.read(".gitmodules").decode("utf-8", "replace")).items():
        parts = compose.clean_path(path)
        found = compose.find(source.store, tree_id, parts)
        if found is None or not parts or found.filemode != FileMode.COMMIT:
            continue  # Git, too, ignores a section without an entry in the tree
        if not address:
            raise GitSpecError(f"{url.text}: submodule {path!r} has no URL in .gitmodules")
        inner = await _fetch(source, spec, url, path, address, str(found.id), depth)
        tree_id = compose.replace_at(source.store, tree_id, parts, (inner, FileMode.TREE))
    return tree_id


def parse_gitmodules(text: str) -> dict[str, str]:
    """Path to URL of every submodule that a ``.gitmodules`` file names."""
    found: list[dict[str, str]] = []
    for line in text.split("\n"):  # as Git does, which knows no other end of a line
        if _SECTION.match(line):
            found.append({})
        elif line.lstrip().startswith("["):
            found.append({"ignored": "yes"})
        elif found and (setting := _SETTING.match(line)) and not line.lstrip().startswith(("#", ";")):
            found[-1][setting.group(1).lower()] = setting.group(2).strip('"')
    return {module["path"]: module.get("url", "") for module in found if "path" in module and "ignored" not in module}


async def _fetch(
    source: GitSource, spec: GitSpec, url: GitUrl, path: str, address: str, commit: str, depth: int
) -> str:
    if address.startswith(("./", "../")):
        address = join_relative(url.text, address)
    try:
        inner_url, _ = parse_url(address)
        if inner_url.scheme is Scheme.LOCAL and url.scheme is not Scheme.LOCAL:
            raise GitSpecError("a remote repository cannot name a folder of this machine")
        auth = _auth_for(inner_url, url, spec.auth)
        inner_spec = GitSpec(address, GitRef(commit=commit), auth, timeout=spec.timeout, recurse_submodules=True)
        tree_id = await source.fetch_pinned(inner_spec, commit)
        return await graft(source, inner_spec, inner_url, tree_id, depth=depth + 1)
    except SourceError as error:
        error.add_note(f"submodule {path!r} of {url.text}")
        raise


def _auth_for(inner: GitUrl, outer: GitUrl, auth: GitAuth) -> GitAuth:
    if inner.scheme is Scheme.SSH or (inner.scheme is outer.scheme and inner.host == outer.host):
        return auth
    return replace(
        auth,
        username="",
        password="",
        bearer_token="",
        client_certificate="",
        client_key="",
        github_app=None,
        azure=None,
        aws=None,
    )
