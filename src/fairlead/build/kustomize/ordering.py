"""The order of the output: as it came, or sorted by kind the way kustomize always did ("legacy")."""

from __future__ import annotations

from functools import cmp_to_key
from typing import TYPE_CHECKING, Any

from .errors import KustomizeError
from .identity import LEGACY_FIRST, LEGACY_LAST

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .collection import Collection
    from .identity import Identity

__all__ = ["sort_resources"]


def sort_resources(resources: Collection, options: Mapping[str, Any] | None, *, legacy_by_default: bool) -> None:
    """Sorts by the file's ``sortOptions``; without them by the caller's default."""
    if options is None:
        options = {"order": "legacy"} if legacy_by_default else {"order": "fifo"}
    order, legacy = options.get("order") or "", options.get("legacySortOptions")
    if order not in ("fifo", "legacy"):
        raise KustomizeError("the field 'sortOptions.order' must be one of [fifo, legacy]")
    if order == "fifo":
        if legacy is not None:
            raise KustomizeError(
                "the field 'sortOptions.legacySortOptions' is set but the selected sort order is 'fifo', not 'legacy'"
            )
        return
    first: Sequence[str] = LEGACY_FIRST
    last: Sequence[str] = LEGACY_LAST
    if legacy is not None:
        first, last = legacy.get("orderFirst") or (), legacy.get("orderLast") or ()
    ranks = {kind: index - len(first) for index, kind in enumerate(first)}
    ranks |= {kind: index + 1 for index, kind in enumerate(last)}

    def compare(one: Identity, other: Identity) -> int:
        if _is_less(one, other, ranks):
            return -1
        return 1 if _is_less(other, one, ranks) else 0

    by_identity = cmp_to_key(compare)
    resources.items.sort(key=lambda resource: by_identity(resource.current))


def _is_less(one: Identity, other: Identity, ranks: Mapping[str, int]) -> bool:
    if one[:3] == other[:3]:
        return _identity_text(one) < _identity_text(other)
    a, b = ranks.get(one.kind, 0), ranks.get(other.kind, 0)
    if a != b:
        return a < b
    if one.kind == other.kind == "Namespace" and not (one.group and other.group):
        return _gvk_text(one) > _gvk_text(other)
    return _gvk_text(one) < _gvk_text(other)


def _gvk_text(identity: Identity) -> str:
    return f"{identity.group or '~G'}_{identity.version or '~V'}_{identity.kind or '~K'}"


def _identity_text(identity: Identity) -> str:
    return f"{identity.gvk}|{identity.namespace or '~X'}|{identity.name or '~N'}"
