"""Lists as they come from the server: whole, or page by page with the items still undecoded."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec

if TYPE_CHECKING:
    from fairlead.kube.options import ClientOptions
    from fairlead.objects.manifest import Manifest

__all__ = ["ListResult", "RawPage", "Selection", "further_page"]


@dataclass(frozen=True, slots=True, kw_only=True)
class Selection:
    """Which objects of a kind."""

    namespace: str | None = None
    label_selector: str = ""
    field_selector: str = ""
    version: str | None = None


@dataclass(frozen=True, slots=True)
class ListResult:
    """A whole list and the resource version from which a watch continues it."""

    items: list[Manifest]
    resource_version: str


class _ListMeta(msgspec.Struct, rename="camel"):
    resource_version: str = ""
    continue_: str = msgspec.field(default="", name="continue")


class RawPage(msgspec.Struct):
    """One page of a list; each item's JSON is still to be decoded.

    The items point into the page's bytes: whoever keeps one keeps the page.
    """

    metadata: _ListMeta
    items: list[msgspec.Raw] | None = None


LEAST = 500
"""Pages of heavy objects are not made smaller than that: each of them is a request."""


def further_page(options: ClientOptions, items: int, size: int) -> int:
    """How many objects to ask for after a page of ``items`` objects and ``size`` bytes.

    So many that the next page weighs what the options say, if its objects are like these.
    """
    return max(min(options.page_size, LEAST), items * options.page_bytes // max(size, 1))
