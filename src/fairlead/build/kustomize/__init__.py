"""Builds kustomizations as kustomize does, byte for byte, from any tree.

``build`` gives objects, ``render`` the text that ``kustomize build`` prints. See ``docs/design/kustomize.md``.
"""

from __future__ import annotations

from .cache import BuildCache
from .engine import KustomizeOptions, KustomizeResult, build, render
from .errors import KustomizeError
from .origins import Origin
from .remote import Fetcher, Repository

__all__ = [
    "BuildCache",
    "Fetcher",
    "KustomizeError",
    "KustomizeOptions",
    "KustomizeResult",
    "Origin",
    "Repository",
    "build",
    "render",
]
