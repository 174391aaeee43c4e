"""Submodules."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from fairlead.sources.git import GitSource
    from fairlead.sources.spec import GitSpec
    from fairlead.sources.url import GitUrl


async def graft(source: GitSource, spec: GitSpec, url: GitUrl, tree_id: str) -> str:
    raise NotImplementedError
