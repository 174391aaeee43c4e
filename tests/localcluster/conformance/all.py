"""All scenarios, of all files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.localcluster.conformance import (
    scenarios_cluster,
    scenarios_definitions,
    scenarios_lists,
    scenarios_objects,
)

if TYPE_CHECKING:
    from tests.localcluster.conformance.replay import Scenario

__all__ = ["all_scenarios"]


def all_scenarios() -> list[Scenario]:
    modules = (scenarios_objects, scenarios_lists, scenarios_definitions, scenarios_cluster)
    found = [scenario for module in modules for scenario in module.SCENARIOS]
    names = [one.name for one in found]
    if len(set(names)) != len(names):
        raise AssertionError("two scenarios have the same name")
    return found
