"""Lists of status conditions: set, find, and keep the transition time while the status stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fairlead.localcluster.controllers.clock import stamp

if TYPE_CHECKING:
    from fairlead.localcluster.controllers.kinds import Manifest


def find_condition(status: Manifest, name: str) -> Manifest | None:
    for condition in status.get("conditions") or ():
        if condition["type"] == name:
            found: Manifest = condition
            return found
    return None


def is_true(status: Manifest, name: str) -> bool:
    condition = find_condition(status, name)
    return condition is not None and condition["status"] == "True"


def with_condition(conditions: list[Manifest], condition: Manifest) -> list[Manifest]:
    """A new list in which ``condition`` replaces its namesake, whose place and transition time it inherits.

    The time of transition stays as long as the status does; ``lastUpdateTime``, where a kind has it, changes with
    any other field.
    """
    updated = [dict(old) for old in conditions]
    for index, old in enumerate(updated):
        if old["type"] == condition["type"]:
            updated[index] = _merged(old, condition)
            return updated
    return [*updated, {"lastTransitionTime": stamp(), **condition}]


def without_condition(conditions: list[Manifest], name: str) -> list[Manifest]:
    return [condition for condition in conditions if condition["type"] != name]


def _merged(old: Manifest, new: Manifest) -> Manifest:
    since = old.get("lastTransitionTime") if old["status"] == new["status"] else stamp()
    merged = {"lastTransitionTime": since, **new}
    same = all(old.get(name) == merged.get(name) for name in ("status", "reason", "message"))
    if same and "lastUpdateTime" in new and "lastUpdateTime" in old:
        merged["lastUpdateTime"] = old["lastUpdateTime"]
    return merged
