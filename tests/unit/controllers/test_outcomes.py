"""When a run that failed is tried again."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any, cast

import pytest

from fairlead.controllers.attempt import Attempt
from fairlead.controllers.dependencies import DependencyNotReadyError
from fairlead.controllers.memory import Memory
from fairlead.controllers.outcomes import Outcomes
from fairlead.errors import FairleadError, NotReadyError, UnavailableError, UserError
from fairlead.kube.reflector import Key
from fairlead.runtime.clock import SystemClock
from fairlead.settings import ReconcileSettings, RetrySettings
from tests.support.clock import VirtualClock
from tests.unit.controllers.resources_for_tests import kustomization

QUICK = ReconcileSettings(
    dependency_interval=timedelta(seconds=5), retry=RetrySettings(base_seconds=1, maximum_seconds=3)
)
DOWN = UnavailableError("the server is down")
MISSING = DependencyNotReadyError("dependency 'flux-system/base' is not ready")


@pytest.mark.parametrize(
    ("settings", "error", "spec", "delays"),
    [
        (ReconcileSettings(), DOWN, {}, [0.75, 1.5, 3.0, 6.0]),
        (QUICK, DOWN, {}, [1.0, 2.0, 3.0, 3.0]),
        (QUICK, DOWN, {"retryInterval": "2s"}, [1.0, 2.0, 2.0, 2.0]),
        (ReconcileSettings(), MISSING, {}, [30.0, 30.0]),
        (QUICK, MISSING, {}, [5.0, 5.0]),
        (QUICK, UserError("the file is wrong"), {}, [600.0, 600.0]),
        (QUICK, UserError("the file is wrong"), {"retryInterval": "1m"}, [60.0, 60.0]),
    ],
)
def test_pauses(settings: ReconcileSettings, error: FairleadError, spec: dict[str, Any], delays: list[float]) -> None:
    outcomes, memory = Outcomes(cast("Any", None), settings, SystemClock()), Memory()
    attempt = Attempt(
        key=Key("ns", "apps"),
        kustomization=kustomization("apps", **{"interval": "10m"} | spec),
        session=cast("Any", None),
        now=datetime.now(UTC),
        started=0.0,
    )
    assert [outcomes._retry(attempt, memory, error).requeue_after for _ in delays] == delays


class Told:
    """The session and the access of a run, which only count what is told."""

    def __init__(self) -> None:
        self.count = 0

    async def write(self, _: object) -> None:
        self.count += 1

    def event(self, *_: object) -> None:
        self.count += 1


async def test_who_missed_what_came_meanwhile_looks_again() -> None:
    """Nobody wakes a run that is under way; it was told at the end of that, and looked again an interval later."""
    told, clock, memory = Told(), VirtualClock(), Memory()
    outcomes = Outcomes(cast("Any", told), ReconcileSettings(), clock)

    def attempt() -> Attempt:
        resource = kustomization("apps", interval="10m")
        made = Attempt(
            key=Key("ns", "apps"),
            kustomization=resource,
            session=cast("Any", told),
            now=datetime.now(UTC),
            started=clock.monotonic(),
        )
        made.reason = "ReconciliationFailed"
        return made

    absent = NotReadyError('no matches for kind "Widget"')
    first = attempt()
    clock.step(1)
    outcomes.something_came_at = clock.monotonic()
    clock.step(1)
    assert (await outcomes.fail(first, memory, absent)).requeue_after == 0.0
    assert (memory.blocked, told.count) == (True, 0)
    assert (await outcomes.fail(attempt(), memory, absent)).requeue_after == 600.0
    assert (memory.blocked, told.count) == (True, 2)
