"""The arithmetic of a rollout: the next sizes of new and old ReplicaSets; pure."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from fairlead.localcluster.controllers.kinds import spec_of
from fairlead.localcluster.controllers.selectors import scaled

if TYPE_CHECKING:
    from fairlead.localcluster.controllers.kinds import Manifest


@dataclass(frozen=True, slots=True)
class Sizes:
    """Asked and available pods of the new ReplicaSet and of the old ones, oldest first."""

    new: int
    new_available: int
    old: tuple[int, ...]
    old_available: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class NextSizes:
    new: int
    old: tuple[int, ...]


def rolling_limits(deployment: Manifest) -> tuple[int, int]:
    """How many pods above, and how many below the asked number are allowed; never both zero."""
    strategy = spec_of(deployment).get("strategy") or {}
    if strategy.get("type") == "Recreate":
        return 0, 0
    rolling = strategy.get("rollingUpdate") or {}
    replicas = spec_of(deployment).get("replicas", 1)
    surge = scaled(rolling.get("maxSurge", "25%"), replicas, round_up=True)
    unavailable = scaled(rolling.get("maxUnavailable", "25%"), replicas, round_up=False)
    if surge == 0 and unavailable == 0:
        unavailable = 1
    return surge, min(unavailable, replicas)


def next_sizes(deployment: Manifest, sizes: Sizes) -> NextSizes:
    """One step: the new one grows as far as the surge allows, old ones shrink as far as enough pods stay available."""
    replicas = spec_of(deployment).get("replicas", 1)
    if (spec_of(deployment).get("strategy") or {}).get("type") == "Recreate":
        return NextSizes(replicas, (0,) * len(sizes.old))
    surge, unavailable = rolling_limits(deployment)
    return NextSizes(
        _grown(replicas, replicas + surge, sizes),
        _shrunk(replicas - unavailable, sizes),
    )


def _grown(replicas: int, ceiling: int, sizes: Sizes) -> int:
    if sizes.new >= replicas:
        return replicas
    room = max(0, ceiling - sizes.new - sum(sizes.old))
    return min(replicas, sizes.new + room)


def _shrunk(floor: int, sizes: Sizes) -> tuple[int, ...]:
    """Pods that are not available go first, for they serve nobody; then available ones down to the floor."""
    starting = max(0, sizes.new - sizes.new_available)
    removable = max(0, sizes.new + sum(sizes.old) - floor - starting)
    remaining = list(sizes.old)
    for index, available in enumerate(sizes.old_available):
        unhealthy = min(max(0, remaining[index] - available), removable)
        remaining[index] -= unhealthy
        removable -= unhealthy
    spare = max(0, sizes.new_available + sum(sizes.old_available) - floor)
    for index, size in enumerate(remaining):
        gone = min(size, spare, removable)
        remaining[index] -= gone
        spare -= gone
        removable -= gone
    return tuple(remaining)
