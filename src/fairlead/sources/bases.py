"""Fetching what kustomizations name by a URL: a repository at a ref of any kind, or a file.

No credentials are sent but those in the URL itself.
"""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import timedelta
from typing import TYPE_CHECKING

from fairlead.objects.urls import redact_url
from fairlead.objects.yaml_reader import MAX_BYTES
from fairlead.sources.download import Download, download
from fairlead.sources.errors import GitRefNotFoundError
from fairlead.sources.spec import GitRef, GitSpec

if TYPE_CHECKING:
    from collections.abc import Iterator

    from fairlead.sources.git import GitSource

__all__ = ["LARGEST_PACK_BYTES", "fetch_changed_file", "fetch_file", "fetch_repository"]

FILE_TIMEOUT = timedelta(seconds=27)
"""As long as kustomize gives a repository."""
LARGEST_PACK_BYTES = 512 * 1024**2

_COMMIT = re.compile(r"^[0-9a-f]{40}$")


async def fetch_file(url: str) -> bytes:
    """Raises ``DownloadError``."""
    return (await fetch_changed_file(url, "")).content or b""


async def fetch_changed_file(url: str, tag: str) -> Download:
    """Without content when it is that of ``tag`` still. Raises ``DownloadError``."""
    return await download(url, largest_bytes=MAX_BYTES, timeout=FILE_TIMEOUT, tag=tag)


async def fetch_repository(git: GitSource, url: str, ref: str, *, timeout: timedelta, submodules: bool) -> str:
    """The tree id of what ``?ref=`` means now. A full commit id that is here costs no question."""
    spec = GitSpec(url, timeout=timeout, recurse_submodules=submodules)
    names = list(_meanings(ref))
    if names[0].commit:
        spec = replace(spec, ref=names[0])
        return await git.fetch_whole(spec, await git.resolve(spec))
    found = await git.resolve_first(spec, names)
    if found is None:
        what = f"'{ref}' is no branch, tag or full commit id of" if ref else "there is no default branch in"
        raise GitRefNotFoundError(f"{what} {redact_url(url)}")
    return await git.fetch_whole(*found)


def _meanings(name: str) -> Iterator[GitRef]:
    """Git's order: a tag comes before a branch of the same name."""
    if _COMMIT.match(name):
        yield GitRef(commit=name)
    elif name in ("", "HEAD"):
        yield GitRef(name="HEAD")
    elif name.startswith("refs/"):
        yield GitRef(name=name)
    else:
        yield GitRef(tag=name)
        yield GitRef(branch=name)
